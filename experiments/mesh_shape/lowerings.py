"""Lowerings on TPU that the networks do not take: to compile the step as it was, and to compare."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest import mock

import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks import convolution
from imtrans.networks.direct import direct_convolve, phased_transposed


def undivided_convolve(images: Array, kernel: Array, *, stride: int = 1, padding: int = 0) -> Array:
  """`convolve`, whose rows the compiler is left to divide."""
  return direct_convolve(images, kernel, stride=stride, padding=padding)


def undivided_transposed(
  images: Array, kernel: Array, *, padding: int, output_padding: int = 0
) -> Array:
  """`transposed_convolve`, whose rows the compiler is left to divide."""
  del output_padding  # The outputs are twice the inputs.
  return phased_transposed(images, kernel, padding=padding)


# Name of the state before a change -> what to set in imtrans.networks.convolution for it.
EARLIER: dict[str, dict[str, Callable[..., Array]]] = {
  "phased": {"dilated_transposed": phased_transposed},
  "undivided": {"convolve": undivided_convolve, "transposed_convolve": undivided_transposed},
}


@contextmanager
def lowered(name: str) -> Iterator[None]:
  """Within it, networks are traced as they were; "chosen" changes nothing.

  Args:
    name: "chosen" or a key of `EARLIER`.

  Yields:
    Nothing.
  """
  with ExitStack() as stack:
    for attribute, other in EARLIER.get(name, {}).items():
      stack.enter_context(mock.patch.object(convolution, attribute, other))
    yield


def joined_transposed(images: Array, kernel: Array, *, padding: int) -> Array:
  """`transposed_convolve` as one convolution that makes two by two pixels at a time.

  Its four phases read the same pixels: together they are one convolution of stride one with four
  times the outputs, whose kernel has zeros where a phase has no tap.

  Returns:
    As `transposed_convolve`, whose arguments these are.
  """
  batch, height, width, _ = images.shape
  size, _, outputs, inputs = kernel.shape
  # Output 2 m + r takes tap r + padding + 2 (before - j) from input m - before + j.
  before, after = (size - 1 - padding) // 2, (1 + padding) // 2
  low, taps = 2 * after - padding, before + after + 1
  edges = (low, 2 * taps - size - low)
  padded = jnp.pad(kernel, (edges, edges, (0, 0), (0, 0)))
  padded = padded.reshape(taps, 2, taps, 2, outputs, inputs)[::-1, :, ::-1]
  joined = jnp.transpose(padded, (0, 2, 1, 3, 4, 5)).reshape(taps, taps, 4 * outputs, inputs)
  pixels = lax.conv_general_dilated(
    images, joined, (1, 1), ((before, after),) * 2, dimension_numbers=("NHWC", "HWOI", "NHWC")
  )
  pixels = pixels.reshape(batch, height, width, 2, 2, outputs)
  pixels = jnp.transpose(pixels, (0, 1, 3, 2, 4, 5))
  return pixels.reshape(batch, 2 * height, 2 * width, outputs)
