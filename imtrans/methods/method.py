"""The contract between a method and the training step, and how a method calls its networks."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

PyTree = Any
EXAMPLE = "reference"  # In the extras of `translate`: an image whose style is wanted.


class Method(NamedTuple):
  """An image-to-image translation method, as pure functions of arrays.

  params = {"generator": tree, "discriminator": tree}: all that each player optimizes, however many
  networks it owns.
  extras: carried, never differentiated (image pools, spectral-norm vectors, batch statistics).
  outputs: every array that the generators made for this batch.

  init: (key, batch) -> (params, extras)
  generate: (generator_params, extras, batch, key) -> (outputs, extras)
  discriminator_loss: (discriminator_params, extras, outputs, batch, key)
    -> (loss, (extras, metrics))
  generator_loss: (discriminator_params, extras, outputs, batch, key) -> (loss, metrics)
  translate: (generator_params, extras, source, key, *, direction, mode) -> images
    direction: "ab" or "ba"; a method with one generator ignores it. key: of the latent code, in
    either mode, and of dropout. mode: "train" keeps dropout and normalises each image by its own
    batch-norm statistics, "test" uses no dropout and the running statistics. No image's result
    depends on the others of its batch. Where a method says so, a style is not drawn but found in
    `extras[EXAMPLE]`, [height, width, channels] of the domain that is translated to.
  """

  init: Callable
  generate: Callable
  discriminator_loss: Callable
  generator_loss: Callable
  translate: Callable


def check_equal_channels(one: Array, other: Array, who: str, remedy: str) -> None:
  """Raises ValueError for images of different channels, the last axis; `who` needs equal ones."""
  counts = one.shape[-1], other.shape[-1]
  if counts[0] != counts[1]:
    raise ValueError(
      f"{who} needs domains of equal channels, got {counts[0]} and {counts[1]}: {remedy}."
    )


def initialize(module: nn.Module, key: Array, *inputs: Array) -> tuple[PyTree, PyTree]:
  """Initializes a network.

  Args:
    module: takes images, maybe a latent code, and `train`.
    key: random key.
    *inputs: images [batch, height, width, channels], maybe a code [batch, latent_size]; only their
      shapes matter.

  Returns:
    Its parameters, and its other collections (batch statistics, spectral vectors), maybe empty.
  """
  params_key, dropout_key = jax.random.split(key)
  variables = module.init(
    {"params": params_key, "dropout": dropout_key}, *map(jnp.zeros_like, inputs), train=True
  )
  collections = dict(variables)
  return collections.pop("params"), collections


def apply(
  module: nn.Module,
  params: PyTree,
  collections: PyTree,
  images: Array,
  key: Array | None = None,
  latent: Array | None = None,
) -> tuple[Array, PyTree]:
  """Applies a network as in training.

  Args:
    module: takes images, maybe a latent code, and `train`.
    params: its parameters.
    collections: its other collections.
    images: [batch, height, width, channels].
    key: for dropout; not needed by a network without.
    latent: [batch, latent_size], for a network that takes a code.

  Returns:
    The output and the updated collections.
  """
  return module.apply(
    {"params": params, **collections},
    *((images,) if latent is None else (images, latent)),
    train=True,
    rngs={} if key is None else {"dropout": key},
    mutable=list(collections),
  )


def apply_together(
  module: nn.Module,
  params: PyTree,
  collections: PyTree,
  images: Sequence[Array],
  key: Array | None = None,
) -> tuple[list[Array], PyTree]:
  """Applies a network to several batches, in one pass where that makes no difference.

  Without batch statistics every image is treated by itself, and one pass over all of them fills
  the chip better than several. With them the batches go through one after the other.

  Args:
    module: takes images and `train`.
    params: its parameters.
    collections: its other collections.
    images: batches of equal shape, [batch, height, width, channels].
    key: for dropout; not needed by a network without.

  Returns:
    One output per batch, and the updated collections.
  """
  return run_together(functools.partial(apply, module, params), collections, images, key)


def run_together(
  run: Callable[..., tuple[Any, PyTree]],
  collections: PyTree,
  inputs: Sequence[Any],
  key: Array | None = None,
) -> tuple[list[Any], PyTree]:
  """Calls a network with several batches, in one pass where that makes no difference.

  Args:
    run: (collections, input, key) -> (output, collections), trees of arrays [batch, ...].
    collections: of the network.
    inputs: trees of equal shapes.
    key: for dropout; not needed by a network without.

  Returns:
    One output per input, and the updated collections.
  """
  count = len(inputs)
  if "batch_stats" in collections:
    outputs = []
    for index, own_input in enumerate(inputs):
      own_key = None if key is None else jax.random.fold_in(key, index)
      output, collections = run(collections, own_input, own_key)
      outputs.append(output)
    return outputs, collections
  output, collections = run(collections, jax.tree.map(interleave, *inputs), key)
  parts = jax.tree.map(lambda leaf: leaf.reshape(-1, count, *leaf.shape[1:]), output)
  return [
    jax.tree.map(lambda leaf, own=index: leaf[:, own], parts) for index in range(count)
  ], collections


def interleave(*batches: Array) -> Array:
  """Returns batches [batch, ...] as one; split over devices, each stays where it is."""
  return jnp.stack(batches, axis=1).reshape(-1, *batches[0].shape[1:])


def translate_each(
  module: nn.Module,
  params: PyTree,
  collections: PyTree,
  images: Array,
  key: Array,
  latent: Array | None = None,
  *,
  mode: str,
) -> Array:
  """Applies a generator for use rather than for training.

  Args:
    module: takes images and `train`.
    params: its parameters.
    collections: its other collections.
    images: [batch, height, width, channels] in [-1, 1].
    key: for dropout, split over the images.
    latent: [batch, latent_size], for a network that takes a code.
    mode: "train" or "test", see `Method`.

  Returns:
    [batch, height, width, out_channels] in [-1, 1].

  Raises:
    ValueError: for another mode.
  """
  inputs = (images,) if latent is None else (images, latent)
  if mode == "test":
    outputs = module.apply({"params": params, **collections}, *inputs, train=False)
    return cast(Array, outputs)
  if mode != "train":
    raise ValueError(f"mode must be 'train' or 'test', got {mode!r}.")

  def one(image_key: Array, *own: Array) -> Array:
    image, *code = (array[None] for array in own)
    output, _ = apply(module, params, collections, image, image_key, *code)
    return output[0]

  return jax.vmap(one)(jax.random.split(key, images.shape[0]), *inputs)
