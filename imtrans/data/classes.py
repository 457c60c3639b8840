"""Classes of pictures: a source says its class by a plane of one brightness behind its channels.

The plane goes through resizing, cropping, mirroring, batching and sharding as every other channel
does; a network that wants the class reads it from any pixel. Of K classes, number k has the part
k / (K - 1) of the way from the lowest stored value to the highest.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from imtrans.data.dataset import Domain, file_paths
from imtrans.data.specs import ImageSpec
from imtrans.data.task import Task

MOST_CLASSES = 256  # That 8 bits can tell apart.


def check_classes(names: Sequence[str], where: str) -> None:
  """Raises ValueError unless there are 2 to 256 classes; `where` says what was looked at."""
  if not 2 <= len(names) <= MOST_CLASSES:
    raise ValueError(
      f"{where} has {len(names)} class(es), and it must be 2 to {MOST_CLASSES}: train without "
      "classes (data.options.classes), or choose other pictures."
    )


def class_index(name: str | int, classes: Sequence[str]) -> int:
  """The number of a class.

  Args:
    name: of the class, or its number.
    classes: all names, in the order of their numbers.

  Returns:
    From 0 to len(classes) - 1.

  Raises:
    ValueError: if it is none of the classes, listing them.
  """
  if isinstance(name, str) and name in classes:
    return list(classes).index(name)
  try:
    index = int(name)
  except ValueError:
    index = -1
  if not 0 <= index < len(classes):
    raise ValueError(
      f"{name!r} is none of the {len(classes)} classes: choose among {', '.join(classes)}, or a "
      f"number from 0 to {len(classes) - 1}."
    )
  return index


def with_class(picture: np.ndarray, index: int, spec: ImageSpec) -> np.ndarray:
  """Puts the plane of a class behind the channels of a picture.

  Args:
    picture: [height, width, spec.channels - 1] of spec.dtype.
    index: number of the class.
    spec: of the picture with its plane; its `classes` say how many there are.

  Returns:
    [height, width, spec.channels].

  Raises:
    ValueError: for a number outside the classes.
  """
  count = len(spec.classes or ())
  if not 0 <= index < count:
    raise ValueError(f"the class must be a number from 0 to {count - 1}, got {index}.")
  value = spec.low + (spec.high - spec.low) * index / (count - 1)
  value = value if spec.dtype == "float32" else round(value)
  plane = np.full((*picture.shape[:2], 1), value, spec.dtype)
  return np.concatenate([picture, plane], axis=2)


class ClassDomain:
  """The pictures of a domain with the planes of their classes.

  Attributes:
    spec: of the pictures with their planes.
    names: of the pictures.
    groups: as of the domain, see `dataset.halves`.
  """

  def __init__(self, domain: Domain, labels: Sequence[int], classes: Sequence[str]):
    """Makes a domain; `labels` holds a number for each picture, `classes` the names."""
    check_classes(classes, "the data")
    outside = [label for label in labels if not 0 <= label < len(classes)]
    if outside or len(labels) != len(domain):
      raise ValueError(
        f"{len(domain)} pictures need as many labels from 0 to {len(classes) - 1}, got "
        f"{len(labels)}{f', among them {outside[0]}' if outside else ''}."
      )
    spec = domain.spec
    self.spec = spec._replace(channels=spec.channels + 1, classes=tuple(classes))
    self.names = list(domain.names)
    self.paths = file_paths(domain)
    self.groups = list(getattr(domain, "groups", domain.names))
    self._domain, self._labels = domain, list(labels)

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels + 1]."""
    return with_class(self._domain[index], self._labels[index], self.spec)


def classified(domain: Domain) -> Domain:
  """Returns a domain with the planes of its classes if its source knows them, else as it is."""
  classes = getattr(domain, "classes", None)
  return domain if classes is None else ClassDomain(domain, domain.labels, classes)  # type: ignore


def task_with_classes(task: Task, spec: ImageSpec) -> Task:
  """Lets a task pass on the plane of the class: to its source, not to its target.

  Args:
    task: of pictures without the plane.
    spec: of the clean pictures with it.

  Returns:
    The task of pictures with it.
  """

  def degrade(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    made = task.degrade(image[..., :-1], generator)
    return np.concatenate([made, image[..., -1:]], axis=-1)

  def reference(image: np.ndarray) -> np.ndarray:
    return image[..., :-1] if task.reference is None else task.reference(image[..., :-1])

  source: dict[str, Any] = {"channels": task.source.channels + 1, "classes": spec.classes}
  return task._replace(
    clean=spec, source=task.source._replace(**source), degrade=degrade, reference=reference
  )
