"""Changes of image size that let no frequency fold over (Zhang, 2019)."""

import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks.halo import ROWS, apply_padded, num_row_shards

SIDES = (1, 2)  # Axes of height and width.


def blur_halve(images: Array) -> Array:
  """Blurs by (1, 2, 1) / 4 along rows and columns and keeps every second pixel.

  Zhang, 2019, "Making Convolutional Networks Shift-Invariant Again", Sec. 3.2,
  https://arxiv.org/abs/1904.11486, with borders mirrored. After a convolution of stride one it
  takes the place of that convolution's stride.

  Args:
    images: [batch, height, width, channels], height and width even.

  Returns:
    [batch, height / 2, width / 2, channels].

  Raises:
    ValueError: if devices that split the rows have not all the same even number of them.
  """
  shards = num_row_shards()
  if images.shape[1] % (2 * shards):
    raise ValueError(
      f"an activation of {images.shape[1]} rows cannot be halved on {shards} device(s) along "
      f"{ROWS!r}: each needs the same even number of rows. Choose another crop_size, or fewer "
      "devices there."
    )

  def blurred(padded: Array) -> Array:
    for axis in SIDES:
      before, here, after = _neighbours(padded, axis, stride=2)
      padded = 0.25 * (before + after) + 0.5 * here
    return padded

  return apply_padded(blurred, images, padding=1, mode="reflect")


def blur_double(images: Array) -> Array:
  """Doubles height and width by linear interpolation, borders repeated.

  The transpose of a blur by (1, 3, 3, 1) / 8 that keeps every second pixel.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, 2 height, 2 width, channels].
  """

  def interpolated(padded: Array) -> Array:
    for axis in SIDES:
      before, here, after = _neighbours(padded, axis, stride=1)
      near = 0.75 * here
      pairs = jnp.stack([0.25 * before + near, near + 0.25 * after], axis + 1)
      shape = [*here.shape]
      shape[axis] *= 2
      padded = pairs.reshape(shape)
    return padded

  return apply_padded(interpolated, images, padding=1, mode="edge")


def _neighbours(padded: Array, axis: int, *, stride: int) -> tuple[Array, Array, Array]:
  """What lies before, at and after every pixel, or every second one, of what has been padded."""
  size = padded.shape[axis]
  before, here, after = (
    lax.slice_in_dim(padded, first, size - 2 + first, stride, axis) for first in range(3)
  )
  return before, here, after
