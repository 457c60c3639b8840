"""Running a generator on images of any height and width.

Every image of a call is translated with the same random key and by itself, so its result depends
on the image, the seed and the parameters: not on its place in a batch, a folder or a test set.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.methods.locality import Locality, find_locality
from imtrans.training.mesh import divide, mesh_of


class TrainedGenerator(NamedTuple):
  """A trained generator of one direction, ready to be called.

  translate: `Method.translate` of the method that was trained.
  generator_params, extras: what it is called with.
  direction: "ab" or "ba".
  mode: "train" (dropout stays on, batch norm uses the image's own statistics) or "test".
  seed: of latent code and dropout; the same for every image.
  size_multiple: heights and widths are padded to a multiple of this many pixels.
  """

  translate: Callable
  generator_params: Any
  extras: Mapping
  direction: str = "ab"
  mode: str = "test"
  seed: int = 0
  size_multiple: int = 1

  def __call__(self, images: np.ndarray) -> np.ndarray:
    """Translates images, padding them for the network and cropping the result back.

    Compiled once per padded shape; the compiled function is shared by all generators of a method.

    Args:
      images: float32 [batch, height, width, channels] in [-1, 1], any height and width.

    Returns:
      float32 [batch, height, width, target channels] in [-1, 1].

    Raises:
      FloatingPointError: if the output is not finite, as after a diverged training.
    """
    height, width = images.shape[1:3]
    padded, (top, left) = pad_to_multiple(images, self.size_multiple)
    outputs = finite_outputs(self.start(padded))
    return outputs[:, top : top + height, left : left + width]

  def start(self, images: np.ndarray) -> Array:
    """Starts to translate images whose height and width fit the network.

    Args:
      images: float32 [batch, height, width, channels] in [-1, 1].

    Returns:
      float32 [batch, height, width, target channels] in [-1, 1], maybe still being computed.
    """
    function = _compiled(self.translate, self.direction, self.mode)
    placed = divide(images, mesh_of(self.generator_params))
    return function(self.generator_params, self.extras, placed, np.uint32(self.seed % 2**32))

  def locality(self, channels: int) -> Locality:
    """What the translation of a pixel depends on, for images of so many channels."""
    return find_locality(
      self.translate,
      self.generator_params,
      self.extras,
      channels=channels,
      size_multiple=self.size_multiple,
      direction=self.direction,
      mode=self.mode,
    )


@functools.lru_cache(maxsize=16)
def _compiled(translate: Callable, direction: str, mode: str) -> Callable:
  """The jitted `(generator_params, extras, images, seed) -> images` of one direction and mode."""

  def one(generator_params: Any, extras: Any, image: Array, seed: Array) -> Array:
    key = jax.random.key(seed)
    output = translate(generator_params, extras, image[None], key, direction=direction, mode=mode)
    return output[0].astype(jnp.float32)

  return jax.jit(jax.vmap(one, in_axes=(None, None, 0, None)))


def finite_outputs(outputs: Array) -> np.ndarray:
  """Waits for a generator's output and returns it; FloatingPointError if it is not finite."""
  values = np.asarray(outputs)
  if not np.all(np.isfinite(values)):
    raise FloatingPointError("the generator's output is not finite: use an earlier checkpoint.")
  return values


def pad_to_multiple(images: np.ndarray, multiple: int) -> tuple[np.ndarray, tuple[int, int]]:
  """Pads height and width, half on each side, to the next multiple.

  The border is mirrored, which continues textures, or repeated where the image is too small to be
  mirrored that far.

  Args:
    images: [batch, height, width, channels].
    multiple: pixels.

  Returns:
    The padded images, and the row and column at which the original begins.
  """
  before, widths = [], [(0, 0)]
  for size in images.shape[1:3]:
    missing = -size % multiple
    before.append(missing // 2)
    widths.append((missing // 2, missing - missing // 2))
  widths.append((0, 0))
  for axis in (1, 2):
    if not any(widths[axis]):
      continue  # Nothing is copied.
    amounts = [(0, 0)] * 4
    amounts[axis] = widths[axis]
    mode = "reflect" if max(widths[axis]) < images.shape[axis] else "edge"
    images = np.pad(images, amounts, mode=mode)
  return images, (before[0], before[1])
