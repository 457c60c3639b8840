"""Looks at every picture of a folder before a long training run does: what `data inspect` shows."""

import functools
import os
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from imtrans.data.dataset import SPLITS, Dataset
from imtrans.data.images import EXTENSIONS, ImageError, read_image
from imtrans.data.layouts import find_layout, list_images, picture_names
from imtrans.data.prepared import HEADER, open_prepared

_NUM_THUMBNAILS = 8
_THUMBNAIL = 128  # Pixels.
_NUM_NAMED = 3


class Part(NamedTuple):
  """What was found in one folder, or in one domain of a prepared folder.

  Attributes:
    label: its path, or split and domain.
    names: the names of all pictures, readable or not.
    sizes: how many pictures have each (height, width).
    kinds: how many have each kind, such as "3 x uint8".
    low: the least stored value.
    high: the largest stored value.
    unreadable: one sentence for each picture that cannot be used.
    thumbnails: a few pictures, uint8 [128, 128, 3].
  """

  label: str
  names: list[str]
  sizes: Counter
  kinds: Counter
  low: float
  high: float
  unreadable: list[str]
  thumbnails: list[np.ndarray]


class Inspection(NamedTuple):
  """What was found under a path.

  Attributes:
    layout: one of those in `layouts`, "prepared", or the task.
    parts: A and B of each split that there is.
    notes: sentences on names that do not pair and on missing splits.
  """

  layout: str
  parts: list[Part]
  notes: list[str]


def inspect(path: str | Path, *, layout: str = "auto", background: str = "white") -> Inspection:
  """Reads every picture under a path.

  Args:
    path: a folder of pictures, see `layouts`, or one that `data prepare` wrote.
    layout: as for the source "folders".
    background: the colour on which transparent pictures are flattened.

  Returns:
    An `Inspection`; unreadable files are listed in it, not raised.

  Raises:
    ValueError: if the path holds no pictures, or nothing in it can be read.
  """
  if is_prepared(path):
    open_split = functools.partial(open_prepared, paired=False, path=str(path))
    return inspect_datasets(open_split, layout="prepared")
  found = _inspect_folders(path, layout, background)
  if not any(part.kinds for part in found.parts):
    raise ImageError(
      f"none of the pictures in {path} can be read, for one: {found.parts[0].unreadable[0]}"
    )
  return found


def inspect_datasets(open_split: Callable[..., Dataset], *, layout: str) -> Inspection:
  """Reads every picture of data sets, for one those that a task makes.

  Args:
    open_split: returns the dataset of a split; called with split="train" and split="test".
    layout: what to call it in the report.

  Returns:
    An `Inspection`; unreadable pictures are listed in it, not raised.

  Raises:
    ValueError: if a dataset cannot be opened, or no picture can be read.
  """
  parts = []
  for split in SPLITS:
    dataset = open_split(split=split)
    for name, domain in (("a", dataset.a), ("b", dataset.b)):
      if domain is not None:
        parts.append(_examine(f"{split} {name}", list(domain.names), domain.__getitem__))
  if not any(part.kinds for part in parts):
    raise ImageError(f"none of the pictures can be read, for one: {parts[0].unreadable[0]}")
  return Inspection(layout, parts, [])


def is_prepared(path: str | Path) -> bool:
  """Whether `data prepare` wrote a folder."""
  return (Path(path) / HEADER).is_file()


def unusable(found: Inspection) -> str:
  """Says how many pictures cannot be used.

  Args:
    found: an inspection.

  Returns:
    A sentence; "" if all can.
  """
  counts = [
    f"{len(part.unreadable)} of the {len(part.names)} pictures of {part.label}"
    for part in found.parts
    if part.unreadable
  ]
  return f"{' and '.join(counts)} cannot be used; the report says why." if counts else ""


def is_picture(path: Path) -> bool:
  """Whether a path is named as a picture is; it may hold something else."""
  return path.suffix.lower() in EXTENSIONS


def folders_of_pictures(folder: Path) -> list[str]:
  """Returns the names of the subfolders in which, or below which, there are pictures."""

  def holds(path: Path) -> bool:
    return any(is_picture(Path(file)) for _, _, files in os.walk(path) for file in files)

  children = [path for path in folder.iterdir() if path.is_dir() and path.name[0] != "."]
  return sorted(path.name for path in children if holds(path))


def subfolder_note(folder: Path) -> str:
  """Says which subfolders of a folder of pictures are passed over; "" if there is none."""
  names = folders_of_pictures(folder)
  if not names:
    return ""
  return (
    f"the pictures in the subfolders of {folder} ({_named(names)}) are left out, as in training: "
    "name each folder by itself"
  )


def report(found: Inspection) -> str:
  """Returns an inspection as lines of text."""
  lines = [f"layout: {found.layout}"]
  for part in found.parts:
    lines.append(f"{part.label}: {len(part.names)} pictures")
    if part.kinds:
      lines.append(f"  kinds   {_counts(part.kinds)}")
      lines.append(
        f"  sizes   {_counts(Counter({f'{w} x {h}': n for (h, w), n in part.sizes.items()}))}"
      )
      lines.append(f"  values  {part.low:g} to {part.high:g}")
    lines.extend(f"  unreadable: {problem}" for problem in part.unreadable)
  return "\n".join([*lines, *(f"note: {note}" for note in found.notes)])


