"""Convolutions as one matrix product, around which pixels are gathered or scattered.

They pay where a convolution has few positions (each kernel value is read once, in the layout that
it has) or few output channels (the product comes first, the sum over the kernel after it). Rows
and columns are gathered or summed one after the other: 2 size terms instead of size squared.
"""

import functools
import operator

import jax
import jax.numpy as jnp
from jax import Array, lax

ROWS, COLUMNS, CHANNELS = 1, 2, 3


def gather_convolve(images: Array, kernel: Array, *, stride: int, padding: int) -> Array:
  """Cross-correlation: every output pixel's patch, laid out as a row, times the kernel.

  Args:
    images: [batch, height, width, in].
    kernel: [size, size, in, out].
    stride: pixels between outputs.
    padding: zeros on each side.

  Returns:
    [batch, height', width', out]. The patches are not kept for the backward pass.
  """
  size, _, _, outputs = kernel.shape

  def product(images: Array, kernel: Array) -> Array:
    edges = ((0, 0), (padding, padding), (padding, padding), (0, 0))
    patches = jnp.pad(images, edges)
    for axis in (COLUMNS, ROWS):
      last = (patches.shape[axis] - size) // stride * stride
      patches = jnp.concatenate(
        [lax.slice_in_dim(patches, k, k + last + 1, stride, axis) for k in range(size)], CHANNELS
      )
    return patches @ kernel.reshape(-1, outputs)

  return jax.checkpoint(product)(images, kernel)


def scatter_convolve(images: Array, kernel: Array, *, padding: int) -> Array:
  """Cross-correlation of stride one: every input pixel's contributions, then their sum.

  Args:
    images: [batch, height, width, in].
    kernel: [size, size, in, out].
    padding: zeros on each side.

  Returns:
    [batch, height + 2 padding - size + 1, likewise, out].
  """
  size, _, inputs, outputs = kernel.shape
  # In reversed order, tap k of input i belongs to output i + k - (size - 1 - padding).
  taps = jnp.transpose(kernel[::-1, ::-1], (2, 0, 1, 3)).reshape(inputs, -1)
  contributions = (images @ taps).reshape(*images.shape[:3], size, size, outputs)
  crop = size - 1 - padding
  total = _scatter(_scatter(contributions, ROWS, 1, crop), COLUMNS, 1, crop)
  return total[:, :, :, 0, 0]


def scatter_transposed(images: Array, kernel: Array, *, padding: int) -> Array:
  """Transposed convolution of stride two that doubles its input: contributions, then their sum.

  Args:
    images: [batch, height, width, in].
    kernel: [size, size, out, in], of the convolution that this one transposes.
    padding: outputs dropped on each side.

  Returns:
    [batch, 2 height, 2 width, out].
  """
  size, _, outputs, inputs = kernel.shape
  batch, height, width, _ = images.shape
  contributions = lax.dot_general(images, kernel.reshape(-1, inputs), (((3,), (1,)), ((), ())))
  contributions = contributions.reshape(batch, height, width, size, size, outputs)
  # Taps 2 k and 2 k + 1 of input i belong to the two outputs of block i + k.
  blocks = _scatter(_scatter(contributions, ROWS, 2, 0), COLUMNS, 2, 0)
  tall, wide = 2 * blocks.shape[ROWS], 2 * blocks.shape[COLUMNS]
  pixels = jnp.transpose(blocks, (0, 1, 3, 2, 4, 5)).reshape(batch, tall, wide, outputs)
  return pixels[:, padding : padding + 2 * height, padding : padding + 2 * width]


def _scatter(values: Array, axis: int, width: int, crop: int) -> Array:
  """Sums the taps of one direction: group k of `width` taps moves k pixels on.

  Args:
    values: [batch, height, width, row taps, column taps, out].
    axis: ROWS or COLUMNS; its taps are two axes further on.
    width: taps in a group; missing ones are zero.
    crop: outputs dropped on each side of the height (or width) + groups - 1 that there are.

  Returns:
    The same with summed pixels in `axis`, and `width` taps.
  """
  taps_axis = axis + 2
  taps = values.shape[taps_axis]
  groups = -(-taps // width)
  sizes = [min(width, taps - width * group) for group in range(groups)]
  placed = []
  # Split rather than sliced: the transpose of a split is one concatenation.
  for group, part in enumerate(lax.split(values, sizes, taps_axis)):
    edges = [(0, 0, 0)] * values.ndim
    edges[axis] = (group - crop, groups - 1 - group - crop, 0)
    edges[taps_axis] = (0, width - sizes[group], 0)
    placed.append(lax.pad(part, jnp.zeros((), values.dtype), edges))
  return functools.reduce(operator.add, placed)
