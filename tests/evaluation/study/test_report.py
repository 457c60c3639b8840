"""Who counts, which trials count, and the figures of a study made by hand."""

import csv
import io
import json

import numpy as np
import pytest

from imtrans.evaluation.study.answers import Answer, Record
from imtrans.evaluation.study.judgement import (
  COUNTED,
  INATTENTIVE,
  MISTIMED,
  SHOWN_AGAIN,
  UNFINISHED,
  UNUSABLE,
  judge,
  tolerance,
)
from imtrans.evaluation.study.report import ANSWER_COLUMNS, answers_csv, summarize_study
from imtrans.evaluation.study.trials import CATCH, PRACTICE, SCORED, Settings, Trial

SETTINGS = Settings(trials=8, practice=1, catch=0.5)


def _session(participant, fooled, *, missed=0, method="ours", answered=9, changes=None):
  """Practice, four catch trials of which `missed` are wrong, four scored ones as in `fooled`.

  `changes` are {position: fields of the record or the answer}.
  """
  kinds = [PRACTICE] + [CATCH] * 4 + [SCORED] * 4
  wrong = [True, *[i < missed for i in range(4)], *fooled]
  records = []
  for position, (kind, error) in enumerate(zip(kinds, wrong, strict=True)):
    trial = Trial(kind, f"r{position}", f"g{position}", position % 2 == 0)
    chosen = 3 - trial.generated_place if error else trial.generated_place
    answer = Answer(chosen, 1.0, 1.02, 1.0 + position)
    record = Record(participant, method, position, trial, 1, answer, "2020-01-01T00:00:00+00:00")
    if position >= answered:
      record = record._replace(answer=None, time=None, presentations=0)
    for name, value in (changes or {}).get(position, {}).items():
      if name in record._fields:
        record = record._replace(**{name: value})
      else:
        record = record._replace(answer=answer._replace(**{name: value}))
    records.append(record)
  return records


def _verdicts(*sessions, settings=SETTINGS, threshold=0.75):
  records = [record for session in sessions for record in session]
  return [session.verdict for session in judge(records, settings, threshold=threshold)]


FOOLED = (True, False, False, True)


def test_verdicts():
  again = {position: {"presentations": 2} for position in range(1, 5)}
  assert _verdicts(
    _session(0, FOOLED),
    _session(1, FOOLED, missed=1),
    _session(2, FOOLED, missed=2),
    _session(3, FOOLED, answered=8),
    _session(4, FOOLED, answered=0),
    _session(5, FOOLED, changes=again),
    _session(6, FOOLED, changes={i: {"first_exposure": 3.0} for i in range(5, 9)}),
  ) == [COUNTED, COUNTED, INATTENTIVE, UNFINISHED, UNFINISHED, UNUSABLE, UNUSABLE]


def test_the_threshold_is_the_least_share_that_passes():
  missed = [_session(i, FOOLED, missed=i) for i in range(5)]
  for threshold, passing in ((0.0, 5), (0.5, 3), (0.51, 2), (1.0, 1)):
    assert _verdicts(*missed, threshold=threshold).count(COUNTED) == passing
  with pytest.raises(ValueError, match=r"a share of 0 to 1 of the catch trials, got 1\.5"):
    _verdicts(missed[0], threshold=1.5)


def test_a_study_without_catch_trials_excludes_only_who_left():
  settings = SETTINGS._replace(catch=0.0)
  session = [record for record in _session(0, FOOLED) if record.trial.kind != CATCH]
  assert _verdicts(session, settings=settings) == [COUNTED]


def test_trials_that_were_not_shown_as_asked_do_not_count():
  changes = {
    1: {"presentations": 2},
    5: {"presentations": 2},
    6: {"second_exposure": 1.0 + 1.01 * tolerance(SETTINGS)},
    7: {"first_exposure": 1.0 - 0.99 * tolerance(SETTINGS)},
  }
  (session,) = judge(_session(0, FOOLED, changes=changes), SETTINGS, threshold=0.75)
  assert [record.position for record in session.scored] == [7, 8]
  assert (session.fooled, session.catch, session.catch_right) == (1, 3, 3)
  assert sorted(session.left_out) == sorted([SHOWN_AGAIN, SHOWN_AGAIN, MISTIMED])
  assert tolerance(Settings(exposure=2.0)) == pytest.approx(0.2)
  assert tolerance(Settings(exposure=0.05)) == pytest.approx(0.05)


