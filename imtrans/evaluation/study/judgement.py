"""Who counts in a study, and which trials do.

A participant counts who has answered everything and was right in most of the catch trials. A trial
counts if its pictures were shown once, for as long as asked. All rules are fixed before an answer
is seen.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from imtrans.evaluation.study.answers import Record
from imtrans.evaluation.study.trials import CATCH, SCORED, Settings

COUNTED, UNFINISHED = "counted", "unfinished"
INATTENTIVE, UNUSABLE = "failed catch trials", "too few trials shown as asked"
SHOWN_AGAIN, MISTIMED = "shown more than once", "shown too long or too short"
# Three of the four catch trials of a usual session. A single slip in forty rounds excludes nobody;
# who guesses passes with a chance of 5 / 16, who gives the same answer always never does.
CATCH_THRESHOLD = 0.75
# Of the exposure, or this many seconds if that is more: some three frames of a common screen.
TOLERANCE, LEAST_TOLERANCE = 0.1, 0.05


class Session(NamedTuple):
  """What is left of a participant's answers, and whether they count.

  verdict: "counted", or why not.
  scored: the usable scored trials.
  catch, catch_right: usable catch trials, and those in which the broken picture was found.
  left_out: reasons why trials with an answer are not usable.
  """

  number: int
  method: str
  verdict: str
  scored: list[Record]
  catch: int
  catch_right: int
  left_out: list[str]

  @property
  def fooled(self) -> int:
    """In how many scored trials the generated picture was taken for the real one."""
    return sum(map(is_fooled, self.scored))


def is_fooled(record: Record) -> bool:
  """Whether a trial was answered, and the real picture was taken for the generated one."""
  return record.answer is not None and record.answer.chosen != record.trial.generated_place


def why_left_out(record: Record, settings: Settings) -> str | None:
  """Why an answered trial is not used.

  Args:
    record: of the trial.
    settings: of the study.

  Returns:
    The reason, None for a usable trial.
  """
  if record.presentations > 1:
    return SHOWN_AGAIN
  if record.answer is not None:
    exposures = (record.answer.first_exposure, record.answer.second_exposure)
    if any(abs(seconds - settings.exposure) > tolerance(settings) for seconds in exposures):
      return MISTIMED
  return None


def tolerance(settings: Settings) -> float:
  """Returns by how much the time that a picture was shown may differ from the exposure, seconds."""
  return max(LEAST_TOLERANCE, TOLERANCE * settings.exposure)


def judge(records: Iterable[Record], settings: Settings, *, threshold: float) -> list[Session]:
  """Decides which participants count.

  Args:
    records: all trials of all participants.
    settings: of the study.
    threshold: share of the catch trials in which a participant must be right, in [0, 1].

  Returns:
    The sessions in order.

  Raises:
    ValueError: if the threshold lies outside.
  """
  if not 0.0 <= threshold <= 1.0:
    raise ValueError(
      "the catch threshold must be a share of 0 to 1 of the catch trials, got "
      f"{threshold:g}: change --catch-threshold."
    )
  sessions: dict[int, list[Record]] = defaultdict(list)
  for record in records:
    sessions[record.participant].append(record)
  judged = []
  for number, trials in sessions.items():
    reasons = [why_left_out(record, settings) for record in trials]
    used = [r for r, reason in zip(trials, reasons, strict=True) if r.answer and not reason]
    scored = [record for record in used if record.trial.kind == SCORED]
    catch = [record for record in used if record.trial.kind == CATCH]
    right = sum(not is_fooled(record) for record in catch)
    if any(record.answer is None for record in trials):
      verdict = UNFINISHED
    elif not scored or (settings.num_catch and not catch):
      verdict = UNUSABLE
    elif right < threshold * len(catch):
      verdict = INATTENTIVE
    else:
      verdict = COUNTED
    left_out = [
      reason
      for record, reason in zip(trials, reasons, strict=True)
      if reason and record.answer and record.trial.kind in (SCORED, CATCH)
    ]
    judged.append(Session(number, trials[0].method, verdict, scored, len(catch), right, left_out))
  return judged
