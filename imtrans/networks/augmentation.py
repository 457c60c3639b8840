"""What is done to images before a discriminator sees them, so that it cannot learn few by heart.

Zhao et al., 2020, "Differentiable Augmentation for Data-Efficient GAN Training",
https://arxiv.org/abs/2006.10738: real and generated images alike, in both players' updates, so that
the generator learns nothing of it. Images that stand side by side in the channels, such as a source
and its translation, are moved and cut together.
"""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.networks.halo import num_row_shards

AUGMENTATIONS = ("color", "translation", "cutout")
COLLECTION = "augmentation"
REACH = 1 / 8  # Of a translation, in heights and widths.
HOLE = 1 / 2  # Of a cutout, likewise.


class Augmentation(nn.Module):
  """Draws and applies augmentations; how, is said by the discriminators' fields.

  The key that they are drawn with is a variable of the discriminator, which every training pass
  moves on: so it travels in a method's extras, and a run that is resumed draws the same.
  """

  kinds: tuple[str, ...] = ()
  color_channels: int = 0  # The last ones, whose colours change; 0 for all of them.
  probability: float = 1.0  # Of each kind, for each image; where it begins, if it adapts.
  ramp: int = 0  # Images in which an adapting probability can go from 0 to 1; 0 for a fixed one.

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] to the same shape."""
    if not self.kinds:
      return images
    state = self.variable(COLLECTION, "key", lambda: jax.random.key_data(self.make_rng("params")))
    probability = jnp.float32(self.probability)
    if self.ramp:
      probability = self.variable(COLLECTION, "probability", lambda: probability).value
    key = jax.random.wrap_key_data(state.value)
    if self.is_mutable_collection(COLLECTION) and not self.is_initializing():
      state.value = jax.random.key_data(jax.random.fold_in(key, 0))
    if not train:
      return images
    own_key = jax.random.fold_in(key, 1)
    return augment(
      images, own_key, self.kinds, probability=probability, color_channels=self.color_channels
    )


def of_part(extras: Any, part: int | Array) -> Any:
  """Gives one part of a batch draws of its own, where all parts begin with the same extras.

  Args:
    extras: of a method, or any tree with collections of discriminators.
    part: its number.

  Returns:
    The same tree, in which only keys of augmentations differ.
  """

  def own(path: Any, leaf: Array) -> Array:
    if not _is(path, "key"):
      return leaf
    # 0 and 1 are taken by the module.
    return jax.random.key_data(jax.random.fold_in(jax.random.wrap_key_data(leaf), 2 + part))

  return jax.tree_util.tree_map_with_path(own, extras)


def joined_moves(path: Any, before: Array, after: Array) -> Array | None:
  """An adapting probability after all parts of a batch, of which each has moved it by its images.

  Args:
    path: of the leaf in a tree of extras.
    before: its value before the batch.
    after: [parts], what each made of it.

  Returns:
    Their moves added up, in [0, 1] (each part's own move has been held in it too); None for a leaf
    that is no such probability.
  """
  if not _is(path, "probability"):
    return None
  return jnp.clip(before + jnp.sum(after - before), 0.0, 1.0)


def _is(path: Any, name: str) -> bool:
  return [getattr(entry, "key", None) for entry in path[-2:]] == [COLLECTION, name]


def augmented(discriminator: Any) -> Augmentation:
  """Returns the augmentation of a discriminator's fields, to be made inside that module."""
  return Augmentation(
    tuple(discriminator.augment),
    discriminator.color_channels,
    discriminator.augment_probability,
    discriminator.augment_ramp,
    name=COLLECTION,
  )


def augment(
  images: Array,
  key: Array,
  kinds: tuple[str, ...],
  *,
  probability: float | Array = 1.0,
  color_channels: int = 0,
) -> Array:
  """Augments every image of a batch by itself, differentiably.

  Args:
    images: [batch, height, width, channels], 0 being grey.
    key: random key.
    kinds: some of `AUGMENTATIONS`, applied in this order.
    probability: of each kind, for each image.
    color_channels: how many channels, the last ones, have their colours changed; 0 for all.

  Returns:
    The same shape.

  Raises:
    ValueError: for an unknown kind, listing the known.
  """
  count = color_channels or images.shape[-1]

  def recolored(images: Array, key: Array) -> Array:
    seen, changed = images[..., :-count], images[..., -count:]
    return jnp.concatenate([seen, change_colors(changed, key)], axis=-1)

  functions = dict(zip(AUGMENTATIONS, (recolored, translate_some, cut_out), strict=True))
  for index, kind in enumerate(kinds):
    if kind not in functions:
      raise ValueError(f"unknown augmentation {kind!r}: choose among {', '.join(AUGMENTATIONS)}.")
    change_key, coin_key = jax.random.split(jax.random.fold_in(key, index))
    chosen = jax.random.bernoulli(coin_key, probability, (len(images), 1, 1, 1))
    images = jnp.where(chosen, functions[kind](images, change_key), images)
  return images


def change_colors(images: Array, key: Array) -> Array:
  """Changes brightness by up to 1/2, saturation by up to all of it, contrast by up to half.

  Args:
    images: [batch, height, width, channels].
    key: random key.

  Returns:
    The same shape. The mean image over many draws is the image.
  """
  draws = jax.random.uniform(key, (3, len(images), 1, 1, 1), images.dtype)
  images = images + (draws[0] - 0.5)
  grey = jnp.mean(images, axis=-1, keepdims=True)
  images = grey + 2.0 * draws[1] * (images - grey)
  level = jnp.mean(images, axis=(1, 2, 3), keepdims=True)
  return level + (0.5 + draws[2]) * (images - level)


def translate_some(images: Array, key: Array) -> Array:
  """Moves images by up to an eighth of their height and width; what comes in is grey.

  Args:
    images: [batch, height, width, channels].
    key: random key.

  Returns:
    The same shape.
  """
  batch, height, width, channels = images.shape
  reach = [round(side * REACH) for side in (height, width)]
  starts = [
    jax.random.randint(own_key, (batch,), 0, 2 * most + 1)
    for own_key, most in zip(jax.random.split(key), reach, strict=True)
  ]
  if num_row_shards() > 1:
    images = _shifted_rows(images, starts[0] - reach[0], reach[0])
    starts[0], reach[0] = jnp.zeros_like(starts[0]), 0
  padded = jnp.pad(images, ((0, 0), *((most, most) for most in reach), (0, 0)))

  def window(image: Array, row: Array, column: Array) -> Array:
    zero = jnp.zeros_like(row)
    return jax.lax.dynamic_slice(image, (row, column, zero), (height, width, channels))

  return jax.vmap(window)(padded, *starts)


def _shifted_rows(images: Array, shifts: Array, most: int) -> Array:
  """Rows i + shift of every image, grey where there are none, for shifts of at most `most`.

  By powers of two, which are the same for all images, so that devices that split the rows know what
  to send each other: of windows that nobody knows before they would gather the images.
  """
  height, back = images.shape[1], (shifts < 0)[:, None, None, None]
  for step in (2**power for power in range(most.bit_length())):
    padded = jnp.pad(images, ((0, 0), (step, step), (0, 0), (0, 0)))
    moved = jnp.where(back, padded[:, :height], padded[:, 2 * step :])
    images = jnp.where((jnp.abs(shifts) & step > 0)[:, None, None, None], moved, images)
  return images


def cut_out(images: Array, key: Array) -> Array:
  """Makes a rectangle of half the height and width grey, around a random pixel.

  Args:
    images: [batch, height, width, channels].
    key: random key.

  Returns:
    The same shape.
  """
  inside = []
  for own_key, side in zip(jax.random.split(key), images.shape[1:3], strict=True):
    hole = round(side * HOLE)
    starts = jax.random.randint(own_key, (len(images), 1), 0, side) - hole // 2
    places = jnp.arange(side)[None]
    inside.append((places >= starts) & (places < starts + hole))
  rows, columns = inside
  return jnp.where((rows[:, :, None] & columns[:, None])[..., None], 0.0, images)
