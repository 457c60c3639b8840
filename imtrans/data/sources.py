"""Finds a source of pictures by its name."""

import inspect
from collections.abc import Callable
from typing import Any

from imtrans.data.dataset import Dataset
from imtrans.data.folders import open_folders
from imtrans.data.openmoji import open_openmoji
from imtrans.data.prepared import open_prepared
from imtrans.data.tfds import open_tfds

SOURCES = ("openmoji", "folders", "arrays", "tfds:NAME")
_OPENERS: dict[str, Callable[..., Dataset]] = {
  "openmoji": open_openmoji,
  "folders": open_folders,
  "arrays": open_prepared,
  "tfds": open_tfds,
}
# What every source takes; "name" is the part after the colon.
_COMMON = {"split", "paired", "path", "background", "name"}


def open_dataset(
  source: str,
  *,
  split: str,
  paired: bool,
  path: str = "",
  background: str = "white",
  **options: Any,
) -> Dataset:
  """Opens the pictures of a split.

  Args:
    source: "openmoji", "folders", "arrays" (a folder that `imtrans data prepare` wrote) or
      "tfds:NAME", such as "tfds:cycle_gan/horse2zebra".
    split: "train" or "test".
    paired: whether pairs are wanted. The test split is paired whenever the names allow it.
    path: folder of the pictures; for openmoji of its cache, for tfds of its data.
    background: the colour on which transparent pictures are flattened.
    **options: what the source takes beyond these; see `open_openmoji`, `open_folders`,
      `open_prepared` and `open_tfds`.

  Returns:
    A `Dataset`.

  Raises:
    ValueError: if the source or an option is unknown, or the pictures are not as they should be;
      the message names the thing and the remedy.
  """
  name, _, argument = source.partition(":")
  if name not in _OPENERS or bool(argument) != (name == "tfds"):
    raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {source!r}.")
  opener = _OPENERS[name]
  own = sorted(set(inspect.signature(opener).parameters) - _COMMON)
  unknown = sorted(set(options) - set(own))
  if unknown:
    raise ValueError(
      f"the source {source} has no option {', '.join(unknown)}; it has {', '.join(own) or 'none'}."
    )
  if argument:
    options["name"] = argument
  return opener(split=split, paired=paired, path=path, background=background, **options)
