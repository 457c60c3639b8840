import numpy as np
import pytest

from imtrans.analyses import hidden_messages
from imtrans.analyses.trained import NotForThisRun


def test_simulation_meets_the_closed_forms(papers):
  finding = papers("hidden_messages")
  for row in finding.rows:
    assert row["error_simulated"] == pytest.approx(row["error"], rel=0.05)
    assert row["capacity_simulated"] == pytest.approx(row["capacity"], abs=0.05)
  assert "1.85 bits" in finding.text and "7.7%" in finding.text


def test_a_run_shows_what_disturbances_cost(trained_cyclegan):
  finding = hidden_messages.on_run(trained_cyclegan)
  rows = {(row["direction"], row["disturbance"], row["strength"]): row for row in finding.rows}
  for direction in ("ab", "ba"):
    forward = trained_cyclegan.generator(direction)
    backward = trained_cyclegan.generator(direction[::-1])
    sources, _ = trained_cyclegan.test_pictures(direction, 32)
    outputs = forward(sources)
    plain = 127.5 * np.abs(backward(outputs) - sources).mean()
    found = rows[direction, "none", 0.0]["reconstruction_error"]
    assert found == pytest.approx(plain, rel=1e-4)
    coarse = np.rint((outputs + 1.0) * 127.5 / 64.0) * 64.0 / 127.5 - 1.0
    coarse = np.clip(coarse, -1.0, 1.0).astype(np.float32)
    row = rows[direction, "quantisation", 64.0]
    assert row["change"] == pytest.approx(127.5 * np.abs(coarse - outputs).mean(), rel=1e-3)
    lost = 127.5 * np.abs(backward(coarse) - sources).mean()
    assert row["reconstruction_error"] == pytest.approx(lost, rel=1e-3)


def test_one_generator_has_no_cycle(trained):
  with pytest.raises(NotForThisRun, match="choose a CycleGAN"):
    hidden_messages.on_run(trained)