def contact_sheet(found: Inspection) -> np.ndarray:
  """Returns one row of thumbnails a part, in the order of the report.

  Returns:
    uint8 [rows * 128, 8 * 128, 3], white where there is no picture.
  """
  rows = []
  for part in found.parts:
    row = np.full((_THUMBNAIL, _NUM_THUMBNAILS * _THUMBNAIL, 3), 255, np.uint8)
    for column, thumbnail in enumerate(part.thumbnails):
      row[:, column * _THUMBNAIL : (column + 1) * _THUMBNAIL] = thumbnail
    rows.append(row)
  return np.concatenate(rows)


def _inspect_folders(path: str | Path, layout: str, background: str) -> Inspection:
  found = {"train": find_layout(path, split="train", layout=layout)}
  notes = []
  if found["train"].shared:
    if found["train"].name != "single":
      notes.append("there is no folder of test pictures: a tenth of the pictures is held out")
  else:
    found["test"] = find_layout(path, split="test", layout=layout)
  parts = []
  for place in found.values():
    files = [list_images(folder) for folder in place.folders]
    names = picture_names(files)
    sides = [
      _examine(str(folder), own, functools.partial(_read, side, background))
      for folder, side, own in zip(place.folders, files, names, strict=True)
    ]
    notes.extend(_pairing_notes(sides))
    notes.extend(filter(None, map(subfolder_note, place.folders)))
    parts.extend(sides)
  return Inspection(found["train"].name, parts, notes)


def _read(files: Sequence[Path], background: str, index: int) -> np.ndarray:
  return read_image(files[index], background=background)


def _examine(label: str, names: list[str], read: Callable[[int], np.ndarray]) -> Part:
  """Reads all pictures of a part, with a few threads."""
  shown = set(range(0, len(names), max(1, len(names) // _NUM_THUMBNAILS)))

  def look(index: int):
    try:
      array = read(index)
    except ImageError as error:
      return str(error)
    thumbnail = _thumbnail(array) if index in shown else None
    kind = f"{array.shape[2]} x {array.dtype.name}"
    return array.shape[:2], kind, float(array.min()), float(array.max()), thumbnail

  with ThreadPoolExecutor(4) as threads:
    looks = list(threads.map(look, range(len(names))))
  unreadable = [found for found in looks if isinstance(found, str)]
  seen = [found for found in looks if not isinstance(found, str)]
  thumbnails = [found[4] for found in seen if found[4] is not None]
  return Part(
    label=label,
    names=names,
    sizes=Counter(found[0] for found in seen),
    kinds=Counter(found[1] for found in seen),
    low=min((found[2] for found in seen), default=np.nan),
    high=max((found[3] for found in seen), default=np.nan),
    unreadable=unreadable,
    thumbnails=thumbnails[:_NUM_THUMBNAILS],
  )


def _thumbnail(array: np.ndarray) -> np.ndarray:
  """Returns the first three channels as uint8 [128, 128, 3], stretched if they are not 8-bit."""
  channels = (0, 1, 2) if array.shape[2] >= 3 else (0, 0, 0)
  pixels = array[:, :, channels]
  if pixels.dtype != np.uint8:
    low, high = (float(bound) for bound in (np.nanmin(pixels), np.nanmax(pixels)))
    unit = (np.nan_to_num(pixels.astype(np.float64)) - low) / max(high - low, 1e-12)
    pixels = np.rint(255.0 * np.clip(unit, 0.0, 1.0)).astype(np.uint8)
  picture = Image.fromarray(np.ascontiguousarray(pixels))
  picture.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.BICUBIC)
  framed = np.full((_THUMBNAIL, _THUMBNAIL, 3), 255, np.uint8)
  framed[: picture.height, : picture.width] = np.asarray(picture)
  return framed


def _pairing_notes(sides: Sequence[Part]) -> list[str]:
  """Says which names of A and B do not pair."""
  if len(sides) < 2:
    return []
  here, there = (set(side.names) for side in sides)
  if not here & there:
    return [f"no name in {sides[0].label} is one in {sides[1].label}: they are not pairs"]
  notes = []
  for mine, other in (sides, sides[::-1]):
    alone = sorted(set(mine.names) - set(other.names))
    if alone:
      notes.append(
        f"{len(alone)} in {mine.label} have no partner in {other.label} ({_named(alone)})"
      )
  return notes


def _named(names: Sequence[str]) -> str:
  """Returns the first few names."""
  return ", ".join(names[:_NUM_NAMED]) + (", …" if len(names) > _NUM_NAMED else "")


def _counts(counter: Counter) -> str:
  """Returns the commonest entries of a counter as text."""
  shown = [f"{key} ({count})" for key, count in counter.most_common(5)]
  rest = len(counter) - len(shown)
  return ", ".join(shown) + (f", and {rest} more" if rest > 0 else "")
