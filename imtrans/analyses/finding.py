"""What an analysis finds: a picture, the numbers in it, and a paragraph that says what it shows."""

import csv
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

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


class Finding(NamedTuple):
  """What an analysis shows.

  figure: labelled axes with units; closed forms are lines, simulations and measurements are marks.
  rows: every number of the figure, one mapping per row with the same keys.
  text: one paragraph with the figures that matter, true of this very finding.
  """

  figure: Figure
  rows: Rows
  text: str


def new_figure(*, columns: int = 1, rows: int = 1, width: float = 4.2, height: float = 3.2):
  """An empty figure in the common style, without pyplot's global state.

  Args:
    columns: of axes.
    rows: of axes.
    width: of one of them, in inches.
    height: of one of them, in inches.

  Returns:
    (Figure, array of Axes [rows, columns]).
  """
  with mpl.rc_context(STYLE):
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


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
  return value if isinstance(value, str) else f"{np.asarray(value).item():.6g}"
