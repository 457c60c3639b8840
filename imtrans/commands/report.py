"""`imtrans report`: puts evaluated runs side by side, as a page, Markdown, CSV and a table."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
  from imtrans.evaluation.comparison.table import Table

HELP = "compare evaluated runs: figures, curves, pictures and settings on one page"


def add_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds the command's arguments."""
  parser.add_argument(
    "runs",
    nargs="+",
    metavar="RUN",
    help="folder that `imtrans train` and `imtrans evaluate` wrote, or NAME=FOLDER",
  )
  parser.add_argument(
    "--output",
    default="report",
    metavar="DIR",
    help="where report.html, report.md and report.csv go; default: report",
  )
  parser.add_argument(
    "--group-seeds",
    action="store_true",
    help="add mean and standard deviation (n - 1) of runs that differ in config.seed alone",
  )
  parser.add_argument(
    "--pictures",
    type=int,
    default=24,
    metavar="N",
    help="test pictures on the page at most, of each direction; default: 24",
  )


def run(arguments: argparse.Namespace) -> None:
  """Compares; raises ValueError at the end if something is not in the report."""
  if arguments.pictures < 0:
    raise ValueError(f"--pictures must be at least 0, got {arguments.pictures}.")

  from rich.console import Console

  from imtrans.evaluation.comparison.report import CSV, MARKDOWN, PAGE, write_comparison
  from imtrans.evaluation.comparison.runs import name_runs

  output = Path(arguments.output)
  compared = write_comparison(
    name_runs(arguments.runs),
    output,
    group_seeds=arguments.group_seeds,
    pictures=arguments.pictures,
  )
  console = Console()
  if compared.table.columns:
    # A file has room for all columns; on a terminal, what is too wide is folded.
    wide = None if console.is_terminal else 40 + 24 * len(compared.table.rows)
    Console(width=wide).print(console_table(compared.table))
  lines = list(compared.sentences)
  lines += [f"{one.name}: {one.note}" for one in compared.runs if one.note]
  lines += [f"page: {output / PAGE}", f"table: {output / MARKDOWN}, {output / CSV}"]
  for line in lines:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
  if compared.problems:
    for name, text in compared.problems:
      print(f"imtrans: {name}: {text}" if name else f"imtrans: {text}", file=sys.stderr)
    missing = [name for name, _ in compared.problems if name]
    pictures = len(compared.problems) - len(missing)
    parts = [f"{len(missing)} of {len(arguments.runs)} runs ({', '.join(missing)})"] * bool(missing)
    parts += [f"{pictures} picture(s)"] * bool(pictures)
    raise ValueError(f"not in the report: {' and '.join(parts)}.")


def console_table(table: "Table") -> Any:
  """The figures for a terminal: a line for each figure, a column for each run, the best in bold.

  Args:
    table: of `imtrans.evaluation.comparison.figure_table`.

  Returns:
    A `rich.table.Table`; runs stand side by side because terminals are narrow and figures many.
  """
  import rich.table
  from rich.text import Text

  from imtrans.evaluation.comparison.text import cell_text, headings

  shown = rich.table.Table()
  shown.add_column("")
  for row in table.rows:
    style = "" if row.kind in ("run", "mean") else "dim"
    shown.add_column(Text(row.title), justify="right", style=style, overflow="fold")
  for index, (heading, column) in enumerate(zip(headings(table), table.columns, strict=True)):
    cells = []
    for row in table.rows:
      cell = row.cells[index]
      text = cell_text(cell, column, spread=row.kind == "mean")
      text = text.replace(" ± ", "\n± ")
      cells.append(Text(text, style="bold green" if cell is not None and cell.best else ""))
    shown.add_row(Text(heading), *cells)
  return shown
