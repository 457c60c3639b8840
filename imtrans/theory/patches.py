"""What a patch discriminator can see: receptive fields and output sizes of a list of layers."""

from collections.abc import Sequence
from typing import NamedTuple


class Layer(NamedTuple):
  """The geometry of one convolution, in pixels of its input."""

  kernel_size: int
  stride: int
  padding: int


def receptive_field(layers: Sequence[Layer]) -> int:
  """Side of the square of input pixels that one output of a chain of convolutions depends on.

  Backwards through the chain, r <- r * stride + (kernel_size - stride), starting from r = 1
  (Isola et al., 2017, Appendix 6.1.2 speaks of 1, 16, 70 and 286; https://arxiv.org/abs/1611.07004).

  Args:
    layers: the chain, first layer first.

  Returns:
    The side in pixels; padding does not change it.
  """
  side = 1
  for layer in reversed(layers):
    side = side * layer.stride + (layer.kernel_size - layer.stride)
  return side


def output_size(layers: Sequence[Layer], input_size: int) -> int:
  """Side of the output map of a chain of convolutions.

  Args:
    layers: the chain, first layer first.
    input_size: side of the input in pixels.

  Returns:
    The number of outputs along one side.

  Raises:
    ValueError: if the input is too small for one of the layers.
  """
  size = input_size
  for layer in layers:
    size = (size + 2 * layer.padding - layer.kernel_size) // layer.stride + 1
    if size < 1:
      raise ValueError(
        f"input_size {input_size} is too small for these layers: "
        f"a {layer.kernel_size}x{layer.kernel_size} convolution has nothing left to see."
      )
  return size
