"""`imtrans translate`: pictures in, translated pictures out."""

import argparse
import collections
import functools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from imtrans.commands.problems import listed
from imtrans.commands.seeds import check_seed

if TYPE_CHECKING:
  import numpy as np

  from imtrans.data import ImageSpec

Picture = TypeVar("Picture")
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
    "--domain",
    metavar="NAME",
    help="name or number of the domain to translate to, for a run that has several",
  )
  parser.add_argument(
    "--style",
    metavar="IMAGE",
    help="a picture of the domain that is translated to, whose style the translations take; "
    "default: drawn by the seed",
  )
  parser.add_argument(
    "--instances",
    metavar="FOLDER",
    help="instance maps named like the pictures, for a run with data.edges=instances",
  )
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument("--seed", type=int, default=0, help="of latent code and dropout; default: 0")
  parser.add_argument(
    "--batch-size",
    type=int,
    metavar="COUNT",
    help="pictures of the training size, or as many pixels of larger ones, that are translated "
    "together, with --tile so many tiles; default: the pixels of the config's eval_batch_size",
  )
  parser.add_argument(
    "--refinements",
    type=int,
    metavar="COUNT",
    help="steps of a translation, for a method that refines it (unsb); default: the config's",
  )
  parser.add_argument(
    "--tile",
    type=int,
    metavar="PIXELS",
    help="cut larger pictures into squares of this side, for pictures that need too much memory",
  )
  parser.add_argument(
    "--overlap",
    type=int,
    metavar="PIXELS",
    help="that neighbouring tiles share; default: what the generator needs to leave no seams",
  )
  parser.add_argument(
    "--tile-approximate",
    action="store_true",
    help="also use tiles if their colours and contrast may differ, and blend their seams",
  )


def run(arguments: argparse.Namespace) -> None:
  """Translates; raises ValueError at the end if some pictures could not be."""
  check_seed(arguments.seed)
  source, target = Path(arguments.input), Path(arguments.output)
  # Planned before the model is loaded: a typing error should not cost half a minute.
  jobs = planned(source, target)
  if arguments.tile is None and (arguments.overlap is not None or arguments.tile_approximate):
    raise ValueError("--overlap and --tile-approximate are about tiles: give --tile too.")

  from imtrans.data import read_image, write_image
  from imtrans.data.instances import read_with_edges
  from imtrans.evaluation.translation.domains import in_style_of, towards, wanted_domain
  from imtrans.evaluation.translation.stream import attempted
  from imtrans.evaluation.translation.translator import load

  translator = load(arguments.workdir, arguments.checkpoint, refinements=arguments.refinements)
  data = translator.run.config.data
  read = functools.partial(read_image, background=data.background)
  if (data.edges == "instances") != (arguments.instances is not None):
    raise ValueError("--instances FOLDER goes with runs that have data.edges=instances.")
  if arguments.instances is not None:
    spec = translator.source_spec(arguments.direction)
    read = functools.partial(
      read_with_edges, folder=arguments.instances, spec=spec, background=data.background
    )
  domain = wanted_domain(translator, arguments.domain)
  if arguments.style is not None:
    translator = in_style_of(translator, read(Path(arguments.style)), arguments.direction)
  options = {"direction": arguments.direction, "mode": arguments.mode}
  if source.is_dir():
    jobs = with_suitable_suffixes(jobs, translator.target_spec(arguments.direction))
  tiling = None
  if arguments.tile is not None:
    tiling = translator.plan_tiles(
      arguments.tile,
      overlap=arguments.overlap,
      approximate=arguments.tile_approximate,
      **options,
    )
    if tiling.reasons:
      _say(
        "colours and contrast may differ from tile to tile, because for this generator "
        f"{' and '.join(tiling.reasons)}."
      )
  images = read_ahead(
    attempted(lambda path: towards(translator, read(path), domain)),
    [path for path, _ in jobs],
    num_threads=data.num_threads,
  )
  pictures = translator.translate_stream(
    images, seed=arguments.seed, batch_size=arguments.batch_size, tiling=tiling, **options
  )
  write_pictures(jobs, pictures, write_image)


def read_ahead(
  read: Callable[[Path], Picture], paths: Sequence[Path], *, num_threads: int
) -> Iterator[Picture]:
  """Reads files in threads, a few ahead of the one that is asked for.

  Args:
    read: from a path to a picture.
    paths: of the files.
    num_threads: that read; as many pictures wait at most.

  Yields:
    What `read` returned for each path, in order.
  """
  pool = ThreadPoolExecutor(max(1, num_threads))
  waiting: collections.deque[Future[Picture]] = collections.deque()
  try:
    for path in paths:
      waiting.append(pool.submit(read, path))
      if len(waiting) > num_threads:
        yield waiting.popleft().result()
    while waiting:
      yield waiting.popleft().result()
  finally:
    pool.shutdown(cancel_futures=True)


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
  from imtrans.evaluation.translation.pictures import image_suffix, suffix_can_hold

  changed = [
    (path, to if suffix_can_hold(to.suffix, spec) else to.with_suffix(image_suffix(spec)))
    for path, to in jobs
  ]
  check_inputs_are_safe(changed)
  return changed


def write_pictures(
  jobs: Sequence[tuple[Path, Path]],
  pictures: Iterable["np.ndarray | ValueError"],
  write: Callable[[Path, "np.ndarray"], None],
) -> None:
  """Writes picture by picture; one that failed is named, and the others are still done.

  Args:
    jobs: (from, to), at least one.
    pictures: the translation of each, or what went wrong.
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
  todo = track(
    zip(jobs, pictures, strict=True),
    "translating",
    total=len(jobs),
    console=console,
    disable=quiet,
    transient=True,
  )
  for (path, to), picture in todo:
    try:
      if isinstance(picture, ValueError):
        raise picture
      to.parent.mkdir(parents=True, exist_ok=True)
      write(to, picture)
    except ValueError as error:
      message = str(error)
      if str(path) not in message and str(to) not in message:
        message = f"{path}: {message}"
      if single:
        raise ValueError(message) from error
      console.print(f"imtrans: {message}", markup=False, highlight=False, soft_wrap=True)
      failed.append(str(path))
    else:
      written.append(to)
  if written:
    print(f"wrote {written[0]}" if single else f"wrote {len(written)} of {len(jobs)} pictures")
  if failed:
    # Every one of them has been named with its reason.
    raise ValueError(
      f"{len(failed)} of {len(jobs)} pictures could not be translated:{listed(failed)}"
    )


def _say(message: str) -> None:
  print(f"imtrans: {message}", file=sys.stderr)
