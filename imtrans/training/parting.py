"""How several processes end together: as the others do, for their reason, in one sentence."""

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import jax

from imtrans.training.hosts import (
  connect,
  count,
  first_line,
  index,
  is_device_failure,
  store,
)
from imtrans.training.interruption import Stopped
from imtrans.training.roll_call import HostLost

SILENCE = 90  # Seconds after which a process is taken for dead, before JAX does it and aborts.
GRACE = 10  # Seconds in which the others hear why a process ends.
PATIENCE = 5  # Seconds that the store may not answer.
MANY = 64  # Processes that look at each other once a second; more of them look less often.
FAILED, HEARD, ALIVE = "imtrans/failed", "imtrans/heard", "imtrans/alive"
REMEDY = "run the same command in all of them again, to go on from the newest checkpoint."


class AgreedError(ValueError):
  """An error that every process raises, in the same words."""

  def __init__(self, message: str, exit_code: int = 2) -> None:
    super().__init__(message)
    self.exit_code = exit_code


@contextlib.contextmanager
def joined(**address: Any) -> Iterator[None]:
  """Meets the other processes, if there are any, and ends with them: as they do, for their reason.

  A process that fails says why before it ends, and every other one ends with that sentence, even if
  it waits for a device. One that was killed is missed after `SILENCE` seconds, if not before.

  Args:
    **address: arguments of `imtrans.training.hosts.connect`.

  Yields:
    Nothing.

  Raises:
    ValueError: for arguments that do not fit together.
    HostLost: if a process does not come, or is lost later.
  """
  connect(**address)
  if count() == 1:
    yield
    return
  ended = threading.Lock()  # Taken by whoever says the last words of this process.
  threading.Thread(target=_watch, args=(ended,), daemon=True).start()
  try:
    yield
  except (AgreedError, Stopped):
    _part(ended)
    raise
  except (Exception, KeyboardInterrupt) as error:
    if is_device_failure(error):
      # A collective without its peer, which may be about to say why: this process then ends here.
      time.sleep(GRACE / 2)
    _take(ended)
    words = _report(error)
    if words is None:
      raise
    raise HostLost(words) from error
  _part(ended)


def _watch(ended: threading.Lock) -> None:
  """Ends this process when another one has said that it ends, or is silent."""
  seen: dict[str, tuple[str, float]] = {}
  answered = time.monotonic()
  # Each reads what all have written. Whoever ends waits `GRACE` seconds for the others to hear.
  period = min(max(count() / MANY, 1.0), GRACE / 2)
  while True:
    words, code, reports, beats = None, 1, [], []
    try:
      reports = store().key_value_dir_get(FAILED)
      store().key_value_increment(f"{ALIVE}/{index()}", 1)
      beats = store().key_value_dir_get(ALIVE)
      answered = time.monotonic()
    except jax.errors.JaxRuntimeError:
      if time.monotonic() - answered > PATIENCE + period:
        words = f"process 0 of {count()} has ended without a word"
    except AttributeError:
      return  # There is no store any more: all have parted.
    now = time.monotonic()
    for name, beat in beats:
      if seen.get(name, ("", now))[0] != beat:
        seen[name] = beat, now
    silent = [name.rpartition("/")[2] for name, (_, when) in seen.items() if now - when > SILENCE]
    if reports:
      words, code = _read(reports[0])
    elif silent:
      words = f"nothing was heard of process {', '.join(silent)} of {count()} for {SILENCE} s"
    if words and ended.acquire(blocking=False):
      remedy = "" if reports else f": {REMEDY}"
      print(f"imtrans: {words}{remedy}", file=sys.stderr, flush=True)
      _linger()
      os._exit(code)
    time.sleep(period)


def _report(error: BaseException) -> str | None:
  """Tells the others why this process ends.

  Returns:
    What its user is to be told in place of the error: the reason of another process, or what the
    loss of one means; None if the error says it itself.
  """
  (words, code), instead = words_and_code(error), None
  if is_device_failure(error):
    with contextlib.suppress(Exception):
      if reports := store().key_value_dir_get(FAILED):
        instead, _ = _read(reports[0])
    words = instead = instead or (
      f"a device or another of the {count()} processes has failed ({first_line(error)}): {REMEDY}"
    )
    code = 1
  with contextlib.suppress(Exception):
    store().key_value_set(f"{FAILED}/{index()}", json.dumps({"words": words, "code": code}))
  _linger()
  return instead


def words_and_code(error: BaseException) -> tuple[str, int]:
  """What others are told of an error.

  Args:
    error: any.

  Returns:
    Its sentence and the exit code of a process that ends by it; of an error that was not foreseen,
    which has no sentence, also its kind.
  """
  if isinstance(error, KeyboardInterrupt):
    return "interrupted.", 130
  if isinstance(error, ValueError | OSError | FloatingPointError):
    return str(error) or type(error).__name__, getattr(error, "exit_code", 2)
  return f"{type(error).__name__}: {error}", getattr(error, "exit_code", 1)


def _read(report: tuple[str, str]) -> tuple[str, int]:
  """The words and the exit code of what `_report` has written."""
  key, text = report
  said, who = json.loads(text), key.rpartition("/")[2]
  return f"process {who} of {count()} has ended: {said['words']}", said["code"]


def _linger() -> None:
  """Says that this process has heard; process 0, with whom the store ends, waits for the others."""
  deadline = time.monotonic() + GRACE
  with contextlib.suppress(Exception):
    store().key_value_set(f"{HEARD}/{index()}", "")
    while index() == 0 and time.monotonic() < deadline:
      if len(store().key_value_dir_get(HEARD)) == count():
        break
      time.sleep(0.2)
    time.sleep(0.5 if index() == 0 else 0.0)


def _take(ended: threading.Lock) -> None:
  if not ended.acquire(blocking=False):
    time.sleep(2 * GRACE)  # The watcher is saying the last words, and ends the process.


def _part(ended: threading.Lock) -> None:
  """Leaves together with the others."""
  _take(ended)
  jax.distributed.shutdown()
