import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from imtrans.theory.adaptation import (
  Normal,
  a_distance,
  fit_domain_classifier,
  gaussian_a_distance,
  normal_differences,
  proxy_a_distance,
  threshold_divergence,
)

_estimate = jax.jit(proxy_a_distance, static_argnames=("num_folds", "num_steps"))


def _features(n, m, shift, *, dimension=8, seed=0):
  random = np.random.default_rng(seed)
  mixing = random.normal(size=(dimension, dimension)) + 2.0 * np.eye(dimension)
  x = random.normal(size=(n, dimension)) @ mixing
  y = random.normal(size=(m, dimension)) @ mixing + shift
  return jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32), jnp.asarray(mixing.T @ mixing)


def test_the_ends_of_the_scale():
  np.testing.assert_allclose(a_distance(jnp.array([0.0, 0.25, 0.5])), [2.0, 1.0, 0.0])


def test_normal_distributions_have_the_distance_of_their_best_threshold():
  shift = jnp.array([1.0, -0.5, 0.25])
  covariance = jnp.array([[2.0, 0.3, 0.0], [0.3, 1.0, 0.2], [0.0, 0.2, 0.5]])
  value = gaussian_a_distance(jnp.zeros(3), shift, covariance)
  separation = np.sqrt(shift @ np.linalg.solve(covariance, shift))
  np.testing.assert_allclose(value, 2 * (1 - 2 * norm.cdf(-separation / 2)), rtol=1e-5)
  one, other = (Normal(jnp.float32(m), jnp.float32(1.0)) for m in (0.0, separation))
  np.testing.assert_allclose(value, threshold_divergence(normal_differences(one, other)), rtol=1e-5)


@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_the_estimate_is_the_closed_form_within_its_error(shift):
  x, y, covariance = _features(1500, 1500, shift)
  found = _estimate(x, y, jax.random.key(0), penalty=1e-5)
  direction = jnp.full(8, shift, jnp.float32)
  exact = float(gaussian_a_distance(jnp.zeros(8), direction, covariance))
  assert abs(float(found.distance) - exact) < 3 * float(found.deviation)
  assert 0.0 < found.deviation < 0.04
  np.testing.assert_allclose(
    found.distance, 2 - 2 * (found.source_error + found.target_error), atol=1e-6
  )


def test_a_penalty_hides_a_shift_along_a_direction_of_small_variance():
  x, y, covariance = _features(1500, 1500, 0.3)
  exact = float(gaussian_a_distance(jnp.zeros(8), jnp.full(8, 0.3, jnp.float32), covariance))
  found = [
    float(_estimate(x, y, jax.random.key(0), penalty=p).distance) for p in (1e-1, 1e-2, 1e-3)
  ]
  # The covariance has eigenvalues from 1 to 3600.
  assert found[0] < 0.2 * exact and found[1] < 0.5 * exact and 0.85 * exact < found[2] < exact


def test_the_deviation_is_that_of_repeated_experiments():
  key = jax.random.key(0)
  pairs = np.random.default_rng(0).normal(size=(40, 2, 200, 8)).astype(np.float32)
  found = [_estimate(jnp.asarray(x), jnp.asarray(y + np.float32(0.4)), key) for x, y in pairs]
  spread = np.std([v.distance for v in found])
  claimed = np.mean([v.deviation for v in found])
  assert 0.7 < spread / claimed < 1.4


def test_domains_that_never_meet():
  x, y, _ = _features(60, 40, 100.0)
  found = _estimate(x, y, jax.random.key(0))
  assert float(found.distance) == 2.0
  assert found.deviation > 0.0


def test_sets_of_different_sizes_and_a_constant_feature():
  x, y, _ = _features(900, 90, 0.0)
  x, y = (v.at[:, 0].set(4.0) for v in (x, y))
  found = _estimate(x, y, jax.random.key(0))
  # A classifier that always said "source" would have an error of 9 % without balance.
  assert abs(float(found.distance)) < 4 * float(found.deviation)
  assert 0.3 < found.source_error < 0.7


def test_more_features_than_samples():
  x, y, _ = _features(40, 40, 0.0, dimension=200)
  found = _estimate(x, y, jax.random.key(0))
  assert np.isfinite(found.distance)
  assert abs(float(found.distance)) < 4 * float(found.deviation)


def test_a_failed_fit_is_not_taken_for_equal_domains():
  x, y, _ = _features(40, 40, 1.0)
  found = _estimate(x.at[3, 2].set(jnp.nan), y, jax.random.key(0))
  assert np.isnan(found.distance) and np.isnan(found.deviation)


def test_the_fit_is_the_minimum():
  x, y, _ = _features(60, 30, 1.0, dimension=3)
  features = jnp.concatenate([x, y])
  is_target = jnp.arange(90) >= 60
  logits = fit_domain_classifier(features, is_target, jnp.ones(90), penalty=0.1, num_steps=400)
  shares = np.where(is_target, 0.5 / 30, 0.5 / 60)
  data = np.asarray(features, np.float64)
  data = data - shares @ data
  data = data / np.sqrt(shares @ data**2)
  signs = np.where(is_target, 1.0, -1.0)

  def loss(w):
    return shares @ np.logaddexp(0.0, -signs * (data @ w[:3] + w[3])) + 0.05 * w[:3] @ w[:3]

  w = minimize(loss, np.zeros(4), tol=1e-10).x
  np.testing.assert_allclose(logits, data @ w[:3] + w[3], atol=1e-3)


def test_arguments_are_checked():
  x, key = jnp.ones((6, 2)), jax.random.key(0)
  with pytest.raises(ValueError, match=r"\[samples, dimension\] of the same features"):
    proxy_a_distance(x, jnp.ones((6, 3)), key)
  with pytest.raises(ValueError, match="from 2 to the smaller number of samples, 3; got 5"):
    proxy_a_distance(x, jnp.ones((3, 2)), key)
