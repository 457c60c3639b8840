"""Judging photographs made from labels: does a segmenter find the labels in them again?

The FCN score of Isola et al., 2017, Sec. 3.3, https://arxiv.org/abs/1611.07004, asks a network that
was trained on real photographs what it sees in generated ones. The authors' network is a Caffe
model for Cityscapes alone; here it is a small U-Net trained on the real pairs of any data set, and
its score on the real test photographs stands beside that on the generated ones.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh

from imtrans.evaluation.batching import PictureBatches
from imtrans.evaluation.metrics.confusion import (
  SegmentationScores,
  confusion_matrices,
  segmentation_scores,
)
from imtrans.networks import UNet
from imtrans.training.mesh import divide, mesh_of, place, replicated

# The U-Net ends in tanh, so its outputs are logits only if they reach far enough: at 10, one class
# may be exp(20) times as probable as another.
LOGIT_SCALE = 10.0
BATCH_SIZE = 8  # Photographs that are judged together.


class Segmenter(NamedTuple):
  """A trained segmenter.

  network: the U-Net, without state: instance normalisation, no dropout.
  params: its parameters.
  num_classes: classes it tells apart.
  protocol: how it was trained, in words and numbers.
  """

  network: UNet
  params: Any
  num_classes: int
  protocol: dict[str, int | float | str]


def train_segmenter(
  photos: np.ndarray,
  labels: np.ndarray,
  *,
  num_classes: int,
  num_steps: int = 2000,
  batch_size: int = 8,
  learning_rate: float = 1e-3,
  features: int = 32,
  num_levels: int = 5,
  seed: int = 0,
  mesh: Mesh | None = None,
  track: Callable[[Iterable[Any], int, str], Iterable[Any]] | None = None,
) -> Segmenter:
  """Trains a U-Net to find the class of every pixel, with cross-entropy and Adam.

  Batches are drawn without replacement, epoch after epoch, and mirrored at random; the learning
  rate falls to zero along half a cosine.

  Args:
    photos: float32 [pictures, height, width, channels] in [-1, 1], real training photographs; sides
      multiples of 2^num_levels.
    labels: int [pictures, height, width]; negative where a pixel does not count.
    num_classes: classes.
    num_steps: updates.
    batch_size: pictures per update.
    learning_rate: the first one.
    features: channels of the U-Net's first level.
    num_levels: how often it halves the sides.
    seed: of the first parameters, the order and the mirroring; the same seed gives the same
      segmenter on the same devices.
    mesh: devices over which batches are divided, here and by `segment`; the default device if None.
    track: called as track(updates, total, title), for a progress bar.

  Returns:
    The segmenter.

  Raises:
    ValueError: for photos and labels that do not belong together, labels that are no classes, or
      sides that the U-Net cannot halve.
    FloatingPointError: if the loss does not stay finite.
  """
  _check_pairs(photos, labels, num_classes)
  network = UNet(
    out_channels=num_classes,
    num_levels=num_levels,
    features=features,
    norm="instance",
    dropout=0.0,
  )
  init = jax.jit(network.init, static_argnames="train")
  params = init(jax.random.key(seed), jnp.asarray(photos[:1]), train=False)["params"]
  params = place(params, mesh)
  optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, num_steps))
  opt_state = place(optimizer.init(params), mesh)
  step = _training_step(network, optimizer, mesh)
  loss = jnp.zeros(())
  batches = _batches(photos, labels, batch_size, np.random.default_rng(seed))
  updates: Iterable[Any] = itertools.islice(batches, num_steps)
  if track is not None:
    updates = track(updates, num_steps, "training the segmenter")
  for images, classes in updates:
    batch = divide(images, mesh), divide(classes, mesh)
    before = loss
    params, opt_state, loss = step(params, opt_state, *batch)
    jax.block_until_ready(before)  # Batches wait in device memory: the host stays one ahead.
  if not np.isfinite(loss):
    raise FloatingPointError("the segmenter's loss is not finite: use a smaller learning_rate.")
  protocol = {
    "network": f"U-Net, {num_levels} levels, {features} features, instance norm",
    "images": len(photos),
    "num_steps": num_steps,
    "batch_size": batch_size,
    "learning_rate": learning_rate,
    "seed": seed,
    "final_loss": float(loss),
  }
  return Segmenter(network, params, num_classes, protocol)


def cross_entropy(logits: Array, labels: Array) -> Array:
  """Mean negative log-probability of the true class over the pixels that have one.

  Args:
    logits: [batch, height, width, classes].
    labels: int [batch, height, width]; negative where a pixel does not count.

  Returns:
    Scalar, in nats; 0 if no pixel counts.
  """
  counted = labels >= 0
  losses = optax.softmax_cross_entropy_with_integer_labels(logits, jnp.maximum(labels, 0))
  count = jnp.maximum(jnp.sum(counted), 1).astype(jnp.float32)
  return jnp.sum(jnp.where(counted, losses, 0.0)) / count


def segment(
  segmenter: Segmenter, photos: np.ndarray, *, batch_size: int = BATCH_SIZE
) -> np.ndarray:
  """Finds the class of every pixel.

  Args:
    segmenter: of `train_segmenter`.
    photos: float32 [pictures, height, width, channels] in [-1, 1].
    batch_size: pictures per call; more if the segmenter's mesh cannot divide so many evenly.

  Returns:
    int32 [pictures, height, width].
  """
  found: list[np.ndarray] = []

  def see(count: int, batch: Any) -> None:
    found.append(np.asarray(_predict(segmenter.network, segmenter.params, batch))[:count])

  batches = PictureBatches(see, batch_size=batch_size, mesh=mesh_of(segmenter.params))
  for photo in photos:
    batches.add(photo)
  batches.flush()
  return np.concatenate(found)


class ConfusionCounter:
  """Counts which classes a segmenter finds where, in photographs that come one by one.

  The network and the counting are one compiled function, and batches are divided over the mesh
  that the segmenter's parameters are placed on.
  """

  def __init__(self, segmenter: Segmenter, *, batch_size: int = BATCH_SIZE):
    """Starts with no photograph.

    Args:
      segmenter: of `train_segmenter`.
      batch_size: photographs per call; more if the mesh cannot divide so many evenly.
    """
    self._segmenter = segmenter
    self._total = np.zeros((segmenter.num_classes,) * 2, np.int64)
    mesh = mesh_of(segmenter.params)
    self._batches = PictureBatches(self._count, batch_size=batch_size, mesh=mesh)

  def add(self, photo: np.ndarray, labels: np.ndarray) -> None:
    """Takes a photograph and its labels.

    Args:
      photo: float32 [height, width, channels] in [-1, 1], real or generated.
      labels: int [height, width], classes; negative where a pixel does not count.
    """
    self._batches.add(photo, labels.astype(np.int32))

  def matrix(self) -> np.ndarray:
    """Returns int64 [classes, classes] over all so far: row the true class, column the found."""
    self._batches.flush()
    return self._total

  def _count(self, count: int, photos: Any, labels: Any) -> None:
    network, params = self._segmenter.network, self._segmenter.params
    matrices = np.asarray(_confusions(network, params, photos, labels))
    self._total += np.sum(matrices[:count], axis=0, dtype=np.int64)


def score_photos(
  segmenter: Segmenter, photos: np.ndarray, labels: np.ndarray
) -> SegmentationScores:
  """How well the segmenter finds the labels that photographs were made from, or belong to.

  Args:
    segmenter: of `train_segmenter`.
    photos: float32 [pictures, height, width, channels] in [-1, 1], real or generated.
    labels: int [pictures, height, width].

  Returns:
    The scores over all pixels of all pictures.

  Raises:
    ValueError: for photos and labels that do not belong together, or labels that are no classes.
  """
  _check_pairs(photos, labels, segmenter.num_classes)
  counter = ConfusionCounter(segmenter)
  for photo, classes in zip(photos, labels, strict=True):
    counter.add(photo, classes)
  return segmentation_scores(counter.matrix())


@functools.partial(jax.jit, static_argnums=0)
def _predict(network: UNet, params: Any, images: Array) -> Array:
  return jnp.argmax(_logits(network, params, images), axis=-1).astype(jnp.int32)


@functools.partial(jax.jit, static_argnums=0)
def _confusions(network: UNet, params: Any, photos: Array, labels: Array) -> Array:
  found = _predict(network, params, photos)
  return confusion_matrices(found, labels, num_classes=network.out_channels)


def _logits(network: UNet, params: Any, images: Array) -> Array:
  return LOGIT_SCALE * jnp.asarray(network.apply({"params": params}, images, train=False))


def _training_step(
  network: UNet, optimizer: optax.GradientTransformation, mesh: Mesh | None
) -> Any:
  def loss_of(params: Any, images: Array, labels: Array) -> Array:
    return cross_entropy(_logits(network, params, images), labels)

  # What comes out lies where it came in: one compilation serves all steps.
  placed = None if mesh is None else replicated(mesh)

  @functools.partial(jax.jit, donate_argnums=(0, 1), out_shardings=placed)
  def step(params: Any, opt_state: Any, images: Array, labels: Array) -> tuple[Any, Any, Array]:
    loss, gradient = jax.value_and_grad(loss_of)(params, images, labels)
    # optax raises decay rates to an integer count, which strict dtype promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
      updates, opt_state = optimizer.update(gradient, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, loss

  return step


def _batches(
  photos: np.ndarray, labels: np.ndarray, batch_size: int, random: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Endless batches of pairs in random order, each pair mirrored or not."""
  order = np.array([], np.int64)
  while True:
    while len(order) < batch_size:
      order = np.concatenate([order, random.permutation(len(photos))])
    chosen, order = order[:batch_size], order[batch_size:]
    images, classes = photos[chosen], labels[chosen].astype(np.int32)
    mirrored = random.random(batch_size) < 0.5
    images[mirrored] = images[mirrored, :, ::-1]
    classes[mirrored] = classes[mirrored, :, ::-1]
    yield images, classes


def _check_pairs(photos: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
  if photos.ndim != 4 or labels.shape != photos.shape[:3] or not len(photos):
    raise ValueError(
      "photos must be [pictures, height, width, channels] and labels [pictures, height, width] of "
      f"the same pictures, got {photos.shape} and {labels.shape}."
    )
  if int(labels.max()) >= num_classes:
    raise ValueError(
      f"labels must be below num_classes ({num_classes}), or negative where they do not count, got "
      f"{int(labels.max())}."
    )
