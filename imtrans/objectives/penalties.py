"""Penalties that keep a discriminator smooth, as functions of the critic itself.

A critic maps images [batch, ...] to logits [batch, ...], one for each image or a map of patches, of
which the mean is taken. It must treat every image by itself (no batch normalisation), or the
gradients are not those of one image. With a condition the critic is a function of the image alone.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

Critic = Callable[[Array], Array]
TINY = 1e-12  # Under the root, where a norm of zero has no derivative.


def squared_gradient_norms(critic: Critic, images: Array) -> Array:
  """Squared Euclidean norms of the gradients of the mean logit of each image.

  Args:
    critic: images to logits.
    images: [batch, ...].

  Returns:
    [batch]; |w|^2 for a critic that is linear with the weights w.
  """

  def total(images: Array) -> Array:
    logits = critic(images)
    return jnp.sum(jnp.mean(logits.reshape(logits.shape[0], -1), axis=1))

  gradients = jax.grad(total)(images)
  return jnp.sum(jnp.square(gradients.reshape(images.shape[0], -1)), axis=1)


def gradient_penalty(critic: Critic, reals: Array, fakes: Array, key: Array) -> Array:
  """WGAN-GP: E (|grad D(x)| - 1)^2 at points between real and generated images.

  Gulrajani et al., 2017, Eq. 3, https://arxiv.org/abs/1704.00028, with weight 10 there. One share
  is drawn for each image; where D is a map of patches, D(x) is its mean.

  Args:
    critic: images to logits.
    reals: [batch, ...].
    fakes: the same shape.
    key: of the shares.

  Returns:
    Scalar >= 0, zero for a critic of slope one.

  Raises:
    ValueError: if the shapes differ.
  """
  if reals.shape != fakes.shape:
    raise ValueError(
      f"reals and fakes must have the same shape, got {reals.shape} and {fakes.shape}."
    )
  shape = (reals.shape[0],) + (1,) * (reals.ndim - 1)
  share = jax.random.uniform(key, shape, reals.dtype)
  between = share * reals + (1.0 - share) * fakes
  norms = jnp.sqrt(squared_gradient_norms(critic, between) + TINY)
  return jnp.mean(jnp.square(norms - 1.0))


def zero_centered_penalty(critic: Critic, images: Array) -> Array:
  """E |grad D(x)|^2 / 2: R1 on real images, R2 on generated ones.

  Mescheder et al., 2018, Eq. 9 and 10, https://arxiv.org/abs/1801.04406, whose weight gamma
  multiplies it (10 there, 1 in StarGAN v2).

  Args:
    critic: images to logits.
    images: [batch, ...].

  Returns:
    Scalar >= 0.
  """
  return 0.5 * jnp.mean(squared_gradient_norms(critic, images))


def lecam_penalty(
  real_logits: Array, fake_logits: Array, real_anchor: Array, fake_anchor: Array
) -> Array:
  """LeCam: E (D(x) - a_F)^2 + E (D(G(z)) - a_R)^2, each kind near where the other was.

  Tseng et al., 2021, "Regularizing Generative Adversarial Networks under Limited Data",
  https://arxiv.org/abs/2104.03310.

  Args:
    real_logits: of real images, any shape.
    fake_logits: of generated images, any shape.
    real_anchor: a_R, moving average of the mean of real logits; scalar.
    fake_anchor: a_F, that of generated ones.

  Returns:
    Scalar >= 0; no gradient reaches the anchors.
  """
  real_anchor, fake_anchor = jax.lax.stop_gradient((real_anchor, fake_anchor))
  return jnp.mean(jnp.square(real_logits - fake_anchor)) + jnp.mean(
    jnp.square(fake_logits - real_anchor)
  )
