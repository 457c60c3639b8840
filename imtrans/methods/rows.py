"""How many rows the activations of a method's networks have: what a mesh can split."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from imtrans.networks.convolution import Convolution, TransposedConvolution


class Rows(NamedTuple):
  """The fewer of the rows that go into a convolution and come out of it.

  layer: its place, such as "UNet/encoder_3".
  count: rows of the whole image.
  reflected: rows by which it is padded by reflection on each side; 0 for zeros.
  """

  layer: str
  count: int
  reflected: int = 0

  def can_be_split(self, shards: int) -> bool:
    """Whether so many devices can have a row each, and enough of them to reflect."""
    if self.reflected:
      return self.count % shards == 0 and self.count // shards > self.reflected
    return self.count >= shards


def activation_rows(function: Callable, *arguments: Any) -> list[Rows]:
  """Notes the rows of every convolution in a function of images; nothing is computed.

  Args:
    function: for instance one that initializes a method's networks.
    *arguments: its arguments, of which only shapes matter.

  Returns:
    One entry per call of a convolution, in order.
  """
  noted: list[Rows] = []

  def note(call: Callable, given: tuple, keywords: dict, context: Any) -> Any:
    outputs, layer = call(*given, **keywords), context.module
    if context.method_name == "__call__" and isinstance(layer, Convolution | TransposedConvolution):
      count = min(given[0].shape[1], outputs.shape[1])
      mirrored = isinstance(layer, Convolution) and layer.padding_mode == "reflect"
      noted.append(Rows("/".join(layer.path), count, layer.padding if mirrored else 0))
    return outputs

  with nn.intercept_methods(note):
    jax.eval_shape(function, *arguments)
  return noted
