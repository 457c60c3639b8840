import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.theory.transport import (
  barycentric_map,
  cycle_cost,
  cycle_step,
  gaussian_pushforward,
  gaussian_wasserstein,
  line_plan_costs,
  linear_map_cost,
  monge_map,
  preferred_correlation,
  squared_distances,
)

_cycle_cost = jax.jit(cycle_cost)


@pytest.fixture(autouse=True)
def _double():
  with jax.enable_x64(True):
    yield


def _random_plan(random, n, m):
  """A plan with equal weights, by rescaling rows and columns in turn."""
  plan = random.uniform(size=(n, m)) ** 3
  for _ in range(300):
    plan /= plan.sum(axis=1, keepdims=True) * n
    plan /= plan.sum(axis=0, keepdims=True) * m
  return jnp.asarray(plan)


def _correlated_grid(std_a, std_b, correlation, points=61):
  """The normal plan of a correlation on a grid, as arrays x, y and P."""
  x, y = (jnp.linspace(-5.0, 5.0, points)[:, None] * s for s in (std_a, std_b))
  u, v = x / std_a, y.T / std_b
  exponent = u**2 - 2.0 * correlation * u * v + v**2
  plan = jnp.exp(-0.5 * exponent / (1.0 - correlation**2))
  return x, y, plan / jnp.sum(plan)


def _correlation(plan, x, y):
  moments = [np.sum(plan * v) for v in (x * y.T, x**2 + 0 * y.T, y.T**2 + 0 * x)]
  return moments[0] / np.sqrt(moments[1] * moments[2])


def test_the_way_back_by_hand():
  plan = jnp.array([[0.5, 0.0], [0.25, 0.25]])
  points = jnp.array([[0.0], [3.0]])
  np.testing.assert_allclose(barycentric_map(plan, points), [[0.0], [1.5]])
  # From y_0 the best guess is 1, with squared errors 1 and 4; y_1 has one origin.
  np.testing.assert_allclose(_cycle_cost(plan, points), 0.5 * 1.0 + 0.25 * 4.0)


def test_the_cycle_loss_is_zero_at_every_permutation_and_only_transport_chooses():
  random = np.random.default_rng(0)
  x, y = (jnp.asarray(random.normal(size=(5, 2))) for _ in range(2))
  plans = jnp.eye(5)[np.array(list(itertools.permutations(range(5))))] / 5
  np.testing.assert_allclose(jax.vmap(lambda p: cycle_cost(p, x))(plans), np.zeros(120), atol=1e-12)
  costs = np.sum(plans * squared_distances(x, y)[None], axis=(1, 2))
  assert np.sum(costs < costs.min() + 1e-9) == 1 and np.ptp(costs) > 1.0


def test_the_cycle_loss_is_concave_and_largest_at_independence():
  random = np.random.default_rng(1)
  x = jnp.asarray(random.normal(size=(6, 2)))
  variance = np.sum(np.var(x, axis=0))
  np.testing.assert_allclose(_cycle_cost(jnp.full((6, 4), 1 / 24), x), variance)
  for _ in range(10):
    one, two = _random_plan(random, 6, 4), _random_plan(random, 6, 4)
    ends = [float(_cycle_cost(plan, x)) for plan in (one, two)]
    assert _cycle_cost(0.3 * one + 0.7 * two, x) >= 0.3 * ends[0] + 0.7 * ends[1] - 1e-12
    assert min(ends) > 0.0 and max(ends) < variance
  # Fewer answers than questions: no plan can be undone.
  halves = jnp.repeat(jnp.eye(3), 2, axis=0) / 6
  assert _cycle_cost(halves, x) > 0.0


def test_all_gaussian_maps_arrive_and_return_and_the_monge_map_is_the_cheapest():
  random = np.random.default_rng(2)
  factors = random.normal(size=(2, 3, 3))
  cov_a, cov_b = (jnp.asarray(f @ f.T + 0.1 * np.eye(3)) for f in factors)
  zero = jnp.zeros(3)
  cheapest = gaussian_wasserstein(zero, cov_a, zero, cov_b)
  optimal = monge_map(zero, cov_a, zero, cov_b).matrix
  np.testing.assert_allclose(linear_map_cost(cov_a, optimal), cheapest, rtol=1e-8)
  for _ in range(20):
    rotation = jnp.asarray(np.linalg.qr(random.normal(size=(3, 3)))[0])
    matrix = gaussian_pushforward(cov_a, cov_b, rotation)
    np.testing.assert_allclose(matrix @ cov_a @ matrix.T, cov_b, atol=1e-9)
    assert linear_map_cost(cov_a, matrix) >= cheapest - 1e-9
    # The pushforward of another rotation's inverse undoes it: a cycle without loss.
    back = gaussian_pushforward(cov_b, cov_a, rotation.T)
    np.testing.assert_allclose(back @ matrix, np.eye(3), atol=1e-8)
  # The Monge map is one of them.
  lower_a, lower_b = np.linalg.cholesky(cov_a), np.linalg.cholesky(cov_b)
  rotation = jnp.asarray(np.linalg.solve(lower_b, optimal @ lower_a))
  np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-8)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6])
