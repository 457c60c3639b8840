"""Domains that one network translates among: the classes of a source, such as cat, dog and wild.

There is one picture at a time to start from, and a domain to go to. A source is a picture with the
plane of a domain behind its channels (see `classes`): in a training batch that of its own, in
evaluation and in use that of the domain that is wanted.
"""

from collections.abc import Sequence
from typing import Any

import grain
import numpy as np

from imtrans.data.classes import ClassDomain, check_classes, class_index, with_class
from imtrans.data.dataset import Dataset, Domain, Subset, stable_generator
from imtrans.data.pipeline import Pictures, local_batches, read_ahead
from imtrans.data.sources import open_pictures, source_options
from imtrans.data.specs import normalize
from imtrans.data.transforms import check_sizes, jitter, resizer


def open_domains(
  source: str, *, split: str, domain: str = "a", wanted: str = "", **options: Any
) -> Dataset:
  """Opens the pictures of a split, each with the domain that it is to be translated to.

  That is another one than its own, which hangs on the name of the picture. Where the source knows
  which pictures show one thing in several domains, the test split is paired: b[i] is what a[i]
  should become. Elsewhere `b` holds all pictures.

  Args:
    source: see `open_dataset`.
    split: "train" or "test".
    domain: "a" or "b" of the source, where it has two.
    wanted: one domain that all pictures of the others are to be translated to; `b` holds its
      pictures alone. By default any.
    **options: of the source, and "path" and "background".

  Returns:
    A `Dataset`; `a` has one channel more than `b`.

  Raises:
    ValueError: if the source has no classes, one of them has no pictures, or there is none of the
      name that is wanted.
  """
  known = [*source_options(source), "path", "background"]
  for name in options:
    if name not in known:
      raise ValueError(f"the source {source} has no option {name}; it has {', '.join(known[:-2])}.")
  pictures = open_pictures(source, split=split, domain=domain, **options)
  labels, classes = _labels_of(pictures, source)
  check_classes(classes, f"the source {source}")
  goal = class_index(wanted, classes) if wanted else None
  goals = [
    _goal(name, own, len(classes)) if goal is None else goal
    for name, own in zip(pictures.names, labels, strict=True)
  ]
  moved = [index for index, own in enumerate(labels) if own != goals[index]]
  true = [index for index, own in enumerate(labels) if goal in (None, own)]
  if split == "train":
    _check_filled(labels, classes)
  if not moved or not true:
    raise ValueError(
      f"the {split} split has no pictures {'of' if moved else 'outside'} the domain {wanted}: add "
      "some, or choose another one."
    )
  subjects = getattr(pictures, "subjects", None)
  paired = split == "test" and subjects is not None
  if paired:
    places = {key: index for index, key in enumerate(zip(subjects, labels, strict=True))}
    moved = [index for index in moved if (subjects[index], goals[index]) in places]
    true = [places[subjects[index], goals[index]] for index in moved]
  a = ClassDomain(Subset(pictures, moved), [goals[index] for index in moved], classes)
  return Dataset(a, LabelledSubset(pictures, true), paired)


def _labels_of(pictures: Domain, source: str) -> tuple[list[int], Sequence[str]]:
  """The classes of pictures by number, and their names."""
  classes = getattr(pictures, "classes", None)
  if classes is None:
    remedy = {
      "openmoji": "set data.options.classes=people",
      "folders": "set data.options.layout=classes, with a folder for each domain",
    }.get(source, "choose another data.source, such as folders")
    raise ValueError(f"the pictures of {source} have no domains to translate among: {remedy}.")
  return list(pictures.labels), classes  # type: ignore


def _check_filled(labels: Sequence[int], classes: Sequence[str]) -> None:
  for index, name in enumerate(classes):
    if index not in labels:
      raise ValueError(
        f"the domain {name} has no training pictures: add some, or take the domain away."
      )


def _goal(name: str, own: int, count: int) -> int:
  """The domain that a picture is to be translated to: one of the others, for ever."""
  other = int(stable_generator(name, "domain").integers(count - 1))
  return other + (other >= own)


class LabelledSubset(Subset):
  """Some pictures of a domain with classes.

  Attributes:
    labels: the number of the class of each.
    classes: the names of all.
  """

  def __init__(self, pictures: Domain, indices: Sequence[int]):
    super().__init__(pictures, indices)
    self.labels = [pictures.labels[index] for index in indices]  # type: ignore
    self.classes = tuple(pictures.classes)  # type: ignore


def domain_batches(
  pictures: Domain,
  *,
  batch_size: int,
  seed: int,
  resize: str = "square",
  load_size: int,
  crop_size: int,
  flip: bool = True,
  process_index: int = 0,
  process_count: int = 1,
  num_threads: int = 2,
  num_workers: int = 0,
) -> grain.DatasetIterator[dict[str, np.ndarray]]:
  """Yields pictures of two domains for ever, drawn anew each time; every domain as often.

  Of an element, "source" is a picture of one domain, "target" and "reference" are pictures of one,
  two different ones if it has two; each is cropped and mirrored by itself. The domains may be the
  same.

  Args:
    pictures: with their `labels` and `classes`, as `b` of `open_domains` for the split "train".
    batch_size: the global batch, in elements; process i of n gets batch_size / n of them.
    seed: decides pictures, crops and flips.
    resize: as for `paired_batches`, and so are the others.
    load_size: see there.
    crop_size: see there.
    flip: see there.
    process_index: see there.
    process_count: see there.
    num_threads: see there.
    num_workers: see there.

  Returns:
    A Grain iterator of {"source", "target", "reference"}: float32 [local batch, crop_size,
    crop_size, channels + 1] in [-1, 1], the plane of each one's own domain last.

  Raises:
    ValueError: if a domain has no pictures, or an argument does not fit.
  """
  check_sizes(resize, load_size, crop_size)
  _check_filled(pictures.labels, pictures.classes)  # type: ignore
  options = {"resize_to": resize, "load_size": load_size, "crop_size": crop_size, "flip": flip}
  stream = (
    grain.MapDataset.range(len(pictures)).seed(seed).repeat().random_map(_Draw(pictures, options))
  )
  batches = local_batches(stream, batch_size, process_index, process_count)
  return read_ahead(batches, num_threads, num_workers)


class _Draw:
  """Draws an element, whatever its number; a class, so that worker processes can load it."""

  def __init__(self, pictures: Domain, options: dict[str, Any]):
    labels, classes = pictures.labels, tuple(pictures.classes)  # type: ignore
    self._pictures, self._options = Pictures(pictures), options
    self._members = [np.flatnonzero(np.equal(labels, index)) for index in range(len(classes))]
    spec = pictures.spec
    self._spec = spec._replace(channels=spec.channels + 1, classes=classes)
    self._resizers = [resizer(spec)]

  def __call__(self, number: int, generator: np.random.Generator) -> dict[str, np.ndarray]:
    del number
    own, wanted = (int(index) for index in generator.integers(len(self._members), size=2))
    there = self._members[wanted]
    target, reference = generator.choice(there, 2, replace=len(there) < 2)
    return {
      "source": self._read(own, generator.choice(self._members[own]), generator),
      "target": self._read(wanted, target, generator),
      "reference": self._read(wanted, reference, generator),
    }

  def _read(self, label: int, place: int, generator: np.random.Generator) -> np.ndarray:
    (picture,) = jitter(self._pictures[place], generator, resizers=self._resizers, **self._options)
    return normalize(with_class(picture, label, self._spec), self._spec)
