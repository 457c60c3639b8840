"""From pictures to features: one vector per picture, with a note of how it was made.

Distances between sets of pictures (`metrics/distributions.py`) compare such vectors. They are
comparable only if network, weights and resize are the same, so these travel with the values.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.evaluation.batching import PictureBatches
from imtrans.pretrained.features import FEATURE_MAPS
from imtrans.pretrained.weights import BACKBONES, perceptual_weights
from imtrans.training.mesh import mesh_of

OWN_SIZE = "none: every picture at its own size"


class FeatureNetwork(NamedTuple):
  """A network that turns a picture into a vector.

  name: of the features: "alexnet", "vgg16", "inception".
  apply: (weights, images [batch, height, width, 3] in [-1, 1]) -> (features [batch, dimension],
    logits [batch, classes] or None); a module-level function, compiled once per shape.
  weights: its first argument.
  resize: what happens to the size of a picture, in words.
  sha256: of the file of the weights.
  """

  name: str
  apply: Callable[[Any, Array], tuple[Array, Array | None]]
  weights: Any
  resize: str
  sha256: str


class FeatureSet(NamedTuple):
  """Features of a set of pictures, and how they were made (see `FeatureNetwork`).

  values: float64 [images, dimension].
  logits: float64 [images, classes] of the network's classifier, None if it has none.
  """

  values: np.ndarray
  logits: np.ndarray | None
  features: str
  resize: str
  sha256: str


def pooled_alexnet() -> FeatureNetwork:
  """The mean over the pixels of AlexNet's last convolution after ReLU.

  Returns:
    "alexnet", 256 features, for pictures of at least 31 x 31 pixels.

  Raises:
    ValueError: if the weights are not installed.
  """
  return _pooled("alexnet", "alex")


def pooled_vgg16() -> FeatureNetwork:
  """The mean over the pixels of VGG16's last convolution after ReLU.

  Kynkaanniemi et al. (2019) compare the 4096 activations of VGG16's second fully connected layer
  instead. These are fewer, so that a test set of some hundred pictures has a covariance.

  Returns:
    "vgg16", 512 features, for pictures of at least 16 x 16 pixels.

  Raises:
    ValueError: if the weights are not installed.
  """
  return _pooled("vgg16", "vgg")


def _pooled(name: str, network: str) -> FeatureNetwork:
  weights = perceptual_weights(network).convolutions
  return FeatureNetwork(name, _POOLED[network], weights, OWN_SIZE, BACKBONES[network].sha256)


def _mean_of_last_map(convolutions: Any, images: Array, *, network: str) -> tuple[Array, None]:
  return jnp.mean(FEATURE_MAPS[network](convolutions, images)[-1], axis=(1, 2)), None


_POOLED = {name: functools.partial(_mean_of_last_map, network=name) for name in FEATURE_MAPS}


class FeatureCollector:
  """Computes the features of pictures that come one by one, in batches.

  Batches are divided over the mesh that the weights are placed on, if they are (see
  `imtrans.training.mesh.place`).
  """

  def __init__(self, network: FeatureNetwork, *, batch_size: int = 32):
    """Starts with no picture.

    Args:
      network: such as `pooled_vgg16()`.
      batch_size: pictures per call; more if the mesh cannot divide so many evenly.
    """
    self._network, self._function = network, _compiled(network.apply)
    self._batches = PictureBatches(self._see, batch_size=batch_size, mesh=mesh_of(network.weights))
    self._values: list[np.ndarray] = []
    self._logits: list[np.ndarray] = []

  def add(self, picture: np.ndarray) -> None:
    """Takes a picture.

    Args:
      picture: float32 [height, width, 1 or 3] in [-1, 1]; a change of size compiles the network
        again. Grey pictures are shown to it as three equal channels.

    Raises:
      ValueError: if it has another number of channels, or is too small.
    """
    self._batches.add(_as_color(picture))

  def finish(self) -> FeatureSet:
    """Returns the features of all pictures so far, in their order.

    Raises:
      ValueError: if there was no picture.
      FloatingPointError: if a feature is not finite.
    """
    self._batches.flush()
    if not self._values:
      raise ValueError(
        "there are no pictures to compute features of: check the folder or the split."
      )
    stacked = np.concatenate(self._values)
    if not np.all(np.isfinite(stacked)):
      raise FloatingPointError("a feature is not finite: check that all pictures are in [-1, 1].")
    network = self._network
    logits = np.concatenate(self._logits) if self._logits else None
    return FeatureSet(stacked, logits, network.name, network.resize, network.sha256)

  def _see(self, count: int, batch: Any) -> None:
    features, scores = self._function(self._network.weights, batch)
    self._values.append(np.asarray(features, np.float64)[:count])
    if scores is not None:
      self._logits.append(np.asarray(scores, np.float64)[:count])


def extract(
  network: FeatureNetwork, pictures: Iterable[np.ndarray], *, batch_size: int = 32
) -> FeatureSet:
  """Computes the features of pictures, one after the other.

  Args:
    network: such as `pooled_vgg16()`.
    pictures: as `FeatureCollector.add` takes them.
    batch_size: pictures per call.

  Returns:
    The features in the order of the pictures.

  Raises:
    ValueError: if there is no picture, or one has another number of channels or is too small.
    FloatingPointError: if a feature is not finite.
  """
  collector = FeatureCollector(network, batch_size=batch_size)
  for picture in pictures:
    collector.add(picture)
  return collector.finish()


@functools.lru_cache(maxsize=8)
def _compiled(apply: Callable) -> Callable:
  return jax.jit(apply)


def _as_color(picture: np.ndarray) -> np.ndarray:
  array = np.asarray(picture, np.float32)
  if array.ndim != 3 or array.shape[-1] not in (1, 3):
    raise ValueError(
      "a picture must have shape [height, width, 1 or 3] to be shown to a network that was trained "
      f"on photographs, got {array.shape}: choose three of its channels."
    )
  return np.repeat(array, 3, axis=-1) if array.shape[-1] == 1 else array