def test_costs_of_plans_on_a_line_are_those_of_the_grid(correlation):
  x, y, plan = _correlated_grid(0.7, 1.3, correlation)
  transport, cycle = line_plan_costs(0.7, 1.3, correlation, shift=0.8)
  np.testing.assert_allclose(np.sum(plan * squared_distances(x, y + 0.8)), transport, atol=1e-4)
  np.testing.assert_allclose(_cycle_cost(plan, x) + _cycle_cost(plan.T, y), cycle, atol=1e-4)


def test_costs_of_maps_on_a_line():
  # Both monotone maps have no cycle loss; their transport costs differ by 4 s_a s_b.
  transport, cycle = line_plan_costs(0.7, 1.3, jnp.array([1.0, -1.0]), shift=0.8)
  np.testing.assert_allclose(transport, [0.64 + 0.36, 0.64 + 4.0])
  np.testing.assert_allclose(cycle, [0.0, 0.0], atol=1e-15)


@pytest.mark.parametrize("start", [0.2, -0.2])
def test_cycle_training_with_entropy_finds_either_of_two_plans(start):
  epsilon, weight = 2.0, 1.0
  expected = preferred_correlation(0.7, 1.3, cycle_weight=weight, epsilon=epsilon)
  np.testing.assert_allclose(expected, np.sqrt(1 - 2.0 / (2 * 2.18)))
  x, y, plan = _correlated_grid(0.7, 1.3, start)
  step = jax.jit(
    lambda plan: cycle_step(
      plan, x, y, jnp.zeros_like(plan), cycle_weight=weight, epsilon=epsilon, tolerance=1e-8
    )
  )
  losses = []
  for _ in range(25):
    plan = step(plan)
    a, b = jnp.sum(plan, axis=1), jnp.sum(plan, axis=0)
    ratio = plan / (a[:, None] * b[None, :])
    divergence = np.sum(np.where(plan > 0, plan * np.log(np.where(plan > 0, ratio, 1.0)), 0.0))
    losses.append(float(_cycle_cost(plan, x) + _cycle_cost(plan.T, y) + epsilon * divergence))
  assert np.all(np.diff(losses) < 1e-7)
  found = _correlation(plan, x, y)
  np.testing.assert_allclose(found, np.sign(start) * expected, atol=2e-3)
  np.testing.assert_allclose(
    losses[-1], 2.18 * (1 - expected**2) - 0.5 * epsilon * np.log(1 - expected**2), atol=1e-3
  )


def test_a_weak_cycle_loss_leaves_the_input_ignored():
  assert preferred_correlation(0.7, 1.3, cycle_weight=1.0, epsilon=4.4) == 0.0
  x, y, plan = _correlated_grid(0.7, 1.3, 0.5)
  step = jax.jit(
    lambda plan: cycle_step(plan, x, y, jnp.zeros_like(plan), cycle_weight=1.0, epsilon=8.0)
  )
  for _ in range(12):
    plan = step(plan)
  assert abs(_correlation(plan, x, y)) < 1e-3


def test_a_little_transport_cost_turns_the_wrong_plan_around():
  x, y, plan = _correlated_grid(0.7, 1.3, -0.2)
  cost = 0.5 * squared_distances(x, y)
  step = jax.jit(lambda plan: cycle_step(plan, x, y, cost, cycle_weight=1.0, epsilon=2.0))
  for _ in range(25):
    plan = step(plan)
  correlation = _correlation(plan, x, y)
  assert correlation > preferred_correlation(0.7, 1.3, cycle_weight=1.0, epsilon=2.0)
  # A stationary point of 0.5 transport + cycle - (epsilon / 2) log(1 - rho^2).
  slope = jax.grad(
    lambda rho: (
      0.5 * line_plan_costs(0.7, 1.3, rho)[0]
      + line_plan_costs(0.7, 1.3, rho)[1]
      - jnp.log(1.0 - rho**2)
    )
  )
  assert slope(correlation - 0.005) < 0.0 < slope(correlation + 0.005)