@pytest.fixture
def study():
  sessions = [
    _session(0, (True, False, False, False)),
    _session(1, (True, True, False, False), changes={8: {"presentations": 2}}),
    _session(2, (True, True, True, True), missed=3),
    _session(3, (True, True, True, True), answered=6),
    _session(4, (False,) * 4, method="theirs"),
  ]
  return [record for session in sessions for record in session]


def test_figures_by_hand(study):
  record = summarize_study(study, SETTINGS, methods=["ours", "theirs", "nobody's"])
  ours, theirs, nobodys = record["methods"]
  assert ours["fooling_rate"] == pytest.approx(3 / 7)
  assert (ours["fooled"], ours["trials"], ours["participants"]) == (3, 7, 2)
  assert ours["excluded"] == {INATTENTIVE: 1, UNFINISHED: 1}
  assert ours["left_out"] == {SHOWN_AGAIN: 1}
  assert ours["catch_right"] == pytest.approx((4 + 4 + 1) / 12)
  assert ours["median_response"] == 7.0  # 6, 6, 7, 7, 8, 8 and 9 seconds.
  # Two participants with 1 of 4 and 2 of 3: all an interval can be is theirs.
  np.testing.assert_allclose(ours["interval"], (1 / 4, 2 / 3))
  assert ours["p_value"] == 1.0  # Distances -2 and 1: half of the signs give 1, half give 3.
  assert ours["wilson_interval"][0] < 3 / 7 < ours["wilson_interval"][1]
  assert ours["binomial_p_value"] == 1.0
  assert theirs["fooling_rate"] == 0.0 and theirs["interval"] is None
  assert theirs["wilson_interval"][0] == 0.0 and theirs["p_value"] == 1.0
  assert nobodys["participants"] == 0 and nobodys["fooling_rate"] is None
  assert nobodys["catch_right"] is None and nobodys["excluded"] == {}
  assert json.loads(json.dumps(record))["methods"][0]["fooled"] == 3
  assert [p["verdict"] for p in record["participants"]] == [
    COUNTED,
    COUNTED,
    INATTENTIVE,
    UNFINISHED,
    COUNTED,
  ]
  assert "at least" not in record["protocol"] and record["settings"]["trials"] == 8


def test_pictures_that_fool_most_come_first(study):
  rows = summarize_study(study, SETTINGS, methods=["ours", "theirs"])["pictures"]
  ours = [(row["name"], row["fooled"], row["shown"]) for row in rows if row["method"] == "ours"]
  assert ours == [("g5", 2, 2), ("g6", 1, 2), ("g7", 0, 2), ("g8", 0, 1)]
  assert rows[0]["fooling_rate"] == 1.0
  assert sum(row["shown"] for row in rows) == 7 + 4


def test_the_order_of_names_decides_between_equals(study):
  rows = summarize_study(study, SETTINGS, methods=["theirs"])["pictures"]
  theirs = [row["name"] for row in rows if row["method"] == "theirs"]
  assert theirs == sorted(theirs)


def test_the_file_of_answers_holds_everything(study):
  lines = list(csv.DictReader(io.StringIO(answers_csv(study, SETTINGS))))
  assert tuple(lines[0]) == ANSWER_COLUMNS
  assert len(lines) == 9 + 9 + 9 + 6 + 9
  assert {line["verdict"] for line in lines} == {COUNTED, INATTENTIVE, UNFINISHED}
  scored = [
    line
    for line in lines
    if (line["method"], line["kind"], line["verdict"], line["left_out"])
    == ("ours", SCORED, COUNTED, "")
  ]
  assert sum(int(line["fooled"]) for line in scored) == 3 and len(scored) == 7
  line = lines[8 + 9]
  assert line["left_out"] == SHOWN_AGAIN and line["real"] == "r8"
  assert (line["generated_place"], line["chosen"]) == ("1", "1")
  assert float(line["second_exposure"]) == 1.02 and float(line["response"]) == 9.0
