import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import stats

from imtrans.objectives import mean_absolute_error, mean_squared_error
from imtrans.theory.noise import likelihood

GRID = jnp.linspace(-40.0, 40.0, 80_001)

DENSITIES = {"gauss": stats.norm.logpdf, "laplace": stats.laplace.logpdf}
DIVERGENCES = {
  ("gauss", "gauss"): likelihood.gauss_gauss_divergence,
  ("gauss", "laplace"): likelihood.gauss_laplace_divergence,
  ("laplace", "gauss"): likelihood.laplace_gauss_divergence,
  ("laplace", "laplace"): likelihood.laplace_laplace_divergence,
}


@pytest.mark.parametrize(("true", "model"), DIVERGENCES)
@pytest.mark.parametrize(("scale", "model_scale", "shift"), [(0.7, 1.3, 0.0), (1.5, 0.8, -0.9)])
def test_divergences_equal_quadrature(true, model, scale, model_scale, shift):
  true_log = DENSITIES[true](GRID, shift, scale)
  model_log = DENSITIES[model](GRID, 0.0, model_scale)
  quadrature = jnp.trapezoid(jnp.exp(true_log) * (true_log - model_log), GRID)
  closed = DIVERGENCES[true, model](scale, model_scale, shift=shift)
  np.testing.assert_allclose(closed, quadrature, rtol=2e-4)


@pytest.mark.parametrize("kind", DENSITIES)
def test_divergence_is_zero_at_equality_alone(kind):
  divergence = DIVERGENCES[kind, kind]
  assert abs(float(divergence(0.3, 0.3))) < 1e-6
  scales = jnp.array([0.1, 0.2, 0.29, 0.31, 0.5])
  assert (jax.vmap(lambda scale: divergence(0.3, scale))(scales) > 0).all()
  assert (jax.vmap(lambda shift: divergence(0.3, 0.3, shift=shift))(scales) > 0).all()


def test_the_best_laplace_scale_for_gaussian_noise():
  scale = likelihood.best_laplace_scale(2.0)
  np.testing.assert_allclose(scale, 2 * 0.79788, rtol=1e-5)
  closed = 0.5 - math.log(math.pi / 2)
  np.testing.assert_allclose(likelihood.gauss_laplace_divergence(2.0, scale), closed, rtol=1e-5)
  np.testing.assert_allclose(closed, 0.04842, atol=1e-5)
  slope, curvature = _derivatives(lambda b: likelihood.gauss_laplace_divergence(2.0, b), scale)
  assert abs(slope) < 1e-6
  assert curvature > 0


def test_the_best_gaussian_deviation_for_laplace_noise():
  deviation = likelihood.best_gauss_deviation(0.5)
  np.testing.assert_allclose(deviation, math.sqrt(2) / 2, rtol=1e-6)
  closed = 0.5 * (math.log(math.pi) - 1)
  np.testing.assert_allclose(likelihood.laplace_gauss_divergence(0.5, deviation), closed, rtol=1e-5)
  np.testing.assert_allclose(closed, 0.07236, atol=1e-5)
  slope, curvature = _derivatives(lambda s: likelihood.laplace_gauss_divergence(0.5, s), deviation)
  assert abs(slope) < 1e-6
  assert curvature > 0


def test_likelihoods_are_the_reconstruction_losses_with_these_weights():
  images, targets = jax.random.uniform(jax.random.key(0), (2, 4, 5, 3))
  count, scale = images.size, 0.2
  laplace = -jnp.sum(stats.laplace.logpdf(targets, images, scale))
  l1 = likelihood.l1_weight(scale, num_values=count) * mean_absolute_error(images, targets)
  np.testing.assert_allclose(laplace, l1 + count * math.log(2 * scale), rtol=1e-5)
  gauss = -jnp.sum(stats.norm.logpdf(targets, images, scale))
  l2 = likelihood.l2_weight(scale, num_values=count) * mean_squared_error(images, targets)
  constant = 0.5 * count * math.log(2 * math.pi * scale**2)
  np.testing.assert_allclose(gauss, l2 + constant, rtol=1e-5)


def test_the_temperature_of_weight_100():
  asked = likelihood.l1_weight(0.1, num_values=3 * 256 * 256)
  beta = likelihood.inverse_temperature(100.0, asked)
  np.testing.assert_allclose(beta, 5.1e-5, rtol=0.01)
  np.testing.assert_allclose(1 / beta, 2e4, rtol=0.02)


def test_more_noise_means_less_weight():
  deviations = jnp.array([0.05, 0.1, 0.2])
  weights = jax.vmap(lambda s: likelihood.l1_weight(likelihood.best_laplace_scale(s)))(deviations)
  np.testing.assert_allclose(weights * deviations, math.sqrt(math.pi / 2) * np.ones(3), rtol=1e-6)


def test_efficiencies_of_the_wrong_loss():
  generator = np.random.default_rng(0)
  gauss, laplace = generator.normal(size=(4000, 601)), generator.laplace(size=(4000, 601))
  l1 = np.var(np.mean(gauss, axis=1)) / np.var(np.median(gauss, axis=1))
  l2 = np.var(np.median(laplace, axis=1)) / np.var(np.mean(laplace, axis=1))
  np.testing.assert_allclose(likelihood.L1_EFFICIENCY_UNDER_GAUSS, 0.6366, atol=5e-5)
  np.testing.assert_allclose(l1, likelihood.L1_EFFICIENCY_UNDER_GAUSS, rtol=0.08)
  np.testing.assert_allclose(l2, likelihood.L2_EFFICIENCY_UNDER_LAPLACE, rtol=0.12)


def _derivatives(function, value):
  slope = jax.grad(function)
  return float(slope(value)), float(jax.grad(slope)(value))
