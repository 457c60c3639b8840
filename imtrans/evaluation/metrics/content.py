"""Content distance: how much of a picture its translation keeps, without a true target."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array
from jax.sharding import Mesh

from imtrans.objectives import standardized
from imtrans.pretrained.features import Convolutions, vgg16
from imtrans.pretrained.weights import perceptual_weights
from imtrans.training.mesh import place

LEAST = 32  # Pixels: below, the last map of VGG16 is one pixel, and its deviation from itself 0.


def content_distance(convolutions: Convolutions, outputs: Array, sources: Array) -> Array:
  """Domain-invariant perceptual distance of a translation from what was translated.

  Huang et al., 2018, "Multimodal Unsupervised Image-to-Image Translation", Sec. 5.1,
  https://arxiv.org/abs/1804.04732: VGG16 features of both, each channel brought to mean 0 and
  variance 1 over its pixels, so that colours and textures of a domain weigh less than what is
  where; then the mean squared difference. Here of the last convolution after ReLU.

  Args:
    convolutions: of VGG16, see `imtrans.pretrained.features`.
    outputs: [batch, height, width, 3] in [-1, 1], at least 32 pixels a side.
    sources: the same shape and range.

  Returns:
    [batch]: 0 for the same content, 2 for independent ones.

  Raises:
    ValueError: for other channels, or too small images.
  """
  if min(outputs.shape[1:3]) < LEAST:
    raise ValueError(
      f"the content distance needs images of at least {LEAST} x {LEAST} pixels, got "
      f"{outputs.shape[1]} x {outputs.shape[2]}: evaluate at a larger size."
    )
  ours, theirs = (standardized(vgg16(convolutions, images)[-1]) for images in (outputs, sources))
  return jnp.mean(jnp.square(ours - theirs), axis=(1, 2, 3))


def trained_content_distance(mesh: Mesh | None = None) -> Callable[[Any, Any], Array]:
  """`content_distance` with the trained weights of VGG16, compiled once per shape.

  Args:
    mesh: where the weights are placed; the default device if None.

  Returns:
    (outputs, sources) -> [batch].

  Raises:
    ValueError: if the weights are not installed.
  """
  return functools.partial(_compiled, place(perceptual_weights("vgg").convolutions, mesh))


_compiled = jax.jit(content_distance)
