"""`imtrans evaluate`: figures, pictures and a gallery of a trained run."""

import argparse
from collections.abc import Iterable
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
  parser.add_argument("--batch-size", type=int, metavar="N", help="default: as in training")
  parser.add_argument(
    "--mode",
    choices=("train", "test"),
    help="whether dropout and normalisation act as in training; default: the config's inference",
  )
  parser.add_argument("--seed", type=int, default=0, help="of the dropout noise; default: 0")


def run(arguments: argparse.Namespace) -> None:
  """Evaluates, prints a table and says where to look."""
  if arguments.batch_size is not None and arguments.batch_size < 1:
    raise ValueError(f"--batch-size must be at least 1, got {arguments.batch_size}.")

  from rich.console import Console

  from imtrans.evaluation.report import write_report
  from imtrans.training.input import open_data
  from imtrans.training.run import load_run

  workdir = Path(arguments.workdir)
  output = Path(arguments.output) if arguments.output else workdir
  loaded = load_run(workdir, arguments.checkpoint)
  console = Console()
  record = write_report(
    loaded,
    open_data(loaded.config, arguments.split),
    output,
    workdir=workdir,
    split=arguments.split,
    batch_size=arguments.batch_size,
    mode=arguments.mode,
    seed=arguments.seed,
    track=_bar(console),
  )
  if "note" in record:
    console.print(record["note"], soft_wrap=True)
  else:
    console.print(figures_table(record))
  console.print(f"step {loaded.step} of {loaded.checkpoint}", markup=False, soft_wrap=True)
  console.print(f"gallery: {output / 'index.html'}", markup=False, soft_wrap=True)
  console.print(
    f"figures: {output / 'metrics.json'}, {output / 'per_image.csv'}; "
    f"pictures: {output / 'images'}",
    markup=False,
    soft_wrap=True,
  )


def figures_table(record: dict[str, Any]) -> Any:
  """The figures of a metrics.json, model beside baseline.

  Args:
    record: {"eval/l1": ..., "baseline/l1": ..., "eval_ba/l1": ...}; other keys are ignored.

  Returns:
    A `rich.table.Table`.
  """
  from rich.table import Table

  table = Table()
  table.add_column("")
  for title in ("L1 ↓", "PSNR ↑ (dB)", "SSIM ↑"):
    table.add_column(title, justify="right")
  for suffix in ("", "_ab", "_ba"):
    for prefix, title in (("eval", "model"), ("baseline", "copied source")):
      if f"{prefix}{suffix}/l1" in record:
        l1, psnr, ssim = (record[f"{prefix}{suffix}/{name}"] for name in ("l1", "psnr", "ssim"))
        direction = f" {suffix[1]} → {suffix[2]}" if suffix else ""
        table.add_row(f"{title}{direction}", f"{l1:.4f}", f"{psnr:.2f}", f"{ssim:.4f}")
  return table


def _bar(console: Any) -> Any:
  """A progress bar on the console; silent where nobody watches."""
  from rich.progress import track

  def bar(results: Iterable[Any], total: int, title: str) -> Iterable[Any]:
    return track(
      results, title, total=total, console=console, disable=not console.is_terminal, transient=True
    )

  return bar
