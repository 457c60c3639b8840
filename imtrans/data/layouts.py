"""Where the pictures of a folder lie: aligned, side by side, unaligned, or in a single folder.

What is looked for under PATH, in this order, when the layout is "auto":

* unaligned     PATH/trainA PATH/trainB, PATH/testA PATH/testB. With equal names the pictures are
                pairs too, if `paired` asks for it.
* aligned       PATH/train/A PATH/train/B, or PATH/A/train PATH/B/train, or PATH/A PATH/B.
* side_by_side  PATH/train, PATH/test: each file holds a pair, A on the left and B on the right.
                With layout="side_by_side" the files may also lie in PATH itself.
* single        PATH holds pictures: they are domain A, there is no B. With layout="single" they may
                also lie in PATH/train and PATH/test. A task makes pairs of them.

With layout="classes" there is a folder for each class of pictures, see `class_folders`.

The two pictures of a pair have the same name, or one that differs in a final "_A" and "_B"; their
extensions may differ.

"val" is read where there is no "test". Where there is neither, a tenth of the pictures, at least
one, is held out by a hash of the name. Subfolders are not searched.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from imtrans.data.dataset import PairingError, check_split
from imtrans.data.images import EXTENSIONS

# For each layout, the folders of (A, B), or of files that hold both or A alone.
_PATTERNS: dict[str, tuple[tuple[str, ...], ...]] = {
  "unaligned": (("{split}A", "{split}B"),),
  "aligned": (("{split}/A", "{split}/B"), ("A/{split}", "B/{split}"), ("A", "B")),
  "side_by_side": (("{split}",), (".",)),
  "single": ((".",), ("{split}",)),
}
CLASSES = "classes"
LAYOUTS = ("auto", *_PATTERNS, CLASSES)
_SPLIT_FOLDERS = {"train": ("train",), "test": ("test", "val")}
_NUM_NAMED = 3


class Layout(NamedTuple):
  """Where the pictures of a split lie.

  Attributes:
    name: one of `LAYOUTS` but "auto".
    folders: (A, B) or a single one.
    shared: whether train and test pictures lie together, so that some must be held out.
  """

  name: str
  folders: tuple[Path, ...]
  shared: bool


def find_layout(
  path: str | Path, *, split: str, layout: str = "auto", guesses: Sequence[str] = tuple(_PATTERNS)
) -> Layout:
  """Finds where the pictures of a split lie, see the top of this file.

  Args:
    path: the folder.
    split: "train" or "test".
    layout: one of `LAYOUTS`.
    guesses: what "auto" may be, in order.

  Returns:
    A `Layout`.

  Raises:
    ValueError: if the path does not exist, or holds nothing of the layout.
  """
  check_split(split)
  if layout not in LAYOUTS:
    raise ValueError(f"layout must be one of {', '.join(LAYOUTS)}, got {layout!r}.")
  if layout == CLASSES:
    raise ValueError(
      "folders of classes are seen through a task: add --task noise --option layout=classes, or "
      "choose another layout."
    )
  if not str(path):
    raise ValueError("the source folders needs the folder of your pictures: set data.path.")
  root = Path(path)
  if not root.exists():
    raise ValueError(f"{root} does not exist: set data.path to the folder of your pictures.")
  if not root.is_dir():
    raise ValueError(f"{root} is a file: set data.path to the folder that holds it.")
  for name in guesses if layout == "auto" else (layout,):
    for pattern in _PATTERNS[name]:
      if layout == "auto" and name == "side_by_side" and pattern == (".",):
        continue  # Pictures that lie in PATH itself are single ones unless the user says more.
      place = _place(root, pattern, split)
      if place is not None:
        return Layout(name, *place)
  wanted = "" if layout == "auto" else f" of the layout {layout}"
  raise ValueError(
    f"{root} holds no pictures{wanted}: it should have trainA/ and trainB/, or A/ and B/, or "
    f"train/ with pairs side by side, or hold pictures ({', '.join(EXTENSIONS)}) itself."
  )


def list_images(folder: Path) -> list[Path]:
  """Returns the image files of a folder, sorted by name.

  Raises:
    ValueError: if there is none, or two have the same name but for the extension.
  """
  files = sorted(_images(folder), key=lambda file: (file.stem, file.suffix))
  if not files:
    raise ValueError(
      f"{folder} holds no pictures ({', '.join(EXTENSIONS)}): put some there, or take it away."
    )
  for first, second in itertools.pairwise(files):
    if first.stem == second.stem:
      raise ValueError(
        f"{folder} holds both {first.name} and {second.name}: rename or remove one of them."
      )
  return files


def picture_names(sides: Sequence[Sequence[Path]]) -> list[list[str]]:
  """Returns the names of each side; "1_A" and "1_B" are both "1" if all names end like that."""
  names = [[file.stem for file in side] for side in sides]
  endings = ("_A", "_B")
  if len(names) == 2 and all(
    name.endswith(ending) for side, ending in zip(names, endings, strict=True) for name in side
  ):
    return [[name[:-2] for name in side] for side in names]
  return names


def pairing_error(names: Sequence[Sequence[str]], folders: Sequence[Path]) -> PairingError:
  """Returns an error that says which names have no partner, and what to do."""
  parts = []
  for mine, other in ((0, 1), (1, 0)):
    alone = sorted(set(names[mine]) - set(names[other]))
    if alone:
      named = ", ".join(alone[:_NUM_NAMED]) + (", …" if len(alone) > _NUM_NAMED else "")
      parts.append(f"{len(alone)} in {folders[mine]} have no partner in {folders[other]} ({named})")
  return PairingError(
    f"the pictures do not pair: {'; '.join(parts)}",
    "Give both pictures of a pair the same name, or train an unpaired method, such as "
    "configs/cyclegan_*.py",
  )


def _images(folder: Path) -> list[Path]:
  return [
    file
    for file in folder.iterdir()
    if file.suffix.lower() in EXTENSIONS and not file.name.startswith(".") and file.is_file()
  ]


def _place(
  root: Path, pattern: tuple[str, ...], split: str
) -> tuple[tuple[Path, ...], bool] | None:
  """Returns (folders, shared) of a pattern for a split, None if its folders are not there."""
  has_test = any("{split}" in part for part in pattern) and any(
    _existing(root, pattern, test) for test in _SPLIT_FOLDERS["test"]
  )
  for name in (*_SPLIT_FOLDERS[split], "train"):
    folders = _existing(root, pattern, name)
    if folders:
      return folders, not has_test
  return None


def _existing(root: Path, pattern: tuple[str, ...], split: str) -> tuple[Path, ...]:
  """Returns the folders of a pattern, or nothing if one of them is not there."""
  folders = tuple(root / part.format(split=split) for part in pattern)
  if not all(folder.is_dir() for folder in folders):
    return ()
  # PATH/train is there in the layout PATH/train/A too: a lone folder must hold pictures itself.
  return folders if len(folders) == 2 or _images(folders[0]) else ()
