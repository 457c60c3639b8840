from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.analyses import bilinear_game
from imtrans.methods.bilinear import bilinear
from tests.analyses.conftest import PAPERS

ADAM_STEPS = PAPERS["bilinear_game"]["adam_steps"]


@pytest.fixture(scope="module")
def paper(papers):
  return papers("bilinear_game")


def test_simulated_growth_is_the_spectral_radius(paper):
  rules = [row for row in paper.rows if row["rule"] in bilinear_game.RULES]
  assert len(rules) == 7 * len(bilinear_game.RULES)
  for row in rules:
    assert row["measured"] == pytest.approx(row["spectral_radius"], rel=5e-3), row
  known = {row["rule"]: row["spectral_radius"] for row in rules if row["step_size"] == 1.0}
  assert known["simultaneous"] == pytest.approx(2**0.5)
  assert known["proximal"] == pytest.approx(2**-0.5)
  assert known["alternating"] == known["extragradient"] == pytest.approx(1.0)


def test_adam_row_by_hand(paper):
  (row,) = (row for row in paper.rows if row["rule"] == "adam 0.9 simultaneous")
  z, mean, square = np.ones(2), np.zeros(2), np.zeros(2)
  for count in range(1, ADAM_STEPS + 1):
    gradient = np.array([z[1], -z[0]])
    mean, square = 0.9 * mean + 0.1 * gradient, 0.999 * square + 0.001 * gradient**2
    z = z - 0.01 * (mean / (1 - 0.9**count)) / (np.sqrt(square / (1 - 0.999**count)) + 1e-8)
  assert row["measured"] == pytest.approx(np.hypot(*z), rel=1e-4)
  assert f"{row['measured']:.2f} with β1 = 0.9" in paper.text


def test_the_text_says_the_factors_of_the_drawn_step_size(paper):
  assert "1.0308" in paper.text and "1.0000" in paper.text and "0.9703" in paper.text


def test_stable_step_size_is_where_the_first_modulus_reaches_one():
  values = np.array([-1.0 + 2.0j, -1.0 - 2.0j, -0.5, 0.3])
  limit = bilinear_game.stable_step_size(values)
  assert np.abs(1.0 + limit * values[:3]).max() == pytest.approx(1.0)
  assert np.abs(1.0 + 1.01 * limit * values[:3]).max() > 1.0
  assert bilinear_game.stable_step_size(np.array([0.5, 1j])) == np.inf


def test_a_run_of_the_bilinear_game_has_the_eigenvalues_of_its_rotation():
  """Two players of two numbers, g against d: the Jacobian is a rotation, i and -i twice."""
  points = {"generator": [3.0, 1.0], "discriminator": [4.0, -2.0]}
  players = {name: {"point": jnp.asarray(point)} for name, point in points.items()}
  run = SimpleNamespace(
    players=players,
    run=SimpleNamespace(method=bilinear(), extras={}, step=7),
    training_batch=lambda seed: {"target": np.zeros((2, 2), np.float32)},
  )
  finding = bilinear_game.on_run(run, num_steps=4)
  for row in finding.rows:
    assert abs(row["real"]) < 1e-5
    assert abs(row["imaginary"]) == pytest.approx(1.0, abs=1e-5)
    assert row["residual"] < 1e-4
  # A step of any size makes the part along i longer.
  assert "After 7 steps" in finding.text and "a cosine of 0.00" in finding.text


def test_a_trained_run_has_eigenvalues(trained):
  finding = bilinear_game.on_run(trained, num_steps=5)
  assert len(finding.rows) == 5
  moduli = [row["modulus"] for row in finding.rows]
  assert moduli == sorted(moduli, reverse=True) and min(moduli) > 0.0
  assert finding.rows[0]["residual"] < moduli[0]
