"""What the gallery says of a run's diagnoses: nothing without any, else alarms and their steps."""

import json

import pytest

from imtrans.evaluation.pages.gallery import write_gallery
from imtrans.evaluation.pages.gallery_parts import alarm_rows

SINCE_1500 = "The discriminator has won: accuracy 1.00 for 1200 steps, so it has little left"


def _write(path, records):
  path.write_text("".join(json.dumps(record) + "\n" for record in records))
  return path


def _accuracies(values, **more):
  """One record every 300 steps."""
  return [
    {"step": 300 * (place + 1), "discriminator/accuracy": value, **more}
    for place, value in enumerate(values)
  ]


DIAGNOSED = {"diagnostics/update_cosine": 0.5}


def test_a_run_without_diagnoses_has_no_section(tmp_path):
  assert alarm_rows(tmp_path / "missing.jsonl") is None
  assert alarm_rows(_write(tmp_path / "log.jsonl", _accuracies([1.0] * 9))) is None


def test_a_run_that_went_well_has_an_empty_one(tmp_path):
  assert alarm_rows(_write(tmp_path / "log.jsonl", _accuracies([0.8] * 9, **DIAGNOSED))) == []


def test_an_alarm_has_its_steps_and_a_sentence(tmp_path):
  records = _accuracies([*[1.0] * 5, 0.9, *[1.0] * 5], **DIAGNOSED)
  first, second = alarm_rows(_write(tmp_path / "log.jsonl", records))
  assert first[0] == "from step 1,500 to 1,800" and second[0] == "from step 3,300"
  for _, sentence in (first, second):
    assert sentence.startswith(SINCE_1500) and sentence.endswith(".")


@pytest.mark.parametrize(
  ("values", "shown", "absent"),
  [
    ([1.0] * 5, ["<b>from step 1,500</b>", SINCE_1500], "No rule applied"),
    ([0.8] * 5, ["No rule applied at any step."], "<b>from step"),
  ],
)
def test_the_page_shows_them(values, shown, absent, tmp_path):
  write_gallery(
    tmp_path / "index.html",
    title="T",
    sections=[],
    scores=[],
    directions=["ab"],
    log=_write(tmp_path / "log.jsonl", _accuracies(values, **DIAGNOSED)),
    config={"data": {"source": "folders"}},
    protocol={"checkpoint": "last/1500", "step": 1500},
  )
  page = (tmp_path / "index.html").read_text()
  assert '<section id="diagnostics">' in page and absent not in page
  assert all(text in page for text in shown)
