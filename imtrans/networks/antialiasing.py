"""Changes of image size that let no frequency fold over (Zhang, 2019)."""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks.halo import ROWS, apply_with_neighbours, num_row_shards

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
  for axis in SIDES:
    images = _with_edges(_halved, images, axis, mode="reflect")
  return images


def blur_double(images: Array) -> Array:
  """Doubles height and width by linear interpolation, borders repeated.

  The transpose of a blur by (1, 3, 3, 1) / 8 that keeps every second pixel.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, 2 height, 2 width, channels].
  """
  for axis in SIDES:
    images = _with_edges(_doubled, images, axis, mode="edge")
  return images


def _halved(images: Array, axis: int, first: Array, last: Array) -> Array:
  del last  # No second pixel sees what lies behind them all.
  size = images.shape[axis]
  here, after = (lax.slice_in_dim(images, start, size, 2, axis) for start in range(2))
  before = jnp.concatenate([first, lax.slice_in_dim(after, 0, size // 2 - 1, axis=axis)], axis)
  return 0.25 * (before + after) + 0.5 * here


def _doubled(images: Array, axis: int, first: Array, last: Array) -> Array:
  size = images.shape[axis]
  before = jnp.concatenate([first, lax.slice_in_dim(images, 0, size - 1, axis=axis)], axis)
  after = jnp.concatenate([lax.slice_in_dim(images, 1, size, axis=axis), last], axis)
  near = 0.75 * images
  pairs = jnp.stack([0.25 * before + near, near + 0.25 * after], axis + 1)
  shape = [*images.shape]
  shape[axis] = 2 * size
  return pairs.reshape(shape)


def _with_edges(function: Callable[..., Array], images: Array, axis: int, *, mode: str) -> Array:
  """Tells a function what lies before the first pixel along an axis, and behind the last one.

  Those are pixels of the image itself or, where devices split its rows, of a neighbour. Whole
  images are not padded for it: the derivative of padding is several times as slow as all the rest.
  """
  if axis == SIDES[0] and num_row_shards() > 1:

    def on_own_rows(tall: Array) -> Array:
      return function(tall[:, 1:-1], axis, tall[:, :1], tall[:, -1:])

    return apply_with_neighbours(on_own_rows, images, padding=1, mode=mode)
  place = 1 if mode == "reflect" else 0  # From each end, of the pixel that is repeated.
  end = images.shape[axis] - place
  first = lax.slice_in_dim(images, place, place + 1, axis=axis)
  last = lax.slice_in_dim(images, end - 1, end, axis=axis)
  return function(images, axis, first, last)
