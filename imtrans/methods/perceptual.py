"""How a trained network that no player owns judges what the generator makes.

Its weights are constants of the training step: no optimizer moves them, no checkpoint holds them,
every device has them. They are read when a loss is first traced, so a trained run can be used
without them.
"""

import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.objectives import perceptual_loss
from imtrans.pretrained.features import vgg16_last, vgg16_onsets
from imtrans.pretrained.weights import perceptual_weights

# Images [batch, height, width, channels] in [-1, 1] to activations, shallow to deep.
Perception = Callable[[Array], Sequence[Array]]
# What `stage_features` finds, shallow to deep.
STAGES = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1")
# Of these stages (pix2pixHD's code, models/networks.py, VGGLoss).
PERCEPTUAL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


def perceptual_term(features: Perception | None, *, weight: float) -> Callable:
  """The perceptual term of a generator's loss.

  The code of pix2pixHD and SPADE looks at relu1_1, relu2_1, relu3_1, relu4_1 and relu5_1 of VGG19.
  Configs give those of VGG16 with the same weights: the first three lie as deep, relu4_1 comes
  after 8 convolutions rather than 9 and relu5_1 after 11 rather than 13. Their code also gives VGG
  images in [-1, 1] as they are, where ours standardises them first, as VGG was trained, which
  divides by about 0.45: its 10 is our 4.5, but for biases.

  Args:
    features: of a trained network, five activations; needed unless the weight is zero.
    weight: of the term.

  Returns:
    (images, targets) -> (weighted term, metrics); zero and no metrics without a weight.

  Raises:
    ValueError: for a weight without features.
  """
  if not weight:
    return lambda images, targets: (jnp.zeros(()), {})
  if features is None:
    raise ValueError(
      "perceptual_weight needs perceptual_features, such as those of "
      "imtrans.methods.perceptual.stage_features: give them, or set method.perceptual_weight to 0."
    )

  def term(images: Array, targets: Array) -> tuple[Array, dict[str, Array]]:
    value = perceptual_loss(features(images), features(targets), PERCEPTUAL_WEIGHTS)
    return weight * value, {"generator/perceptual": value}

  return term


def stage_features(dtype: jnp.dtype) -> Perception:
  """VGG16 as `perceptual_term` looks at it.

  Args:
    dtype: of the computation.

  Returns:
    Images to the first activation of each of its five stages, `STAGES`, float32.
  """

  def features(images: Array) -> list[Array]:
    maps = vgg16_onsets(_weights(), as_color(images), dtype=dtype)
    return [one.astype(jnp.float32) for one in maps]

  return features


def content_features(dtype: jnp.dtype) -> Callable[[Array], Array]:
  """VGG16 as MUNIT looks at it.

  Args:
    dtype: of the computation.

  Returns:
    Images to its last activation, relu5_3, float32.
  """

  def features(images: Array) -> Array:
    return vgg16_last(_weights(), as_color(images), dtype=dtype).astype(jnp.float32)

  return features


def check_weights(field: str, nothing: str) -> None:
  """Raises ValueError if the weights of the trained network cannot be read.

  Args:
    field: of the config, that needs them.
    nothing: the value with which it does not.
  """
  try:
    perceptual_weights("vgg")
  except ValueError as error:
    raise ValueError(
      f"{field} is about features of VGG16, but {str(error).rstrip('.')}; or set it to {nothing}."
    ) from error


def as_color(images: Array) -> Array:
  """Grey images as RGB, for networks that were trained on colours.

  Args:
    images: [batch, height, width, 1 or 3].

  Returns:
    [batch, height, width, 3].

  Raises:
    ValueError: for other channels.
  """
  channels = images.shape[-1]
  if channels not in (1, 3):
    raise ValueError(
      f"features of VGG16 are of pictures of 1 or 3 channels, got {channels}: set "
      "method.perceptual_weight to 0, or method.feature_layers of sinkhorn to ()."
    )
  return jnp.repeat(images, 3, axis=-1) if channels == 1 else images


def _weights() -> list[tuple[Array, Array]]:
  # Behind a barrier: XLA would turn and transpose every kernel while it compiles.
  barrier = functools.partial(jax.tree.map, jax.lax.optimization_barrier)
  return barrier(list(perceptual_weights("vgg").convolutions))
