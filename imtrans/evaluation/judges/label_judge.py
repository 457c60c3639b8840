"""Photographs made from label pictures, judged by a segmenter that finds their labels again."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from imtrans.evaluation.figures import Figure, segmentation_figures
from imtrans.evaluation.judges.label_pictures import OffPalette
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.judges.segmentation import Segmenter, count_confusions
from imtrans.evaluation.metrics.confusion import labels_from_colors, segmentation_scores

BATCH_SIZE = 8


class Prepared(NamedTuple):
  """What photographs of a direction are judged by.

  segmenter: trained on the real photographs of the training split.
  real: its scores of the real test photographs; none where the test pictures are not paired.
  colors: [classes, channels] in [-1, 1], of the label pictures.
  unusable: names of test pictures whose labels are not of these colours.
  """

  segmenter: Segmenter
  real: list[Figure]
  colors: np.ndarray
  unusable: frozenset[str]


class LabelCounter:
  """Counts the classes that a segmenter finds against those that photographs were made from."""

  def __init__(self, prepared: Prepared, resize: str):
    """Starts with no photograph.

    Args:
      prepared: the segmenter and the colours of its classes.
      resize: what happened to the size of the photographs, for the record.
    """
    self._prepared, self._resize = prepared, resize
    self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
    self._matrix = np.zeros((len(prepared.colors),) * 2, np.int64)
    self._off_palette = OffPalette(prepared.colors)
    self.count = 0

  def add(self, name: str, label: np.ndarray, photo: np.ndarray) -> None:
    """Takes a label picture and its photograph, [height, width, channels] in [-1, 1].

    Those whose labels cannot be used are passed over.
    """
    if name in self._prepared.unusable:
      return
    found = labels_from_colors(label[None], self._prepared.colors)
    self._off_palette.add(label[None], found.distances)
    self._waiting.append((found.labels[0], photo))
    self.count += 1
    if len(self._waiting) == BATCH_SIZE:
      self._flush()

  def figures(self, checkpoint: str | None) -> list[Figure]:
    """Returns the scores of all photographs; ValueError if there were none."""
    self._flush()
    return segmentation_figures(
      segmentation_scores(self._matrix),
      self._prepared.segmenter,
      images=self.count,
      off_palette=self._off_palette.settings(),
      resize=self._resize,
      checkpoint=checkpoint,
    )

  def _flush(self) -> None:
    if self._waiting:
      classes, photos = (np.stack(side) for side in zip(*self._waiting, strict=True))
      self._matrix += count_confusions(self._prepared.segmenter, photos, classes)
      self._waiting = []


class LabelJudge:
  """Asks whether the labels are found again in photographs that were made from them."""

  def __init__(self, prepared: Prepared, *, resize: str, checkpoint: str | None):
    """Starts with no photograph.

    Args:
      prepared: of `LabelCriterion.prepared`.
      resize: what happened to the size of the pictures, for the record.
      checkpoint: of the generator, for the record.
    """
    self._prepared, self._checkpoint = prepared, checkpoint
    self._counter = LabelCounter(prepared, resize)

  def see(self, result: Result) -> None:
    """Takes a source, which is a label picture, and the photograph that was made from it."""
    self._counter.add(result.name, result.source, result.output)

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields the scores of the model, and those of the real photographs."""
    for figure in self._counter.figures(self._checkpoint):
      yield "model", figure
    for figure in self._prepared.real:
      yield "real", figure
