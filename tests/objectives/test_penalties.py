import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.objectives import (
  gradient_penalty,
  lecam_penalty,
  squared_gradient_norms,
  zero_centered_penalty,
)

KEY = jax.random.key(0)
SHAPE = (4, 3, 3, 1)


def _images(seed):
  return jax.random.normal(jax.random.key(seed), SHAPE)


def _linear(weights):
  return lambda images: jnp.sum(images * weights[None], axis=(1, 2, 3))[:, None]


def _square(images):
  """D(x) = |x|^2 / 2, whose gradient is x."""
  return 0.5 * jnp.sum(jnp.square(images), axis=(1, 2, 3))


def test_the_slope_of_a_linear_critic_is_the_norm_of_its_weights():
  weights = jnp.zeros(SHAPE[1:]).at[0, 0, 0].set(3.0).at[2, 1, 0].set(4.0)  # |w| = 5.
  critic = _linear(weights)
  np.testing.assert_allclose(squared_gradient_norms(critic, _images(0)), np.full(4, 25.0))
  # (5 - 1)^2 wherever the images lie, and 25 / 2.
  np.testing.assert_allclose(gradient_penalty(critic, _images(0), _images(1), KEY), 16.0, rtol=1e-6)
  np.testing.assert_allclose(zero_centered_penalty(critic, _images(0)), 12.5, rtol=1e-6)


def test_a_critic_of_slope_one_costs_nothing_and_a_flat_one_has_a_gradient():
  weights = jnp.full(SHAPE[1:], 1.0 / 3.0)
  np.testing.assert_allclose(
    gradient_penalty(_linear(weights), _images(0), _images(1), KEY), 0.0, atol=1e-10
  )

  def cost(scale):
    return gradient_penalty(_linear(scale * weights), _images(0), _images(1), KEY)

  value, slope = jax.value_and_grad(cost)(0.0)
  np.testing.assert_allclose(value, 1.0, rtol=1e-5)
  assert np.isfinite(slope)
  np.testing.assert_allclose(jax.grad(cost)(2.0), 2.0, rtol=1e-5)  # (s - 1)^2 at s = 2.


def test_patches_count_by_their_mean():
  """A map of a critic's logits, all alike, has the slope of one of them."""
  weights = jnp.zeros(SHAPE[1:]).at[0, 0, 0].set(2.0)
  single = _linear(weights)

  def patches(images):
    return jnp.broadcast_to(single(images)[:, :, None, None], (4, 5, 5, 1))

  np.testing.assert_allclose(
    squared_gradient_norms(patches, _images(0)), np.full(4, 4.0), rtol=1e-5
  )


def test_each_image_has_a_norm_of_its_own():
  images = _images(0)
  norms = np.sum(np.square(np.asarray(images)), axis=(1, 2, 3))
  np.testing.assert_allclose(squared_gradient_norms(_square, images), norms, rtol=1e-5)
  np.testing.assert_allclose(zero_centered_penalty(_square, images), norms.mean() / 2, rtol=1e-5)


def test_the_points_of_wgan_gp_lie_between_the_images():
  """With reals at 1 and fakes at 0 of one pixel, |grad| of x^2 / 2 is the share itself."""
  reals, fakes = jnp.ones((2000, 1, 1, 1)), jnp.zeros((2000, 1, 1, 1))
  expected = 1.0 / 3.0  # E (u - 1)^2 for a uniform u.
  np.testing.assert_allclose(gradient_penalty(_square, reals, fakes, KEY), expected, atol=0.02)


def test_lecam_by_hand_and_its_anchors_stand_still():
  real, fake = jnp.array([1.0, 3.0]), jnp.array([-1.0, 0.0])
  # ((1 + 2)^2 + (3 + 2)^2) / 2 + ((-1 - 4)^2 + (0 - 4)^2) / 2.
  value = lecam_penalty(real, fake, jnp.array(4.0), jnp.array(-2.0))
  np.testing.assert_allclose(value, 17.0 + 20.5)
  slopes = jax.grad(lecam_penalty, argnums=(2, 3))(real, fake, jnp.array(4.0), jnp.array(-2.0))
  assert slopes == (0.0, 0.0)


def test_shapes_must_agree():
  with pytest.raises(ValueError, match="same shape"):
    gradient_penalty(_square, jnp.ones((2, 3, 3, 1)), jnp.ones((3, 3, 3, 1)), KEY)
