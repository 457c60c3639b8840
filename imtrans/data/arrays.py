"""Pictures that are arrays already: in memory, or rows of a memory-mapped .npy file."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from imtrans.data.dataset import Dataset, conform
from imtrans.data.specs import DTYPES, ImageSpec, image_spec


class ArrayDomain:
  """Pictures of one array [pictures, height, width, channels], or of a list of arrays."""

  def __init__(
    self, arrays: Sequence[np.ndarray] | np.ndarray, names: Sequence[str], spec: ImageSpec
  ):
    if len(names) != len(arrays):
      raise ValueError(f"there are {len(arrays)} pictures but {len(names)} names.")
    self.spec = spec
    self.names = list(names)
    self._arrays = arrays

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self._arrays)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]; raises ImageError if it breaks the spec."""
    return conform(self._arrays[index], self.spec, f"picture {self.names[index]}")


class MappedDomain:
  """Rows of a .npy file [rows, height, width, channels], read from disk when asked for.

  Attributes:
    spec: what the pictures are.
    names: of the rows.
    groups: what pictures that are much alike have in common: `halves` keeps them together.
    labels: the number of the class of each.
    classes: the names of the classes; None where pictures have none.
    subjects: what each picture shows, where there are pictures of it in other classes; else None.
  """

  def __init__(
    self,
    path: Path,
    rows: Sequence[int],
    names: Sequence[str],
    spec: ImageSpec,
    groups: Sequence[str] | None = None,
    labels: Sequence[int] = (),
    classes: Sequence[str] | None = None,
    subjects: Sequence[str] | None = None,
  ):
    self.spec = spec
    self.names = list(names)
    self.groups = list(groups or names)
    self.labels, self.classes, self.subjects = list(labels), classes, subjects
    self._path = str(path)
    self._rows = list(rows)
    self._map = np.load(path, mmap_mode="r")

  def __len__(self) -> int:
    """Returns the number of rows used."""
    return len(self._rows)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]."""
    return np.asarray(self._map[self._rows[index]])

  def __getstate__(self) -> dict[str, Any]:
    """Leaves the map out: pickled for a worker process, it would become a copy of all pictures."""
    return {**self.__dict__, "_map": None}

  def __setstate__(self, state: dict[str, Any]) -> None:
    """Opens the map again."""
    self.__dict__.update(state)
    self._map = np.load(self._path, mmap_mode="r")


def from_arrays(
  a: Sequence[np.ndarray] | np.ndarray,
  b: Sequence[np.ndarray] | np.ndarray | None = None,
  *,
  paired: bool = True,
  names: Sequence[str] | None = None,
  low: float | None = None,
  high: float | None = None,
) -> Dataset:
  """Makes a dataset of pictures in memory.

  Args:
    a: [pictures, height, width, channels], or a list of [height, width, channels] that may differ
      in size; uint8, uint16 or float32.
    b: the other domain, or None.
    paired: whether a[i] and b[i] belong together.
    names: the pictures' names, of pairs or of `a`; "000000", "000001", … by default.
    low: stored value of 16-bit or float pictures that becomes -1; 0 by default.
    high: stored value that becomes 1; 65535 or 1.0 by default.

  Returns:
    A `Dataset`.

  Raises:
    ValueError: if a domain is empty, its dtype is another one, or pairs differ in number.
  """
  if paired and b is not None and len(a) != len(b):
    raise ValueError(f"pairs need as many pictures in a as in b, got {len(a)} and {len(b)}.")
  domain_a = _domain(a, names, low, high)
  domain_b = None if b is None else _domain(b, names if paired else None, low, high)
  return Dataset(domain_a, domain_b, paired and b is not None)


def _domain(
  arrays: Sequence[np.ndarray] | np.ndarray,
  names: Sequence[str] | None,
  low: float | None,
  high: float | None,
) -> ArrayDomain:
  if len(arrays) == 0 or arrays[0].ndim != 3 or arrays[0].dtype.name not in DTYPES:
    raise ValueError(
      f"pictures must be arrays [height, width, channels] of {', '.join(DTYPES)}, at least one."
    )
  dtype, channels = arrays[0].dtype.name, arrays[0].shape[2]
  spec = (
    image_spec(channels, dtype)
    if dtype == "uint8"
    else image_spec(channels, dtype, low=low, high=high)
  )
  return ArrayDomain(arrays, names or [f"{i:06d}" for i in range(len(arrays))], spec)
