"""How far a generator sees: what a part of an image needs around it to be translated as the whole.

The layers are noted while jax traces a method's `translate`; nothing is computed.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from imtrans.networks import ResNet, UNet
from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.normalization import Normalization

CONTAINERS = (ResNet, UNet)  # They mix pixels through their layers alone.


class Locality(NamedTuple):
  """What the translation of a part of an image depends on.

  reach: pixels beyond the part along each axis, as far as convolutions go; for parts whose rows and
    columns begin and end at multiples of the generator's size multiple.
  obstacles: what it depends on besides, as parts of a sentence; empty if there is nothing.
  """

  reach: int
  obstacles: tuple[str, ...]


class Window(NamedTuple):
  """The geometry of one convolution; transposed ones have the stride two."""

  kernel_size: int
  stride: int
  padding: int
  transposed: bool = False


def find_locality(
  translate: Callable,
  generator_params: Any,
  extras: Any,
  *,
  channels: int,
  size_multiple: int,
  direction: str,
  mode: str,
) -> Locality:
  """Finds out what the translation of a part of an image depends on.

  Args:
    translate: `Method.translate`.
    generator_params: what it is called with; only shapes matter.
    extras: likewise.
    channels: of the images that it takes.
    size_multiple: what their heights and widths must be multiples of, in pixels.
    direction: "ab" or "ba".
    mode: "train" or "test", see `Method`.

  Returns:
    The reach of its convolutions, and what else there is. A layer that is not known here is an
    obstacle, and so are branches of different scales; reach is 0 where nothing is known.
  """
  windows: list[Window] = []
  heights: list[tuple[int, int]] = []
  obstacles: dict[str, None] = {}  # In order, each once.

  def note(call: Callable, arguments: tuple, keywords: dict, context: Any) -> Any:
    outputs = call(*arguments, **keywords)
    layer = context.module
    if context.method_name != "__call__" or isinstance(layer, CONTAINERS):
      return outputs
    if isinstance(layer, Convolution):
      windows.append(Window(layer.kernel_size, layer.stride, layer.padding))
    elif isinstance(layer, TransposedConvolution):
      windows.append(Window(layer.kernel_size, 2, layer.padding, transposed=True))
    else:
      obstacles.update(dict.fromkeys(_obstacles(layer, keywords)))
      return outputs
    heights.append((arguments[0].shape[1], outputs.shape[1]))
    return outputs

  side = 4 * size_multiple

  def run(generator_params: Any, extras: Any) -> Any:
    images, key = jnp.zeros((1, side, side, channels)), jax.random.key(0)
    return translate(generator_params, extras, images, key, direction=direction, mode=mode)

  with nn.intercept_methods(note):
    jax.eval_shape(run, generator_params, extras)
  after = [side, *(after for _, after in heights)]
  before = [*(before for before, _ in heights), side]
  if not windows or after != before:  # No layer that was noted, or layers that are no chain.
    obstacles["how far it sees is not known"] = None
    windows.clear()
  return Locality(reach(windows, size_multiple), tuple(obstacles))


def reach(windows: Sequence[Window], block: int) -> int:
  """How far the inputs of a chain of convolutions lie beyond the outputs that depend on them.

  Output o of a convolution depends on the inputs stride o - padding + t for 0 <= t < kernel_size,
  that of a transposed one on those i with 0 <= o + padding - 2 i < kernel_size. Followed back from
  the first and the last of a block of outputs, these are the ends of an interval.

  Args:
    windows: the chain, first layer first, that ends at the scale at which it began.
    block: outputs from a multiple of `block` to the next; a multiple of the product of the strides.

  Returns:
    Pixels, the larger of the two sides. A connection that skips layers only sees less.
  """
  low, high = 0, block - 1
  for size, stride, padding, transposed in reversed(windows):
    if transposed:
      low, high = -((size - 1 - padding - low) // 2), (high + padding) // 2
    else:
      low, high = low * stride - padding, high * stride - padding + size - 1
  return max(-low, high - (block - 1))


def _obstacles(layer: nn.Module, keywords: dict[str, Any]) -> list[str]:
  """Why a part of an image does not leave this layer as it does within the whole image."""
  if isinstance(layer, nn.Dropout):
    quiet = keywords.get("deterministic", layer.deterministic) or layer.rate == 0.0
    return [] if quiet else ["dropout in mode 'train' draws its noise for the whole image"]
  if not isinstance(layer, Normalization):
    return [f"how far its layer {type(layer).__name__} sees is not known"]
  if layer.kind == "instance":
    return ["instance normalisation takes its statistics from the whole image"]
  if layer.kind == "batch" and keywords["train"]:
    return ["batch normalisation in mode 'train' takes its statistics from the whole image"]
  return []
