"""How numbers, levels and tables are written in the README."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from experiments.metrics.damage import DAMAGES, compared

NOT_RUN = "No run is recorded."


def number(value: float, spread: float | None = None) -> str:
  """Returns a number with as many digits as its spread tells apart, or three."""
  if spread is None:
    return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"
  digits = 3 if spread <= 0.0 else int(np.clip(1 - np.floor(np.log10(spread)), 0, 4))
  return f"{value:.{digits}f} ± {spread:.{digits}f}"


def strength(level: dict[str, Any]) -> str:
  """Returns damage and strength of a level in words: "Gaussian blur, σ = 1.20 px"."""
  spec = DAMAGES[level["damage"]]
  return f"{spec.title}, {spec.unit.format(level['strength'])}"


def shown(record: dict[str, Any]) -> list[dict[str, Any]]:
  """Returns the levels at the compared PSNR, then the natural ones; the others are drawn."""
  levels, asked = record["levels"], compared(record["psnrs"])
  return [level for wanted in (asked, None) for level in levels if level["asked"] == wanted]


def cells(figures: Mapping[str, list[float]], names: Iterable[str]) -> list[str]:
  """Returns [mean, deviation] of every figure as text; a dash for one that is not there."""
  return [number(*figures[name]) if name in figures else "–" for name in names]


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  """Returns a table in Markdown."""
  lines = [titles, ["---"] * len(titles), *rows]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines)
