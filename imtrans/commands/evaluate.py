"""`imtrans evaluate`: figures, pictures and a gallery of a trained run."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HELP = "score a trained run on its test pictures and write a gallery"
NAMED_PROBLEMS = 10  # Of thousands a terminal should not show all; metrics.json does.


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  parser.add_argument("--workdir", required=True, help="folder that `imtrans train` wrote")
  parser.add_argument(
    "--checkpoint", default="best", metavar="best|last|STEP", help="default: best"
  )
  parser.add_argument("--split", default="test", choices=("test", "train"), help="default: test")
  parser.add_argument("--output", metavar="DIR", help="where to write; default: the workdir")
  parser.add_argument(
    "--metrics",
    nargs="+",
    metavar="NAME",
    help="what to measure, such as l1 ssim lpips_alex fd_vgg16; all: whatever can be measured "
    "here; default: config.metrics",
  )
  parser.add_argument(
    "--inception",
    metavar="FILE",
    help="weights of Inception (pt_inception-2015-12-05-6726825d.pth), for fid, kid, "
    "manifolds_inception, sliced_wasserstein_inception and inception_score; default: "
    "config.inception",
  )
  parser.add_argument(
    "--inception-sha256",
    metavar="HEX",
    help="checksum of another file of the same weights that you trust, such as safetensors; "
    "default: config.inception_sha256",
  )
  parser.add_argument(
    "--frechet-minimum",
    type=int,
    metavar="N",
    help="fewest pictures for fid, fd_alexnet and fd_vgg16; by default one more than there are "
    "features (2049, 257, 513): with fewer the distance depends on their number; default: "
    "config.frechet_minimum",
  )
  parser.add_argument(
    "--palette", metavar="COLORS", help='of label pictures, for segmentation: "#0000aa white"'
  )
  parser.add_argument(
    "--samples",
    type=int,
    metavar="N",
    help="outputs for one source, for diversity and mode coverage; default: config.num_samples",
  )
  parser.add_argument(
    "--segmenter-steps",
    type=int,
    metavar="N",
    help="updates of the segmenter that segmentation trains; default: config.segmenter_steps",
  )
  parser.add_argument(
    "--batch-size",
    type=int,
    metavar="N",
    help="pictures per call, rounded up to what the devices can divide evenly; default: "
    "config.eval_batch_size",
  )
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument("--seed", type=int, default=0, help="of all random draws; default: 0")


def run(arguments: argparse.Namespace) -> None:
  """Evaluates, prints a table and says where to look."""
  _check(arguments)

  from rich.console import Console

  from imtrans.data.palette import parse_palette
  from imtrans.evaluation.evaluate import Evaluation
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.feasibility import measurable
  from imtrans.evaluation.generators import (
    check_channels,
    measuring,
    preprocessing,
    trained_generators,
  )
  from imtrans.evaluation.record import write_evaluation
  from imtrans.training.input import open_data
  from imtrans.training.mesh import divisible, place
  from imtrans.training.run import load_run

  console = Console()
  workdir = Path(arguments.workdir)
  output = Path(arguments.output) if arguments.output else workdir
  loaded = load_run(workdir, arguments.checkpoint)
  config = loaded.config
  mesh = _mesh(tuple(config.mesh), console)
  generators = trained_generators(
    config,
    loaded.method,
    place(loaded.generator_params, mesh),
    place(loaded.extras, mesh),
    mode=arguments.mode,
    seed=arguments.seed,
  )
  dataset = open_data(config, arguments.split)
  if dataset.b is None:
    generators = tuple(g for g in generators if g.direction == "ab")
    if not generators:
      raise ValueError(
        "the run translates b to a, but the data is a single folder of pictures a: use "
        "`imtrans translate --input FOLDER`."
      )
  check_channels(dataset, loaded.specs)
  options = preprocessing(config)
  options["batch_size"] = divisible(arguments.batch_size or options["batch_size"], mesh)
  pictures = EvaluationSet(dataset, specs=loaded.specs, track=_bar(console), **options)
  given = {
    "inception": arguments.inception,
    "inception_sha256": arguments.inception_sha256,
    "palette": parse_palette(arguments.palette) if arguments.palette else None,
    "num_samples": arguments.samples,
    "segmenter_steps": arguments.segmenter_steps,
    "frechet_minimum": arguments.frechet_minimum,
  }
  how: dict[str, Any] = measuring(config) | {n: value for n, value in given.items() if value}
  how |= {"training": lambda: open_data(config, "train", paired=True), "mesh": mesh}
  how["seed"] = arguments.seed
  main = {
    "mode": generators[0].mode,
    "cycle": len(generators) > 1,
    "size_multiple": generators[0].size_multiple,
  }
  criteria = arguments.metrics or config.metrics
  if arguments.metrics == ["all"]:
    reasons = measurable(Evaluation(pictures, (), **how), generators[0].direction, **main)
    criteria = [name for name, reason in reasons.items() if not reason]
    for reason in filter(None, reasons.values()):
      console.print(f"not measured: {reason}", style="dim", markup=False, soft_wrap=True)
  evaluation = Evaluation(pictures, criteria, **how)
  evaluation.check(
    generators[0].direction, **main, optional=() if arguments.metrics else config.metrics
  )
  record = write_evaluation(
    loaded, generators, evaluation, output, workdir=workdir, split=arguments.split
  )
  if "note" in record:
    console.print(record["note"], soft_wrap=True)
  else:
    console.print(figures_table(record["figures"], [g.direction for g in generators]))
  console.print(f"step {loaded.step} of {loaded.checkpoint}", markup=False, soft_wrap=True)
  console.print(f"gallery: {output / 'index.html'}", markup=False, soft_wrap=True)
  console.print(
    f"figures: {output / 'metrics.json'}, {output / 'per_image.csv'}; "
    f"pictures: {output / 'images'}",
    markup=False,
    soft_wrap=True,
  )
  if pictures.problems:
    sentences = list(pictures.problems.values())
    for sentence in sentences[:NAMED_PROBLEMS]:
      console.print(f"left out: {sentence}", markup=False, soft_wrap=True)
    more = len(sentences) - NAMED_PROBLEMS
    raise ValueError(
      f"{len(sentences)} picture(s) or figure(s) had to be left out, the rest is scored: "
      + (f"{NAMED_PROBLEMS} are named above, all" if more > 0 else "they are named above and")
      + f" in {output / 'metrics.json'}."
    )


def _check(arguments: argparse.Namespace) -> None:
  """Refuses what cannot be, before anything is read."""
  least = {"batch_size": 1, "samples": 2, "segmenter_steps": 1, "frechet_minimum": 2}
  for name, number in least.items():
    value = getattr(arguments, name)
    if value is not None and value < number:
      raise ValueError(f"--{name.replace('_', '-')} must be at least {number}, got {value}.")
  metrics = arguments.metrics or []
  if "all" in metrics and len(metrics) > 1:
    raise ValueError(
      "--metrics all measures whatever can be measured, and stands alone: leave out the other "
      "names, or all."
    )

  from imtrans.training.checks import is_sha256

  if not is_sha256(arguments.inception_sha256 or ""):
    raise ValueError(
      "--inception-sha256 must be 64 hexadecimal digits, as `sha256sum FILE` prints them, got "
      f"{arguments.inception_sha256!r}."
    )


def _mesh(shape: tuple[int, int], console: Any) -> Any:
  """The mesh of a run; one over all devices, with a word, where it was trained on others."""
  from imtrans.training.mesh import make_mesh

  try:
    return make_mesh(shape)
  except ValueError as error:
    sentence = str(error).partition(":")[0]
    console.print(
      f"{sentence}: batches are divided over all there are.",
      style="dim",
      markup=False,
      soft_wrap=True,
    )
    return make_mesh()


def figures_table(figures: Sequence[dict[str, Any]], directions: Sequence[str]) -> Any:
  """The figures of a metrics.json: a line each, the model beside what to compare it with.

  Args:
    figures: dicts with "name", "direction", "of", "value" and "spread".
    directions: in the order of columns.

  Returns:
    A `rich.table.Table`.
  """
  from rich.table import Table

  from imtrans.evaluation.quantities import quantity, rank

  found = {(f["direction"], f["of"], f["name"]): f["value"] for f in figures}
  columns = [
    (direction, of)
    for direction in directions
    for of in ("model", "baseline", "real")
    if any(key[:2] == (direction, of) for key in found)
  ]
  titles = {"model": "model", "baseline": "copied source", "real": "real pictures"}
  table = Table()
  table.add_column("")
  for direction, of in columns:
    way = f" {direction[0]} → {direction[1]}" if len(directions) > 1 else ""
    table.add_column(f"{titles[of]}{way}", justify="right")
  for name in sorted(dict.fromkeys(f["name"] for f in figures), key=rank):
    shown = quantity(name)
    values = [found.get((*column, name)) for column in columns]
    table.add_row(shown.heading, *("" if v is None else shown.text(v) for v in values))
  return table


def _bar(console: Any) -> Any:
  """A progress bar on the console; silent where nobody watches."""
  from rich.progress import track

  def bar(items: Iterable[Any], total: int, title: str) -> Iterable[Any]:
    return track(
      items, title, total=total, console=console, disable=not console.is_terminal, transient=True
    )

  return bar
