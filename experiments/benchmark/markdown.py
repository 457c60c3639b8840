"""Pieces of Markdown that the generated sections of the README are made of."""

from collections.abc import Mapping, Sequence
from typing import Any


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
  """Returns a table of a line of titles and rows of cells."""
  lines = [titles, ["---"] * len(titles), *rows]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def joined(parts: Sequence[str]) -> str:
  """Returns parts of a sentence: "a", "a and b", "a, b and c"."""
  if len(parts) < 2:
    return "".join(parts)
  return f"{', '.join(parts[:-1])} and {parts[-1]}"


def spread(values: Sequence[float]) -> str:
  """Returns the smallest and the largest value."""
  return f"{min(values):.3g} – {max(values):.3g}"


def ratio(figures: Mapping[str, Any]) -> str:
  """Returns the median of paired ratios, with the smallest and the largest."""
  ratios = figures["ratios"]
  return f"{figures['ratio']:.2f} ({min(ratios):.2f} – {max(ratios):.2f})"


def number(value: float) -> str:
  """Returns three digits, or all of a large number's before the point."""
  return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def seconds(value: float | None) -> str:
  """Returns seconds to a tenth, or nothing for None."""
  return "" if value is None else f"{value:.1f} s"


def cell(text: str) -> str:
  """Returns any text as the content of a cell, shortened."""
  return text.replace("|", "/").replace("\n", " ")[:120]
