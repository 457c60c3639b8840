"""What the segmentation score says to photographs that are right, wrong, blurred, noisy or empty.

The score is that of `imtrans evaluate`, made by the same code with the same defaults; in the place
of a generator stands something that shows ready pictures, whatever the labels are. A generator's
score has its meaning between these.
"""

import itertools
import time
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.metrics.damage import spoil
from imtrans.data import Dataset
from imtrans.data.palette import Palette
from imtrans.data.sources import open_dataset
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.metrics.confusion import (
  SegmentationScores,
  confusion_matrix,
  labels_from_colors,
  segmentation_scores,
)
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

SCORES = ("pixel_accuracy", "class_accuracy", "class_iou")
BLURS = (1.0, 2.0, 4.0, 8.0)
NOISES = (0.05, 0.1, 0.2)
BATCH_SIZE = 8
ITSELF, OTHER = "the photographs themselves", "another façade's photograph"
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


class Shown(TrainedGenerator):
  """Stands in the place of a generator: shows ready pictures in order, whatever the labels are."""

  def __call__(self, images: np.ndarray) -> np.ndarray:
    """Returns as many of `extras["pictures"]` as there are labels."""
    return np.stack(list(itertools.islice(self.extras["pictures"], len(images))))


def show(pictures: np.ndarray) -> Shown:
  """Makes a generator of ready photographs.

  Args:
    pictures: float32 [pictures, size, size, 3] in [-1, 1]; behind the last one it is repeated.

  Returns:
    A generator from b, the labels, to a.
  """
  endless = itertools.chain(pictures, itertools.repeat(pictures[-1]))
  return Shown(_no_network, None, {"pictures": endless}, direction="ba")


def _no_network(*arguments: Any, **options: Any) -> Any:
  raise NotImplementedError("ready pictures are shown, nothing is translated.")


def open_split(path: str, split: str) -> Dataset:
  """Opens pairs of photographs, a, and labels, b.

  Args:
    path: folder of trainA, trainB, testA and testB; A are photographs, B label pictures.
    split: "train" or "test".

  Returns:
    The pairs.

  Raises:
    ValueError: if the folder holds none.
  """
  dataset = open_dataset("folders", split=split, paired=True, path=path, channels=3)
  if dataset.b is None:
    raise ValueError(f"{path} has no label pictures: it should hold {split}A and {split}B.")
  return dataset


def gather(pictures: EvaluationSet) -> tuple[np.ndarray, np.ndarray, list[str]]:
  """Reads all pictures of a set as an evaluation sees them.

  Args:
    pictures: of `open_split`.

  Returns:
    Photographs, float32 [pictures, size, size, 3] in [-1, 1]; their labels, int32 [pictures, size,
    size], the class of the nearest colour; and their names.
  """
  photos, labels, names = [], [], []
  colors = np.asarray(PALETTE, np.float32) / 127.5 - 1.0
  for found, images, count in pictures.pictures_of("ba", 1):
    photos.append(images["target"][:count])
    labels.append(labels_from_colors(images["source"], colors).labels[:count])
    names += list(found)[:count]
  return np.concatenate(photos), np.concatenate(labels), names


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
  shown = {ITSELF: photos}
  shown |= {f"blurred, σ = {s:g} px": spoil("blur", s, photos, names) for s in BLURS}
  shown |= {f"noise, σ = {s:g}": spoil("noise", s, photos, names) for s in NOISES}
  shown["without colour"] = spoil("saturation", 0.0, photos, names)
  shown[OTHER] = other
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


def measure(path: str, size: int, seeds: Sequence[int], **options: Any) -> dict[str, Any]:
  """Trains segmenters and lets each judge every condition.

  Args:
    path: as in `open_split`.
    size: height and width to which pictures are squeezed, pixels: `data.crop_size` of a run.
    seeds: of the segmenters, one each: `--seed` of `imtrans evaluate`.
    **options: of `imtrans.evaluation.evaluate.Evaluation`; its defaults are those of the command.

  Returns:
    "size", "pictures", "protocol" (of the last segmenter), "processor_seconds" of each training,
    and "scores": {title: {score: [one a seed]}}; "one class" has the score without a segmenter.
  """

  def pictures(split: str) -> EvaluationSet:
    dataset = open_split(path, split)
    return EvaluationSet(dataset, batch_size=BATCH_SIZE, resize="square", crop_size=size)

  photos, labels, _ = gather(pictures("train"))
  test_photos, test_labels, names = gather(pictures("test"))
  shown = conditions(test_photos, names, np.mean(photos, axis=0))
  scores: dict[str, dict[str, list[float]]] = {}
  seconds, protocol = [], {}
  for seed in seeds:
    evaluation = Evaluation(
      pictures("test"),
      ("segmentation",),
      training=lambda: open_split(path, "train"),
      palette=PALETTE,
      seed=seed,
      **options,
    )
    for title, images in shown.items():
      found, took = _judged(evaluation, images)
      if title == ITSELF:
        seconds.append(round(took, 1))  # The segmenter is trained when it is needed first.
      for name in SCORES:
        figure = found[f"segmentation_{name}"]
        scores.setdefault(title, {}).setdefault(name, []).append(figure.value)
        protocol = figure.protocol.settings
  guess = always_the_most_common(labels, test_labels, num_classes=len(PALETTE))
  segmenter = {n: value for n, value in protocol["segmenter"].items() if n != "seed"}
  return {
    "size": size,
    "pictures": {"train": len(photos), "test": len(test_photos)},
    "protocol": {**protocol, "segmenter": segmenter},
    "seeds": list(seeds),
    "processor_seconds": seconds,
    "one class": {name: getattr(guess, name) for name in SCORES},
    "scores": scores,
  }


def _judged(evaluation: Evaluation, images: np.ndarray) -> tuple[dict[str, Any], float]:
  """The figures of pictures by their names, and how long it took to get ready to judge them."""
  start = time.process_time()
  judgement = evaluation.judge([show(images)])
  took = time.process_time() - start
  for _ in judgement:
    pass
  scores = judgement.scores()
  return {score.figure.name: score.figure for score in scores if score.of == "model"}, took
