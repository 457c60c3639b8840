"""The figures of an evaluation, for a terminal."""

from collections.abc import Sequence
from typing import Any


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
