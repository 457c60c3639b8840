"""The answers of a study, kept in SQLite beside the plan of every participant.

Each answer is a transaction of its own that is on the disk before the participant goes on, so a
closed browser or a stopped server loses nothing. About a participant nothing is kept but answers
and times.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from imtrans.evaluation.study.database import check_ours, create, opened, transaction
from imtrans.evaluation.study.trials import Trial


class Answer(NamedTuple):
  """What a participant answered in one trial.

  chosen: 1 or 2, the picture that was taken for the generated one.
  first_exposure, second_exposure: how long the pictures were shown, seconds.
  response: from the end of the second picture to the answer, seconds.
  """

  chosen: int
  first_exposure: float
  second_exposure: float
  response: float


class Participant(NamedTuple):
  """Who answers: number 0, 1, 2, ..., the method shown, and how many of all trials are answered."""

  number: int
  method: str
  answered: int
  total: int


class Record(NamedTuple):
  """A trial as it went; `answer` and `time` (UTC, ISO 8601) are None until it is answered.

  presentations: how often its pictures were handed out; more than once after a reload.
  """

  participant: int
  method: str
  position: int
  trial: Trial
  presentations: int
  answer: Answer | None
  time: str | None


class AnswerStore:
  """An open database, which threads may share. Use as a context manager.

  Attributes:
    path: of the file.
    study: an identifier of the study that is unlike any other.
    description: settings and pictures of the study, as JSON holds them.
  """

  def __init__(self, path: Path, connection: sqlite3.Connection):
    self.path = path
    self._connection = connection
    self._lock = threading.RLock()
    self.study, text = self._all("SELECT id, description FROM study")[0]
    self.description: dict[str, Any] = json.loads(text)

  def __enter__(self) -> "AnswerStore":
    return self

  def __exit__(
    self,
    kind: type[BaseException] | None,
    error: BaseException | None,
    traceback: TracebackType | None,
  ) -> None:
    self.close()

  def close(self) -> None:
    """Closes the file, after what other threads are writing."""
    with self._lock:
      self._connection.close()

  def join(self, plan: Callable[[int], tuple[str, Sequence[Trial]]]) -> str:
    """Adds a participant.

    Args:
      plan: from the participant's number to method and trials.

    Returns:
      A secret by which only this participant is known.
    """
    token = secrets.token_urlsafe(16)
    with self._lock, transaction(self._connection):
      number = self._all("SELECT COALESCE(MAX(number), -1) + 1 FROM participants")[0][0]
      method, trials = plan(number)
      self._connection.execute(
        "INSERT INTO participants VALUES (?, ?, ?, ?)", (number, token, method, _now())
      )
      self._connection.executemany(
        "INSERT INTO trials (participant, position, kind, real, generated, generated_first) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        [(number, position, *trial) for position, trial in enumerate(trials)],
      )
    return token

  def find(self, token: str) -> Participant | None:
    """Returns the participant with a secret, None if there is none."""
    rows = self._all(
      "SELECT number, method, COUNT(chosen), COUNT(*) FROM participants "
      "JOIN trials ON participant = number WHERE token = ? GROUP BY number",
      (token,),
    )
    return Participant(*rows[0]) if rows else None

  def trial(self, participant: int, position: int) -> Record:
    """Returns the trial at a position of a participant."""
    return next(self._records("WHERE number = ? AND position = ?", (participant, position)))

  def present(self, participant: int, position: int) -> None:
    """Notes that the pictures of a trial are handed out."""
    with self._lock, transaction(self._connection):
      self._connection.execute(
        "UPDATE trials SET presentations = presentations + 1 WHERE participant = ? "
        "AND position = ? AND chosen IS NULL",
        (participant, position),
      )

  def answer(self, participant: int, position: int, answer: Answer) -> None:
    """Writes an answer to the disk; one that is there already stays as it is."""
    with self._lock, transaction(self._connection):
      self._connection.execute(
        "UPDATE trials SET chosen = ?, first_exposure = ?, second_exposure = ?, response = ?, "
        "answered = ? WHERE participant = ? AND position = ? AND chosen IS NULL",
        (*answer, _now(), participant, position),
      )

  def records(self) -> list[Record]:
    """Returns all trials of all participants in order; ValueError if the file is damaged."""
    try:
      return list(self._records("", ()))
    except sqlite3.Error as error:
      raise ValueError(f"{self.path} cannot be read ({error}): restore it from a copy.") from None

  def _records(self, where: str, values: Sequence[Any]) -> Iterator[Record]:
    rows = self._all(
      "SELECT number, method, position, kind, real, generated, generated_first, presentations, "
      "chosen, first_exposure, second_exposure, response, answered FROM participants "
      f"JOIN trials ON participant = number {where} ORDER BY number, position",
      values,
    )
    for number, method, position, kind, real, generated, first, shown, *answer, time in rows:
      trial = Trial(kind, real, generated, bool(first))
      given = None if answer[0] is None else Answer(*answer)
      yield Record(number, method, position, trial, shown, given, time)

  def _all(self, query: str, values: Sequence[Any] = ()) -> list[Any]:
    with self._lock:
      return self._connection.execute(query, values).fetchall()


def create_store(path: Path, description: Mapping[str, Any]) -> AnswerStore:
  """Opens the database of a study, and makes it if there is none.

  Args:
    path: of the file.
    description: what is to be remembered of the study, see `database.create`.

  Returns:
    The open database.

  Raises:
    ValueError: if the file is something else, or has participants under another description.
  """
  create(path, description)
  return open_store(path)


def open_store(path: Path) -> AnswerStore:
  """Opens the database of a study that exists; ValueError if it does not or is something else."""
  if not path.exists():
    raise ValueError(f"{path} does not exist: name the database of `imtrans study serve`.")
  with opened(path, "rw", close=False) as connection:
    check_ours(path, connection)
    return AnswerStore(path, connection)


def _now() -> str:
  return datetime.now(UTC).isoformat(timespec="milliseconds")
