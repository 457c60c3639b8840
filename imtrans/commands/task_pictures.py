"""`imtrans data degrade` and `data colorize`: pictures before and after a task's network."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from imtrans.commands.problems import listed


def degrade(
  path: str, output: str, *, task: str, side: str, background: str, options: Mapping[str, Any]
) -> None:
  """Writes the pictures of a folder as a task shows them, the same ones each time.

  Args:
    path: the folder.
    output: the folder to write to, PNG or where it must be TIFF.
    task: its name.
    side: "source" or "target".
    background: the colour on which transparent pictures are flattened.
    options: of the task.

  Raises:
    ValueError: if the folder, the task or an option is not as it should be; or, when all others
      are written, for pictures that cannot be read.
  """
  from imtrans.data import make_task, write_image
  from imtrans.data.images import ImageError, lossless_suffix
  from imtrans.data.inspection import folders_of_pictures, is_picture, subfolder_note
  from imtrans.data.sources import open_pictures
  from imtrans.data.task import TaskDomain

  below = folders_of_pictures(_folder(path))
  if below and not any(map(is_picture, Path(path).iterdir())):
    raise ValueError(
      f"{path} holds pictures in its subfolders alone: name one of them, such as "
      f"{Path(path) / below[0]}."
    )
  if below:
    print(f"imtrans: {subfolder_note(Path(path))}.", file=sys.stderr)
  places = {"path": path, "layout": "single", "background": background}
  clean = open_pictures("folders", split="train", holdout=0.0, **places)
  made = TaskDomain(clean, make_task(task, clean.spec, **options), side, resize="none", crop_size=1)
  folder = _other_folder(output, path)
  suffix = lossless_suffix(made.spec)
  problems: dict[str, None] = {}
  written = 0
  for index in _with_progress(len(made), "Degrading"):
    try:
      write_image(folder / f"{made.names[index]}{suffix}", made[index])
      written += 1
    except ImageError as error:
      problems[str(error)] = None  # One mask may fit none of the pictures.
  print(f"wrote {written} pictures to {folder}")
  if problems:
    raise ValueError(f"{len(made) - written} picture(s) could not be used:{listed(list(problems))}")


def colorize(path: str, colors: str, output: str) -> None:
  """Joins grey pictures and their colours, a and b of CIELAB, to RGB pictures.

  Args:
    path: folder of the grey pictures.
    colors: folder of two-channel float TIFF files of the same names and sizes.
    output: the folder to write PNG files to.

  Raises:
    ValueError: when all others are written, for pictures that do not belong together or cannot be
      read.
  """
  import numpy as np

  from imtrans.data import color, denormalize, image_spec, normalize, read_image, write_image
  from imtrans.data.dataset import common_spec, conform
  from imtrans.data.layouts import list_images

  greys = {file.stem: file for file in list_images(_folder(path))}
  files = list_images(_folder(colors))
  folder = _other_folder(output, path, colors)

  def colored(file: Path) -> np.ndarray:
    if file.stem not in greys:
      raise ValueError(f"{file} has no grey picture of its name in {path}: add it.")
    grey, ab = read_image(greys[file.stem]), read_image(file)
    if grey.shape != (*ab.shape[:2], 1) or ab.shape[2:] != (2,) or ab.dtype != np.float32:
      raise ValueError(
        f"{greys[file.stem]} and {file} must be a grey picture and two float channels of one size, "
        f"got {grey.dtype.name} {grey.shape} and {ab.dtype.name} {ab.shape}: translate the grey "
        "picture by a run with target=lab."
      )
    spec = common_spec([grey])
    unit = (normalize(conform(grey, spec, str(greys[file.stem])), spec) + 1.0) / 2.0
    return denormalize(2.0 * color.colorize(unit, ab) - 1.0, image_spec(3))

  problems = []
  for index in _with_progress(len(files), "Colouring"):
    try:
      write_image(folder / f"{files[index].stem}.png", colored(files[index]))
    except (ValueError, OSError) as error:
      problems.append(str(error))
  print(f"wrote {len(files) - len(problems)} pictures to {folder}")
  if problems:
    raise ValueError(f"{len(problems)} picture(s) could not be used:{listed(problems)}")


def _folder(path: str) -> Path:
  if not Path(path).is_dir():
    raise ValueError(f"{path} is no folder: name a folder of pictures.")
  return Path(path)


def _other_folder(output: str, *inputs: str) -> Path:
  """Makes the output folder; raises ValueError if it is a file, or one of the inputs."""
  path = Path(output)
  if any(path.resolve() == Path(other).resolve() for other in inputs):
    raise ValueError(f"{path} is an input and would be overwritten: choose another output folder.")
  if path.exists() and not path.is_dir():
    raise ValueError(f"{path} is a file: name a folder to write to.")
  path.mkdir(parents=True, exist_ok=True)
  return path


def _with_progress(count: int, title: str) -> Iterator[int]:
  """Yields 0 to count - 1 behind a progress bar, which is silent where nobody watches."""
  from rich.console import Console
  from rich.progress import track

  console = Console(stderr=True)
  yield from track(
    range(count), title, console=console, disable=not console.is_terminal, transient=True
  )
