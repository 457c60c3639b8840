import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.objectives import adversarial_losses
from imtrans.theory.games import (
  critical_penalty_weight,
  dirac_eigenvalues,
  dirac_field,
  dirac_losses,
  jacobian_spectrum,
  non_saturating_distance,
  play,
  vector_field,
)

ORIGIN = (jnp.zeros(()), jnp.zeros(()))
SLOPES = {"minimax": 0.5, "vanilla": 0.5, "hinge": 1.0, "wasserstein": 1.0}
VANILLA = {"slope": 0.5, "curvature": -0.25}


def _measured(name, **options):
  losses = dirac_losses(*adversarial_losses(name), **options)
  return jacobian_spectrum(losses, ORIGIN).eigenvalues


def _assert_same(got, expected):
  expected = np.asarray(expected)
  distances = np.abs(np.asarray(got)[:, None] - expected[None])
  assert max(distances.min(axis=0).max(), distances.min(axis=1).max()) < 1e-4, (got, expected)


@pytest.mark.parametrize("name", SLOPES)
def test_without_a_remedy_the_losses_rotate(name):
  expected = dirac_eigenvalues(SLOPES[name])
  _assert_same(expected, [1j * SLOPES[name], -1j * SLOPES[name]])
  _assert_same(_measured(name), expected)


@pytest.mark.parametrize("weight", [0.3, 0.9, 2.5])
@pytest.mark.parametrize("name", SLOPES)
def test_r1_damps(name, weight):
  expected = dirac_eigenvalues(SLOPES[name], penalty_weight=weight)
  _assert_same(_measured(name, penalty_weight=weight), expected)
  assert float(expected.real.max()) < 0.0


def test_critical_weight_of_r1():
  assert float(critical_penalty_weight(0.5)) == 1.0
  _assert_same(dirac_eigenvalues(0.5, penalty_weight=1.0), [-0.5, -0.5])
  assert float(jnp.abs(dirac_eigenvalues(0.5, penalty_weight=0.9).imag).max()) > 0.1
  assert float(jnp.abs(dirac_eigenvalues(0.5, penalty_weight=1.1).imag).max()) == 0.0


@pytest.mark.parametrize(
  ("noise", "expected"),
  [(1.0, [-0.25 + 0.4330127j, -0.25 - 0.4330127j]), (2.0, [-0.1339746, -1.8660254])],
)
@pytest.mark.parametrize("name", ["minimax", "vanilla"])
def test_instance_noise_damps(name, noise, expected):
  _assert_same(dirac_eigenvalues(**VANILLA, noise=noise), expected)
  _assert_same(_measured(name, noise=noise), expected)


def test_both_remedies_add_up():
  expected = dirac_eigenvalues(**VANILLA, penalty_weight=0.4, noise=0.7)
  _assert_same(_measured("minimax", penalty_weight=0.4, noise=0.7), expected)


def test_the_written_field_is_that_of_the_minimax_losses():
  losses = dirac_losses(*adversarial_losses("minimax"), penalty_weight=0.3)
  for players in ((0.4, -1.2), (-2.0, 0.1)):
    expected = dirac_field(*players, penalty_weight=0.3)
    np.testing.assert_allclose(vector_field(losses, players), expected, rtol=1e-5)


def _distances(name, **options):
  """From the fixed point, over 3000 alternating steps of 0.1."""
  losses = dirac_losses(*adversarial_losses(name), **options)
  run = jax.jit(lambda start: play(losses, start, "alternating", 0.1, 3000).trajectory)
  return np.hypot(*run((0.8, 0.8)))


def test_which_training_converges():
  assert _distances("minimax")[-300:].min() > 0.5
  assert _distances("wasserstein")[-300:].min() > 0.5
  assert _distances("wasserstein", penalty_weight=1.0, penalty_target=1.0)[-300:].max() > 0.3
  assert _distances("minimax", penalty_weight=0.5)[-1] < 1e-3
  assert _distances("minimax", noise=1.0)[-1] < 1e-3
  assert _distances("wasserstein", penalty_weight=0.5)[-1] < 1e-3


def test_the_non_saturating_loss_approaches_like_the_root_of_time():
  """The eigenvalues do not tell: its linear part rotates, its cubic part slowly draws inward."""
  measured = _distances("vanilla")
  times = 0.1 * np.arange(3001, dtype=np.float32)
  np.testing.assert_allclose(
    measured[1000:], non_saturating_distance(measured[0], times)[1000:], rtol=0.08
  )
