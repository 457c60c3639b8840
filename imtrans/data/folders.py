"""The source "folders": image files, read when asked for. `layouts` finds them."""

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imtrans.data.class_folders import class_files
from imtrans.data.dataset import Dataset, Domain, common_spec, conform, hold_out
from imtrans.data.images import ImageError, read_image
from imtrans.data.layouts import (
  CLASSES,
  Layout,
  find_layout,
  list_images,
  pairing_error,
  picture_names,
)
from imtrans.data.specs import ImageSpec

SIDES = ("a", "b")
_NUM_PROBES = 16  # Pictures that are read to find out what a folder holds.


class FileDomain:
  """Image files, read when asked for."""

  def __init__(self, paths: Sequence[Path], names: Sequence[str], spec: ImageSpec, background: str):
    self.spec = spec
    self.names = list(names)
    self.paths = [str(path) for path in paths]
    self._background = background

  def __len__(self) -> int:
    """Returns the number of files."""
    return len(self.paths)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]; raises ImageError if it cannot be used."""
    path = self.paths[index]
    return conform(read_image(path, background=self._background), self.spec, path)


class ClassedFiles(FileDomain):
  """Image files of several classes.

  Attributes:
    labels: the number of the class of each picture.
    classes: the names of the classes.
  """

  def __init__(self, files: FileDomain, labels: Sequence[int], classes: Sequence[str]):
    self.__dict__.update(files.__dict__)
    self.labels, self.classes = list(labels), tuple(classes)


class HalfDomain:
  """The left or right halves of image files."""

  def __init__(self, paths: Sequence[Path], side: int, spec: ImageSpec, background: str):
    self.spec = spec
    self.names = [path.stem for path in paths]
    self.paths = [str(path) for path in paths]
    self._side = side
    self._background = background

  def __len__(self) -> int:
    """Returns the number of files."""
    return len(self.paths)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width / 2, channels]; raises ImageError if it cannot be used."""
    path = self.paths[index]
    return conform(_halves(path, self._background)[self._side], self.spec, path)


def open_folders(
  *,
  split: str,
  paired: bool,
  path: str,
  background: str = "white",
  layout: str = "auto",
  channels: int | None = None,
  low: float | None = None,
  high: float | None = None,
  holdout: float = 0.1,
) -> Dataset:
  """Opens a folder of images.

  Args:
    split: "train" or "test".
    paired: whether pairs are wanted. The test split is paired whenever names allow it.
    path: the folder.
    background: the colour on which transparent pictures are flattened.
    layout: "auto", "unaligned", "aligned", "side_by_side", "single" or "classes", see `layouts`.
    channels: 3 to read grey pictures as RGB; found out from some of the pictures by default.
    low: stored value of 16-bit or float pictures that becomes -1; 0 by default.
    high: stored value that becomes 1; 65535 (16 bit) or 1.0 (float) by default.
    holdout: part held out where there is no folder of test pictures; 0 tests on the training set.

  Returns:
    A `Dataset`; `b` is None for the layouts "single" and "classes".

  Raises:
    ValueError: if the path, its pictures or their pairing are not as described.
  """
  options = {"background": background, "channels": channels, "low": low, "high": high}
  if layout == CLASSES:
    return Dataset(_classed(path, split, holdout, **options), None, False)
  found = find_layout(path, split=split, layout=layout)
  files, names = _listed(found)
  if found.name == "single":
    return Dataset(_file_domain(files[0], names[0], **options), None, False)
  same = names[0] == names[-1]
  if paired and not same:
    raise pairing_error(names, found.folders)
  if found.shared:
    files, names = _held_out(files, names, split, holdout)
  paired = same and (paired or split == "test")
  if found.name == "side_by_side":
    a, b = (_half_domain(files[0], side, **options) for side in (0, 1))
  else:
    a, b = (_file_domain(*side, **options) for side in zip(files, names, strict=True))
  return Dataset(a, b, paired)


