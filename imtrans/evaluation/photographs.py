"""Photographs made from label pictures, judged by a segmenter that was trained on the real ones."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from imtrans.data import Dataset
from imtrans.data.palette import Palette
from imtrans.evaluation.confusion import labels_from_colors, segmentation_scores
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.figures import Figure, segmentation_figures
from imtrans.evaluation.pairs import Result, as_stored
from imtrans.evaluation.segmentation import Segmenter, count_confusions, train_segmenter
from imtrans.evaluation.translation import TrainedGenerator

MOST_PHOTOGRAPHS = 2000  # Pairs of the training split that the segmenter learns from, in memory.
MOST_LEVELS = 5  # How often the segmenter halves its pictures.
BATCH_SIZE = 8
TOLERANCE = 0.4  # Root mean square over channels, in [-1, 1]: 50 levels of 255.
NAME_THEM = "name all of them with --palette (config.palette in training)"


class Prepared(NamedTuple):
  """A segmenter, its scores of the real test photographs, and the colours of its classes."""

  segmenter: Segmenter
  real: list[Figure]
  colors: np.ndarray


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
  ):
    """Trains nothing yet.

    Args:
      pictures: the test set, paired.
      training: opens the training split.
      palette: colours of the label pictures; those that their domain has by default.
      num_steps: updates of the segmenter.
      seed: of the segmenter.
    """
    self._pictures, self._training, self._palette = pictures, training, palette
    self._num_steps, self._seed = num_steps, seed
    self._prepared: dict[str, Prepared] = {}

  def prepared(self, generator: TrainedGenerator) -> Prepared:
    """Returns the segmenter for the target domain of a generator, trained on the first call.

    Raises:
      ValueError: if the training split has no pairs, or its pictures do not fit the palette.
      FloatingPointError: if its loss does not stay finite.
    """
    direction = generator.direction
    if direction not in self._prepared:
      self._prepared[direction] = self._prepare(generator)
    return self._prepared[direction]

  def _prepare(self, generator: TrainedGenerator) -> Prepared:
    test, training = self._pictures, self._training()
    if not training.paired:
      raise ValueError(
        "segmentation needs pairs of labels and photographs to train a segmenter on, and the "
        "training split has none: leave it out."
      )
    palette = find_label_palette(test, generator.direction, self._palette)
    if palette is None:
      raise ValueError(f"the colours of the label pictures are unknown: {NAME_THEM}.")
    colors = np.asarray(palette, np.float32) / 127.5 - 1.0
    real = EvaluationSet(
      training, batch_size=test.batch_size, resize=test.resize, crop_size=test.crop_size
    )
    indices = spread_indices(len(training.a), MOST_PHOTOGRAPHS)
    photos, labels = [], []
    for names, images, count in real.batches(generator, indices):
      check_labels(names, images["source"][:count], colors)
      photos.append(images["target"][:count])
      labels.append(np.asarray(labels_from_colors(images["source"][:count], colors)))
    stacked = np.concatenate(photos)
    segmenter = train_segmenter(
      stacked,
      np.concatenate(labels),
      num_classes=len(colors),
      num_steps=self._num_steps,
      num_levels=_num_levels(stacked.shape[1:3]),
      seed=self._seed,
      track=test.track,
    )
    for name, why in real.problems.items():
      test.note(name, ValueError(why))
    listed = " ".join("#{:02x}{:02x}{:02x}".format(*color) for color in palette)
    segmenter = segmenter._replace(protocol={**segmenter.protocol, "palette": listed})
    counter = LabelCounter(segmenter, colors)
    spec = test.target_spec(generator.direction)
    for names, images, count in test.batches(generator):
      check_labels(names, images["source"][:count], colors)
      for source, photo in zip(
        images["source"][:count], as_stored(images["target"][:count], spec), strict=True
      ):
        counter.add(source, photo)
    return Prepared(segmenter, counter.figures(None), colors)


class LabelCounter:
  """Counts the classes that a segmenter finds against those that photographs were made from."""

  def __init__(self, segmenter: Segmenter, colors: np.ndarray):
    """Starts with no photograph.

    Args:
      segmenter: finds the classes.
      colors: [classes, channels] in [-1, 1], of the label pictures.
    """
    self._segmenter, self._colors = segmenter, colors
    self._waiting: list[tuple[np.ndarray, np.ndarray]] = []
    self._matrix = np.zeros((len(colors), len(colors)), np.int64)
    self.count = 0

  def add(self, label: np.ndarray, photo: np.ndarray) -> None:
    """Takes a label picture and its photograph, [height, width, channels] in [-1, 1]."""
    self._waiting.append((label, photo))
    self.count += 1
    if len(self._waiting) == BATCH_SIZE:
      self._flush()

  def figures(self, checkpoint: str | None) -> list[Figure]:
    """Returns the scores of all photographs; ValueError if there were none."""
    self._flush()
    scores = segmentation_scores(self._matrix)
    return segmentation_figures(scores, self._segmenter, images=self.count, checkpoint=checkpoint)

  def _flush(self) -> None:
    if self._waiting:
      labels, photos = (np.stack(side) for side in zip(*self._waiting, strict=True))
      classes = np.asarray(labels_from_colors(labels, self._colors))
      self._matrix += count_confusions(self._segmenter, photos, classes)
      self._waiting = []


class LabelJudge:
  """Asks whether the labels are found again in photographs that were made from them."""

  def __init__(self, prepared: Prepared, checkpoint: str | None):
    """Starts with no photograph; the checkpoint is that of the generator, for the record."""
    self._prepared, self._checkpoint = prepared, checkpoint
    self._counter = LabelCounter(prepared.segmenter, prepared.colors)

  def see(self, result: Result) -> None:
    """Takes a source, which is a label picture, and the photograph that was made from it."""
    self._counter.add(result.source, result.output)

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields the scores of the model, and those of the real photographs."""
    for figure in self._counter.figures(self._checkpoint):
      yield "model", figure
    for figure in self._prepared.real:
      yield "real", figure


