import os

for backend in ("JAX", "PYTORCH", "TENSORFLOW", "CUPY"):
  os.environ.setdefault(f"POT_BACKEND_DISABLE_{backend}", "1")

import jax
import jax.numpy as jnp
import numpy as np
import ot
import pytest

from imtrans.evaluation.metrics.distributions import frechet_distance_of_moments
from imtrans.theory.transport import (
  entropic_map,
  entropic_plan,
  entropic_transport_cost,
  gaussian_entropic_cost,
  gaussian_sinkhorn_divergence,
  gaussian_wasserstein,
  inverse_map,
  monge_map,
  sinkhorn,
  squared_distances,
  symmetric_root,
)


@pytest.fixture(autouse=True)
def _double():
  with jax.enable_x64(True):
    yield


def _line(mean, deviation):
  return jnp.array([mean]), jnp.array([[deviation**2]])


def _grid(mean, deviation, *, reach=6.5, points=101):
  """A normal distribution on a grid so wide and fine that its sums are integrals."""
  x = mean + deviation * np.linspace(-reach, reach, points)
  weights = np.exp(-0.5 * ((x - mean) / deviation) ** 2)
  return jnp.asarray(x[:, None]), jnp.asarray(weights / weights.sum())


def _problem(dimension=4):
  random = np.random.default_rng(0)
  factors = random.normal(size=(2, dimension, dimension))
  covariances = factors @ factors.transpose(0, 2, 1) + 0.1 * np.eye(dimension)
  means = random.normal(size=(2, dimension))
  return tuple(jnp.asarray(v) for v in (means[0], covariances[0], means[1], covariances[1]))


# Standard deviations .7 and 1.3, means .8 apart.
PAIR = (0.0, 0.7, 0.8, 1.3)
ENTROPIC = {0.2: 1.323574, 1.0: 1.867677, 4.0: 2.440154}
DIVERGENCE = {0.2: 0.99946, 1.0: 0.98731, 4.0: 0.88891}


@pytest.mark.parametrize("epsilon", ENTROPIC)
def test_the_line_in_closed_form_and_by_sinkhorn_on_a_grid(epsilon):
  a, b = _line(*PAIR[:2]), _line(*PAIR[2:])
  value = gaussian_entropic_cost(*a, *b, epsilon=epsilon)
  np.testing.assert_allclose(value, ENTROPIC[epsilon], atol=1e-6)
  # The formula as printed, in one dimension.
  product = 0.7**2 * 1.3**2
  kappa = (-epsilon + np.sqrt(epsilon**2 + 16 * product)) / 4
  printed = 0.64 + 0.49 + 1.69 - 2 * kappa - 0.5 * epsilon * np.log(1 - kappa**2 / product)
  np.testing.assert_allclose(value, printed, rtol=1e-12)
  np.testing.assert_allclose(0.49 * entropic_map(*a, *b, epsilon=epsilon).matrix, [[kappa]])

  (x, weights_x), (y, weights_y) = _grid(*PAIR[:2]), _grid(*PAIR[2:])
  cost = squared_distances(x, y)
  simulated = entropic_transport_cost(
    cost, weights_x, weights_y, epsilon=epsilon, tolerance=1e-9, max_steps=5000
  )
  np.testing.assert_allclose(simulated, value, atol=1e-7)
  potentials = sinkhorn(cost, weights_x, weights_y, epsilon=epsilon, tolerance=1e-9)
  plan = entropic_plan(cost, weights_x, weights_y, potentials, epsilon=epsilon)
  covariance = np.sum(plan * (x * (y.T - 0.8)))
  np.testing.assert_allclose(covariance, kappa, atol=1e-7)


def test_a_truncated_grid_is_off_by_a_percent():
  # The other side of the test above: sums are integrals only if the grid reaches far enough.
  (x, a), (y, b) = (_grid(*PAIR[i : i + 2], reach=2.5, points=41) for i in (0, 2))
  value = entropic_transport_cost(squared_distances(x, y), a, b, epsilon=1.0)
  assert 0.005 < abs(float(value) / ENTROPIC[1.0] - 1.0) < 0.05


def test_the_divergence_falls_from_transport_to_the_means():
  a, b = _line(*PAIR[:2]), _line(*PAIR[2:])
  for epsilon, expected in DIVERGENCE.items():
    value = gaussian_sinkhorn_divergence(*a, *b, epsilon=epsilon)
    np.testing.assert_allclose(value, expected, atol=5e-6)
  limits = [gaussian_sinkhorn_divergence(*a, *b, epsilon=e) for e in (1e-6, 1e6)]
  np.testing.assert_allclose(limits, [1.0, 0.64], atol=1e-5)
  np.testing.assert_allclose(gaussian_wasserstein(*a, *b), 1.0, rtol=1e-12)


def test_transport_is_that_of_pot_and_of_the_evaluation():
  problem = _problem()
  value = gaussian_wasserstein(*problem)
  numpy = [np.asarray(v) for v in problem]
  expected = ot.gaussian.bures_wasserstein_distance(numpy[0], numpy[2], numpy[1], numpy[3])
  np.testing.assert_allclose(value, expected**2, rtol=1e-10)
  np.testing.assert_allclose(value, frechet_distance_of_moments(*numpy), rtol=1e-10)

  transport = monge_map(*problem)
  matrix, offset = ot.gaussian.bures_wasserstein_mapping(numpy[0], numpy[2], numpy[1], numpy[3])
  np.testing.assert_allclose(transport.matrix, matrix, atol=1e-9)
  np.testing.assert_allclose(transport.offset, np.ravel(offset), atol=1e-9)


