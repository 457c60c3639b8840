"""What a source of pictures is: a `Domain` is one side, a `Dataset` is both.

Sources live in `openmoji`, `folders`, `arrays`, `prepared` and `tfds`; `sources` finds them by
name. This file holds what they share: the two types, the error of pictures that are no pairs, the
hold-out rule and the check of a picture against the spec of its domain.
"""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from imtrans.data.images import ImageError
from imtrans.data.specs import ImageSpec, image_spec

SPLITS = ("train", "test")
DIRECTIONS = ("ab", "ba")


class PairingError(ValueError):
  """Pairs are wanted of pictures that are none.

  The message is for who wants to train; who does something else can say so beside the facts.

  Attributes:
    facts: what is wrong, without a full stop.
  """

  def __init__(self, facts: str, remedy: str):
    super().__init__(f"{facts}. {remedy}.")
    self.facts = facts


@runtime_checkable
class Domain(Protocol):
  """Random access to the pictures of one domain.

  Attributes:
    spec: what the pictures are.
    names: one unique name a picture, without folder and extension.
  """

  @property
  def spec(self) -> ImageSpec:
    """What every picture is."""
    ...

  @property
  def names(self) -> Sequence[str]:
    """One unique name a picture."""
    ...

  def __len__(self) -> int:
    """Returns the number of pictures."""
    ...

  def __getitem__(self, index: int, /) -> np.ndarray:
    """Returns picture `index`, [height, width, spec.channels] of spec.dtype; do not write to it."""
    ...


class Dataset(NamedTuple):
  """The pictures of one split.

  Attributes:
    a: the first domain.
    b: the second one; None for a single folder, which can be translated but not trained on.
    paired: whether a[i] and b[i] belong together; lengths and names are then equal.
  """

  a: Domain
  b: Domain | None
  paired: bool


def file_paths(domain: Domain) -> list[str]:
  """Returns the files behind the pictures of a domain, its `paths`; empty where there are none."""
  return list(getattr(domain, "paths", ()))


