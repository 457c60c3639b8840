"""`imtrans data inspect` and `imtrans data prepare`."""

import argparse
import ast
from typing import Any

HELP = "Look at a folder of pictures, or resize it once for quick training."


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the two actions and their arguments."""
  actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

  inspect = actions.add_parser(
    "inspect", help="count, size and channels of the pictures, and the files that cannot be read"
  )
  inspect.add_argument("path", help="folder of pictures, or one that `data prepare` wrote")
  inspect.add_argument("--sheet", default="contact_sheet.png", help="where the contact sheet goes")
  inspect.add_argument(
    "--layout", default="auto", help="auto, aligned, side_by_side, unaligned or single"
  )
  inspect.add_argument("--background", default="white", help="colour behind transparent pictures")

  prepare = actions.add_parser("prepare", help='resize all pictures once, for the source "arrays"')
  prepare.add_argument("--output", required=True, help="the folder to make")
  prepare.add_argument("--source", default="folders", help="openmoji, folders or tfds:NAME")
  prepare.add_argument("--path", default="", help="where the source's pictures are")
  prepare.add_argument(
    "--paired",
    action=argparse.BooleanOptionalAction,
    default=True,
    help="whether the pictures are pairs (--no-paired: they need not be)",
  )
  prepare.add_argument("--resize", default="square", help="square, scale_width or none")
  prepare.add_argument("--load-size", type=int, default=286, help="of training pictures, pixels")
  prepare.add_argument("--crop-size", type=int, default=256, help="of test pictures, pixels")
  prepare.add_argument("--background", default="white", help="colour behind transparent pictures")
  prepare.add_argument(
    "--option",
    action="append",
    default=[],
    metavar="NAME=VALUE",
    help="an option of the source, such as layout=side_by_side; can be repeated",
  )


def run(arguments: argparse.Namespace) -> None:
  """Runs the action that was asked for; raises ValueError with one sentence for bad input."""
  {"inspect": _inspect, "prepare": _prepare}[arguments.action](arguments)


def _inspect(arguments: argparse.Namespace) -> None:
  from imtrans.data.images import write_image
  from imtrans.data.inspection import contact_sheet, inspect, report

  found = inspect(arguments.path, layout=arguments.layout, background=arguments.background)
  write_image(arguments.sheet, contact_sheet(found))
  print(report(found))
  print(f"contact sheet: {arguments.sheet}")


def _prepare(arguments: argparse.Namespace) -> None:
  from rich.console import Console
  from rich.progress import Progress

  from imtrans.data import open_dataset
  from imtrans.data.prepared import prepare_arrays

  options = dict(_parse_option(option) for option in arguments.option)

  def open_split(split: str):
    return open_dataset(
      arguments.source,
      split=split,
      paired=arguments.paired,
      path=arguments.path,
      background=arguments.background,
      **options,
    )

  with Progress(console=Console(stderr=True)) as progress:
    task = progress.add_task("Preparing", total=None)
    prepare_arrays(
      open_split,
      arguments.output,
      resize=arguments.resize,
      load_size=arguments.load_size,
      crop_size=arguments.crop_size,
      description={"source": arguments.source, "options": options},
      on_progress=lambda done, total: progress.update(task, completed=done, total=total),
    )
  print(
    f'{arguments.output} is ready: train with data.source="arrays", data.path="{arguments.output}"'
  )


def _parse_option(text: str) -> tuple[str, Any]:
  """Returns the name and value of NAME=VALUE; the value is a Python literal, else text."""
  name, equals, value = text.partition("=")
  if not equals or not name:
    raise ValueError(f"--option must be NAME=VALUE, such as layout=side_by_side, got {text!r}.")
  try:
    return name, ast.literal_eval(value)
  except (ValueError, SyntaxError):
    return name, value
