"""The layout "classes": a folder of pictures for each class, such as PATH/cat and PATH/dog.

PATH/train/CLASS and PATH/test/CLASS (or val) where PATH has a folder train, else PATH/CLASS, of
whose pictures a tenth is held out. The classes are those of the training pictures, sorted by name.
"""

from collections.abc import Sequence
from pathlib import Path

from imtrans.data.classes import check_classes
from imtrans.data.dataset import check_split, hold_out
from imtrans.data.layouts import list_images


def class_files(
  path: str | Path, *, split: str, holdout: float
) -> tuple[list[Path], list[str], list[int], list[str]]:
  """Finds the pictures of a split.

  Args:
    path: the folder.
    split: "train" or "test".
    holdout: part held out where there is no folder of test pictures, see `hold_out`.

  Returns:
    Files, their names CLASS/NAME, the number of the class of each, and the names of the classes.

  Raises:
    ValueError: if there are no such folders, a class has no picture, or the test pictures have a
      class that the training pictures do not have.
  """
  check_split(split)
  root = Path(path)
  if not str(path) or not root.is_dir():
    raise ValueError(f"{root} is not a folder: set data.path to the one that holds the classes.")
  training = root / "train" if (root / "train").is_dir() else root
  tests = [root / name for name in ("test", "val") if training != root and (root / name).is_dir()]
  classes = [folder.name for folder in _subfolders(training)]
  check_classes(classes, str(training))
  place = tests[0] if split == "test" and tests else training
  unknown = [folder.name for folder in _subfolders(place) if folder.name not in classes]
  if unknown:
    raise ValueError(
      f"{place / unknown[0]} is none of the {len(classes)} classes in {training}: remove it, or "
      f"add {training / unknown[0]}."
    )
  files, labels = [], []
  for index, name in enumerate(classes):
    if place is not training and not (place / name).is_dir():
      continue  # A class may be missing among the test pictures.
    found = list_images(place / name)
    files += found
    labels += [index] * len(found)
  names = [f"{file.parent.name}/{file.stem}" for file in files]
  if tests:
    return files, names, labels, classes
  kept = hold_out(names, split, holdout)
  return _chosen(files, kept), _chosen(names, kept), _chosen(labels, kept), classes


def _chosen(items: Sequence, indices: Sequence[int]) -> list:
  return [items[index] for index in indices]


def _subfolders(folder: Path) -> list[Path]:
  return sorted(
    (entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")),
    key=lambda entry: entry.name,
  )
