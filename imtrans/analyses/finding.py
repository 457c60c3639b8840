"""What an analysis finds: a picture, the numbers in it, and a paragraph that says what it shows."""

import csv
import functools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

# Okabe and Ito's colours, which colour-blind readers tell apart.
BLACK, BLUE, SKY, GREEN, RED, PINK, ORANGE = COLORS = (
  *("#000000", "#0072B2", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#E69F00"),
)
STYLE = {
  "font.size": 9,
  "axes.titlesize": 10,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, ORANGE, PINK, SKY, BLACK]),
  "legend.frameon": False,
  "lines.markersize": 4.5,
  "figure.dpi": 130,
}

Rows = Sequence[Mapping[str, str | float]]
Arguments = ParamSpec("Arguments")


class Finding(NamedTuple):
  """What an analysis shows.

  figure: labelled axes with units; closed forms are lines, simulations and measurements are marks.
  rows: every number of the figure, one mapping per row with the same keys; NaN where there is none.
  text: one paragraph with the figures that matter, true of this very finding.
  """

  figure: Figure
  rows: Rows
  text: str


def in_style(analysis: Callable[Arguments, Finding]) -> Callable[Arguments, Finding]:
  """Draws all of an analysis in the common style.

  matplotlib reads the style of a legend, a title or a mark when that is made, not when its figure
  is: so the style is that of the whole function.

  Args:
    analysis: a function that makes figures.

  Returns:
    The same function; the style is over when it returns.
  """

  @functools.wraps(analysis)
  def styled(*arguments: Arguments.args, **keywords: Arguments.kwargs) -> Finding:
    with mpl.rc_context(STYLE):
      return analysis(*arguments, **keywords)

  return styled


def new_figure(*, columns: int = 1, rows: int = 1, width: float = 4.2, height: float = 3.2):
  """An empty figure without pyplot's global state; `in_style` gives it the common style.

  Args:
    columns: of axes.
    rows: of axes.
    width: of one of them, in inches.
    height: of one of them, in inches.

  Returns:
    (Figure, array of Axes [rows, columns]).
  """
  figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
  return figure, figure.subplots(rows, columns, squeeze=False)


def comparison(
  quantity: str, series: str, argument: float, closed_form: float, measured: float
) -> dict[str, str | float]:
  """A row of a table that has a closed form beside a simulation or a measurement.

  Args:
    quantity: what both are.
    series: the line of the figure, or the unit.
    argument: where on the line.
    closed_form: a number or an array without axes, as the next.
    measured: the mark.

  Returns:
    The row, its numbers as floats.
  """
  return {
    "quantity": quantity,
    "series": series,
    "argument": float(argument),
    "closed_form": float(closed_form),
    "measured": float(measured),
  }


def write_finding(finding: Finding, folder: Path, name: str) -> list[Path]:
  """Writes NAME.png, NAME.csv and NAME.txt.

  Args:
    finding: what to write.
    folder: made if absent.
    name: of the files.

  Returns:
    Their paths.
  """
  folder.mkdir(parents=True, exist_ok=True)
  paths = [folder / f"{name}.{kind}" for kind in ("png", "csv", "txt")]
  with mpl.rc_context(STYLE):
    finding.figure.savefig(paths[0])
  with paths[1].open("w", newline="") as file:
    writer = csv.DictWriter(file, list(finding.rows[0]))
    writer.writeheader()
    for row in finding.rows:
      writer.writerow({key: _cell(value) for key, value in row.items()})
  paths[2].write_text(textwrap.fill(finding.text, 100) + "\n")
  return paths


def _cell(value: str | float) -> str:
  """A number as text, nothing where there is none."""
  if isinstance(value, str):
    return value
  number = np.asarray(value).item()
  return "" if np.isnan(number) else f"{number:.6g}"
