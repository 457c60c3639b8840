"""Convolutions by XLA's own operator: as it is, of stride two by one of stride one, transposed."""

import jax.numpy as jnp
from jax import Array, lax

DIMENSIONS = ("NHWC", "HWIO", "NHWC")


def direct_convolve(
  images: Array, kernel: Array, *, stride: int, padding: int | tuple[int, int]
) -> Array:
  """`convolution.convolve` as XLA's own operator: what every other lowering equals.

  Returns:
    As `convolution.convolve`, whose arguments these are; padding may differ for rows and columns.
  """
  rows, columns = (padding, padding) if isinstance(padding, int) else padding
  return lax.conv_general_dilated(
    images,
    kernel,
    (stride, stride),
    ((rows, rows), (columns, columns)),
    dimension_numbers=DIMENSIONS,
  )


def halved_convolve(images: Array, kernel: Array, *, padding: int) -> Array:
  """`convolution.convolve` of stride two and even kernel size, by one of stride one and half of it.

  Two by two pixels become one with four times the channels, in images and kernel alike, and the
  weight gradient is no longer that of a strided convolution.

  Returns:
    As `convolution.convolve`, whose arguments these are.
  """
  images = zero_pad(images, padding)
  batch, height, width, inputs = images.shape
  half, features = kernel.shape[0] // 2, kernel.shape[3]
  tall, wide = height // 2, width // 2
  pixels = images[:, : 2 * tall, : 2 * wide].reshape(batch, tall, 2, wide, 2, inputs)
  pixels = jnp.transpose(pixels, (0, 1, 3, 2, 4, 5)).reshape(batch, tall, wide, 4 * inputs)
  taps = kernel.reshape(half, 2, half, 2, inputs, features)
  taps = jnp.transpose(taps, (0, 2, 1, 3, 4, 5)).reshape(half, half, 4 * inputs, features)
  return direct_convolve(pixels, taps, stride=1, padding=0)


def zero_pad(images: Array, padding: int) -> Array:
  """Returns [batch, height + 2 padding, width + 2 padding, channels] with zeros around it."""
  return jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def phased_transposed(images: Array, kernel: Array, *, padding: int, borders: int = 0) -> Array:
  """`convolution.transposed_convolve` as four convolutions whose outputs are interleaved.

  Returns:
    As `convolution.transposed_convolve`, whose arguments these are, less the outputs of `borders`
    rows of the images above and below.
  """
  batch, height, width, _ = images.shape
  size, _, outputs, _ = kernel.shape
  rows = []
  for row in range(2):
    columns = []
    for column in range(2):
      taps_h, (above, below) = _phase(size, padding, row)
      taps_w, pad_w = _phase(size, padding, column)
      # Zeros above and below, or else rows that these outputs do not see.
      seen = images[:, max(0, borders - above) : height - max(0, borders - below)]
      pads = (max(0, above - borders), max(0, below - borders)), pad_w
      part = kernel[taps_h][:, taps_w]
      columns.append(
        lax.conv_general_dilated(
          seen, part, (1, 1), pads, dimension_numbers=("NHWC", "HWOI", "NHWC")
        )
      )
    rows.append(jnp.stack(columns, axis=3))
  interleaved = jnp.stack(rows, axis=2)
  return interleaved.reshape(batch, 2 * (height - 2 * borders), 2 * width, outputs)


def dilated_transposed(images: Array, kernel: Array, *, padding: int) -> Array:
  """`convolution.transposed_convolve` as one convolution of images with zeros between their pixels.

  For TPUs, whose compiler counts no operations for the zeros. Interleaving phases moves every
  number to another place in another tile of 8 x 128, and is most of their cost there:
  experiments/mesh_shape/README.md.

  Returns:
    As `convolution.transposed_convolve`, whose arguments these are.
  """
  edges = (kernel.shape[0] - 1 - padding, 1 + padding)
  return lax.conv_general_dilated(
    images,
    kernel[::-1, ::-1],
    (1, 1),
    (edges, edges),
    lhs_dilation=(2, 2),
    dimension_numbers=("NHWC", "HWOI", "NHWC"),
  )


def _phase(size: int, padding: int, offset: int) -> tuple[slice, tuple[int, int]]:
  """Kernel taps (as a reversed slice) and zero padding of the outputs at `offset` modulo two.

  Output o = 2 m + offset takes the taps k = 2 j + first with first = (offset + padding) mod 2,
  each from input m + (offset + padding) // 2 - j.
  """
  first = (offset + padding) % 2
  count = (size - first + 1) // 2
  ahead = (offset + padding) // 2
  last = first + 2 * (count - 1)
  stop = first - 1 if first > 0 else None
  return slice(last, stop, -2), (count - 1 - ahead, ahead)
