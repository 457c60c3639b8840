"""Photographs made from label pictures, judged by a segmenter that was trained on the real ones."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from jax.sharding import Mesh

from imtrans.data import Dataset
from imtrans.data.palette import Palette
from imtrans.evaluation.confusion import labels_from_colors, segmentation_scores
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.figures import Figure, segmentation_figures
from imtrans.evaluation.label_pictures import as_bytes, class_colors, unfit_labels
from imtrans.evaluation.pairs import Result, as_stored
from imtrans.evaluation.segmentation import Segmenter, count_confusions, train_segmenter
from imtrans.evaluation.translation import TrainedGenerator

MOST_PHOTOGRAPHS = 2000  # Pairs of the training split that the segmenter learns from, in memory.
MOST_LEVELS = 5  # How often the segmenter halves its pictures.
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
        found = unfit_labels(names[:count], images["source"], colors, split=split)
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
    photos, labels = self._learned_from(training, generator, colors)
    unfit, num_usable = self._tested_on(generator, colors)
    if not photos:
      raise ValueError(_none_left("training", list(training.problems.values())))
    if not num_usable:
      raise ValueError(_none_left("test", list(unfit.values())))
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
    segmenter = segmenter._replace(protocol={**segmenter.protocol, "palette": listed})
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
  ) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Photographs and label maps of the training split, of the pairs that can be used."""
    photos, labels = [], []
    indices = spread_indices(len(training.dataset.a), MOST_PHOTOGRAPHS)
    for names, images, count in training.batches(generator, indices):
      unfit = unfit_labels(names[:count], images["source"], colors, split="training")
      for name, why in unfit.items():
        training.note(name, ValueError(why))
      kept = [index for index in range(count) if names[index] not in unfit]
      if kept:
        photos.append(images["target"][kept])
        labels.append(np.asarray(labels_from_colors(images["source"], colors))[kept])
    for name, why in training.problems.items():
      self._pictures.note(f"training picture {name}", ValueError(why))
    return photos, labels

  def _tested_on(
    self, generator: TrainedGenerator, colors: np.ndarray
  ) -> tuple[dict[str, str], int]:
    """The test pictures whose labels cannot be used, and why; and the number of the others."""
    unfit: dict[str, str] = {}
    total = 0
    for names, images, count in self._pictures.batches(generator):
      unfit |= unfit_labels(names[:count], images["source"], colors, split="test")
      total += count
    for name, why in unfit.items():
      self._pictures.note(f"labels of {name}", ValueError(why))
    return unfit, total - len(unfit)

  def _training_set(self) -> EvaluationSet:
    """The training split, treated as the test set is."""
    test, training = self._pictures, self._training()
    if not training.paired:
      raise ValueError(
        "segmentation needs pairs of labels and photographs to train a segmenter on, and the "
        "training split has none: leave it out."
      )
    return EvaluationSet(
      training, batch_size=test.batch_size, resize=test.resize, crop_size=test.crop_size
    )


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
    self.count = 0

  def add(self, name: str, label: np.ndarray, photo: np.ndarray) -> None:
    """Takes a label picture and its photograph, [height, width, channels] in [-1, 1].

    Those whose labels cannot be used are passed over.
    """
    if name in self._prepared.unusable:
      return
    classes = np.asarray(labels_from_colors(label[None], self._prepared.colors))[0]
    self._waiting.append((classes, photo))
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
