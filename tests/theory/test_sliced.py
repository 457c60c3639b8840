import os

for backend in ("JAX", "PYTORCH", "TENSORFLOW", "CUPY"):
  os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest

from imtrans.evaluation.metrics.distributions import sliced_wasserstein
from imtrans.theory.transport import (
  gaussian_sliced_cost,
  line_transport_cost,
  random_directions,
  sliced_transport_cost,
)


def _clouds(n, m, dimension):
  random = np.random.default_rng(0)
  x, y = random.normal(size=(n, dimension)), 1.5 * random.normal(size=(m, dimension)) + 0.5
  return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)


def test_a_line_by_hand():
  x, y = jnp.array([3.0, 0.0]), jnp.array([1.0, 5.0])
  np.testing.assert_allclose(line_transport_cost(x, y), (1.0 + 4.0) / 2)
  # One third of the mass goes from 0 to 0, one sixth from 0 to 3, a sixth and a third from 6.
  y = jnp.array([0.0, 3.0, 6.0])
  np.testing.assert_allclose(line_transport_cost(2.0 * x, y, order=1.0), 3.0 / 6 + 3.0 / 6)
  np.testing.assert_allclose(line_transport_cost(2.0 * x, y), 9.0 / 6 + 9.0 / 6)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("size", [12, 7])
def test_a_line_is_that_of_pot(order, size):
  x, y = _clouds(12, size, 1)
  expected = ot.wasserstein_1d(*(np.asarray(v[:, 0], np.float64) for v in (x, y)), p=order)
  np.testing.assert_allclose(
    line_transport_cost(x[:, 0], y[:, 0], order=order), expected, rtol=1e-5
  )


@pytest.mark.parametrize("size", [40, 25])
def test_slices_are_those_of_pot_and_of_the_evaluation(size):
  x, y = _clouds(40, size, 5)
  directions = random_directions(jax.random.key(1), 64, 5)
  np.testing.assert_allclose(jnp.linalg.norm(directions, axis=1), np.ones(64), rtol=1e-6)
  value = jax.jit(sliced_transport_cost)(x, y, directions)
  numpy = [np.asarray(v, np.float64) for v in (x, y, directions)]
  expected = ot.sliced_wasserstein_distance(*numpy[:2], projections=numpy[2].T, p=2)
  np.testing.assert_allclose(value, expected**2, rtol=1e-4)
  # The same directions as the evaluation draws.
  drawn = np.random.default_rng(0).normal(size=(5, 512))
  drawn = (drawn / np.linalg.norm(drawn, axis=0)).T
  value = sliced_transport_cost(x, y, jnp.asarray(drawn, jnp.float32))
  np.testing.assert_allclose(np.sqrt(value), sliced_wasserstein(*numpy[:2]), rtol=1e-5)


def test_normal_distributions_in_closed_form():
  random = np.random.default_rng(1)
  dimension = 6
  mean = jnp.asarray(random.normal(size=dimension), jnp.float32)
  x = jnp.asarray(random.normal(size=(4000, dimension)), jnp.float32)
  y = 2.0 * jnp.asarray(random.normal(size=(4000, dimension)), jnp.float32) + mean[None]
  directions = random_directions(jax.random.key(0), 50, dimension)
  # The sphere's average of each direction's exact value; the sample of directions is not the point.
  exact = np.mean(np.asarray(directions @ mean) ** 2) + 1.0
  np.testing.assert_allclose(sliced_transport_cost(x, y, directions), exact, rtol=0.05)
  one, two = jnp.float32(1.0), jnp.float32(2.0)
  closed = gaussian_sliced_cost(jnp.zeros(dimension), one, mean, two)
  many = random_directions(jax.random.key(1), 20_000, dimension)
  np.testing.assert_allclose(np.mean(np.asarray(many @ mean) ** 2) + 1.0, closed, rtol=0.02)


def test_descent_along_slices_carries_one_cloud_onto_the_other():
  x, y = _clouds(30, 30, 3)

  def step(index, x):
    directions = random_directions(jax.random.fold_in(jax.random.key(2), index), 8, 3)
    # A direction moves a point by its gap; 3 directions at right angles would be exact transport.
    return x - 0.5 * 30 * 3 * jax.grad(sliced_transport_cost)(x, y, directions) / 2

  moved = jax.jit(lambda x: jax.lax.fori_loop(0, 200, step, x))(x)
  directions = random_directions(jax.random.key(3), 64, 3)
  before, after = (sliced_transport_cost(v, y, directions) for v in (x, moved))
  assert after < 1e-2 * before


def test_sliced_transport_is_at_most_transport_over_the_dimension():
  x, y = _clouds(25, 25, 4)
  squares = np.sum((np.asarray(x)[:, None] - np.asarray(y)[None]) ** 2, axis=-1)
  exact = ot.emd2([], [], squares.astype(np.float64))
  directions = random_directions(jax.random.key(0), 4000, 4)
  assert sliced_transport_cost(x, y, directions) <= exact / 4 * 1.02


def test_shapes_are_checked():
  with pytest.raises(ValueError, match="x and y must be vectors"):
    line_transport_cost(jnp.ones((3, 1)), jnp.ones(3))
