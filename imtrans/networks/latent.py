"""Latent codes as input of convolutional networks."""

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
