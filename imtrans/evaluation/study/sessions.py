"""What participants may ask for, and what they are told: the study without the web.

A page learns two secrets a round, each of which stands for a picture. Which of them is the
generated one stays here: it is told in practice alone, after the answer.
"""

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any

from imtrans.evaluation.study.answers import Answer, AnswerStore, Participant
from imtrans.evaluation.study.pictures import PictureSet, broken
from imtrans.evaluation.study.trials import (
  CATCH,
  PRACTICE,
  Settings,
  Trial,
  assign_method,
  breaking_seed,
  plan_trials,
)

LONGEST = 7 * 24 * 3600.0  # Seconds; a time above is no time that somebody took.


class Refused(Exception):  # noqa: N818 (the client is at fault)
  """A request that cannot be granted: the status for the client, and the reason in words."""

  def __init__(self, status: int, reason: str):
    super().__init__(reason)
    self.status = status


class Sessions:
  """All sessions of a study; threads may share it."""

  def __init__(
    self,
    store: AnswerStore,
    settings: Settings,
    *,
    real: PictureSet,
    generated: Mapping[str, PictureSet],
    on_finish: Callable[[int], None] = lambda number: None,
  ):
    """Makes the sessions of a study.

    Args:
      store: where answers go.
      settings: of the study.
      real: the real pictures.
      generated: those of each method, by its name.
      on_finish: called with the number of a participant who has answered everything.
    """
    self._store = store
    self._settings = settings
    self._sizes = real.sizes.union(*(pictures.sizes for pictures in generated.values()))
    self._real = real.files
    self._generated = {name: generated[name].files for name in sorted(generated)}
    self._on_finish = on_finish
    self._lock = threading.Lock()
    # For each participant the pictures of the round at hand, by their secrets.
    self._shown: dict[int, dict[str, bytes]] = {}

  def describe(self) -> dict[str, Any]:
    """Returns what a page says about the study before anyone joins."""
    return {
      "study": self._store.study,
      "practice": self._settings.practice,
      "trials": self._settings.trials,
      "exposure": self._settings.exposure,
      "height": max(height for height, _ in self._sizes),
      "width": max(width for _, width in self._sizes),
    }

  def join(self) -> dict[str, Any]:
    """Adds a participant; returns the secret and the state."""
    secret = self._store.join(self._plan)
    return {"participant": secret, **self.state(secret)}

  def state(self, participant: Any) -> dict[str, Any]:
    """Returns how far the participant of a secret is; raises Refused if there is none."""
    found = self._find(participant)
    return {"answered": found.answered, "finished": found.answered == found.total}

  def round(self, participant: Any) -> dict[str, Any]:
    """Hands out the next two pictures of a participant.

    Args:
      participant: the secret of `join`.

    Returns:
      The state, and unless all is answered "pictures": a secret for the first and the second.

    Raises:
      Refused: if there is no such participant.
    """
    found, state = self._find(participant), self.state(participant)
    if state["finished"]:
      return state
    number, position = found.number, state["answered"]
    files = self._files(found, position)
    self._store.present(number, position)
    tokens = [secrets.token_urlsafe(16) for _ in files]
    with self._lock:
      self._shown[number] = dict(zip(tokens, files, strict=True))
    return {**state, "pictures": tokens}

  def picture(self, token: str) -> bytes | None:
    """Returns the PNG file that a secret stands for, None unless it is of a round at hand."""
    with self._lock:
      return next((files[token] for files in self._shown.values() if token in files), None)

  def answer(
    self, participant: Any, *, position: Any, choice: Any, exposures: Any, response: Any
  ) -> dict[str, Any]:
    """Writes an answer down.

    Args:
      participant: the secret of `join`.
      position: of the round, 0, 1, 2, ...; repeating an earlier answer changes nothing, so a page
        that does not know whether it arrived can send it again.
      choice: 1 or 2, the picture taken for the generated one.
      exposures: how long the two were shown, seconds.
      response: how long the answer took, seconds.

    Returns:
      The state, and in practice "generated": 1 or 2, and whether the answer was "correct".

    Raises:
      Refused: if a value makes no sense, or the round is not the one at hand.
    """
    found = self._find(participant)
    if type(position) is not int or not 0 <= position < found.total:
      raise Refused(400, "position is not a round of the study")
    if type(choice) is not int or choice not in (1, 2):
      raise Refused(400, "choice must be 1 or 2")
    if type(exposures) is not list or len(exposures) != 2 or not all(map(_is_time, exposures)):
      raise Refused(400, "exposures must be two times in seconds")
    if not _is_time(response):
      raise Refused(400, "response must be a time in seconds")
    number = found.number
    if position > found.answered:
      raise Refused(409, "an earlier round has not been answered")
    if position == found.answered:
      if not self._store.trial(number, position).presentations:
        raise Refused(409, "the pictures of this round have not been shown")
      times = (round(float(value), 6) for value in (*exposures, response))
      answer = Answer(choice, *times)
      self._store.answer(number, position, answer)
      with self._lock:
        self._shown.pop(number, None)
      if position + 1 == found.total:
        self._on_finish(number)
    record = self._store.trial(number, position)
    state = self.state(participant)
    if record.trial.kind != PRACTICE or record.answer is None:
      return state
    generated = record.trial.generated_place
    return {**state, "generated": generated, "correct": record.answer.chosen == generated}

  def _find(self, secret: Any) -> Participant:
    known = isinstance(secret, str) and secret.isascii()
    found = self._store.find(secret) if known else None
    if found is None:
      raise Refused(404, "there is no such participant")
    return found

  def _plan(self, number: int) -> tuple[str, list[Trial]]:
    method = assign_method(self._settings, number, list(self._generated))
    plan = plan_trials(self._settings, number, real=self._real, generated=self._generated[method])
    return method, plan

  def _files(self, participant: Participant, position: int) -> list[bytes]:
    """The PNG files of a round in the order in which they are shown."""
    trial = self._store.trial(participant.number, position).trial
    real, made = self._real[trial.real], self._generated[participant.method][trial.generated]
    if trial.kind == CATCH:
      made = broken(made, breaking_seed(self._settings, participant.number, position))
    return [made, real] if trial.generated_first else [real, made]


def _is_time(value: Any) -> bool:
  return type(value) in (int, float) and 0.0 <= value <= LONGEST
