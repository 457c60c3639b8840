"""What a generator's encoder makes of images, by layer, beside the images that it makes of them."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
from jax import Array

from imtrans.methods.method import run_together

Features = dict[str, Array]


def apply_with_features(
  module: nn.Module,
  params: Any,
  collections: Any,
  images: Sequence[Array],
  layers: Sequence[str],
  key: Array | None = None,
  latents: Sequence[Array] | None = None,
) -> tuple[list[Array], list[Features], Any]:
  """`apply_together`, and what the layers of the encoder made of the images on the way.

  Where only the features are used, the rest of the generator is dead code that is not computed.

  Args:
    module: a generator that notes its layers, such as ResNet.
    params: its parameters.
    collections: its other collections.
    images: batches of equal shape, [batch, height, width, channels].
    layers: names of layers.
    key: for dropout; not needed by a network without.
    latents: for each batch [batch, latent_size], for a generator that takes codes.

  Returns:
    One output per batch, the features {layer: [batch, height', width', channels']} per batch, and
    the updated collections.

  Raises:
    ValueError: for a layer that the generator does not have, listing those that it has.
  """

  def run(collections: Any, inputs: Any, key: Array | None) -> tuple[Any, Any]:
    output, state = module.apply(
      {"params": params, **collections},
      *inputs,
      train=True,
      rngs={} if key is None else {"dropout": key},
      mutable=[*collections, "intermediates"],
    )
    others: dict[str, Any] = dict(state)
    noted = others.pop("intermediates", {})
    (chosen,) = noted.get("layers", ({},))
    return (output, _chosen(chosen, layers, module)), others

  inputs = list(zip(images) if latents is None else zip(images, latents, strict=True))
  made, collections = run_together(run, collections, inputs, key)
  outputs, features = zip(*made, strict=True)
  return list(outputs), list(features), collections


def sample_positions(features: Features, count: int, key: Array) -> dict[str, Array]:
  """Draws places for each layer, without repetition.

  Args:
    features: {layer: [batch, height, width, channels]}.
    count: places; a layer with fewer gives all that it has.
    key: random key.

  Returns:
    {layer: [places]}, indices into the pixels row by row, the same for all images.
  """
  positions = {}
  for (name, values), own_key in zip(
    features.items(), jax.random.split(key, len(features)), strict=True
  ):
    pixels = values.shape[1] * values.shape[2]
    positions[name] = jax.random.permutation(own_key, pixels)[: min(count, pixels)]
  return positions


def at_positions(features: Features, positions: dict[str, Array]) -> Features:
  """Takes the vectors at places.

  Args:
    features: {layer: [batch, height, width, channels]}.
    positions: of `sample_positions`.

  Returns:
    {layer: [batch, places, channels]}.
  """
  return {
    name: values.reshape(len(values), -1, values.shape[-1])[:, positions[name]]
    for name, values in features.items()
  }


def _chosen(noted: Features, layers: Sequence[str], module: nn.Module) -> Features:
  if not noted:
    raise ValueError(
      f"the generator {type(module).__name__} has no layers to take features from: choose "
      "generator.name=resnet."
    )
  for name in layers:
    if name not in noted:
      raise ValueError(
        f"method.layers: the generator has no layer {name!r}: choose among {', '.join(noted)}."
      )
  return {name: noted[name] for name in layers}
