"""LPIPS: how different two pictures look, by the features of a network trained on photographs."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from imtrans.pretrained.features import FEATURE_MAPS
from imtrans.pretrained.weights import PerceptualWeights, check_network, perceptual_weights
from imtrans.training.mesh import place

EPSILON = 1e-10  # Added to norms, as the authors' code does.


def lpips(weights: PerceptualWeights, images: Array, targets: Array, *, network: str) -> Array:
  """Learned perceptual image patch similarity, version 0.1.

  Zhang et al., 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
  Eq. 1, https://arxiv.org/abs/1801.03924: the features of both pictures, of unit length at every
  pixel, are subtracted and squared, weighed per channel and averaged over the pixels, for five
  layers that are added.

  The gradient is finite everywhere, also where a picture has no features at all.

  Args:
    weights: of `imtrans.pretrained.weights.perceptual_weights`.
    images: [batch, height, width, 3] in [-1, 1], at least 31 ("alex") or 16 ("vgg") pixels a side.
    targets: the same shape and range.
    network: "alex" or "vgg", the one that the weights are of.

  Returns:
    [batch], not negative; 0 for equal images, about 0.7 for unrelated photographs.

  Raises:
    ValueError: for an unknown network, shapes that differ, other channels or too small images.
  """
  check_network(network)
  if images.shape != targets.shape:
    raise ValueError(
      "images and targets must have the same shape [batch, height, width, 3], "
      f"got {images.shape} and {targets.shape}."
    )
  feature_maps = FEATURE_MAPS[network]
  ours, theirs = (feature_maps(weights.convolutions, x) for x in (images, targets))
  total = jnp.zeros(images.shape[0], jnp.float32)
  for a, b, head in zip(ours, theirs, weights.heads, strict=True):
    squares = jnp.square(unit_length(a) - unit_length(b))
    # The channels are weighed last: a matrix product would be rounded to bfloat16 on a TPU.
    per_channel = jnp.mean(jnp.mean(squares, axis=1), axis=1)
    total = total + jnp.sum(per_channel * jnp.asarray(head)[None, :], axis=1)
  return total


def unit_length(features: Array) -> Array:
  """Divides the vector at every pixel by its length.

  Args:
    features: [..., channels].

  Returns:
    The same shape; a vector of zeros stays zero, and has the derivative zero there, where that of
    the length itself would be 0 / 0.
  """
  squared = jnp.sum(jnp.square(features), axis=-1, keepdims=True)
  positive = squared > 0.0
  length = jnp.sqrt(jnp.where(positive, squared, 1.0)) + EPSILON
  return jnp.where(positive, features / length, 0.0)


def lpips_distance(network: str, mesh: Mesh | None = None) -> Callable[[Any, Any], Array]:
  """LPIPS with its trained weights, compiled.

  Args:
    network: "alex", which the authors recommend for evaluation, or "vgg".
    mesh: where the weights are placed; the default device if None.

  Returns:
    (images, targets) -> [batch]; see `lpips`. Compiled once per shape.

  Raises:
    ValueError: for an unknown network, or if the weights are not installed.
  """
  return functools.partial(_compiled(network), place(perceptual_weights(network), mesh))


@functools.lru_cache(maxsize=2)
def _compiled(network: str) -> Callable:
  return jax.jit(functools.partial(lpips, network=network))