class Subset:
  """Some pictures of a domain, itself a domain."""

  def __init__(self, domain: Domain, indices: Sequence[int]):
    self.spec = domain.spec
    self.names = [domain.names[index] for index in indices]
    paths = file_paths(domain)
    self.paths = [paths[index] for index in indices] if paths else []
    self._domain = domain
    self._indices = list(indices)

  def __len__(self) -> int:
    """Returns the number of pictures chosen."""
    return len(self._indices)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns a picture [height, width, channels]."""
    return self._domain[self._indices[index]]


def check_split(split: str) -> None:
  """Raises ValueError unless `split` is "train" or "test"."""
  if split not in SPLITS:
    raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}.")


def check_direction(direction: str) -> None:
  """Raises ValueError unless `direction` is "ab" or "ba"."""
  if direction not in DIRECTIONS:
    raise ValueError(f"direction must be one of {', '.join(DIRECTIONS)}, got {direction!r}.")


def stable_fraction(name: str, salt: str = "") -> float:
  """Returns a number in [0, 1) that depends on the text alone, on every machine and for ever."""
  digest = hashlib.sha256(f"{salt}/{name}".encode()).digest()
  return int.from_bytes(digest[:8], "big") / 2.0**64


def stable_generator(name: str, salt: str = "") -> np.random.Generator:
  """Returns a generator that depends on the text alone, on every machine and for ever."""
  digest = hashlib.sha256(f"{salt}/{name}".encode()).digest()
  return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def hold_out(names: Sequence[str], split: str, fraction: float) -> list[int]:
  """Returns the indices of a split, for pictures that come without a test set.

  The `fraction` of the names with the smallest hashes, at least one, is the test set. Equal lists
  of names are split alike, so pairs stay pairs.

  Args:
    names: unique names.
    split: "train" or "test".
    fraction: part held out, in [0, 1); 0 makes both splits the whole set.

  Raises:
    ValueError: if the fraction is outside [0, 1) or leaves nothing to train on.
  """
  check_split(split)
  if not 0.0 <= fraction < 1.0:
    raise ValueError(f"holdout must be at least 0 and below 1, got {fraction}.")
  if fraction == 0.0:
    return list(range(len(names)))
  count = max(1, round(fraction * len(names)))
  order = sorted(range(len(names)), key=lambda i: stable_fraction(names[i], "holdout"))
  kept = sorted(order[:count] if split == "test" else order[count:])
  if not kept:
    raise ValueError(
      f"{len(names)} picture(s) are too few to hold some out for testing: "
      f"add pictures, or set holdout=0 to test on the training pictures."
    )
  return kept


def halves(groups: Sequence[str]) -> tuple[list[int], list[int]]:
  """Returns the indices of two disjoint halves, for unpaired training on pictures of one kind.

  Args:
    groups: for each picture, what it shares with those that must be on its side; its name if
      there are none.

  Returns:
    Two lists of indices, in order; neither is empty.

  Raises:
    ValueError: if there is one group alone.
  """
  ordered = sorted(set(groups), key=lambda group: stable_fraction(group, "half"))
  if len(ordered) < 2:
    raise ValueError(
      "one picture cannot be halved into two domains: add pictures, or train a paired method."
    )
  first = set(ordered[: len(ordered) // 2])
  return (
    [index for index, group in enumerate(groups) if group in first],
    [index for index, group in enumerate(groups) if group not in first],
  )


def common_spec(
  arrays: Sequence[np.ndarray],
  *,
  channels: int | None = None,
  low: float | None = None,
  high: float | None = None,
) -> ImageSpec:
  """Returns the spec of a domain from some of its pictures.

  Grey pictures among RGB ones count as RGB. `low` and `high` apply to 16-bit and float pictures;
  8-bit ones are always 0..255.

  Args:
    arrays: pictures [height, width, channels].
    channels: the number of channels, if it is known.
    low: stored value that becomes -1.
    high: stored value that becomes 1.
  """
  found = {array.shape[2] for array in arrays}
  dtype = arrays[0].dtype.name
  channels = channels or max(found)
  if dtype == "uint8":
    return image_spec(channels, dtype)
  return image_spec(channels, dtype, low=low, high=high)


def conform(array: np.ndarray, spec: ImageSpec, name: str) -> np.ndarray:
  """Checks a picture against the spec of its domain; grey becomes RGB where RGB is expected.

  Args:
    array: [height, width, channels].
    spec: what it should be.
    name: the file, for the message.

  Returns:
    Array [height, width, spec.channels] of spec.dtype.

  Raises:
    ImageError: if dtype, channels or values do not fit; the message names the remedy.
  """
  if array.dtype.name != spec.dtype:
    raise ImageError(
      f"{name} holds {array.dtype.name} values where other pictures of its folder hold "
      f"{spec.dtype}: save all pictures of a folder with the same type."
    )
  if array.shape[2] == 1 and spec.channels == 3:
    array = np.repeat(array, 3, axis=2)
  if array.shape[2] != spec.channels:
    raise ImageError(
      f"{name} has {array.shape[2]} channel(s) where other pictures of its folder have "
      f"{spec.channels}: save them alike, or set data.options.channels=3 to read grey as RGB."
    )
  if spec.dtype != "uint8":
    _check_range(array, spec, name)
  return array


def _check_range(array: np.ndarray, spec: ImageSpec, name: str) -> None:
  """Refuses values that would be clipped silently."""
  least, most = float(array.min()), float(array.max())
  if np.isnan(least) or np.isnan(most):
    raise ImageError(f"{name} holds NaN: replace the file or take it away.")
  if least < spec.low or most > spec.high:
    raise ImageError(
      f"{name} holds values from {least:g} to {most:g}, outside {spec.low:g} to {spec.high:g}: "
      f"set data.options.low and data.options.high to the range of your pictures."
    )
