"""The segmenter that judges photographs made from label pictures: what it is trained and tried on.

Training and counting are in `segmentation`, the judge in `label_judge`.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jax.sharding import Mesh

from imtrans.data import Dataset
from imtrans.data.dataset import PairingError
from imtrans.data.palette import Palette
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.judges.label_judge import LabelCounter, Prepared
from imtrans.evaluation.judges.label_pictures import (
  OffPalette,
  as_bytes,
  class_colors,
  off_palette_remark,
  unfit_labels,
)
from imtrans.evaluation.judges.segmentation import train_segmenter
from imtrans.evaluation.metrics.confusion import labels_from_colors
from imtrans.evaluation.translation.pictures import as_stored
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

MOST_PHOTOGRAPHS = 2000  # Pairs of the training split that the segmenter learns from, in memory.
MOST_LEVELS = 5  # How often the segmenter halves its pictures.


class LabelCriterion:
  """The segmentation score; a segmenter is trained once for every direction."""

  def __init__(
    self,
    pictures: EvaluationSet,
    training: Callable[[], Dataset],
    *,
    palette: Palette | None,
    num_steps: int,
    seed: int,
    mesh: Mesh | None = None,
  ):
    """Trains nothing yet.

    Args:
      pictures: the test set.
      training: opens the training split, paired.
      palette: colours of the label pictures; those that their domain has by default.
      num_steps: updates of the segmenter.
      seed: of the segmenter.
      mesh: devices over which its batches are divided; the default device if None.
    """
    self._pictures, self._training, self._palette = pictures, training, palette
    self._num_steps, self._seed, self._mesh = num_steps, seed, mesh
    self._prepared: dict[str, Prepared | None] = {}

  def check(self, direction: str, size_multiple: int) -> None:
    """Says early what cannot work: reads pictures up to the first of each split that can be used.

    Args:
      direction: from labels to photographs.
      size_multiple: heights and widths are cropped to multiples of so many pixels.

    Raises:
      ValueError: if the training split has no pairs, the pictures cannot be halved, or no label
        picture of a split fits the palette.
    """
    colors = class_colors(self._pictures, direction, self._palette)
    for split, pictures in (("training", self._training_set()), ("test", self._pictures)):
      unfit: dict[str, str] = {}
      for names, images, count in pictures.pictures_of(direction, size_multiple):
        _num_levels(images["source"].shape[1:3])
        distances = labels_from_colors(images["source"], colors).distances
        found = unfit_labels(names[:count], images["source"], distances, split=split)
        unfit |= found
        if len(found) < count:
          break
      else:
        raise ValueError(_none_left(split, [*unfit.values(), *pictures.problems.values()]))

  def prepared(self, generator: TrainedGenerator) -> Prepared | None:
    """Trains the segmenter for the target domain of a generator, on the first call.

    Label pictures that cannot be used are left out and noted, before anything is trained.

    Returns:
      The segmenter and what belongs to it; None, with a note, where none could be trained.
    """
    direction = generator.direction
    if direction not in self._prepared:
      try:
        self._prepared[direction] = self._prepare(generator)
      except (ValueError, FloatingPointError) as error:
        # The other figures, and the steps of a run that is being trained, must not be lost.
        self._prepared[direction] = None
        self._pictures.note("segmentation", ValueError(f"segmentation is not measured: {error}"))
    return self._prepared[direction]

  def _prepare(self, generator: TrainedGenerator) -> Prepared:
    test, training = self._pictures, self._training_set()
    colors = class_colors(test, generator.direction, self._palette)
    photos, labels, learned = self._learned_from(training, generator, colors)
    unfit, num_usable, tested = self._tested_on(generator, colors)
    if not photos:
      raise ValueError(_none_left("training", list(training.problems.values())))
    if not num_usable:
      raise ValueError(_none_left("test", list(unfit.values())))
    test.remark(
      off_palette_remark(tested.settings(), split="test")
      or off_palette_remark(learned.settings(), split="training")
    )
    segmenter = train_segmenter(
      np.concatenate(photos),
      np.concatenate(labels),
      num_classes=len(colors),
      num_steps=self._num_steps,
      num_levels=_num_levels(photos[0].shape[1:3]),
      seed=self._seed,
      mesh=self._mesh,
      track=test.track,
    )
    listed = " ".join("#{:02x}{:02x}{:02x}".format(*color) for color in as_bytes(colors))
    described = {**segmenter.protocol, "palette": listed, **learned.settings()}
    segmenter = segmenter._replace(protocol=described)
    prepared = Prepared(segmenter, [], colors, frozenset(unfit))
    if not test.dataset.paired:
      return prepared
    counter = LabelCounter(prepared, test.resized(generator))
    spec = test.target_spec(generator.direction)
    for names, images, count in test.batches(generator):
      photographs = as_stored(images["target"], spec)
      for index in range(count):
        counter.add(names[index], images["source"][index], photographs[index])
    return prepared._replace(real=counter.figures(None))

  def _learned_from(
    self, training: EvaluationSet, generator: TrainedGenerator, colors: np.ndarray
  ) -> tuple[list[np.ndarray], list[np.ndarray], OffPalette]:
    """Photographs and label maps of the training split, of the pairs that can be used."""
    photos, labels, off_palette = [], [], OffPalette(colors)
    indices = spread_indices(len(training.dataset.a), MOST_PHOTOGRAPHS)
    for names, images, count in training.batches(generator, indices):
      found = labels_from_colors(images["source"], colors)
      unfit = unfit_labels(names[:count], images["source"], found.distances, split="training")
      for name, why in unfit.items():
        training.note(name, ValueError(why))
      kept = [index for index in range(count) if names[index] not in unfit]
      if kept:
        photos.append(images["target"][kept])
        labels.append(found.labels[kept])
        off_palette.add(images["source"][kept], found.distances[kept])
    for name, why in training.problems.items():
      self._pictures.note(f"training picture {name}", ValueError(why))
    return photos, labels, off_palette

  def _tested_on(
    self, generator: TrainedGenerator, colors: np.ndarray
  ) -> tuple[dict[str, str], int, OffPalette]:
    """The test pictures whose labels cannot be used, and why; the number of the others."""
    unfit: dict[str, str] = {}
    total, off_palette = 0, OffPalette(colors)
    for names, images, count in self._pictures.batches(generator):
      distances = labels_from_colors(images["source"], colors).distances
      found = unfit_labels(names[:count], images["source"], distances, split="test")
      kept = [index for index in range(count) if names[index] not in found]
      off_palette.add(images["source"][kept], distances[kept])
      unfit |= found
      total += count
    for name, why in unfit.items():
      self._pictures.note(f"labels of {name}", ValueError(why))
    return unfit, total - len(unfit), off_palette

  def _training_set(self) -> EvaluationSet:
    """The training split, treated as the test set is."""
    test, needed = self._pictures, "segmentation needs pairs of labels and photographs to train on"
    try:
      training = self._training()
    except PairingError as error:
      raise ValueError(f"{needed}, but {error.facts}: leave it out.") from None
    if not training.paired:
      raise ValueError(f"{needed}, and the training split has none: leave it out.")
    return EvaluationSet(
      training, batch_size=test.batch_size, resize=test.resize, crop_size=test.crop_size
    )


def _none_left(split: str, problems: Sequence[str]) -> str:
  """A sentence about a split whose pairs cannot be used, with the first reason."""
  if not problems:
    return (
      f"segmentation needs pairs of labels and photographs, and the {split} split has none that "
      "can be read: check data.path with `imtrans data inspect`."
    )
  return f"no pair of the {split} split can be used for segmentation; the first: {problems[0]}"


def _num_levels(size: tuple[int, ...]) -> int:
  """How often both sides can be halved, and make sense to be."""
  halvings = min((side & -side).bit_length() - 1 for side in size)
  if halvings < 1:
    raise ValueError(
      f"segmentation needs pictures whose sides are even, these have {size[0]} x {size[1]} pixels: "
      "choose another data.crop_size."
    )
  return min(halvings, MOST_LEVELS)
