"""`imtrans evaluate`: figures, pictures and a gallery of a trained run."""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

HELP = "score a trained run on its test pictures and write a gallery"


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
    help="checksum of another file of the same weights that you trust, such as safetensors",
  )
  parser.add_argument(
    "--palette", metavar="COLORS", help='of label pictures, for segmentation: "#0000aa white"'
  )
  parser.add_argument(
    "--samples",
    type=int,
    default=20,
    metavar="N",
    help="outputs for one source, for diversity and mode coverage; default: 20",
  )
  parser.add_argument("--batch-size", type=int, metavar="N", help="default: as in training")
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument("--seed", type=int, default=0, help="of all random draws; default: 0")


def run(arguments: argparse.Namespace) -> None:
  """Evaluates, prints a table and says where to look."""
  for name, least in (("batch_size", 1), ("samples", 2)):
    value = getattr(arguments, name)
    if value is not None and value < least:
      raise ValueError(f"--{name.replace('_', '-')} must be at least {least}, got {value}.")

  import jax
  from rich.console import Console

  from imtrans.data.palette import parse_palette
  from imtrans.evaluation.evaluate import Evaluation, measurable
  from imtrans.evaluation.evaluation_set import EvaluationSet
  from imtrans.evaluation.generators import (
    check_channels,
    noisy_modes,
    preprocessing,
    trained_generators,
  )
  from imtrans.evaluation.record import write_evaluation
  from imtrans.evaluation.weights import INCEPTION_SHA256
  from imtrans.training.input import open_data
  from imtrans.training.mesh import make_mesh, replicated
  from imtrans.training.run import load_run

  console = Console()
  workdir = Path(arguments.workdir)
  output = Path(arguments.output) if arguments.output else workdir
  loaded = load_run(workdir, arguments.checkpoint)
  config = loaded.config
  everywhere = replicated(make_mesh())  # Batches are then divided over all devices.
  generators = trained_generators(
    config,
    loaded.method,
    jax.device_put(loaded.generator_params, everywhere),
    jax.device_put(loaded.extras, everywhere),
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
  if arguments.batch_size:
    options["batch_size"] = arguments.batch_size
  pictures = EvaluationSet(dataset, specs=loaded.specs, track=_bar(console), **options)
  palette = arguments.palette or config.palette
  measuring: dict[str, Any] = {
    "training": lambda: open_data(config, "train", paired=True),
    "inception": arguments.inception or config.inception,
    "inception_sha256": arguments.inception_sha256 or INCEPTION_SHA256,
    "palette": parse_palette(palette) if palette else None,
    "noisy_modes": noisy_modes(config),
    "num_samples": arguments.samples,
    "seed": arguments.seed,
  }
  main = {"mode": generators[0].mode, "cycle": len(generators) > 1}
  criteria = arguments.metrics or config.metrics
  if list(criteria) == ["all"]:
    reasons = measurable(Evaluation(pictures, (), **measuring), generators[0].direction, **main)
    criteria = [name for name, reason in reasons.items() if not reason]
    for reason in filter(None, reasons.values()):
      console.print(f"not measured: {reason}", style="dim", markup=False, soft_wrap=True)
  evaluation = Evaluation(pictures, criteria, **measuring)
  evaluation.check(generators[0].direction, **main)
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
    raise ValueError(
      f"{len(pictures.problems)} picture(s) or figure(s) had to be left out, the rest is scored: "
      f"{'; '.join(pictures.problems.values())}"
    )


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
