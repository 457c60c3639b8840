"""The contrast between patches of an image and of its translation, for methods that have one."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.features import Features, at_positions, sample_positions
from imtrans.networks import PatchHead
from imtrans.objectives import patch_nce_loss

LAYERS = ("image", "down_1", "down_2", "block_0", "block_4")
NEGATIVES = ("image", "batch")


class PatchContrast(NamedTuple):
  """What holds translations to their images: two contrasts, and the head of both.

  "nce" is the contrast of a translated source with the source, "identity_nce" that of a translated
  target with the target; one of weight 0 is left out.

  init: (key, encode) -> parameters of the head; encode: () -> features, of which only the shapes
    matter.
  images: (batch) -> those to translate, the source and, for the second contrast, the target.
  compare: (params, queries, keys, draws) -> outputs, "nce_queries", "nce_keys" and the like:
    {layer: [batch, places, features]}. Of each of `images` in turn there are the features of its
    translation, its own features, and the random key that draws the places.
  terms: (outputs) -> {name: (weight, loss)}.
  """

  init: Callable
  images: Callable
  compare: Callable
  terms: Callable


def patch_contrast(
  *,
  nce_weight: float,
  identity_nce_weight: float,
  layers: Sequence[str],
  num_patches: int,
  head_features: int,
  temperature: float,
  negatives: str = "image",
) -> PatchContrast:
  """Wires a head and the contrastive loss (Park et al., 2020, https://arxiv.org/abs/2007.15651).

  Args:
    nce_weight: of the contrast of translated sources.
    identity_nce_weight: of that of translated targets.
    layers: names of those whose features are compared.
    num_patches: places that are compared in each layer, at most all.
    head_features: width of the head.
    temperature: of the contrast.
    negatives: "image": other patches of the same image; "batch": also those of the other images.

  Returns:
    The functions.

  Raises:
    ValueError: for unknown negatives or no layers.
  """
  if negatives not in NEGATIVES:
    raise ValueError(f"negatives must be one of {', '.join(NEGATIVES)}, got {negatives!r}.")
  if isinstance(layers, str) or not layers:
    raise ValueError(f"layers must be names of at least one layer, got {layers!r}.")
  head = PatchHead(head_features)
  weights = {"nce": nce_weight, "identity_nce": identity_nce_weight}
  used = [name for name, weight in weights.items() if weight]

  def init(key, encode):
    patches = {
      name: jnp.zeros((values.shape[0], 1, values.shape[-1]), values.dtype)
      for name, values in jax.eval_shape(encode).items()
    }
    return head.init(key, patches)["params"]

  def images(batch):
    return [batch["source"], batch["target"]] if identity_nce_weight else [batch["source"]]

  def compare(params, queries, keys, draws):
    def project(features, positions):
      return head.apply({"params": params}, at_positions(features, positions))

    outputs = {}
    for name, own_queries, own_keys, draw in zip(weights, queries, keys, draws, strict=False):
      if name in used:
        positions = sample_positions(own_keys, num_patches, draw)
        outputs[f"{name}_queries"] = project(own_queries, positions)
        # Keys are what queries are to be like, and not the other way round: held here, so that
        # nothing is pulled back through them.
        outputs[f"{name}_keys"] = jax.lax.stop_gradient(project(own_keys, positions))
    return outputs

  def terms(outputs):
    across_batch = negatives == "batch"
    found = {}
    for name in used:
      queries, keys = outputs[f"{name}_queries"], outputs[f"{name}_keys"]
      value = contrast(queries, keys, temperature=temperature, across_batch=across_batch)
      found[name] = weights[name], value
    return found

  return PatchContrast(init, images, compare, terms)


def contrast(queries: Features, keys: Features, *, temperature: float, across_batch: bool) -> Array:
  """The contrastive loss, as a mean over layers.

  Args:
    queries: {layer: [batch, places, features]}, unit vectors of generated images.
    keys: the same of their sources.
    temperature: of the contrast.
    across_batch: whether the patches of all images are negatives of each other.

  Returns:
    Scalar in nats.
  """

  def grouped(values: Array) -> Array:
    return values.reshape(1, -1, values.shape[-1]) if across_batch else values

  losses = [
    patch_nce_loss(grouped(queries[name]), grouped(keys[name]), temperature=temperature)
    for name in queries
  ]
  return jnp.mean(jnp.stack(losses))
