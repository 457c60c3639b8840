"""What a task is: a known way to make a pair of one picture. `tasks` finds them by name.

The picture is degraded after it has been resized, cropped and mirrored, so sizes in pixels are
those that the network sees.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from imtrans.data.dataset import Domain, file_paths, stable_generator
from imtrans.data.specs import ImageSpec, denormalize, normalize
from imtrans.data.transforms import fit, resizer

Generator = np.random.Generator


class View(NamedTuple):
  """How a target is shown to people and measured, where it is only a part of a picture.

  Attributes:
    spec: what the whole pictures are.
    join: (source, target), float32 [..., channels] in [0, 1], to the whole picture.
  """

  spec: ImageSpec
  join: Callable[[np.ndarray, np.ndarray], np.ndarray]

  def whole(self, sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns the whole pictures; all of them float32 [..., channels] in [-1, 1]."""
    return 2.0 * self.join(0.5 * (sources + 1.0), 0.5 * (targets + 1.0)) - 1.0


class Task(NamedTuple):
  """How pairs are made of clean pictures; all three kinds of picture have one size.

  Attributes:
    clean: what the pictures are that the task is given.
    source: what the pictures of domain a are.
    target: what those of domain b are.
    degrade: (float32 [height, width, channels] in [0, 1], generator) to the same of a source.
    reference: the same to one of a target, or None: the target is the clean picture.
    view: how a target becomes a whole picture; None if it is one.
    related: whether a source has to do with its target, so that an output can be compared with it.
    check_side: raises ValueError if pictures of this height and width, in pixels, cannot be
      degraded, or of one size where that is None; itself None where all can.
  """

  clean: ImageSpec
  source: ImageSpec
  target: ImageSpec
  degrade: Callable[[np.ndarray, Generator], np.ndarray]
  reference: Callable[[np.ndarray], np.ndarray] | None = None
  view: View | None = None
  related: bool = True
  check_side: Callable[[int | None], None] | None = None

  def make_source(self, picture: np.ndarray, generator: Generator) -> np.ndarray:
    """Returns the source of a clean picture, in the values of a file: clipped, and rounded."""
    return self._stored(self.degrade(self._unit(picture), generator), self.source)

  def make_target(self, picture: np.ndarray, generator: Generator) -> np.ndarray:
    """Returns the target of a clean picture, in the values of a file; nothing is drawn."""
    del generator
    if self.reference is None:
      return picture
    return self._stored(self.reference(self._unit(picture)), self.target)

  def _unit(self, picture: np.ndarray) -> np.ndarray:
    return (normalize(picture, self.clean) + np.float32(1.0)) / np.float32(2.0)

  def _stored(self, unit: np.ndarray, spec: ImageSpec) -> np.ndarray:
    return denormalize(2.0 * unit - 1.0, spec)


class TaskDomain:
  """One side of a task, as evaluation sees it: every picture has a degradation of its own for ever.

  Training takes `clean` and `make` instead, and draws the degradation anew each time.

  Attributes:
    clean: the pictures that the task is given.
    make: (picture, generator) to a picture of this side: `Task.make_source` or `make_target`.
    spec: what the pictures of this side are.
    names: those of the clean pictures.
    view: how a picture of this side becomes a whole one; None if it is one.
    related: as of the task.
  """

  def __init__(self, clean: Domain, task: Task, side: str, *, resize: str, crop_size: int):
    """Makes a side; pictures are resized as by `transforms.fit`, before they are degraded.

    Raises:
      ValueError: if the task cannot degrade pictures of that size.
    """
    if side == "source" and task.check_side is not None:
      task.check_side(crop_size if resize == "square" else None)
    self.clean = clean
    self.make = {"source": task.make_source, "target": task.make_target}[side]
    self.spec = {"source": task.source, "target": task.target}[side]
    self.names = list(clean.names)
    self.paths = file_paths(clean)
    self.view = task.view if side == "target" else None
    self.related = task.related
    self._sizes = {"resize_to": resize, "crop_size": crop_size}

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, spec.channels], the same one each time."""
    picture = fit(self.clean[index], **self._sizes, resampled=resizer(self.clean.spec))
    return self.make(picture, stable_generator(self.names[index], "task"))


def check_number(name: str, value: Any, low: float, high: float, *, inside: bool = False) -> None:
  """Raises ValueError unless an option is a number from `low` to `high`, or between if `inside`."""
  real = isinstance(value, int | float) and not isinstance(value, bool)
  if real and (low < value < high if inside else low <= value <= high):
    return
  words = f"above {low:g} and below {high:g}" if inside else f"from {low:g} to {high:g}"
  raise ValueError(f"data.options.{name} must be a number {words}, got {value!r}.")


def check_one_of(name: str, value: Any, known: Sequence[str]) -> None:
  """Raises ValueError unless an option is one of the known words."""
  if value not in known:
    raise ValueError(f"data.options.{name} must be one of {', '.join(known)}, got {value!r}.")


def check_rgb(task: str, spec: ImageSpec) -> None:
  """Raises ValueError unless the pictures are RGB."""
  if spec.channels != 3:
    raise ValueError(
      f"the task {task} needs RGB pictures, these have {spec.channels} channel(s): choose another "
      "data.task, or set data.options.channels=3 to read grey as RGB."
    )
