"""Which convolutions of a method's networks reflect rows: what a mesh can split."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax

from imtrans.networks.convolution import Convolution


class Reflection(NamedTuple):
  """A convolution of images that are padded by reflection.

  layer: its place, such as "ResNet/block_0_first".
  rows: the fewer of those that go into it and come out of it, of the whole image.
  padding: rows that are reflected on each side.
  """

  layer: str
  rows: int
  padding: int

  def can_be_split(self, shards: int) -> bool:
    """Whether so many devices can have the same number of rows, and enough of them to reflect."""
    return self.rows % shards == 0 and self.rows // shards > self.padding


def reflections(function: Callable, *arguments: Any) -> list[Reflection]:
  """Notes every convolution that reflects in a function of images; nothing is computed.

  Those that pad with zeros are not noted: any number of devices can split their rows.

  Args:
    function: for instance one that initializes a method's networks.
    *arguments: its arguments, of which only shapes matter.

  Returns:
    One entry per call of such a convolution, in order.
  """
  noted: list[Reflection] = []

  def note(call: Callable, given: tuple, keywords: dict, context: Any) -> Any:
    outputs, layer = call(*given, **keywords), context.module
    mirrors = isinstance(layer, Convolution) and layer.padding_mode == "reflect"
    if mirrors and layer.padding and context.method_name == "__call__":
      rows = min(given[0].shape[1], outputs.shape[1])
      noted.append(Reflection("/".join(layer.path), rows, layer.padding))
    return outputs

  with nn.intercept_methods(note):
    jax.eval_shape(function, *arguments)
  return noted
