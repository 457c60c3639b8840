"""The study of hidden messages runs at tiny size and reads messages that are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.multimodality.tones import NUM_TONES, Tones
from experiments.steganography import messages
from experiments.steganography import run as study
from experiments.steganography.config import CONDITIONS, get_config
from experiments.steganography.report import survival, table
from imtrans.analyses import hidden_messages
from tests.experiments.conftest import recorded

FOLDER = Path(study.__file__).parent


@pytest.fixture
def tones():
  """An emoji all of skin, from black to nearly white."""
  answers = np.broadcast_to(
    np.linspace(-1.0, 0.9, NUM_TONES)[:, None, None, None], (NUM_TONES, 4, 4, 3)
  )
  return [Tones(np.ones((4, 4, 3)), answers, np.ones((4, 4), bool))]


@pytest.mark.usefixtures("train_here")
def test_tiny_runs_from_end_to_end(tmp_path, monkeypatch):
  monkeypatch.setattr(messages, "NUM_PICTURES", hidden_messages.NUM_PICTURES)  # One shape.
  arguments = ["--tiny", "--runs", "noise_4", "--output", str(tmp_path), "--pictures"]
  arguments += ["--workdir", str(tmp_path / "runs")]
  records = study.main(arguments)
  assert records == json.loads((tmp_path / "results.json").read_text())
  record = records["noise_4-0"]
  assert record["cycle_noise"] == 4.0 and record["message"] > 0.0
  assert len(record["contrast"]) == len(record["noise"])
  assert {row["disturbance"] for row in record["curves"]} >= {"noise", "blur", "JPEG"}
  assert {path.name for path in tmp_path.glob("*.png")} == {"survival.png", "pictures.png"}
  assert f"\n{table(records)}\n" in (tmp_path / "README.md").read_text()


def test_tiny_never_touches_what_is_recorded(capsys):
  with pytest.raises(SystemExit):
    study.main(["--tiny"])
  assert "--output FOLDER" in capsys.readouterr().err


def test_the_table_is_that_of_the_records():
  records = recorded(FOLDER)
  text = table(records).rstrip()
  assert f"<!-- results -->\n{text}\n<!-- /results -->" in (FOLDER / "README.md").read_text()


def test_the_conditions_differ_in_the_noise_alone():
  one, two = (get_config(name).to_dict() for name in ("noise_0", "noise_16"))
  assert [one["method"].pop("cycle_noise"), two["method"].pop("cycle_noise")] == [0.0, 16.0]
  assert one == two and get_config("noise_4-tiny").method.cycle_noise == CONDITIONS["noise_4"]


def test_a_message_is_what_six_drawings_differ_by(tones):
  lines = np.zeros((1, NUM_TONES, 4, 4, 3))
  assert messages.measure_message(tones, lines) == {"message": 0.0, "message_skin": 0.0}
  lines[0, ::2] += 2 * 6.0 / 255.0  # Six levels on half of them: three on either side of the mean.
  found = messages.measure_message(tones, lines)
  np.testing.assert_allclose([found["message"], found["message_skin"]], 3.0)


def test_reconstructions_that_are_right_or_all_alike(tones):
  right = tones[0].answers[None]
  assert messages.tones_found(tones, right) == 1.0
  np.testing.assert_allclose(messages.contrast(tones, right), 1.0)
  np.testing.assert_allclose(messages.contrast(tones, 0.25 * right), 0.25)
  alike = np.repeat(right[:, 2:3], NUM_TONES, axis=1)
  assert messages.tones_found(tones, alike) == pytest.approx(1 / NUM_TONES)
  np.testing.assert_allclose(messages.contrast(tones, alike), 0.0, atol=1e-12)


def test_what_survives_is_told_on_the_scale_of_another_picture():
  rows = [("none", 2.0), ("another picture's", 12.0), ("blur", 2.0), ("blur", 7.0), ("blur", 17.0)]
  run = {"curves": [{"disturbance": d, "reconstruction_error": e} for d, e in rows]}
  np.testing.assert_allclose(survival(run, "blur"), [1.0, 0.5, -0.5])


@pytest.mark.parametrize("name", messages.DISTURBANCES)
def test_disturbances_change_a_picture_a_little(name):
  picture = np.random.default_rng(0).uniform(0.2, 0.8, (16, 16, 3)).astype(np.float32)
  changed = messages.DISTURBANCES[name](picture, np.random.default_rng(0))
  assert changed.shape == picture.shape
  assert 0.0 < np.mean(np.abs(changed - picture)) < 0.2
