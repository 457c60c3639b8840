"""The study of patch sizes runs at tiny size and measures what is known."""

import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.patch_size import run as study
from experiments.patch_size.config import CONDITIONS, get_config
from experiments.patch_size.measured import color_scores, common_colors, spectra
from experiments.patch_size.paper import fit_texture, line_covariance, power_ratios
from experiments.patch_size.report import BANDS, SIDES, TITLES, ratio, table
from imtrans.networks import DISCRIMINATORS
from imtrans.theory.patches import Texture, receptive_field
from tests.experiments.conftest import recorded

FOLDER = Path(study.__file__).parent


@pytest.mark.usefixtures("train_here")
def test_tiny_runs_from_end_to_end(tmp_path, monkeypatch):
  monkeypatch.setattr(study, "images_per_second", lambda training: 8.0)
  arguments = ["--tiny", "--runs", "patch_16", "--output", str(tmp_path), "--pictures"]
  arguments += ["--workdir", str(tmp_path / "runs")]
  records = study.main(arguments)
  assert records == json.loads((tmp_path / "results.json").read_text())
  record = records["patch_16-0"]
  assert record["discriminator"]["receptive_field"] == 16
  assert record["parameters"]["discriminator"] > 0 and record["images_per_second"] == 8.0
  assert record["figures"]["baseline/l1"] > 0.0 and record["spectra"]["error"][0] > 0.0
  assert {path.name for path in tmp_path.glob("*.png")} == {"bands.png", "pictures.png"}
  assert f"\n{table(records)}\n" in (tmp_path / "README.md").read_text()


def test_the_table_is_that_of_the_records():
  records = recorded(FOLDER)
  text = table(records).rstrip()
  assert f"<!-- results -->\n{text}\n<!-- /results -->" in (FOLDER / "README.md").read_text()


def test_conditions_see_what_they_are_named_for():
  assert set(TITLES) == set(CONDITIONS) and [*SIDES.values()] == [1, 16, 34, 70, 142, 286]
  for name, side in SIDES.items():
    fields = get_config(name).discriminator.to_dict()
    assert receptive_field(DISCRIMINATORS[fields.pop("name")](**fields).layers) == side
  assert get_config("l1").method.adversarial_weight == 0.0


def test_power_is_told_apart_by_fineness():
  place = np.arange(64)
  coarse, fine = np.cos(np.pi * (place + 0.5) / 32), np.cos(np.pi * 48 * (place + 0.5) / 64)
  answers = np.broadcast_to((coarse + fine)[None, :, None, None], (2, 64, 64, 1))
  outputs = np.broadcast_to((coarse + 0.5 * fine)[None, :, None, None], (2, 64, 64, 1))
  run = {"spectra": spectra(outputs, answers)}
  structure, _, texture = BANDS  # A wave of 64 pixels, and one of 2.7.
  np.testing.assert_allclose(ratio(run, "outputs", structure), 1.0)
  np.testing.assert_allclose(ratio(run, "outputs", texture), 0.25, rtol=1e-3)
  np.testing.assert_allclose(ratio(run, "error", structure), 0.0, atol=1e-6)
  np.testing.assert_allclose(ratio(run, "error", texture), 0.25, rtol=1e-3)


def test_colours_are_the_classes_of_a_segmentation():
  red, blue, odd = (
    np.array(color) / 127.5 - 1.0 for color in ((255, 0, 0), (0, 0, 255), (9, 9, 9))
  )
  answers = np.stack([red, red, red, blue, blue, odd]).reshape(1, 1, 6, 3)
  np.testing.assert_allclose(common_colors(answers, 2), np.stack([red, blue]))
  # Of three red pixels one is nearer to blue; a colour that is nearly right counts as right.
  outputs = np.stack([red, 0.9 * red, blue, blue, blue, odd]).reshape(1, 1, 6, 3)
  two = color_scores(outputs[:, :, :5], answers[:, :, :5])
  np.testing.assert_allclose(two["pixel_accuracy"], 4 / 5)
  np.testing.assert_allclose(two["class_accuracy"], (2 / 3 + 1) / 2, atol=1e-5)
  np.testing.assert_allclose(two["class_iou"], (2 / 3 + 2 / 3) / 2, atol=1e-5)


def test_pixels_of_rare_colours_do_not_count(monkeypatch):
  monkeypatch.setattr("experiments.patch_size.measured.NUM_COLORS", 1)
  answers = np.array([-1.0, -1.0, -1.0, 1.0])[None, None, :, None] * np.ones(3)
  assert color_scores(answers, answers)["pixels"] == 0.75


def test_covariances_are_those_of_rows_and_columns():
  rows = np.array([1.0, -1.0, 1.0, -1.0])[None, :, None, None] * np.ones((3, 1, 4, 2))
  # Down the columns the sign turns at every pixel, along the rows never.
  np.testing.assert_allclose(line_covariance(rows), [1.0, 0.0])


def test_the_fit_finds_the_lengths_that_were_put_in():
  lags = np.arange(64)
  texture = fit_texture(2.0 * np.exp(-lags / 64.0) + 0.5 * np.exp(-lags / 2.0**1.5))
  np.testing.assert_allclose(texture.variances.sum(), 2.5, rtol=1e-3)
  np.testing.assert_allclose(texture.lengths, [2.0**1.5, 64.0], rtol=1e-5)


def test_patches_of_one_pixel_show_a_flat_spectrum_and_large_ones_the_true_one():
  texture = Texture(jnp.array([1.0]), jnp.array([20.0]), jnp.array([0.0]))
  whole, low, high = (0.0, 0.5), (0.0, 0.05), (0.2, 0.5)
  ratios = power_ratios(texture, [1.0, 70.0, 1e4], [whole, low, high])
  np.testing.assert_allclose(ratios[:, 0], 1.0, rtol=1e-2)  # All have the variance of a pixel.
  assert ratios[0, 1] < ratios[1, 1] < ratios[2, 1] < 1.01
  assert ratios[0, 2] > ratios[1, 2] > ratios[2, 2] > 0.99
  # A flat spectrum has too much where the true one has little, by as much as it has less.
  np.testing.assert_allclose(ratios[0, 2] / ratios[0, 1], _contrast(texture, low, high), rtol=2e-2)


def _contrast(texture, low, high):
  """True power in one band over that in another, by their widths: an AR(1) by its textbook form."""
  frequencies = (np.arange(4096) + 0.5) / 8192
  decay = np.exp(-1.0 / float(texture.lengths[0]))
  true = (1 - decay**2) / (1 - 2 * decay * np.cos(2 * np.pi * frequencies) + decay**2)
  means = [true[(frequencies >= a) & (frequencies < b)].mean() for a, b in (low, high)]
  return means[0] / means[1]
