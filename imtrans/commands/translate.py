"""`imtrans translate`: pictures in, translated pictures out."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
  import numpy as np

  from imtrans.data import ImageSpec

HELP = "translate a picture, or a folder of pictures, with a trained run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  parser.add_argument("--workdir", required=True, help="folder that `imtrans train` wrote")
  parser.add_argument("--input", required=True, metavar="IMAGE|FOLDER", help="what to translate")
  parser.add_argument(
    "--output",
    required=True,
    metavar="IMAGE|FOLDER",
    help="a file for a picture, a folder for a folder, where files keep their names",
  )
  parser.add_argument(
    "--checkpoint", default="best", metavar="best|last|STEP", help="default: best"
  )
  parser.add_argument(
    "--direction", choices=("ab", "ba"), help="default: the direction that the run is about"
  )
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument("--seed", type=int, default=0, help="of the dropout noise; default: 0")


def run(arguments: argparse.Namespace) -> None:
  """Translates; raises ValueError at the end if some pictures could not be."""
  source, target = Path(arguments.input), Path(arguments.output)
  # Planned before the model is loaded: a typing error should not cost half a minute.
  jobs = planned(source, target)

  import jax

  from imtrans.data import read_image, write_image
  from imtrans.evaluation.translator import load

  translator = load(arguments.workdir, arguments.checkpoint)
  spec = translator.target_spec(arguments.direction)
  if source.is_dir():
    jobs = with_suitable_suffixes(jobs, spec)

  def translate(path: Path) -> "np.ndarray":
    image = read_image(path, background=translator.run.config.data.background)
    try:
      return translator.translate_to_target(
        image, direction=arguments.direction, mode=arguments.mode, seed=arguments.seed
      )
    except ValueError as error:
      raise ValueError(f"{path}: {error}") from error
    except jax.errors.JaxRuntimeError as error:
      size = f"{image.shape[1]} x {image.shape[0]}"
      reason = str(error).splitlines()[0]
      raise ValueError(f"{path} ({size} pixels) may be too large: {reason}") from error

  translate_files(jobs, translate, write_image)


def planned(source: Path, target: Path) -> list[tuple[Path, Path]]:
  """Which file becomes which.

  Args:
    source: a picture, or a folder of pictures (read with its subfolders).
    target: a file for a picture (or an existing folder to put it into), a folder for a folder.

  Returns:
    (from, to) in the order of names; the names of a folder are kept.

  Raises:
    ValueError: if there is nothing to translate, or an input would be overwritten.
  """
  from imtrans.data.images import EXTENSIONS

  if not source.exists():
    raise ValueError(f"{source} does not exist: name a picture or a folder of pictures.")
  if source.is_file():
    jobs = [(source, target / source.name if target.is_dir() else target)]
    if jobs[0][1].suffix.lower() not in EXTENSIONS:
      raise ValueError(f"{target} must end in one of {', '.join(EXTENSIONS)}, or be a folder.")
  else:
    if target.is_file():
      raise ValueError(f"{target} is a file, but {source} is a folder: name a folder as --output.")
    found = sorted(path for path in source.rglob("*") if path.suffix.lower() in EXTENSIONS)
    if source.resolve() in target.resolve().parents:
      # What an earlier run wrote below the input is no input.
      found = [path for path in found if target.resolve() not in path.resolve().parents]
    if not found:
      raise ValueError(f"{source} holds no picture that ends in {', '.join(EXTENSIONS)}.")
    jobs = [(path, target / path.relative_to(source)) for path in found]
  check_inputs_are_safe(jobs)
  return jobs


def check_inputs_are_safe(jobs: Sequence[tuple[Path, Path]]) -> None:
  """Raises ValueError if an output of (from, to) is an input, or two inputs have one output."""
  inputs = {path.resolve() for path, _ in jobs}
  outputs: dict[Path, Path] = {}
  for path, to in jobs:
    if to.resolve() in inputs:
      raise ValueError(f"{to} is an input and would be overwritten: choose another --output.")
    other = outputs.setdefault(to.resolve(), path)
    if other != path:
      raise ValueError(f"{other} and {path} would both become {to}: translate them separately.")


def with_suitable_suffixes(
  jobs: Sequence[tuple[Path, Path]], spec: "ImageSpec"
) -> list[tuple[Path, Path]]:
  """Changes extensions of outputs to one that can hold them, such as 5 channels in a .tif.

  Args:
    jobs: (from, to).
    spec: what the outputs are.

  Returns:
    (from, to) with other extensions where needed.

  Raises:
    ValueError: if two pictures would then have the same name.
  """
  from imtrans.evaluation.report import image_suffix, suffix_can_hold

  changed = [
    (path, to if suffix_can_hold(to.suffix, spec) else to.with_suffix(image_suffix(spec)))
    for path, to in jobs
  ]
  check_inputs_are_safe(changed)
  return changed


def translate_files(
  jobs: Sequence[tuple[Path, Path]],
  translate: Callable[[Path], "np.ndarray"],
  write: Callable[[Path, "np.ndarray"], None],
) -> None:
  """Translates file by file; one that fails is named, and the others are still done.

  Args:
    jobs: (from, to), at least one.
    translate: from a path to a picture.
    write: (path, picture).

  Raises:
    ValueError: after the last file, naming those that failed.
    OSError: if an output cannot be written: the others could not be either.
  """
  from rich.console import Console
  from rich.progress import track

  console = Console(stderr=True)
  single = len(jobs) == 1
  quiet = single or not console.is_terminal
  failed, written = [], []
  for path, to in track(jobs, "translating", console=console, disable=quiet, transient=True):
    try:
      picture = translate(path)
      to.parent.mkdir(parents=True, exist_ok=True)
      write(to, picture)
    except ValueError as error:
      if single:
        raise
      console.print(f"imtrans: {error}", markup=False, highlight=False, soft_wrap=True)
      failed.append(path)
    else:
      written.append(to)
  if written:
    print(f"wrote {written[0]}" if single else f"wrote {len(written)} of {len(jobs)} pictures")
  if failed:
    names = ", ".join(str(path) for path in failed)
    raise ValueError(f"{len(failed)} of {len(jobs)} pictures could not be translated: {names}.")
