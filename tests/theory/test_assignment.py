import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from imtrans.theory.transport import (
  assignment_cost,
  entropic_plan,
  line_transport_cost,
  optimal_assignment,
  sinkhorn,
  squared_distances,
)


def _cost(n, seed=0):
  return np.random.default_rng(seed).normal(size=(n, n)).astype(np.float32)


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_the_assignment_is_that_of_scipy(n):
  cost = _cost(n)
  rows, columns = linear_sum_assignment(cost)
  found = jax.jit(optimal_assignment)(jnp.asarray(cost))
  assert sorted(found.tolist()) == list(range(n))
  np.testing.assert_array_equal(found, columns)
  np.testing.assert_allclose(
    assignment_cost(jnp.asarray(cost)), cost[rows, columns].mean(), rtol=1e-5
  )


def test_no_permutation_is_cheaper_even_with_ties():
  costs = np.random.default_rng(1).integers(0, 3, (20, 5, 5)).astype(np.float32)
  found = jax.vmap(assignment_cost)(jnp.asarray(costs))
  permutations = np.array(list(itertools.permutations(range(5))))
  cheapest = costs[:, np.arange(5)[None], permutations].mean(axis=-1).min(axis=-1)
  np.testing.assert_allclose(found, cheapest, rtol=1e-6)


def test_the_gradient_is_the_permutation():
  cost = jnp.asarray(_cost(6))
  gradient = jax.grad(assignment_cost)(cost)
  expected = np.zeros((6, 6), np.float32)
  expected[np.arange(6), optimal_assignment(cost)] = 1 / 6
  np.testing.assert_allclose(gradient, expected, rtol=1e-6)


def test_on_a_line_it_is_sorting():
  random = np.random.default_rng(2)
  x, y = (jnp.asarray(random.normal(size=15), jnp.float32) for _ in range(2))
  cost = squared_distances(x[:, None], y[:, None])
  np.testing.assert_allclose(assignment_cost(cost), line_transport_cost(x, y), rtol=1e-4)
  np.testing.assert_array_equal(
    np.argsort(np.asarray(y)[optimal_assignment(cost)]), np.argsort(np.asarray(x))
  )


def test_sinkhorn_freezes_into_it():
  with jax.enable_x64(True):
    cost = jnp.asarray(np.abs(_cost(12)), jnp.float64)
    weights = jnp.full(12, 1 / 12)
    potentials = sinkhorn(cost, weights, weights, epsilon=2e-3, tolerance=1e-6, max_steps=20_000)
    plan = entropic_plan(cost, weights, weights, potentials, epsilon=2e-3)
    columns = optimal_assignment(cost)
    np.testing.assert_array_equal(np.argmax(plan, axis=1), columns)
    np.testing.assert_allclose(np.sum(plan * cost), assignment_cost(cost), rtol=1e-2)


def test_the_cost_must_be_square():
  with pytest.raises(ValueError, match=r"cost must be square, got shape \(2, 3\)"):
    optimal_assignment(jnp.ones((2, 3)))
