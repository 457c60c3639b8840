from typing import NamedTuple

import numpy as np
import pytest

from imtrans.analyses import loss_and_noise
from imtrans.analyses.trained import NotForThisRun, TrainedRun


def test_quadrature_and_drawn_errors_meet_the_closed_forms(papers):
  finding = papers("loss_and_noise")
  for row in finding.rows:
    drawn = row["quantity"].startswith("weight")
    tolerance = {"rel": 0.06} if drawn else {"rel": 1e-3, "abs": 1e-4}
    assert row["measured"] == pytest.approx(row["closed_form"], **tolerance)
  for figure in ("0.7979 σ", "0.0484 nats", "1.4142 b", "0.0724", "5.1e-05", "19,661"):
    assert figure in finding.text


class Noisy(NamedTuple):
  """A generator of known errors."""

  errors: np.ndarray
  direction: str = "ab"

  def __call__(self, sources):
    return sources + self.errors


@pytest.mark.parametrize("noise", ["Laplace", "Gauss"])
def test_noise_of_a_known_kind_is_found_in_a_run(noise, trained, monkeypatch):
  pictures = np.zeros((20, 24, 24, 3), np.float32)
  monkeypatch.setattr(TrainedRun, "test_pictures", lambda *_: (pictures, pictures))
  draw = getattr(np.random.default_rng(0), "laplace" if noise == "Laplace" else "normal")
  errors = draw(0.0, 0.1, pictures.shape).astype(np.float32)
  finding = loss_and_noise.on_run(trained._replace(generators=(Noisy(errors),)))
  assert f"{noise} noise explains them better" in finding.text
  assert ("0.71," if noise == "Laplace" else "0.80,") in finding.text.split("b / σ is ")[1][:5]
  scale = 0.1 if noise == "Laplace" else 0.1 * np.sqrt(2.0 / np.pi)
  weights = [row["measured"] for row in finding.rows if row["quantity"] == "weight"]
  assert np.allclose(weights, 24 * 24 * 3 / scale, rtol=0.1) and len(weights) == 20
  # The density is the true noise's, where there is enough of it.
  fit = "l1_fit" if noise == "Laplace" else "l2_fit"
  rows = [row for row in finding.rows if row["quantity"] == "density" and row[fit] > 0.2]
  assert len(rows) > 5
  assert all(row["measured"] == pytest.approx(row[fit], rel=0.15) for row in rows)


def test_a_run_asks_for_a_weight_beside_the_one_in_use(trained):
  finding = loss_and_noise.on_run(trained)
  sources, answers = trained.test_pictures("ab", 64)
  errors = np.abs(trained.generators[0](sources) - answers)
  asked = errors[0].size / errors.mean()
  assert f"N / b = {asked:.3g} " in finding.text
  assert f"the power β = {100.0 / asked:.2g}." in finding.text


def test_it_needs_answers_and_errors(trained, monkeypatch):
  pictures = np.zeros((2, 8, 8, 3), np.float32)
  perfect = trained._replace(generators=(Noisy(np.zeros_like(pictures)),))
  for answers, reason in ((None, "true answers"), (pictures, "needs errors")):
    monkeypatch.setattr(TrainedRun, "test_pictures", lambda *_, a=answers: (pictures, a))
    with pytest.raises(NotForThisRun, match=reason):
      loss_and_noise.on_run(perfect)
