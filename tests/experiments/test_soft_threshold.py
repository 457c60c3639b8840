"""The study of the identity loss runs at tiny size and measures shifts that are known."""

import json
from pathlib import Path

import numpy as np
import pytest

from experiments.soft_threshold import run as study
from experiments.soft_threshold.pictures import make_pictures
from experiments.soft_threshold.report import table
from experiments.soft_threshold.shifts import density_ratio, shifts
from imtrans.data import read_image

FOLDER = Path(study.__file__).parent


def test_tiny_runs_from_end_to_end(tmp_path, train_here):
  arguments = ["--tiny", "--runs", "smeared", "--weights", "5", "--output", str(tmp_path)]
  arguments += ["--workdir", str(tmp_path / "runs")]
  records = study.main(arguments)
  assert records == json.loads((tmp_path / "results.json").read_text())
  record = records["smeared-5-0"]
  assert record["commands"][0].startswith(
    "imtrans train --config experiments/soft_threshold/config.py"
  )
  assert np.isfinite(record["threshold"]) and len(record["made"]) == len(record["centers"])
  assert (tmp_path / "shifts.png").stat().st_size > 0
  assert f"\n{table(records)}\n" in (tmp_path / "README.md").read_text()
  train_here.calls.clear()
  assert study.main(arguments) == records
  assert not train_here.calls


def test_tiny_never_touches_what_is_recorded(capsys):
  with pytest.raises(SystemExit):
    study.main(["--tiny"])
  assert "--output FOLDER" in capsys.readouterr().err


def test_the_table_is_that_of_the_records():
  records = json.loads((FOLDER / "results.json").read_text())
  text = table(records).rstrip()
  assert f"<!-- results -->\n{text}\n<!-- /results -->" in (FOLDER / "README.md").read_text()


def test_shifts_that_were_made_by_a_soft_threshold_are_explained_by_it():
  random = np.random.default_rng(0)
  sources = random.uniform(-1.0, 1.0, (4, 16, 16, 3))
  targets = random.uniform(-1.0, 1.0, (4, 16, 16, 3))
  targets[:, 0] = sources[:, 0]  # Nothing is asked of the first rows.
  wanted = targets - sources
  softened = np.sign(wanted) * np.maximum(np.abs(wanted) - 2 * 0.1, 0.0)  # 0.1 in [0, 1].
  found = shifts(sources, targets, sources + softened)
  assert found["bystanders"] == 0.0
  assert abs(found["threshold"] - 0.1) < 1e-4 and found["threshold_error"] < 1e-4
  assert found["factor_error"] > 0.01
  shrunk = shifts(sources, targets, sources + 0.7 * wanted)
  assert abs(shrunk["factor"] - 0.7) < 1e-6 and shrunk["factor_error"] < 1e-6


def test_pixels_that_nothing_is_asked_of_are_bystanders():
  sources = np.zeros((1, 2, 2, 3))
  targets = sources.copy()
  targets[0, 0, :, 0] = 1.0
  outputs = targets.copy()
  outputs[0, 1] += 0.2
  found = shifts(sources, targets, outputs)
  np.testing.assert_allclose(found["bystanders"], 0.1)
  np.testing.assert_allclose(found["factor"], 1.0)


def test_smeared_pictures_are_those_of_the_drawings_turned_each_by_its_own_angle(tmp_path):
  for name, deviation in (("drawn", 0.0), ("smeared", 40.0)):
    make_pictures(tmp_path / name, deviation, size=18, most=4)
  drawn, smeared = (
    {path.name: read_image(path) / 255.0 for path in (tmp_path / name).iterdir()}
    for name in ("drawn", "smeared")
  )
  assert len(drawn) == 8 and drawn.keys() == smeared.keys()
  for name, picture in drawn.items():
    np.testing.assert_allclose(picture.max(-1), smeared[name].max(-1), atol=1.01 / 255)
  assert any(np.any(np.abs(drawn[name] - smeared[name]) > 0.1) for name in drawn)


def test_the_density_ratio_counts_colours_of_both_domains():
  dark, light = -0.9, 0.9
  sources = np.full((1, 1, 4, 3), dark)
  sources[0, 0, 3] = light
  targets = np.full((1, 1, 4, 3), light)
  np.testing.assert_allclose(density_ratio(sources, targets), [0.0, 0.0, 0.0, 4.0])