def find_label_palette(
  pictures: EvaluationSet, direction: str, palette: Palette | None
) -> Palette | None:
  """The colours of the label pictures that a direction starts from.

  Args:
    pictures: the test set.
    direction: "ab" or "ba".
    palette: what the user says they are.

  Returns:
    The palette; None where the direction leads to labels, or the colours are unknown.
  """
  source, target = pictures.domains(direction)
  if target is None or target.spec.palette is not None:
    return None
  return source.spec.palette or palette


def check_labels(names: Sequence[str], labels: np.ndarray, colors: np.ndarray) -> None:
  """Raises ValueError for the first label picture whose colours are mostly not those of a palette.

  JPEG and resizing mix colours at the borders of labels, so a part of the pixels may be far off.

  Args:
    names: of the pictures.
    labels: float32 [pictures, height, width, channels] in [-1, 1].
    colors: [classes, channels] in [-1, 1].
  """
  if labels.shape[-1] != colors.shape[-1]:
    raise ValueError(
      f"the palette has colours of {colors.shape[-1]} channels, the label pictures have "
      f"{labels.shape[-1]}: segmentation is for RGB label pictures."
    )
  for name, picture in zip(names, labels, strict=False):
    near = np.asarray(labels_from_colors(picture[None], colors, tolerance=TOLERANCE))[0] >= 0
    if np.mean(near) < 0.5:
      row, column = np.argwhere(~near)[0]
      red, green, blue = np.rint(127.5 * (picture[row, column] + 1.0)).astype(int)
      raise ValueError(
        f"{100 * np.mean(~near):.0f} % of the label picture {name!r} are of other colours than the "
        f"palette, for one #{red:02x}{green:02x}{blue:02x}: {NAME_THEM}."
      )


def _num_levels(size: tuple[int, ...]) -> int:
  """How often both sides can be halved, and make sense to be."""
  halvings = min((side & -side).bit_length() - 1 for side in size)
  if halvings < 1:
    raise ValueError(
      f"segmentation needs pictures whose sides are even, these have {size[0]} x {size[1]} pixels: "
      "choose another data.crop_size."
    )
  return min(halvings, MOST_LEVELS)
