import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.theory import cycles
from imtrans.theory.cycles import LinearCycle

VARIANCES = jnp.array([2.0, 1.0, 0.4, 0.1])


def _rotation(seed):
  square = np.random.default_rng(seed).normal(size=(4, 4))
  return jnp.asarray(np.linalg.qr(square)[0], jnp.float32)


def _covariance(seed=0):
  turned = _rotation(seed)
  return (turned * VARIANCES[None, :]) @ turned.T


def test_cycle_loss_is_the_mean_squared_error_of_reconstruction():
  covariance = _covariance()
  values = 0.4 * jax.random.normal(jax.random.key(1), (2, 4, 2))
  cycle = LinearCycle(values[0].T, values[1])
  root = jnp.linalg.cholesky(covariance)
  inputs = np.random.default_rng(0).normal(size=(40_000, 4)) @ np.asarray(root).T
  back = inputs @ np.asarray(cycle.forward).T @ np.asarray(cycle.backward).T
  measured = np.mean(np.sum(np.square(back - inputs), axis=1))
  np.testing.assert_allclose(cycles.cycle_loss(cycle, covariance), measured, rtol=0.03)


@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_principal_components_lose_the_smallest_eigenvalues(channels):
  covariance = _covariance()
  least = cycles.least_cycle_loss(covariance, channels)
  np.testing.assert_allclose(least, jnp.sum(VARIANCES[channels:]), atol=1e-5)
  cycle = cycles.best_linear_cycle(covariance, channels)
  np.testing.assert_allclose(cycles.cycle_loss(cycle, covariance), least, atol=1e-5)


def test_no_random_cycle_is_better():
  covariance = _covariance()
  least = cycles.least_cycle_loss(covariance, 2)

  def loss(key):
    first, second = jax.random.split(key)
    forward = jax.random.normal(first, (2, 4))
    cycle = LinearCycle(forward, jnp.linalg.pinv(forward) + 0.1 * jax.random.normal(second, (4, 2)))
    return cycles.cycle_loss(cycle, covariance)

  losses = jax.jit(jax.vmap(loss))(jax.random.split(jax.random.key(5), 50))
  assert (losses > least).all()


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_trained_linear_cycle_finds_the_principal_components(channels):
  covariance = _covariance()
  trained = cycles.train_linear_cycle(jax.random.key(6), covariance, channels)
  best = cycles.best_linear_cycle(covariance, channels)
  least = cycles.least_cycle_loss(covariance, channels)
  np.testing.assert_allclose(cycles.cycle_loss(trained, covariance), least, rtol=1e-3)
  np.testing.assert_allclose(
    trained.backward @ trained.forward, best.backward @ best.forward, atol=0.02
  )


def test_a_code_that_looks_like_the_other_domain_costs_nothing():
  covariance, other = _covariance(), jnp.array([[1.0, 0.3], [0.3, 0.5]])
  cycle = cycles.matched_cycle(covariance, other)
  np.testing.assert_allclose(cycle.forward @ covariance @ cycle.forward.T, other, atol=1e-5)
  least = cycles.least_cycle_loss(covariance, 2)
  np.testing.assert_allclose(cycles.cycle_loss(cycle, covariance), least, rtol=1e-4)


def test_cycle_consistency_cannot_see_a_change_of_the_code():
  inputs = jnp.linspace(-1.5, 1.5, 40)
  forward, backward = (lambda x: 2.0 * x + 1.0), (lambda y: 0.5 * (y - 1.0))
  changed, restored = cycles.relabel(
    forward, backward, lambda y: jnp.sinh(y) - 2.0, lambda y: jnp.arcsinh(y + 2.0)
  )
  np.testing.assert_allclose(restored(changed(inputs)), backward(forward(inputs)), atol=1e-3)
  assert jnp.max(jnp.abs(changed(inputs) - forward(inputs))) > 0.5
  # The other cycle closes as well.
  np.testing.assert_allclose(changed(restored(inputs)), inputs, atol=1e-3)


def test_symmetries_of_a_gaussian_domain_keep_it_and_both_losses():
  covariance, other = _covariance(), _covariance(8)
  cycle = cycles.matched_cycle(covariance, other)
  losses = []
  for rotation in (jnp.eye(4), -jnp.eye(4), _rotation(9), _rotation(10)):
    change = cycles.gaussian_symmetry(other, rotation)
    np.testing.assert_allclose(change @ other @ change.T, other, atol=1e-5)
    moved = LinearCycle(change @ cycle.forward, cycle.backward @ jnp.linalg.inv(change))
    np.testing.assert_allclose(moved.forward @ covariance @ moved.forward.T, other, atol=1e-4)
    np.testing.assert_allclose(cycles.cycle_loss(moved, covariance), 0.0, atol=1e-4)
    difference = change - jnp.eye(4)
    cost = jnp.sum((difference @ other) * difference)
    np.testing.assert_allclose(cycles.symmetry_cost(other, rotation), cost, atol=1e-4)
    losses.append(float(cost))
  assert losses[0] < 1e-6 < losses[2]
  np.testing.assert_allclose(losses[1], 4 * jnp.trace(other), rtol=1e-4)


def test_what_is_lost_shrinks_with_every_channel():
  covariance = _covariance()
  least = [float(cycles.least_cycle_loss(covariance, channels)) for channels in range(5)]
  assert all(later < earlier for earlier, later in itertools.pairwise(least))


def test_impossible_bottlenecks_are_refused():
  with pytest.raises(ValueError, match="num_channels must be between 0 and 4, got 5"):
    cycles.least_cycle_loss(_covariance(), 5)
  with pytest.raises(ValueError, match=r"covariance must be \[channels, channels\]"):
    cycles.best_linear_cycle(jnp.ones((2, 3)), 1)
