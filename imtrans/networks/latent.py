"""Latent codes as input of convolutional networks."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

LATENT_PLACES = ("input", "all")


def check_code(latent: Array) -> None:
  """Raises ValueError unless a code is a vector for each image, [batch, latent_size]."""
  if latent.ndim != 2:
    raise ValueError(f"a code must have shape [batch, latent_size], got {latent.shape}.")


def append_latent(hidden: Array, latent: Array | None) -> Array:
  """Concatenates a code to the channels of every pixel.

  Zhu et al., 2017, "Toward Multimodal Image-to-Image Translation", Sec. 4,
  https://arxiv.org/abs/1711.11586.

  Args:
    hidden: [batch, height, width, channels].
    latent: [batch, latent_size], or None for no code.

  Returns:
    [batch, height, width, channels + latent_size].

  Raises:
    ValueError: if the code is not a vector per image.
  """
  if latent is None:
    return hidden
  if latent.ndim != 2 or latent.shape[0] != hidden.shape[0]:
    raise ValueError(
      f"latent must have shape [batch, latent_size] with a batch of {hidden.shape[0]}, got "
      f"{latent.shape}."
    )
  planes = jnp.broadcast_to(
    latent[:, None, None, :].astype(hidden.dtype), (*hidden.shape[:3], latent.shape[1])
  )
  return jnp.concatenate([hidden, planes], axis=-1)


class CodeReader(nn.Module):
  """Two dense layers that read a code for all the layers that it steers."""

  features: int

  @nn.compact
  def __call__(self, latent: Array) -> Array:
    """Maps codes [batch, latent_size] to [batch, features]."""
    check_code(latent)
    hidden = latent
    for _ in range(2):
      hidden = nn.Dense(self.features, kernel_init=nn.initializers.he_normal())(hidden)
      hidden = nn.leaky_relu(hidden, 0.2)
    return hidden


class Modulation(nn.Module):
  """Scales and shifts channels as a code says: adaptive normalisation, after a normalisation.

  Huang and Belongie, 2017, Eq. 8, https://arxiv.org/abs/1703.06868. It starts near a scale of one
  and a shift of zero.
  """

  @nn.compact
  def __call__(self, hidden: Array, code: Array) -> Array:
    """Maps [batch, height, width, channels] and what a `CodeReader` made to the former's shape."""
    dense = nn.Dense(2 * hidden.shape[-1], kernel_init=nn.initializers.normal(0.02))
    scale, shift = jnp.split(dense(code)[:, None, None, :].astype(hidden.dtype), 2, axis=-1)
    return hidden * (1.0 + scale) + shift
