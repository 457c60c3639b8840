import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks.normalization import EPSILON, instance_norm
from imtrans.theory import normalization

IMAGES = jax.random.normal(jax.random.key(0), (2, 16, 12, 3)) * 0.5 + 0.2


def test_output_statistics_are_scale_and_shift_whatever_comes_in():
  scale, shift = jnp.array([0.5, -2.0, 1.0]), jnp.array([0.1, 0.0, -1.0])
  for gains in (jnp.ones(3), jnp.array([0.3, 4.0, -1.0])):
    images = normalization.recolour(IMAGES, gains, jnp.array([3.0, -1.0, 0.0]))
    normalized = normalization.recolour(instance_norm(images), scale, shift)
    mean, variance = normalization.measured_statistics(normalized)
    for image in range(2):
      closed = normalization.output_statistics(
        normalization.measured_statistics(images)[1][image], scale, shift, epsilon=EPSILON
      )
      np.testing.assert_allclose(mean[image], closed[0], atol=1e-5)
      np.testing.assert_allclose(variance[image], closed[1], rtol=1e-4)
    np.testing.assert_allclose(variance, jnp.stack([jnp.square(scale)] * 2), rtol=1e-3)


@pytest.mark.parametrize("deviation", [1e-3, 0.0032, 0.1])
def test_what_epsilon_leaves_behind(deviation):
  checkers = jnp.where(jnp.arange(16) % 2 == 0, deviation, -deviation).reshape(1, 4, 4, 1)
  _, variance = normalization.measured_statistics(instance_norm(checkers))
  closed = normalization.variance_kept(deviation**2, epsilon=EPSILON)
  np.testing.assert_allclose(variance[0, 0], closed, rtol=1e-5)
  if deviation == 0.0032:
    np.testing.assert_allclose(closed, 0.5, atol=0.01)


@pytest.mark.parametrize("gain", [-3.0, -1.0, 0.01, 0.5, 20.0])
def test_recolouring_leaves_the_sign_and_a_factor_of_epsilon(gain):
  recoloured = instance_norm(gain * IMAGES + 0.7)
  _, variance = normalization.measured_statistics(IMAGES)
  factor = normalization.recolouring_response(gain, variance, epsilon=EPSILON)
  expected = factor[:, None, None, :] * instance_norm(IMAGES)
  np.testing.assert_allclose(recoloured, expected, atol=3e-4)
  exact = normalization.recolouring_response(gain, variance, epsilon=0.0)
  np.testing.assert_allclose(exact, jnp.full((2, 3), jnp.sign(gain)), rtol=1e-6)


def test_colour_inversion_passes_as_a_change_of_sign():
  np.testing.assert_allclose(instance_norm(-IMAGES), -instance_norm(IMAGES), atol=1e-6)
  assert (
    jnp.max(jnp.abs(jax.nn.relu(instance_norm(-IMAGES)) - jax.nn.relu(instance_norm(IMAGES)))) > 1.0
  )


def test_recolouring_leaks_without_normalisation_alone():
  gains, shifts = jnp.array([2.0, -0.5, 1.3]), jnp.array([0.2, 0.1, -0.4])
  leak = functools.partial(
    normalization.recolouring_leak, images=IMAGES, gains=gains, shifts=shifts
  )
  assert leak(instance_norm) < 2e-4
  assert leak(functools.partial(instance_norm, epsilon=0.0)) < 1e-5
  by_hand = (jnp.abs(gains) - 1.0) * jnp.sign(gains)
  change = normalization.recolour(IMAGES, by_hand, shifts)
  size = jnp.sqrt(jnp.mean(jnp.square(change)) / jnp.mean(jnp.square(IMAGES)))
  np.testing.assert_allclose(leak(lambda images: images), size, rtol=1e-5)


@pytest.mark.parametrize("pixels", [0, 1, 10, 63, 64])
def test_a_label_loses_its_value_where_it_fills_the_image(pixels):
  label = (jnp.arange(64) < pixels).astype(jnp.float32).reshape(1, 8, 8, 1)
  normalized = instance_norm(label).reshape(-1)
  inside, outside = normalization.label_response(pixels / 64, epsilon=EPSILON)
  if pixels > 0:
    np.testing.assert_allclose(normalized[0], inside, rtol=1e-4, atol=1e-6)
  if pixels < 64:
    np.testing.assert_allclose(normalized[-1], outside, rtol=1e-4, atol=1e-6)
  if pixels in (0, 64):
    np.testing.assert_allclose(normalized, jnp.zeros(64), atol=1e-6)


def test_constant_images_and_single_pixels_become_zero():
  colors = jax.random.normal(jax.random.key(1), (4, 1, 1, 3))
  constant = jnp.tile(colors, (1, 5, 5, 1))
  # The rounding of the mean, over the square root of epsilon.
  np.testing.assert_allclose(instance_norm(constant), jnp.zeros_like(constant), atol=5e-4)
  np.testing.assert_allclose(instance_norm(colors), jnp.zeros_like(colors), atol=1e-6)


def test_closed_forms_differentiate():
  slope = jax.grad(lambda v: normalization.variance_kept(v, epsilon=1e-5))(1e-5)
  np.testing.assert_allclose(slope, 1e-5 / (2e-5) ** 2, rtol=1e-4)