def test_the_monge_map_carries_one_distribution_to_the_other_at_that_cost():
  mean_a, cov_a, mean_b, cov_b = _problem()
  transport = monge_map(mean_a, cov_a, mean_b, cov_b)
  np.testing.assert_allclose(transport.matrix @ cov_a @ transport.matrix.T, cov_b, atol=1e-9)
  np.testing.assert_allclose(transport(mean_a[None]), mean_b[None], atol=1e-12)
  # It is the gradient of a convex function: symmetric and positive definite.
  np.testing.assert_allclose(transport.matrix, transport.matrix.T, atol=1e-10)
  assert np.all(np.linalg.eigvalsh(transport.matrix) > 0)
  moved = transport.matrix - np.eye(4)
  cost = np.sum((mean_a - mean_b) ** 2) + np.trace(moved @ cov_a @ moved.T)
  np.testing.assert_allclose(cost, gaussian_wasserstein(mean_a, cov_a, mean_b, cov_b), rtol=1e-9)


def test_the_way_back_is_the_inverse_of_the_monge_map_and_not_of_an_entropic_one():
  a, b = _problem()[:2], _problem()[2:]
  there, back = monge_map(*a, *b), monge_map(*b, *a)
  points = jnp.asarray(np.random.default_rng(1).normal(size=(5, 4)))
  np.testing.assert_allclose(back(there(points)), points, atol=1e-9)
  np.testing.assert_allclose(inverse_map(there).matrix, back.matrix, atol=1e-9)
  np.testing.assert_allclose(inverse_map(there).offset, back.offset, atol=1e-9)

  cycle = entropic_map(*b, *a, epsilon=1.0).matrix @ entropic_map(*a, *b, epsilon=1.0).matrix
  values = np.sort(np.linalg.eigvals(cycle).real)
  assert values[0] > 0.0 and values[-1] < 1.0
  # On a line the cycle multiplies by the squared correlation.
  a, b = _line(*PAIR[:2]), _line(*PAIR[2:])
  kappa = 0.49 * entropic_map(*a, *b, epsilon=1.0).matrix[0, 0]
  factors = [entropic_map(*pair, epsilon=1.0).matrix[0, 0] for pair in ((*a, *b), (*b, *a))]
  np.testing.assert_allclose(factors[0] * factors[1], kappa**2 / (0.49 * 1.69), rtol=1e-10)


def test_several_dimensions_are_a_sum_over_lines():
  random = np.random.default_rng(2)
  # Independent coordinates: cost and divergence are sums over lines.
  deviations = jnp.asarray(random.uniform(0.5, 1.5, (2, 3)))
  means = jnp.asarray(random.normal(size=(2, 3)))
  rotation = jnp.asarray(np.linalg.qr(random.normal(size=(3, 3)))[0])
  covariances = [rotation @ jnp.diag(d**2) @ rotation.T for d in deviations]
  value = gaussian_entropic_cost(
    rotation @ means[0], covariances[0], rotation @ means[1], covariances[1], epsilon=0.7
  )
  lines = [
    gaussian_entropic_cost(*_line(m0, d0), *_line(m1, d1), epsilon=0.7)
    for m0, d0, m1, d1 in zip(means[0], deviations[0], means[1], deviations[1], strict=True)
  ]
  np.testing.assert_allclose(value, sum(lines), rtol=1e-10)


def test_the_derivative_with_respect_to_the_temperature_is_the_entropy():
  problem = _problem()
  slope = jax.grad(lambda e: gaussian_entropic_cost(*problem, epsilon=e))(1.0)
  _, cov_a, _, cov_b = problem
  cross = cov_a @ entropic_map(*problem, epsilon=1.0).matrix
  joint = np.block([[cov_a, cross], [cross.T, cov_b]])
  determinants = [np.linalg.slogdet(m)[1] for m in (cov_a, cov_b, joint)]
  np.testing.assert_allclose(
    slope, 0.5 * (determinants[0] + determinants[1] - determinants[2]), rtol=1e-9
  )


def test_gradients_exist_where_eigenvalues_coincide():
  identity, zero = jnp.eye(3), jnp.zeros(3)
  # W2^2 between N(0, 1) and N(0, C): at C = 4 the derivative is 1 - T = 1 - 1 / 2.
  gradient = jax.grad(lambda c: gaussian_wasserstein(zero, identity, zero, c))(4.0 * identity)
  np.testing.assert_allclose(gradient, 0.5 * np.eye(3), atol=1e-12)
  direction = jnp.asarray(np.random.default_rng(3).normal(size=(3, 3)))
  direction = direction + direction.T
  root, change = jax.jvp(symmetric_root, (4.0 * identity,), (direction,))
  np.testing.assert_allclose(root, 2.0 * np.eye(3), atol=1e-12)
  np.testing.assert_allclose(change, direction / 4.0, atol=1e-12)


def test_the_root_has_the_derivative_of_finite_differences():
  _, matrix, _, direction = _problem()
  _, change = jax.jvp(symmetric_root, (matrix,), (direction,))
  step = 1e-5
  ends = [symmetric_root(matrix + sign * step * direction) for sign in (1.0, -1.0)]
  np.testing.assert_allclose(change, (ends[0] - ends[1]) / (2 * step), atol=1e-6)


@pytest.mark.parametrize("size", [2, ()], ids=["another size", "a scalar"])
def test_other_shapes_are_refused(size):
  mean, covariance = jnp.zeros(size), jnp.eye(3)

  def cost(*moments):
    return gaussian_entropic_cost(*moments, epsilon=1.0)

  for function in (gaussian_wasserstein, monge_map, cost):
    with pytest.raises(ValueError, match="mean_a, cov_a, mean_b and cov_b must be"):
      function(mean, covariance, mean, covariance)
