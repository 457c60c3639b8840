"""`imtrans data inspect`, `prepare`, `degrade` and `colorize`."""

import argparse
from typing import Any

from imtrans.commands.configuration import literal

HELP = "Look at a folder of pictures, resize it once for quick training, or make task pictures."


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the actions and their arguments."""
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
  inspect.add_argument(
    "--task",
    default="none",
    help="shows the pairs that it makes, such as inpainting; default: none",
  )
  inspect.add_argument("--crop-size", type=int, default=256, help="of a task's pictures, pixels")
  _add_options(inspect, "of the task, such as hole=strokes")

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
  _add_options(prepare, "of the source, such as layout=side_by_side")

  degrade = actions.add_parser(
    "degrade", help="write the pictures of a folder as a task degrades them, to be translated"
  )
  degrade.add_argument("path", help="folder of clean pictures")
  degrade.add_argument("output", help="the folder to write to, without loss")
  degrade.add_argument("--task", required=True, help="such as denoise")
  degrade.add_argument(
    "--side", default="source", choices=("source", "target"), help="default: source"
  )
  degrade.add_argument("--background", default="white", help="colour behind transparent pictures")
  _add_options(degrade, "of the task, such as sigma=0.2")

  colorize = actions.add_parser(
    "colorize", help="join grey pictures and their colours, files of a and b of CIELAB"
  )
  colorize.add_argument("path", help="folder of grey pictures")
  colorize.add_argument(
    "colors",
    help="folder of two-channel .tif files of the same names, such as `data degrade --task "
    "grayscale --option target=lab --side target` writes",
  )
  colorize.add_argument("output", help="the folder to write RGB pictures to")


def _add_options(parser: argparse.ArgumentParser, words: str) -> None:
  parser.add_argument(
    "--option",
    action="append",
    default=[],
    metavar="NAME=VALUE",
    help=f"an option {words}; can be repeated",
  )


def run(arguments: argparse.Namespace) -> None:
  """Runs the action that was asked for; raises ValueError with one sentence for bad input."""
  actions = {"inspect": _inspect, "prepare": _prepare, "degrade": _degrade, "colorize": _colorize}
  actions[arguments.action](arguments)


def _inspect(arguments: argparse.Namespace) -> None:
  import functools

  from imtrans.data import open_task
  from imtrans.data.images import write_image
  from imtrans.data.inspection import (
    contact_sheet,
    inspect,
    inspect_datasets,
    is_prepared,
    report,
    unusable,
  )

  options = _options(arguments)
  if arguments.task == "none":
    if options:
      raise ValueError(f"--option {next(iter(options))} is one of a task: name it with --task.")
    found = inspect(arguments.path, layout=arguments.layout, background=arguments.background)
  else:
    prepared = is_prepared(arguments.path)
    if not prepared:
      options.setdefault("layout", arguments.layout)
    open_split = functools.partial(
      open_task,
      arguments.task,
      "arrays" if prepared else "folders",
      paired=True,
      path=arguments.path,
      background=arguments.background,
      resize="square",
      crop_size=arguments.crop_size,
      **options,
    )
    found = inspect_datasets(open_split, layout=f"pairs of the task {arguments.task}")
  write_image(arguments.sheet, contact_sheet(found))
  print(report(found))
  print(f"contact sheet: {arguments.sheet}")
  if problem := unusable(found):
    raise ValueError(problem)


def _prepare(arguments: argparse.Namespace) -> None:
  from rich.console import Console
  from rich.progress import Progress

  from imtrans.data import open_dataset
  from imtrans.data.prepared import prepare_arrays

  options = _options(arguments)

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


def _degrade(arguments: argparse.Namespace) -> None:
  from imtrans.commands.task_pictures import degrade

  degrade(
    arguments.path,
    arguments.output,
    task=arguments.task,
    side=arguments.side,
    background=arguments.background,
    options=_options(arguments),
  )


def _colorize(arguments: argparse.Namespace) -> None:
  from imtrans.commands.task_pictures import colorize

  colorize(arguments.path, arguments.colors, arguments.output)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
  return dict(_parse_option(option) for option in arguments.option)


def _parse_option(text: str) -> tuple[str, Any]:
  """Returns the name and value of NAME=VALUE; the value is a Python literal, else text."""
  name, equals, value = text.partition("=")
  if not equals or not name:
    raise ValueError(f"--option must be NAME=VALUE, such as layout=side_by_side, got {text!r}.")
  return name, literal(value)
