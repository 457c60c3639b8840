"""The pictures that an evaluation goes through, and those of them that it cannot use."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from imtrans.data import Dataset, Domain, ImageSpec, evaluation_batches
from imtrans.data.dataset import Subset
from imtrans.data.task import View
from imtrans.evaluation.translation.pictures import as_stored
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

Batch = tuple[Sequence[str], Mapping[str, np.ndarray], int]
Track = Callable[[Iterable[Any], int, str], Iterable[Any]]


def silently(items: Iterable[Any], total: int, title: str) -> Iterable[Any]:
  """Shows no progress: returns `items` as they are."""
  del total, title
  return items


class EvaluationSet:
  """A split of a data set, as an evaluation goes through it.

  Attributes:
    dataset: the pictures.
    batch_size: images per call of a network.
    resize: "square", "scale_width" or "none", as in training.
    crop_size: side of "square", width of "scale_width", in pixels.
    track: called as track(items, total, title), for a progress bar.
    problems: pictures that could not be used, or figures that could not be measured, and why.
    remarks: sentences that a reader of the figures must see, though all could be measured.
    variants: what `samples.find_variants` found, by direction: it reads all pictures.
  """

  def __init__(
    self,
    dataset: Dataset,
    *,
    batch_size: int,
    resize: str,
    crop_size: int,
    specs: Mapping[str, ImageSpec] | None = None,
    track: Track = silently,
  ):
    """Reads nothing yet.

    Args:
      dataset: the pictures, paired, unpaired or a single folder.
      batch_size: images per call.
      resize: "square", "scale_width" or "none".
      crop_size: pixels.
      specs: {"a": ..., "b": ...}, the values to which outputs and targets are rounded; by default
        those of the dataset.
      track: shows the progress.
    """
    self.dataset, self.track = dataset, track
    self.batch_size, self.resize, self.crop_size = batch_size, resize, crop_size
    self.problems: dict[str, str] = {}
    self.remarks: list[str] = []
    self.variants: dict[str, list[list[int]]] = {}
    # A single folder has no targets whose values could be asked for: those of the source will do.
    self._specs = specs or {"a": dataset.a.spec, "b": (dataset.b or dataset.a).spec}
    self._view: View | None = getattr(dataset.b, "view", None)

  def domains(self, direction: str) -> tuple[Domain, Domain | None]:
    """Returns the source and the target; ValueError where a single folder has no source."""
    source, target = self.dataset.a, self.dataset.b
    if direction == "ba":
      source, target = target, source
    if source is None:
      raise ValueError('a single folder is domain "a": direction must be "ab".')
    return source, target

  def target_spec(self, direction: str) -> ImageSpec:
    """What the pictures are that a direction leads to, as they are shown and measured."""
    view = self._view_of(direction)
    return self._specs[direction[1]] if view is None else view.spec

  def shows_wholes(self, direction: str) -> bool:
    """Whether outputs are joined with their sources, as colours are with the grey picture."""
    return self._view_of(direction) is not None

  def outputs(self, generator: TrainedGenerator, sources: np.ndarray) -> np.ndarray:
    """Translates sources into whole pictures.

    Args:
      generator: of one direction.
      sources: float32 [batch, height, width, channels] in [-1, 1].

    Returns:
      float32 [batch, height, width, channels of `target_spec`] in [-1, 1].
    """
    made, view = generator(sources), self._view_of(generator.direction)
    if view is None:
      return made
    return view.whole(sources, as_stored(made, self._specs[generator.direction[1]]))

  def resized(self, generator: TrainedGenerator) -> str:
    """What happens to the size of pictures before a generator sees them, for the protocol."""
    side, multiple = self.crop_size, generator.size_multiple
    words = {"square": f"to {side} x {side} pixels", "scale_width": f"to {side} pixels of width"}
    fits = side if self.resize == "square" else 1
    crop = f"cropped to multiples of {multiple}" if fits % multiple else ""
    return ", ".join(filter(None, (words.get(self.resize), crop))) or "none"

  def batches(
    self, generator: TrainedGenerator, indices: Sequence[int] | None = None
  ) -> Iterator[Batch]:
    """Sources of a generator, with their targets where they are known.

    Args:
      generator: of the direction wanted.
      indices: which pairs, or sources where there are no pairs; all by default.

    Returns:
      As `imtrans.data.evaluation_batches`; pictures that cannot be used are left out and noted.
    """
    return self.pictures_of(generator.direction, generator.size_multiple, indices)

  def pictures_of(
    self, direction: str, multiple: int, indices: Sequence[int] | None = None
  ) -> Iterator[Batch]:
    """The same where there is no generator yet.

    Args:
      direction: "ab" or "ba".
      multiple: heights and widths are cropped to multiples of so many pixels.
      indices: which pairs, or sources where there are no pairs; all by default.

    Returns:
      As `batches`.
    """
    source, target = self.domains(direction)
    known = target if self.dataset.paired else None
    if indices is not None:
      source = Subset(source, indices)
      known = None if known is None else Subset(known, indices)
    batches = self._read(Dataset(source, known, known is not None), multiple)
    view = self._view_of(direction)
    if view is None or known is None:
      return batches
    return (
      (names, {**images, "target": view.whole(images["source"], images["target"])}, count)
      for names, images, count in batches
    )

  def true_pictures(self, generator: TrainedGenerator) -> Iterator[np.ndarray]:
    """Yields the pictures of a generator's target domain, [height, width, channels] in [-1, 1]."""
    _, target = self.domains(generator.direction)
    if self._view_of(generator.direction) is not None:
      for _, images, count in self.batches(generator):
        yield from images["target"][:count]
    elif target is not None:
      true = Dataset(target, None, False)
      for _, images, count in self._read(true, generator.size_multiple):
        yield from images["source"][:count]

  def _read(self, dataset: Dataset, multiple: int) -> Iterator[Batch]:
    return evaluation_batches(
      dataset,
      batch_size=self.batch_size,
      resize=self.resize,
      crop_size=self.crop_size,
      multiple=multiple,
      on_problem=self.note,
    )

  def _view_of(self, direction: str) -> View | None:
    return self._view if direction == "ab" else None

  def note(self, name: str, error: Exception) -> None:
    """Remembers a picture that cannot be used, or a figure that cannot be measured."""
    self.problems.setdefault(name, str(error))

  def remark(self, sentence: str) -> None:
    """Remembers what a reader of the figures must see; "" is nothing."""
    if sentence and sentence not in self.remarks:
      self.remarks.append(sentence)


def spread_indices(total: int, count: int) -> list[int]:
  """Returns `count` indices, or all of `total`, evenly spread."""
  number = min(count, total)
  return [index * total // number for index in range(number)]
