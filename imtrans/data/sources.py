"""Finds a source of pictures by its name."""

import inspect
from collections.abc import Callable
from typing import Any

from imtrans.data.dataset import Dataset, Domain
from imtrans.data.folders import SIDES, open_folder_pictures, open_folders
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
  name, argument = _checked(source)
  unknown = sorted(set(options) - set(source_options(source)))
  if unknown:
    own = ", ".join(source_options(source)) or "none"
    raise ValueError(f"the source {source} has no option {', '.join(unknown)}; it has {own}.")
  if argument:
    options["name"] = argument
  return _OPENERS[name](split=split, paired=paired, path=path, background=background, **options)


def open_pictures(
  source: str,
  *,
  split: str,
  domain: str = "a",
  path: str = "",
  background: str = "white",
  **options: Any,
) -> Domain:
  """Opens the pictures of one domain alone, for tasks that make the other from it.

  Args:
    source: as for `open_dataset`, and so are the others.
    split: "train" or "test"; some pictures of a single folder are held out too.
    domain: "a" or "b".
    path: folder of the pictures.
    background: the colour on which transparent pictures are flattened.
    **options: what the source takes.

  Returns:
    The domain.

  Raises:
    ValueError: as `open_dataset`, and if there is no such domain.
  """
  if domain not in SIDES:
    raise ValueError(f"data.options.domain must be one of {', '.join(SIDES)}, got {domain!r}.")
  name, _ = _checked(source)
  places = {"split": split, "path": path, "background": background}
  if name == "folders":
    return open_folder_pictures(domain=domain, **places, **options)
  # OpenMoji would show half of its pictures to a method that wants no pairs; others have no pairs.
  dataset = open_dataset(source, paired=name == "openmoji", **places, **options)
  pictures = dataset.a if domain == "a" else dataset.b
  if pictures is None:
    raise ValueError(f"{source} has no domain b: set data.options.domain=a.")
  return pictures


def source_options(source: str) -> list[str]:
  """Returns the names of the options that a source takes; ValueError if there is no such source."""
  name, _ = _checked(source)
  return sorted(set(inspect.signature(_OPENERS[name]).parameters) - _COMMON)


def _checked(source: str) -> tuple[str, str]:
  """Splits NAME or NAME:ARGUMENT; raises ValueError if there is no such source."""
  name, _, argument = source.partition(":")
  if name not in _OPENERS or bool(argument) != (name == "tfds"):
    raise ValueError(f"source must be one of {', '.join(SOURCES)}, got {source!r}.")
  return name, argument
