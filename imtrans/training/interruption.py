"""SIGTERM and Ctrl-C ask a run to stop; it stops between two steps, after saving."""

import signal
from types import TracebackType
from typing import Any


class Interruption:
  """Remembers a request to stop. A second request acts at once, as without this class.

  Use as a context manager around the loop, in the main thread.

  Attributes:
    signal_number: the signal received, or None.
  """

  def __init__(self) -> None:
    self.signal_number: int | None = None
    self._previous: dict[int, Any] = {}

  def __enter__(self) -> "Interruption":
    for number in (signal.SIGTERM, signal.SIGINT):
      self._previous[number] = signal.signal(number, self._receive)
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    self._restore()

  def _receive(self, number: int, frame: object) -> None:
    self.signal_number = number
    self._restore()

  def _restore(self) -> None:
    while self._previous:
      number, handler = self._previous.popitem()
      signal.signal(number, handler)


class Stopped(Exception):  # noqa: N818 (nothing went wrong)
  """A run ended early because it was asked to; the message says where it can go on."""

  def __init__(self, message: str, signal_number: int) -> None:
    super().__init__(message)
    self.signal_number = signal_number
