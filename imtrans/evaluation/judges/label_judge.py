"""Photographs made from label pictures, judged by a segmenter that finds their labels again."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from imtrans.evaluation.figures import Figure, Protocol
from imtrans.evaluation.judges.label_pictures import OffPalette
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.judges.segmentation import ConfusionCounter, Segmenter
from imtrans.evaluation.metrics.confusion import (
  SegmentationScores,
  labels_from_colors,
  segmentation_scores,
)


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
    self._confusions = ConfusionCounter(prepared.segmenter)
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
    self._confusions.add(photo, found.labels[0])
    self.count += 1

  def figures(self, checkpoint: str | None) -> list[Figure]:
    """Returns the scores of all photographs; ValueError if there were none."""
    return segmentation_figures(
      segmentation_scores(self._confusions.matrix()),
      self._prepared.segmenter,
      images=self.count,
      off_palette=self._off_palette.settings(),
      resize=self._resize,
      checkpoint=checkpoint,
    )


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


def segmentation_figures(
  scores: SegmentationScores,
  segmenter: Segmenter,
  *,
  images: int,
  off_palette: Mapping[str, Any],
  resize: str = "none",
  checkpoint: str | None = None,
) -> list[Figure]:
  """The scores of photographs; those of the real ones are the level to compare generated ones with.

  Args:
    scores: of `imtrans.evaluation.judges.segmentation`.
    segmenter: what found the labels.
    images: how many photographs there were.
    off_palette: of `OffPalette.settings`: which pixels of their labels were of other colours.
    resize: what happened to their size.
    checkpoint: of the generator, for the record; None for real photographs.

  Returns:
    "segmentation_pixel_accuracy", "segmentation_class_accuracy" and "segmentation_class_iou".
  """
  settings = {
    "segmenter": segmenter.protocol,
    "pixels": scores.pixels,
    "classes": segmenter.num_classes,
    **off_palette,
  }
  seed = int(segmenter.protocol["seed"])
  protocol = Protocol(
    {"photographs": images}, "trained segmenter", resize, seed, None, checkpoint, settings
  )
  return [
    Figure(f"segmentation_{name}", getattr(scores, name), None, protocol)
    for name in ("pixel_accuracy", "class_accuracy", "class_iou")
  ]
