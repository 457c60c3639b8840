"""Changes of image size that let no frequency fold over (Zhang, 2019)."""

import jax.numpy as jnp
from jax import Array, lax

ROWS, COLUMNS = 1, 2


def blur_halve(images: Array) -> Array:
  """Blurs by (1, 2, 1) / 4 along rows and columns and keeps every second pixel.

  Zhang, 2019, "Making Convolutional Networks Shift-Invariant Again", Sec. 3.2,
  https://arxiv.org/abs/1904.11486, with borders mirrored. After a convolution of stride one it
  takes the place of that convolution's stride.

  Args:
    images: [batch, height, width, channels], height and width even.

  Returns:
    [batch, height / 2, width / 2, channels].
  """
  for axis in (ROWS, COLUMNS):
    size = images.shape[axis]
    here, after = (lax.slice_in_dim(images, start, size, 2, axis) for start in range(2))
    # What lies before the first pixel is its mirror image, the pixel after it.
    first = lax.slice_in_dim(after, 0, 1, axis=axis)
    before = jnp.concatenate([first, lax.slice_in_dim(after, 0, size // 2 - 1, axis=axis)], axis)
    images = 0.25 * (before + after) + 0.5 * here
  return images


def blur_double(images: Array) -> Array:
  """Doubles height and width by linear interpolation, borders repeated.

  The transpose of a blur by (1, 3, 3, 1) / 8 that keeps every second pixel.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, 2 height, 2 width, channels].
  """
  for axis in (ROWS, COLUMNS):
    size = images.shape[axis]
    first = lax.slice_in_dim(images, 0, 1, axis=axis)
    last = lax.slice_in_dim(images, size - 1, size, axis=axis)
    before = jnp.concatenate([first, lax.slice_in_dim(images, 0, size - 1, axis=axis)], axis)
    after = jnp.concatenate([lax.slice_in_dim(images, 1, size, axis=axis), last], axis)
    near = 0.75 * images
    pairs = jnp.stack([0.25 * before + near, near + 0.25 * after], axis + 1)
    shape = [*images.shape]
    shape[axis] = 2 * size
    images = pairs.reshape(shape)
  return images
