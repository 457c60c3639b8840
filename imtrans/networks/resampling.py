"""Changes of image size inside networks."""

import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def halve(images: Array) -> Array:
  """Averages over 3x3 windows with stride two, as pix2pixHD shrinks what its scales see.

  Wang et al., 2018, Sec. 3.2, https://arxiv.org/abs/1711.11585. At the border the mean is over the
  pixels that there are.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, ceil(height / 2), ceil(width / 2), channels].
  """
  window, strides = (1, 3, 3, 1), (1, 2, 2, 1)
  padding = ((0, 0), (1, 1), (1, 1), (0, 0))
  ones = jnp.ones((1, *images.shape[1:3], 1), images.dtype)
  zero = np.zeros((), images.dtype)  # Known while tracing: only then is it seen to be a sum.
  total = lax.reduce_window(images, zero, lax.add, window, strides, padding)
  return total / lax.reduce_window(ones, zero, lax.add, window, strides, padding)


def double(images: Array) -> Array:
  """Repeats every pixel twice in both directions: nearest-neighbour upsampling.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, 2 height, 2 width, channels].
  """
  batch, height, width, channels = images.shape
  rows = jnp.broadcast_to(images[:, :, None, :, None, :], (batch, height, 2, width, 2, channels))
  return rows.reshape(batch, 2 * height, 2 * width, channels)
