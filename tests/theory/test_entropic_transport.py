import os

for backend in ("JAX", "PYTORCH", "TENSORFLOW", "CUPY"):
  os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest

from imtrans.theory.transport import entropic_transport_cost, sinkhorn_divergence, squared_distances

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


def _entropic_cost(plan, cost, a, b, epsilon):
  independent = np.outer(a, b)
  return np.sum(plan * cost) + epsilon * np.sum(plan * np.log(plan / independent))


def _pot_plan(a, b, cost, epsilon):
  arrays = (np.asarray(v) for v in (a, b, cost))
  options = {"method": "sinkhorn_log", "stopThr": 1e-9, "numItermax": 5000}
  return ot.sinkhorn(*arrays, epsilon, **options)


@pytest.mark.parametrize("epsilon", [0.5, 5.0])
def test_the_cost_is_that_of_the_plan_of_pot(double, epsilon):
  x, y, a, b = _problem()
  cost = squared_distances(x, y)
  plan = _pot_plan(a, b, cost, epsilon)
  value = entropic_transport_cost(cost, a, b, epsilon=epsilon, **TIGHT)
  np.testing.assert_allclose(value, _entropic_cost(plan, cost, a, b, epsilon), rtol=1e-8)


def test_entropy_costs_more_than_exact_transport_and_less_than_independence(double):
  x, y, a, b = _problem()
  cost = squared_distances(x, y)
  exact = ot.emd2(*map(np.asarray, (a, b, cost)))
  temperatures = (0.03, 0.3, 3.0, 300.0)
  values = [float(entropic_transport_cost(cost, a, b, epsilon=e, **TIGHT)) for e in temperatures]
  independent = float(a @ cost @ b)
  assert exact < values[0] < values[1] < values[2] < values[3] < independent
  np.testing.assert_allclose(values[3], independent, rtol=1e-2)
  # Error of order epsilon: the entropy of a plan is at most that of its weights.
  assert values[0] - exact < 0.03 * np.log(9)


def test_points_without_weight_change_nothing(double):
  x, y, a, b = _problem()
  cost = squared_distances(x, y)
  padded = jnp.pad(cost, ((0, 1), (0, 2)))
  a_padded, b_padded = jnp.pad(a, (0, 1)), jnp.pad(b, (0, 2))
  value, gradient = jax.value_and_grad(entropic_transport_cost)(
    padded, a_padded, b_padded, epsilon=0.2
  )
  np.testing.assert_allclose(value, entropic_transport_cost(cost, a, b, epsilon=0.2), rtol=1e-12)
  assert np.all(np.isfinite(gradient))
  assert not np.any(gradient[-1]) and not np.any(gradient[:, -2:])


def test_gradients_are_those_of_finite_differences(double):
  x, y, a, b = _problem(5, 4)
  random = np.random.default_rng(1)

  @jax.jit
  def value(x, a, epsilon):
    return entropic_transport_cost(squared_distances(x, y), a, b, epsilon=epsilon, **TIGHT)

  epsilon = jnp.asarray(0.4)
  directions = (random.normal(size=x.shape), random.normal(size=a.shape), 1.0)
  directions = (directions[0], directions[1] - directions[1].mean(), directions[2])
  gradients = jax.jit(jax.grad(value, argnums=(0, 1, 2)))(x, a, epsilon)
  step = 1e-5
  for index, (gradient, direction) in enumerate(zip(gradients, directions, strict=True)):
    ends = []
    for sign in (1.0, -1.0):
      point = [x, a, epsilon]
      point[index] = point[index] + sign * step * direction
      ends.append(float(value(*point)))
    expected = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(np.sum(gradient * direction), expected, rtol=1e-5)


@pytest.mark.parametrize("epsilon", [2.0, 8.0])
def test_the_divergence_is_that_of_pot(double, epsilon):
  x, y, a, b = _problem()
  value = sinkhorn_divergence(x, y, epsilon=epsilon, a=a, b=b, **TIGHT)
  costs = []
  for s, t, u, v in ((x, y, a, b), (x, x, a, a), (y, y, b, b)):
    cost = squared_distances(s, t)
    costs.append(_entropic_cost(_pot_plan(u, v, cost, epsilon), cost, u, v, epsilon))
  np.testing.assert_allclose(value, costs[0] - 0.5 * (costs[1] + costs[2]), rtol=1e-6)


def test_the_divergence_is_positive_symmetric_and_zero_at_equality():
  random = np.random.default_rng(2)
  divergence = jax.jit(lambda x, y: sinkhorn_divergence(x, y, epsilon=0.3))
  for _ in range(5):
    x, y = (jnp.asarray(random.normal(size=(8, 2)), jnp.float32) for _ in range(2))
    assert divergence(x, y) > 1e-3
    np.testing.assert_allclose(divergence(x, y), divergence(y, x), rtol=2e-3)
    np.testing.assert_allclose(divergence(x, x[::-1]), 0.0, atol=1e-4)
  gradient = jax.grad(divergence)(x, x)
  np.testing.assert_allclose(gradient, np.zeros_like(x), atol=1e-4)


def test_a_hot_divergence_sees_the_means_only(double):
  x, y, *_ = _problem()
  value = sinkhorn_divergence(x, y, epsilon=1e5)
  shift = np.mean(x, axis=0) - np.mean(y, axis=0)
  np.testing.assert_allclose(value, shift @ shift, rtol=1e-3)


def test_any_cost_and_many_problems_at_once():
  random = np.random.default_rng(3)
  x = jnp.asarray(random.normal(size=(4, 6, 2)), jnp.float32)

  def manhattan(x, y):
    return jnp.sum(jnp.abs(x[:, None] - y[None, :]), axis=-1)

  def divergence(x, y):
    return sinkhorn_divergence(x, y, epsilon=0.2, cost=manhattan)

  together = jax.jit(jax.vmap(divergence))(x, x[::-1])
  alone = [divergence(*pair) for pair in zip(x, x[::-1], strict=True)]
  np.testing.assert_allclose(together, np.asarray(alone), rtol=1e-3)


def test_debiasing_keeps_a_fitted_cloud_from_shrinking():
  # Points that descend OT collapse towards the mean; with the divergence they keep their spread.
  # The claim of an optimal-transport generator, without networks or discriminator.
  random = np.random.default_rng(4)
  target = jnp.asarray(random.normal(size=(40, 2)), jnp.float32)
  start = jnp.asarray(0.1 * random.normal(size=(40, 2)) + 2.0, jnp.float32)
  weights = jnp.full(40, 1 / 40, jnp.float32)
  epsilon = 2.0

  def biased(x):
    cost = squared_distances(x, target)
    return entropic_transport_cost(cost, weights, weights, epsilon=epsilon, max_steps=100)

  def debiased(x):
    return sinkhorn_divergence(x, target, epsilon=epsilon, max_steps=100)

  def fitted(loss):
    descend = jax.jit(
      lambda x: jax.lax.fori_loop(0, 60, lambda _, x: x - 10 * jax.grad(loss)(x), x)
    )
    return np.var(descend(start), axis=0).sum() / np.var(target, axis=0).sum()

  assert fitted(biased) < 0.6
  assert fitted(debiased) > 0.9


def test_shapes_are_checked():
  with pytest.raises(ValueError, match=r"cost must be \[n, m\]"):
    sinkhorn_divergence(jnp.ones((3, 2)), jnp.ones((4, 2)), epsilon=1.0, a=jnp.ones(4) / 4)
