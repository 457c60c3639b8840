"""What stands in the channels of a source: static that is noise, a picture, the plane of a class.

The order is that of the data: static first, the class last, the picture between them. Each may be
missing. `imtrans.data.noise` and `imtrans.data.classes` make them; this file reads them, in the
compiled step.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

LEVELS = 65536.0  # Of static.


class Condition(NamedTuple):
  """What a source says; each may be None.

  latent: standard normal, [batch, latent_size].
  image: [batch, height, width, channels] in [-1, 1].
  labels: one-hot, [batch, num_classes].
  """

  latent: Array | None
  image: Array | None
  labels: Array | None


def read_condition(source: Array, *, latent_size: int, static: bool, num_classes: int) -> Condition:
  """Takes a source apart.

  Args:
    source: [batch, height, width, channels] in [-1, 1].
    latent_size: numbers that are read from the static.
    static: whether the first channel is static.
    num_classes: of the last channel; 0 for a source without a class.

  Returns:
    Its parts.

  Raises:
    ValueError: for a latent size that does not fit the static.
  """
  first, last = int(static), source.shape[-1] - (num_classes > 0)
  return Condition(
    latent=normal_of_static(source[..., 0], latent_size) if static else None,
    image=source[..., first:last] if last > first else None,
    labels=labels_of_plane(source[..., -1], num_classes) if num_classes else None,
  )


def normal_of_static(plane: Array, latent_size: int) -> Array:
  """Reads a standard normal code from static, a number a pixel, row by row.

  Level k of 65,536 is the quantile (k + 1/2) / 65,536 of the normal distribution.

  Args:
    plane: [batch, height, width] in [-1, 1], level k at 2 k / 65,535 - 1.
    latent_size: numbers to read.

  Returns:
    [batch, latent_size], between -4.2 and 4.2.

  Raises:
    ValueError: if there are fewer pixels than numbers.
  """
  batch, height, width = plane.shape
  if not 1 <= latent_size <= height * width:
    raise ValueError(
      f"method.latent_size must be from 1 to {height * width} for static of {height}x{width} "
      f"pixels, got {latent_size}: z has a number a pixel."
    )
  flat = plane.reshape(batch, -1)[:, :latent_size].astype(jnp.float32)
  return jnp.sqrt(2.0) * jax.scipy.special.erfinv(flat * ((LEVELS - 1.0) / LEVELS))


def labels_of_plane(plane: Array, num_classes: int) -> Array:
  """Reads the class from a plane of one brightness.

  Args:
    plane: [batch, height, width]; class k of K at 2 k / (K - 1) - 1.
    num_classes: K.

  Returns:
    One-hot, [batch, num_classes].
  """
  index = jnp.round(0.5 * (plane[:, 0, 0] + 1.0) * (num_classes - 1)).astype(jnp.int32)
  return jax.nn.one_hot(index, num_classes, dtype=jnp.float32)
