import numpy as np
import pytest

from imtrans.analyses import patches
from imtrans.analyses.frequency_bands import band_power


def test_gradients_and_drawn_lines_meet_the_closed_forms(papers):
  finding = papers("patches")
  fields = [row for row in finding.rows if row["quantity"] == "receptive field"]
  assert [row["measured"] for row in fields] == [1, 16, 34, 70, 142, 286]
  assert [row["closed_form"] for row in fields] == [1, 16, 34, 70, 142, 286]
  # Of PatchDiscriminators on 256 pixels: 256, 126, 62, 30, 14 and 6 along each side.
  numbers = [row for row in finding.rows if row["quantity"] == "effective patches"]
  assert [row["logits"] for row in numbers] == [65536, 15876, 3844, 900, 196, 36]
  for row in numbers:
    assert row["measured"] == pytest.approx(row["closed_form"], rel=0.25)
  for row in finding.rows:
    if row["quantity"] == "spectral error":
      assert row["measured"] == pytest.approx(row["closed_form"], rel=0.3)


def test_bands_are_those_of_waves_and_add_up():
  places = np.arange(32) + 0.5
  wave = np.cos(np.pi * 8 * places / 32)[None, :, None, None] * np.ones((1, 32, 32, 1))
  power = band_power(wave, np.array([0.0, 0.1, 0.2, 0.75]))
  assert power == pytest.approx([0.0, 0.5, 0.0], abs=1e-9)


def test_a_run_shows_its_receptive_field_and_its_error(trained):
  finding = patches.on_run(trained)
  assert finding.rows[0]["closed_form"] == finding.rows[0]["measured"] == 16
  sources, answers = trained.test_pictures("ab", 64)
  error = np.mean(np.square(trained.generators[0](sources) - answers))
  bands = [row["power"] for row in finding.rows if row["quantity"] == "power of error"]
  assert sum(bands) == pytest.approx(error, rel=1e-4)


def test_a_cyclegan_shows_its_receptive_field_and_the_power_of_its_outputs(trained_cyclegan):
  finding = patches.on_run(trained_cyclegan)
  assert finding.rows[0]["closed_form"] == finding.rows[0]["measured"] == 16
  outputs = trained_cyclegan.generators[0](trained_cyclegan.test_pictures("ab", 64)[0])
  bands = [row["power"] for row in finding.rows if row["quantity"] == "power of outputs"]
  assert sum(bands) == pytest.approx(np.mean(np.square(outputs)), rel=1e-4)


def test_without_answers_the_outputs_are_compared_with_real_pictures(trained_cyclegan):
  unpaired = trained_cyclegan.dataset._replace(paired=False)
  finding = patches.on_run(trained_cyclegan._replace(dataset=unpaired))
  kinds = {row["quantity"] for row in finding.rows} - {"receptive field", "gradient outside"}
  assert kinds == {"power of real pictures", "power of outputs"}
  for row in finding.rows:  # Neither is a closed form of the other.
    compared = not str(row["quantity"]).startswith("power")
    assert np.isfinite([row["closed_form"], row["measured"]]).all() == compared
    assert np.isfinite([row["power"], row["real_power"]]).all() != compared
  real, _ = trained_cyclegan.test_pictures("ba", 64)
  outputs = trained_cyclegan.generators[0](trained_cyclegan.test_pictures("ab", 64)[0])
  for name, images in (("real pictures", real), ("outputs", outputs)):
    bands = [row["power"] for row in finding.rows if row["quantity"] == f"power of {name}"]
    assert sum(bands) == pytest.approx(np.mean(np.square(images)), rel=1e-4)
  rows = [row for row in finding.rows if row["quantity"] == "power of outputs"]
  finest, coarsest = (row["power"] / row["real_power"] for row in (rows[-1], rows[0]))
  assert f"{finest:.2f} times the power of real pictures in the finest" in finding.text
  assert f"and {coarsest:.2f} times in the coarsest" in finding.text