def open_folder_pictures(
  *,
  split: str,
  domain: str = "a",
  path: str,
  background: str = "white",
  layout: str = "auto",
  channels: int | None = None,
  low: float | None = None,
  high: float | None = None,
  holdout: float = 0.1,
) -> Domain:
  """Opens the pictures of one domain alone, for tasks that make the other from it.

  Args:
    split: "train" or "test". Some pictures of a single folder are held out too.
    domain: "a" or "b".
    path: the folder.
    background: as for `open_folders`, and so are the others.
    layout: "auto" finds "unaligned", "aligned" or "single"; pictures are taken for pairs side by
      side, or for folders of classes, only if this says so.
    channels: as above.
    low: as above.
    high: as above.
    holdout: as above.

  Returns:
    The domain.

  Raises:
    ValueError: if the path or its pictures are not as described.
  """
  options = {"background": background, "channels": channels, "low": low, "high": high}
  if layout == CLASSES:
    return _classed(path, split, holdout, **options)
  found = find_layout(path, split=split, layout=layout, guesses=("unaligned", "aligned", "single"))
  if found.name == "single" and domain == "b":
    raise ValueError(
      f'{path} is a single folder of pictures, its only domain is "a": set data.options.domain=a.'
    )
  files, names = _listed(found)
  side = 0 if len(files) == 1 else SIDES.index(domain)
  if found.shared:
    files, names = _held_out([files[side]], [names[side]], split, holdout)
  else:
    files, names = [files[side]], [names[side]]
  if found.name == "side_by_side":
    return _half_domain(files[0], SIDES.index(domain), **options)
  return _file_domain(files[0], names[0], **options)


def _classed(path: str, split: str, holdout: float, **options: Any) -> ClassedFiles:
  """Opens a folder of classes."""
  files, names, labels, classes = class_files(path, split=split, holdout=holdout)
  return ClassedFiles(_file_domain(files, names, **options), labels, classes)


def _listed(found: Layout) -> tuple[list[list[Path]], list[list[str]]]:
  """Returns the files of each folder of a layout, and their names."""
  files = [list_images(folder) for folder in found.folders]
  return files, picture_names(files)


def _held_out(
  files: Sequence[Sequence[Path]], names: Sequence[Sequence[str]], split: str, holdout: float
) -> tuple[list[list[Path]], list[list[str]]]:
  """Returns the files and names of a split, where train and test pictures lie together."""
  kept = [hold_out(side, split, holdout) for side in names]
  return (
    [[side[i] for i in rows] for side, rows in zip(files, kept, strict=True)],
    [[side[i] for i in rows] for side, rows in zip(names, kept, strict=True)],
  )


def _half_domain(
  files: Sequence[Path], side: int, *, background: str, **options: Any
) -> HalfDomain:
  probes = _readable(files, lambda file: _halves(str(file), background)[side])
  return HalfDomain(files, side, common_spec(probes, **options), background)


def _file_domain(
  files: Sequence[Path], names: Sequence[str], *, background: str, **options: Any
) -> FileDomain:
  probes = _readable(files, lambda file: read_image(file, background=background))
  return FileDomain(files, names, common_spec(probes, **options), background)


def _readable(files: Sequence[Path], read: Callable[[Path], np.ndarray]) -> list[np.ndarray]:
  """Reads a few files, evenly spaced; those that cannot be read are met again when they are used.

  Raises:
    ImageError: if not a single one can be read.
  """
  step = max(1, len(files) // _NUM_PROBES)
  pictures, problems = [], []
  for file in files[::step][:_NUM_PROBES]:
    try:
      pictures.append(read(file))
    except ImageError as error:
      problems.append(error)
  if not pictures:
    raise problems[0]
  return pictures


def _halves(path: str, background: str) -> tuple[np.ndarray, np.ndarray]:
  """Reads a side-by-side file; raises ImageError if it cannot be used."""
  try:
    modified = os.stat(path).st_mtime_ns
  except OSError:
    modified = 0  # Reading it will say what is wrong.
  return _read_halves(path, background, modified)


@functools.lru_cache(maxsize=8)
def _read_halves(path: str, background: str, modified: int) -> tuple[np.ndarray, np.ndarray]:
  """Keeps a file for a moment, because its halves are asked for in turn, until it is modified."""
  del modified
  array = read_image(path, background=background)
  width = array.shape[1]
  if width % 2:
    raise ImageError(
      f"{path} is {width} pixels wide, which is odd, so it cannot hold a pair side by side: "
      f"replace the file, or set data.options.layout."
    )
  return array[:, : width // 2], array[:, width // 2 :]
