"""`imtrans sample`: pictures of noise, of a class, or several of one picture."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from imtrans.commands.seeds import check_seed

if TYPE_CHECKING:
  import numpy as np

  from imtrans.evaluation.translation.sampling import Sample
  from imtrans.evaluation.translation.translator import Translator

HELP = "draw pictures from a trained run: of noise, of a class, or several of one picture"
SHEET = "samples.png"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  parser.add_argument("--workdir", required=True, help="folder that `imtrans train` wrote")
  parser.add_argument("--output", required=True, metavar="FOLDER", help="where pictures go")
  parser.add_argument(
    "--count", type=int, default=64, help="pictures, of each class and input; default: 64"
  )
  parser.add_argument("--seed", type=int, default=0, help="of the noise; default: 0")
  parser.add_argument(
    "--class",
    dest="classes",
    nargs="+",
    default=[],
    metavar="NAME",
    help="names or numbers of the classes wanted; default: all that the run has",
  )
  parser.add_argument(
    "--input", metavar="IMAGE|FOLDER", help="pictures to start from, for a run that needs them"
  )
  parser.add_argument(
    "--checkpoint", default="best", metavar="best|last|STEP", help="default: best"
  )
  parser.add_argument(
    "--refinements",
    type=int,
    metavar="COUNT",
    help="steps of a translation, for a method that refines it (unsb); default: the config's",
  )
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )


def run(arguments: argparse.Namespace) -> None:
  """Writes the pictures, and samples.png with all of them in rows."""
  if arguments.count < 1:
    raise ValueError(f"--count must be at least 1, got {arguments.count}.")
  check_seed(arguments.seed)
  output = Path(arguments.output)
  if output.is_file():
    raise ValueError(f"{output} is a file: name a folder as --output.")

  import numpy as np

  from imtrans.data import normalize, write_image
  from imtrans.evaluation.pages.previews import contact_sheet
  from imtrans.evaluation.translation.pictures import image_suffix
  from imtrans.evaluation.translation.translator import load

  translator = load(arguments.workdir, arguments.checkpoint, refinements=arguments.refinements)
  spec = translator.target_spec()
  shown: list[list[np.ndarray]] = []
  for name, picture in _drawn(translator, arguments):
    path = output / f"{name}{image_suffix(spec)}"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, picture)
    shown.append([normalize(picture, spec)])
  columns = arguments.count if len(shown) > arguments.count else math.ceil(len(shown) ** 0.5)
  write_image(output / SHEET, contact_sheet(shown, gap=1, sheet_columns=columns))
  print(f"wrote {len(shown)} pictures to {output}; all of them in {output / SHEET}")


def _drawn(
  translator: "Translator", arguments: argparse.Namespace
) -> Iterator[tuple[str, "np.ndarray"]]:
  """Yields the name and the picture of each sample."""
  from imtrans.data.dataset import stable_generator
  from imtrans.evaluation.translation.sampling import noise_samples

  options = {"mode": arguments.mode}
  if arguments.input is None:
    samples = list(
      noise_samples(translator, arguments.count, classes=arguments.classes, seed=arguments.seed)
    )
    yield from _made(translator, samples, seed=arguments.seed, **options)
    return
  samples = list(_from_pictures(translator, arguments))
  for index in range(arguments.count):
    # Seeds of samples must not follow each other: seed 1 would share all but one with seed 0.
    seed = int(stable_generator(f"{arguments.seed}/{index}", "sample").integers(2**32))
    for name, picture in _made(translator, samples, seed=seed, **options):
      yield f"{name}-{index:02d}", picture


def _from_pictures(translator: "Translator", arguments: argparse.Namespace) -> Iterator["Sample"]:
  """Yields the pictures of --input as sources."""
  from imtrans.data import EXTENSIONS, read_image
  from imtrans.evaluation.translation.sampling import picture_samples

  place = Path(arguments.input)
  if not place.exists():
    raise ValueError(f"{place} does not exist: name a picture or a folder of pictures.")
  found = [place] if place.is_file() else sorted(place.iterdir())
  files = [path for path in found if path.suffix.lower() in EXTENSIONS]
  if not files:
    raise ValueError(f"{place} holds no picture that ends in {', '.join(EXTENSIONS)}.")
  for path in files:
    picture = read_image(path, background=translator.run.config.data.background)
    yield from picture_samples(translator, path.stem, picture, classes=arguments.classes)


def _made(
  translator: "Translator", samples: list["Sample"], *, seed: int, mode: str | None
) -> Iterator[tuple[str, "np.ndarray"]]:
  sources = (sample.source for sample in samples)
  pictures = translator.translate_stream(sources, seed=seed, mode=mode)
  for sample, picture in zip(samples, pictures, strict=True):
    if isinstance(picture, ValueError):
      raise picture
    yield sample.name, picture
