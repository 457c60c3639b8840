"""From answers to the figures of a study: how often generated pictures fool, and which do.

`judgement` decides what counts, `fooling` computes; whatever does not count is counted here.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

from imtrans.evaluation.study.answers import Record
from imtrans.evaluation.study.fooling import (
  LEVEL,
  NUM_DRAWS,
  binomial_p_value,
  bootstrap_interval,
  sign_flip_p_value,
  wilson_interval,
)
from imtrans.evaluation.study.judgement import (
  CATCH_THRESHOLD,
  COUNTED,
  INATTENTIVE,
  Session,
  is_fooled,
  judge,
  tolerance,
  why_left_out,
)
from imtrans.evaluation.study.trials import Settings

ANSWER_COLUMNS = (
  *("participant", "method", "verdict", "position", "kind", "real", "generated"),
  *("generated_place", "chosen", "fooled", "left_out", "presentations"),
  *("first_exposure", "second_exposure", "response", "answered"),
)


def summarize_study(
  records: Sequence[Record],
  settings: Settings,
  *,
  methods: Sequence[str],
  threshold: float = CATCH_THRESHOLD,
) -> dict[str, Any]:
  """All figures of a study.

  Args:
    records: all trials of all participants.
    settings: of the study.
    methods: names, in the order of the report.
    threshold: see `judge`.

  Returns:
    What JSON can hold: "methods", a dict each; "pictures", those that fool most first;
    "participants"; "settings"; and "protocol", which says how figures were computed.

  Raises:
    ValueError: if the threshold lies outside [0, 1].
  """
  sessions = judge(records, settings, threshold=threshold)
  return {
    "methods": [
      {"method": name, **_figures([s for s in sessions if s.method == name], settings.seed)}
      for name in methods
    ],
    "pictures": _pictures(sessions),
    "participants": [
      {
        "participant": session.number,
        "method": session.method,
        "verdict": session.verdict,
        "trials": len(session.scored),
        "fooled": session.fooled,
        "catch_trials": session.catch,
        "catch_right": session.catch_right,
      }
      for session in sessions
    ],
    "settings": settings._asdict(),
    "protocol": {
      "fooling_rate": "share of scored trials in which the generated picture was taken for the "
      "real one, pooled over the participants who count",
      "interval": f"{LEVEL:.0%}, bootstrap over participants, expanded percentiles, {NUM_DRAWS} "
      f"draws of seed {settings.seed}; none for one participant, or if all have one rate",
      "p_value": "against 50 %, two-sided, exact, signs of the participants flipped",
      "wilson_interval": f"{LEVEL:.0%}, as if all trials were independent",
      "binomial_p_value": "against 50 %, two-sided, exact, as if all trials were independent",
      "participants": f"count if they answered everything and were right in {threshold:.0%} of "
      "the catch trials",
      "trials": "count if their pictures were shown once, and each for the exposure to within "
      f"{tolerance(settings):g} seconds",
      "times": "seconds",
    },
  }


def answers_csv(
  records: Iterable[Record], settings: Settings, *, threshold: float = CATCH_THRESHOLD
) -> str:
  """Every answer, a line each, also those that do not count.

  Args:
    records: all trials of all participants.
    settings: of the study.
    threshold: see `judge`.

  Returns:
    The text of a CSV file with `ANSWER_COLUMNS`.
  """
  records = list(records)
  verdicts = {s.number: s.verdict for s in judge(records, settings, threshold=threshold)}
  file = io.StringIO()
  writer = csv.DictWriter(file, ANSWER_COLUMNS, lineterminator="\n")
  writer.writeheader()
  for record in records:
    if record.answer is not None:
      writer.writerow(
        {
          "participant": record.participant,
          "method": record.method,
          "verdict": verdicts[record.participant],
          "position": record.position,
          "kind": record.trial.kind,
          "real": record.trial.real,
          "generated": record.trial.generated,
          "generated_place": record.trial.generated_place,
          "fooled": int(is_fooled(record)),
          "left_out": why_left_out(record, settings) or "",
          "presentations": record.presentations,
          "answered": record.time,
          **record.answer._asdict(),
        }
      )
  return file.getvalue()


def _figures(sessions: Sequence[Session], seed: int) -> dict[str, Any]:
  """The figures of one method."""
  counted = [session for session in sessions if session.verdict == COUNTED]
  excluded = Counter(session.verdict for session in sessions if session.verdict != COUNTED)
  checked = [session for session in sessions if session.verdict in (COUNTED, INATTENTIVE)]
  catch = sum(session.catch for session in checked)
  fooled, trials = [s.fooled for s in counted], [len(s.scored) for s in counted]
  figures = {
    "participants": len(counted),
    "excluded": dict(excluded),
    "trials": sum(trials),
    "left_out": dict(Counter(reason for session in counted for reason in session.left_out)),
    "fooled": sum(fooled),
    "catch_right": sum(s.catch_right for s in checked) / catch if catch else None,
  }
  names = ("fooling_rate", "interval", "p_value", "wilson_interval", "binomial_p_value")
  if not counted:
    return {**figures, **dict.fromkeys((*names, "median_response"))}
  answers = [r.answer for session in counted for r in session.scored if r.answer is not None]
  values = (
    sum(fooled) / sum(trials),
    bootstrap_interval(fooled, trials, seed=seed),
    sign_flip_p_value(fooled, trials),
    wilson_interval(sum(fooled), sum(trials)),
    binomial_p_value(sum(fooled), sum(trials)),
  )
  response = median(answer.response for answer in answers)
  return {**figures, **dict(zip(names, values, strict=True)), "median_response": response}


def _pictures(sessions: Iterable[Session]) -> list[dict[str, Any]]:
  """How often each generated picture fooled; by the lower end of its interval, largest first."""
  shown: Counter[tuple[str, str]] = Counter()
  fooled: Counter[tuple[str, str]] = Counter()
  for session in sessions:
    if session.verdict == COUNTED:
      for record in session.scored:
        key = (session.method, record.trial.generated)
        shown[key] += 1
        fooled[key] += is_fooled(record)
  rows = [
    {
      "method": method,
      "name": name,
      "shown": count,
      "fooled": fooled[method, name],
      "fooling_rate": fooled[method, name] / count,
      "wilson_interval": wilson_interval(fooled[method, name], count),
    }
    for (method, name), count in shown.items()
  ]
  return sorted(rows, key=lambda r: (-r["wilson_interval"][0], -r["fooling_rate"], r["name"]))
