"""Pictures resized once and kept in ArrayRecord files: the source "arrays".

A prepared folder holds header.json (specs, names, what was done) and one file a split and domain:
train_a.arrayrecord, … A record is height and width (little-endian 32-bit integers) and the bytes of
[height, width, channels], uncompressed: reading one is forty times quicker than decoding a JPEG.

Training pictures are kept at the load size and test pictures at the evaluation size, so training
and evaluation see the same numbers, bit for bit, as they would from the original files.
"""

import functools
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import grain
import numpy as np
from array_record.python import array_record_module

from imtrans.data.dataset import SPLITS, Dataset, Domain, PairingError, check_split
from imtrans.data.images import ImageError
from imtrans.data.specs import ImageSpec
from imtrans.data.transforms import RESIZES, fit, resize_for_training, resizer

HEADER = "header.json"
_FORMAT = 1
_SIZE = struct.Struct("<II")


class RecordDomain:
  """Pictures of one ArrayRecord file."""

  def __init__(self, path: Path, names: Sequence[str], spec: ImageSpec):
    self.spec = spec
    self.names = list(names)
    self._path = str(path)
    try:
      self._records = grain.sources.ArrayRecordDataSource(self._path)
      found = len(self._records)
    except Exception as error:  # Whatever the C++ reader makes of a damaged file.
      raise ImageError(f"{path} is missing or damaged: prepare the pictures again.") from error
    if found != len(self.names):
      raise ImageError(
        f"{path} holds {found} pictures where its header names {len(self.names)}: "
        f"prepare the pictures again."
      )

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]; raises ImageError if its record is damaged."""
    try:
      record = self._records[index]
      shape = (*_SIZE.unpack_from(record), self.spec.channels)
      return np.frombuffer(record, self.spec.dtype, offset=_SIZE.size).reshape(shape)
    except Exception as error:
      raise ImageError(
        f"picture {self.names[index]} in {self._path} is damaged: prepare the pictures again."
      ) from error


def open_prepared(*, split: str, paired: bool, path: str, background: str = "white") -> Dataset:
  """Opens a folder that `prepare_arrays` wrote.

  Args:
    split: "train" or "test".
    paired: whether pairs are wanted. The test split is paired whenever names allow it.
    path: the folder.
    background: not used: transparent pictures were flattened when the folder was prepared.

  Returns:
    A `Dataset`.

  Raises:
    ValueError: if the folder is not a prepared one, or holds no pairs where they are wanted.
  """
  del background
  check_split(split)
  root = Path(path)
  header = read_header(root)
  sides = header["splits"][split]
  a, b = (
    RecordDomain(
      root / f"{split}_{name}.arrayrecord", side["names"], ImageSpec.from_dict(side["spec"])
    )
    for name, side in sorted(sides.items())
  )
  same = a.names == b.names
  if paired and not same:
    raise PairingError(
      f"{root} was prepared without pairs", "Prepare it anew, or train an unpaired method"
    )
  return Dataset(a, b, same and (paired or split == "test"))


def read_header(root: Path) -> dict[str, Any]:
  """Returns the header of a prepared folder; raises ValueError if there is none."""
  try:
    header = json.loads((root / HEADER).read_text(encoding="utf-8"))
  except (OSError, ValueError) as error:
    raise ValueError(
      f"{root} is not a folder that `imtrans data prepare` wrote: set data.path to one."
    ) from error
  if header.get("format") != _FORMAT:
    raise ValueError(f"{root} was written by another version of imtrans: prepare it again.")
  return header


def prepare_arrays(
  open_split: Callable[[str], Dataset],
  output: str | os.PathLike[str],
  *,
  resize: str,
  load_size: int,
  crop_size: int,
  description: dict[str, Any] | None = None,
  on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
  """Resizes all pictures and writes them to a new folder, which appears only when it is complete.

  Args:
    open_split: returns the dataset of a split; called with "train" and "test".
    output: the folder to make.
    resize: "square", "scale_width" or "none", as in training.
    load_size: size of the training pictures, in pixels, as in training.
    crop_size: size of the test pictures, in pixels, as in training.
    description: anything to record in the header besides.
    on_progress: called with (pictures done, pictures in all).

  Raises:
    ValueError: if the output exists, or the source has no second domain.
    ImageError: at a picture that cannot be used; nothing is left behind.
    OSError: if the folder cannot be written, for one because the disk is full.
  """
  output = Path(output)
  if resize not in RESIZES:
    raise ValueError(f"resize must be one of {', '.join(RESIZES)}, got {resize!r}.")
  if output.exists():
    raise ValueError(f"{output} exists already: choose another folder, or remove it first.")
  domains: dict[str, dict[str, Domain]] = {}
  for split in SPLITS:
    dataset = open_split(split)
    if dataset.b is None:
      raise ValueError("a single folder of pictures has no second domain to prepare.")
    domains[split] = {"a": dataset.a, "b": dataset.b}
  total = sum(len(domain) for sides in domains.values() for domain in sides.values())
  prepare = {
    "train": functools.partial(
      resize_for_training, resize_to=resize, load_size=load_size, crop_size=crop_size
    ),
    "test": functools.partial(fit, resize_to=resize, crop_size=crop_size),
  }
  output.parent.mkdir(parents=True, exist_ok=True)
  partial = Path(tempfile.mkdtemp(prefix=f".{output.name}-", dir=output.parent))
  done = 0
  try:
    for split, sides in domains.items():
      for name, domain in sides.items():
        path = partial / f"{split}_{name}.arrayrecord"
        for _ in _write(
          path, domain, functools.partial(prepare[split], resampled=resizer(domain.spec))
        ):
          done += 1
          on_progress(done, total)
    header = {
      "format": _FORMAT,
      "resize": resize,
      "load_size": load_size,
      "crop_size": crop_size,
      **(description or {}),
      "splits": {
        split: {
          name: {"spec": domain.spec.to_dict(), "names": list(domain.names)}
          for name, domain in sides.items()
        }
        for split, sides in domains.items()
      },
    }
    (partial / HEADER).write_text(json.dumps(header, indent=1), encoding="utf-8")
    partial.chmod(0o755)
    partial.rename(output)
  except RuntimeError as error:  # So the C++ writer reports a full disk.
    raise OSError(f"{output} could not be written: {error}") from error
  finally:
    shutil.rmtree(partial, ignore_errors=True)


def _write(path: Path, domain: Domain, prepare: Callable[[np.ndarray], np.ndarray]):
  """Writes the records of a domain; yields after each."""
  writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")
  try:
    for index in range(len(domain)):
      array = prepare(domain[index])
      writer.write(_SIZE.pack(*array.shape[:2]) + array.tobytes())
      yield
  finally:
    writer.close()
