"""What the segmentation score says to photographs that are right, wrong, blurred, noisy or empty.

A segmenter learns the training pairs of Facades; then it judges the test photographs and what is
made of them against the test labels. A generator's score has its meaning between these.
"""

import time
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.metrics.damage import spoil
from imtrans.data.palette import Palette, labels_to_indices
from imtrans.data.sources import open_dataset
from imtrans.data.specs import normalize
from imtrans.data.transforms import resize, resize_nearest
from imtrans.evaluation.confusion import SegmentationScores, confusion_matrix, segmentation_scores
from imtrans.evaluation.segmentation import score_photos, train_segmenter

SCORES = ("pixel_accuracy", "class_accuracy", "class_iou")
BLURS = (1.0, 2.0, 4.0, 8.0)
NOISES = (0.05, 0.1, 0.2)
# The colours of the twelve classes as the JPEG files have them: the modes of their histogram.
PALETTE: Palette = (
  (0, 0, 222),
  (0, 48, 255),
  (0, 128, 255),
  (1, 207, 255),
  (32, 255, 224),
  (112, 254, 142),
  (192, 255, 63),
  (255, 240, 1),
  (255, 159, 0),
  (255, 80, 0),
  (253, 0, 2),
  (174, 0, 1),
)


def open_split(path: str, split: str, size: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
  """Reads photographs and their labels.

  Args:
    path: folder of trainA, trainB, testA and testB; A are photographs, B label pictures.
    split: "train" or "test".
    size: height and width to which both are squeezed, pixels.

  Returns:
    float32 [pictures, size, size, 3] in [-1, 1]; int32 [pictures, size, size], the class whose
    colour is nearest, as JPEG has mixed colours; and the names.

  Raises:
    ValueError: if the folder holds no such pairs.
  """
  dataset = open_dataset("folders", split=split, paired=True, path=path, channels=3)
  if dataset.b is None:
    raise ValueError(f"{path} has no label pictures: it should hold {split}A and {split}B.")
  photos, labels = [], []
  for index in range(len(dataset.a)):
    photos.append(normalize(resize(dataset.a[index], size, size), dataset.a.spec))
    classes = labels_to_indices(dataset.b[index], PALETTE, outliers=1.0)
    labels.append(resize_nearest(classes, size, size).astype(np.int32))
  return np.stack(photos), np.stack(labels), list(dataset.a.names)


def conditions(photos: np.ndarray, names: Sequence[str], mean: np.ndarray) -> dict[str, np.ndarray]:
  """Lists what is shown to the segmenter in the place of the test photographs.

  Args:
    photos: float32 [pictures, size, size, 3] in [-1, 1].
    names: of the pictures.
    mean: [size, size, 3], the mean of the training photographs.

  Returns:
    Titles to pictures of the same shape.
  """
  order = np.random.default_rng(0).permutation(len(photos))
  other = np.empty_like(photos)
  other[order] = photos[np.roll(order, 1)]  # No photograph stays in its place.
  shown = {"the photographs themselves": photos}
  shown |= {f"blurred, σ = {s:g} px": spoil("blur", s, photos, names) for s in BLURS}
  shown |= {f"noise, σ = {s:g}": spoil("noise", s, photos, names) for s in NOISES}
  shown["without colour"] = spoil("saturation", 0.0, photos, names)
  shown["another façade's photograph"] = other
  color = np.mean(mean, axis=(0, 1))
  shown["the mean training photograph"] = np.broadcast_to(mean, photos.shape)
  shown["the mean colour"] = np.broadcast_to(color, photos.shape)
  return {title: np.ascontiguousarray(images, np.float32) for title, images in shown.items()}


def always_the_most_common(
  training: np.ndarray, labels: np.ndarray, *, num_classes: int
) -> SegmentationScores:
  """Returns the scores of one class everywhere: that with the most pixels in the training set."""
  common = int(np.argmax(np.bincount(training.ravel(), minlength=num_classes)))
  guess = jnp.full(labels.shape, common, jnp.int32)
  matrix = confusion_matrix(guess, jnp.asarray(labels), num_classes=num_classes)
  return segmentation_scores(np.asarray(matrix))


def measure(path: str, size: int, seeds: Sequence[int], **training: Any) -> dict[str, Any]:
  """Trains segmenters and lets each judge every condition.

  Args:
    path: as in `open_split`.
    size: pixels.
    seeds: of the segmenters, one each.
    **training: of `imtrans.evaluation.segmentation.train_segmenter`.

  Returns:
    "size", "training" (the protocol of the last segmenter), "train_seconds" of each, "pictures",
    and "scores": {title: {score: [one a seed]}}; "one class" has the score without a segmenter.
  """
  num_classes = len(PALETTE)
  photos, labels, _ = open_split(path, "train", size)
  test_photos, test_labels, names = open_split(path, "test", size)
  shown = conditions(test_photos, names, np.mean(photos, axis=0))
  scores: dict[str, dict[str, list[float]]] = {}
  seconds, protocol = [], {}
  for seed in seeds:
    start = time.perf_counter()
    segmenter = train_segmenter(photos, labels, num_classes=num_classes, seed=seed, **training)
    seconds.append(round(time.perf_counter() - start, 1))
    protocol = segmenter.protocol
    _add(scores, "training photographs", score_photos(segmenter, photos, labels))
    for title, images in shown.items():
      _add(scores, title, score_photos(segmenter, images, test_labels))
  guess = always_the_most_common(labels, test_labels, num_classes=num_classes)
  return {
    "size": size,
    "pictures": {"train": len(photos), "test": len(test_photos)},
    "training": {name: value for name, value in protocol.items() if name != "seed"},
    "seeds": list(seeds),
    "train_seconds": seconds,
    "one class": {name: getattr(guess, name) for name in SCORES},
    "scores": scores,
  }


def _add(scores: dict[str, dict[str, list[float]]], title: str, found: SegmentationScores) -> None:
  for name in SCORES:
    scores.setdefault(title, {}).setdefault(name, []).append(getattr(found, name))
