"""Losses between what a network sees in a generated image and in the one that it should be."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.objectives.reconstruction import mean_absolute_error, mean_squared_error

EPSILON = 1e-5  # Added to variances, as instance normalisation does.


def feature_matching_loss(
  features: Sequence[Sequence[Array]], targets: Sequence[Sequence[Array]]
) -> Array:
  """Mean absolute difference of activations, averaged over layers and scales.

  Wang et al., 2018, Eq. 4, https://arxiv.org/abs/1711.11585, without the logits. The authors' code
  weighs the mean by 4 (for four layers, their sum), so that its weight of 10 is 40 here.

  Args:
    features: per scale the activations of the generated images, layer by layer.
    targets: the same of the images that they should be.

  Returns:
    Scalar >= 0.

  Raises:
    ValueError: if there is nothing to compare, or shapes differ.
  """
  if not features or not all(features):
    raise ValueError("feature matching needs at least one layer in every scale, got none.")
  scales = []
  for ours, theirs in zip(features, targets, strict=True):
    layers = [mean_absolute_error(a, b) for a, b in zip(ours, theirs, strict=True)]
    scales.append(sum(layers, jnp.zeros(())) / len(layers))
  return sum(scales, jnp.zeros(())) / len(scales)


def perceptual_loss(
  features: Sequence[Array], targets: Sequence[Array], weights: Sequence[float]
) -> Array:
  """Weighted mean absolute differences of the features of a trained network.

  Johnson et al., 2016, "Perceptual Losses", Eq. 2, https://arxiv.org/abs/1603.08155, with the
  absolute difference of the code of pix2pixHD and its weights that grow with depth.

  Args:
    features: activations of the generated images, shallow to deep.
    targets: the same of the images that they should be.
    weights: one per layer.

  Returns:
    Scalar >= 0.
  """
  terms = zip(features, targets, weights, strict=True)
  return sum((w * mean_absolute_error(a, b) for a, b, w in terms), jnp.zeros(()))


def content_loss(features: Array, targets: Array) -> Array:
  """Mean squared difference of features whose channels were brought to one mean and variance.

  Huang et al., 2018, Sec. 5.1, https://arxiv.org/abs/1804.04732, the domain-invariant perceptual
  loss: colours and textures of a domain weigh less than what is where.

  Args:
    features: activations of the translations, [batch, height, width, channels].
    targets: the same of what was translated.

  Returns:
    Scalar >= 0.

  Raises:
    ValueError: if the shapes differ.
  """
  return mean_squared_error(standardized(features), standardized(targets))


def standardized(features: Array) -> Array:
  """Brings each channel of each image to mean 0 and variance 1; a constant channel to 0.

  Args:
    features: [batch, height, width, channels].

  Returns:
    The same shape.
  """
  centred = features - jnp.mean(features, axis=(1, 2), keepdims=True)
  variance = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
  return centred * jax.lax.rsqrt(variance + EPSILON)
