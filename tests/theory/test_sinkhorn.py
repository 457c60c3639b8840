import os

for backend in ("JAX", "PYTORCH", "TENSORFLOW", "CUPY"):
  os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest

from imtrans.theory.transport import entropic_plan, sinkhorn, squared_distances, symmetric_sinkhorn

TIGHT = {"tolerance": 1e-10, "max_steps": 20_000}


@pytest.fixture
def double():
  with jax.enable_x64(True):
    yield


def _problem(n=12, m=9, dimension=3):
  random = np.random.default_rng(0)
  x, y = random.normal(size=(n, dimension)), random.normal(size=(m, dimension)) + 0.5
  a, b = random.uniform(0.5, 1.5, n), random.uniform(0.5, 1.5, m)
  return tuple(jnp.asarray(v) for v in (x, y, a / a.sum(), b / b.sum()))


def test_squared_distances_far_from_the_origin():
  x, y, *_ = _problem()
  x, y = x.astype(jnp.float32) + 1e3, y.astype(jnp.float32) + 1e3
  expected = np.sum((np.asarray(x)[:, None] - np.asarray(y)[None]) ** 2, axis=-1)
  np.testing.assert_allclose(squared_distances(x, y), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("epsilon", [0.05, 0.5, 5.0])
def test_the_plan_is_that_of_pot(double, epsilon):
  x, y, a, b = _problem()
  cost = squared_distances(x, y)
  potentials = sinkhorn(cost, a, b, epsilon=epsilon, **TIGHT)
  plan = entropic_plan(cost, a, b, potentials, epsilon=epsilon)
  expected = ot.sinkhorn(
    *map(np.asarray, (a, b, cost)), epsilon, method="sinkhorn_log", stopThr=1e-11, numItermax=20_000
  )
  np.testing.assert_allclose(plan, expected, atol=1e-9)
  np.testing.assert_allclose(np.sum(plan, axis=0), b, atol=1e-12)
  error = np.sum(np.abs(np.sum(plan, axis=1) - a))
  np.testing.assert_allclose(potentials.marginal_error, error, atol=1e-13)
  assert error < 1e-9


def test_small_temperatures_find_exact_transport_in_single_precision():
  x, y, a, b = (v.astype(jnp.float32) for v in _problem())
  cost = squared_distances(x, y)
  exact = ot.emd2(*(np.asarray(v, np.float64) for v in (a / a.sum(), b / b.sum(), cost)))
  epsilon = 1e-3 * float(jnp.max(cost))
  potentials = sinkhorn(cost, a, b, epsilon=epsilon, tolerance=1e-3)
  plan = entropic_plan(cost, a, b, potentials, epsilon=epsilon)
  assert potentials.marginal_error <= 2e-3
  assert potentials.num_steps < 2000
  np.testing.assert_allclose(np.sum(plan * cost), exact, rtol=2e-2)
  # Far colder than exp would bear: exp(-C / epsilon) is 0 everywhere.
  frozen = sinkhorn(cost, a, b, epsilon=1e-6, max_steps=300)
  assert all(np.all(np.isfinite(v)) for v in frozen)


def test_a_warm_start_ends_where_a_cold_one_does_and_sooner(double):
  x, y, a, b = _problem()
  options = {"epsilon": 0.1, "tolerance": 1e-8}
  before = sinkhorn(squared_distances(x, y), a, b, **options)
  moved = squared_distances(x + 1e-3, y)
  cold, warm = (sinkhorn(moved, a, b, **options, initial=g) for g in (None, before.g))
  assert warm.num_steps < cold.num_steps
  difference = warm.f - cold.f
  np.testing.assert_allclose(difference, difference[0], atol=1e-7)


def test_too_few_steps_are_reported():
  x, y, a, b = (v.astype(jnp.float32) for v in _problem())
  cost = squared_distances(x, y)
  potentials = sinkhorn(cost, a, b, epsilon=0.05, max_steps=3)
  plan = entropic_plan(cost, a, b, potentials, epsilon=0.05)
  assert potentials.num_steps == 3
  assert potentials.marginal_error > 0.05
  error = np.sum(np.abs(np.sum(plan, axis=1) - a))
  np.testing.assert_allclose(potentials.marginal_error, error, rtol=1e-3)


def test_the_symmetric_iteration_solves_the_same_problem(double):
  x, _, a, _ = _problem()
  cost = squared_distances(x, x)
  fast = symmetric_sinkhorn(cost, a, epsilon=0.5, tolerance=1e-9)
  slow = sinkhorn(cost, a, a, epsilon=0.5, tolerance=1e-9, max_steps=20_000)
  assert fast.num_steps < slow.num_steps
  np.testing.assert_allclose(
    fast.f[:, None] + fast.g[None, :], slow.f[:, None] + slow.g[None, :], atol=1e-6
  )


def test_shapes_are_checked():
  a, b = jnp.ones(3) / 3, jnp.ones(4) / 4
  with pytest.raises(ValueError, match=r"cost must be \[n, m\]"):
    sinkhorn(jnp.ones((4, 3)), a, b, epsilon=1.0)
  with pytest.raises(ValueError, match=r"must be \[points, dimension\]"):
    squared_distances(jnp.ones((3, 2)), jnp.ones((3, 4)))
