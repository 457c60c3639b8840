"""The study of several right answers runs at tiny size and counts what is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.multimodality import run as study
from experiments.multimodality.config import CONDITIONS, get_config
from experiments.multimodality.report import TITLES, table
from experiments.multimodality.tones import NUM_TONES, Tones, measure_tones, reference_outputs

FOLDER = Path(study.__file__).parent


@pytest.fixture
def tones():
  """Two drawings whose left half is skin: red rises from answer to answer in steps of 0.1."""
  answers = np.ones((NUM_TONES, 4, 4, 3))
  answers[:, :, :2] = (0.4 * np.arange(NUM_TONES) / 2 - 0.5)[:, None, None, None]
  skin = np.zeros((4, 4), bool)
  skin[:, :2] = True
  return [Tones(np.ones((4, 4, 3)), answers, skin)] * 2


@pytest.mark.usefixtures("train_here")
def test_tiny_runs_from_end_to_end(tmp_path, monkeypatch):
  monkeypatch.setattr(study, "NUM_SAMPLES", 3)
  arguments = ["--tiny", "--runs", "gan_all", "--output", str(tmp_path), "--pictures"]
  arguments += ["--workdir", str(tmp_path / "runs")]
  records = study.main(arguments)
  assert records == json.loads((tmp_path / "results.json").read_text())
  assert set(records) == {"gan_all-0", "references"}
  assert records["gan_all-0"]["diversity"] > 0.0
  assert {path.name for path in tmp_path.glob("*.png")} == {"colours.png", "pictures.png"}
  assert f"\n{table(records)}\n" in (tmp_path / "README.md").read_text()


def test_tiny_never_touches_what_is_recorded(capsys):
  with pytest.raises(SystemExit):
    study.main(["--tiny"])
  assert "--output FOLDER" in capsys.readouterr().err


def test_the_table_is_that_of_the_records():
  records = json.loads((FOLDER / "results.json").read_text())
  text = table(records).rstrip()
  assert f"<!-- results -->\n{text}\n<!-- /results -->" in (FOLDER / "README.md").read_text()


def test_every_condition_has_a_title_and_says_what_it_is():
  assert set(TITLES) == set(CONDITIONS)
  assert get_config("l2").method.l2_weight == 100.0
  assert get_config("gan_dropout").inference == "train"
  assert get_config("gan_all-tiny").generator.latent_at == "all"


def test_references_are_measured_as_what_they_are(tones):
  found = {name: measure_tones(tones, o) for name, o in reference_outputs(tones, 24).items()}
  # In [0, 1] the answers are 0.25, 0.35, ..., 0.75: mean and median are 0.5, 0.05 from two of them.
  for name in ("mean", "median"):
    assert found[name]["blur"] == pytest.approx(0.05) and found[name]["diversity"] == 0.0
    assert found[name]["to_mean"] == found[name]["to_median"] == pytest.approx(0.0, abs=1e-12)
    assert found[name]["modes"] == pytest.approx(1 / NUM_TONES)
  assert found["even"]["blur"] == 0.0 and found["even"]["error"] == 0.0
  assert found["even"]["modes"] > 0.9 and sum(found["even"]["counts"]) == 2 * 24
  # Half of the pixels are skin.
  np.testing.assert_allclose(found["mean"]["error"], 0.05 / np.sqrt(2.0))


def test_one_answer_for_all_is_one_mode(tones):
  found = measure_tones(tones, [t.answers[[2] * 5] for t in tones])
  assert found["modes"] == pytest.approx(1 / NUM_TONES) and found["entropy"] == 0.0
  assert found["counts"] == [0, 0, 10, 0, 0, 0]
  np.testing.assert_allclose(found["to_mean"], 0.05)
  np.testing.assert_allclose(found["red"], 0.45)


def test_two_answers_in_turn_are_as_far_apart_as_they_are(tones):
  found = measure_tones(tones, [t.answers[[0, 3]] for t in tones])
  np.testing.assert_allclose(found["diversity"], 0.3)
  np.testing.assert_allclose(found["entropy"], np.log(2) / np.log(NUM_TONES))
