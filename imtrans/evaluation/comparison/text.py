"""The table of a comparison as text: for people in Markdown, for programs as CSV."""

import csv
import io
from collections.abc import Sequence
from typing import Any

from imtrans.evaluation.comparison.runs import EvaluatedRun
from imtrans.evaluation.comparison.table import (
  Cell,
  Column,
  Row,
  Table,
  config_differences,
)

OVER_SEEDS = "In lines of several seeds, ± is the sample standard deviation (n − 1) over the seeds."


def cell_text(cell: Cell | None, column: Column, *, spread: bool) -> str:
  """A cell for people.

  Args:
    cell: None where it is unknown.
    column: that it stands in.
    spread: whether to tell its spread, if it has one.

  Returns:
    "0.0312", "0.0312 ± 0.0004", or "".
  """
  if cell is None:
    return ""
  form = column.quantity.text
  return form(cell.value) + (
    f" ± {form(cell.spread)}" if spread and cell.spread is not None else ""
  )


def headings(table: Table) -> list[str]:
  """Titles of the columns; those that cannot be compared have a mark, "L1 error ↓ ≠"."""
  return [
    title if column.comparable else f"{title} ≠"
    for title, column in zip(table.headings, table.columns, strict=True)
  ]


def value_text(value: Any) -> str:
  """A value of a config for people, such as "0.0002", "true", "1, 2" or "—" for none."""
  if isinstance(value, bool):
    return str(value).lower()
  if isinstance(value, float):
    return f"{value:g}"
  if isinstance(value, list | tuple):
    return ", ".join(map(value_text, value)) or "—"
  return "—" if value is None or value == "" else str(value)


def markdown(
  title: str,
  runs: Sequence[EvaluatedRun],
  table: Table,
  *,
  sentences: Sequence[str],
  problems: Sequence[tuple[str, str]],
) -> str:
  """The report for a README, an issue or a paper's notebook.

  Args:
    title: its heading.
    runs: those that are in the table.
    table: of `figure_table`.
    sentences: what to know before comparing.
    problems: (name of a run or "", sentence) for all that could not be read.

  Returns:
    Text with the best figure of each column in bold, and the settings that differ.
  """
  blocks = [f"# {_escaped(title)}", *map(_escaped, sentences)]
  if table.columns:
    lines = [_line(["", *map(_escaped, headings(table))])]
    lines.append(_line(["---", *["---:"] * len(table.columns)]))
    lines += [_line([_escaped(row.title), *_cells(row, table.columns)]) for row in table.rows]
    blocks.append("\n".join(lines))
  if any(row.kind == "mean" for row in table.rows):
    blocks.append(OVER_SEEDS)
  changes = config_differences(runs)
  if changes:
    lines = [_line(["", *(_escaped(run.name) for run in runs)])]
    lines.append(_line(["---"] * (len(runs) + 1)))
    for field, values in changes.items():
      lines.append(_line([f"`{field}`", *(_escaped(value_text(value)) for value in values)]))
    blocks += ["## Settings that differ", "\n".join(lines)]
  if problems:
    names = [f"**{_escaped(name)}**: " if name else "" for name, _ in problems]
    lines = [f"* {n}{_escaped(text)}" for n, (_, text) in zip(names, problems, strict=True)]
    blocks += ["## Not in this report", "\n".join(lines)]
  return "\n\n".join(blocks) + "\n"


def comma_separated(runs: Sequence[EvaluatedRun], table: Table) -> str:
  """The table for programs.

  Args:
    runs: those that are in the table.
    table: of `figure_table`.

  Returns:
    CSV with the columns run, kind ("run", "mean", "baseline" or "real"), path, seeds, the figures
    in full precision, and behind a figure that has spreads its "/spread": in lines of kind "mean"
    the standard deviation over seeds, else what the run's own record says.
  """
  paths = {run.name: str(run.path) for run in runs}
  spread = [
    any((cell := row.cells[index]) and cell.spread is not None for row in table.rows)
    for index in range(len(table.columns))
  ]
  names = []
  for name, known in zip(table.names, spread, strict=True):
    names += [name, f"{name}/spread"] if known else [name]
  file = io.StringIO()
  writer = csv.writer(file, lineterminator="\n")
  writer.writerow(["run", "kind", "path", "seeds", *names])
  for row in table.rows:
    single = row.kind == "run"
    seeds = len(row.runs) if row.kind == "mean" else 1 if single else ""
    values: list[float | None] = []
    for cell, known in zip(row.cells, spread, strict=True):
      pair = (None, None) if cell is None else (cell.value, cell.spread)
      values += pair if known else pair[:1]
    path = paths[row.runs[0]] if single else ""
    writer.writerow([row.title, row.kind, path, seeds, *values])
  return file.getvalue()


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
  texts = []
  for cell, column in zip(row.cells, columns, strict=True):
    text = cell_text(cell, column, spread=row.kind == "mean")
    texts.append(f"**{text}**" if cell is not None and cell.best else text)
  return texts


def _line(cells: Sequence[str]) -> str:
  return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
  """Text in which Markdown finds nothing to interpret."""
  for character in "\\`*|<[]":
    text = text.replace(character, f"\\{character}")
  return " ".join(text.split())
