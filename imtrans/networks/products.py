"""Convolutions as one matrix product, around which pixels are gathered or scattered.

They pay where a convolution has few positions (each kernel value is read once, in the layout that
it has) or few output channels (the product comes first, the sum over the kernel after it).
"""

import jax
import jax.numpy as jnp
from jax import Array, lax


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

  def product(images: Array, kernel: Array) -> Array:
    patches = _gather(images, kernel.shape[0], stride, padding)
    return patches @ kernel.reshape(-1, kernel.shape[3])

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
  _, height, width, _ = images.shape
  new_height, new_width = height + 2 * padding - size + 1, width + 2 * padding - size + 1
  columns = jnp.transpose(kernel, (2, 0, 1, 3)).reshape(inputs, -1)
  contributions = _split(images @ columns, size * size)
  total = None
  for index, part in enumerate(contributions):
    row, column = divmod(index, size)
    top, left = padding - row, padding - column
    bottom, right = new_height - height - top, new_width - width - left
    placed = _shift(part, (top, bottom), (left, right))
    total = placed if total is None else total + placed
  return total if total is not None else jnp.zeros((*images.shape[:3], outputs), images.dtype)


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
  product = lax.dot_general(images, kernel.reshape(-1, inputs), (((3,), (1,)), ((), ())))
  contributions = _split(product, size * size)
  # Output 2 m + phase takes tap k from input m - shift with 2 shift = k - padding - phase.
  rows = []
  for row_phase in range(2):
    pixels = []
    for column_phase in range(2):
      total = None
      for row in range((row_phase + padding) % 2, size, 2):
        for column in range((column_phase + padding) % 2, size, 2):
          down, right = (row - padding - row_phase) // 2, (column - padding - column_phase) // 2
          part = _shift(contributions[row * size + column], (down, -down), (right, -right))
          total = part if total is None else total + part
      pixels.append(total)
    rows.append(jnp.stack(pixels, axis=3))
  return jnp.stack(rows, axis=2).reshape(batch, 2 * height, 2 * width, outputs)


def _gather(images: Array, size: int, stride: int, padding: int) -> Array:
  """Patches as [batch, height', width', size * size * in], in the order of the kernel."""
  images = _shift(images, (padding, padding), (padding, padding))
  batch, height, width, inputs = images.shape
  rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
  # Pixels of one phase side by side: slices without gaps are copied and summed faster.
  tall, wide = -(-height // stride), -(-width // stride)
  phases = _shift(images, (0, tall * stride - height), (0, wide * stride - width))
  phases = phases.reshape(batch, tall, stride, wide, stride, inputs)
  patches = []
  for row in range(size):
    for column in range(size):
      top, left = row // stride, column // stride
      patches.append(
        phases[:, top : top + rows, row % stride, left : left + columns, column % stride]
      )
  return jnp.concatenate(patches, axis=-1)


def _split(values: Array, count: int) -> list[Array]:
  """Equal parts of the last axis; its transpose is one concatenation."""
  return lax.split(values, [values.shape[-1] // count] * count, axis=values.ndim - 1)


def _shift(images: Array, rows: tuple[int, int], columns: tuple[int, int]) -> Array:
  """Pads height and width by zeros on each side, or crops where a number is negative."""
  zero = jnp.zeros((), images.dtype)
  return lax.pad(images, zero, ((0, 0, 0), (*rows, 0), (*columns, 0), (0, 0, 0)))
