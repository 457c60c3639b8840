"""The table of a comparison as text: for people in Markdown, for programs as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from imtrans.evaluation.comparison.runs import EvaluatedRun, Key, flattened
from imtrans.evaluation.comparison.table import (
  ARROWS,
  Cell,
  Column,
  Row,
  Table,
  config_differences,
)

CHOICES = ("images", "features", "resize", "seed", "weights")  # First of what is said of a figure.
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


def footnotes(table: Table) -> list[str]:
  """Says what ± means in which column.

  Args:
    table: of `figure_table`.

  Returns:
    Sentences; none if no cell has a spread.
  """
  several = len({column.direction for column in table.columns}) > 1
  spreads: dict[str, list[str]] = {}
  for column in table.columns:
    if column.spread:
      way = f", {ARROWS[column.direction]}" if several else ""
      spreads.setdefault(column.spread, []).append(f"{column.quantity.title}{way}")
  notes = [f"± of {'; '.join(names)}: {spread}." for spread, names in spreads.items()]
  means = [cell for row in table.rows if row.kind == "mean" for cell in row.cells]
  has_spread = any(cell is not None and cell.spread is not None for cell in means)
  return [*notes, OVER_SEEDS] if has_spread else notes


def measured_text(record: Mapping[str, Any]) -> str:
  """How a figure was made, in one line: "images.real 4, features vgg16, resize none, seed —, …".

  Args:
    record: flat, as of `runs.Score`.

  Returns:
    Every field and its value; "" for a figure whose file does not say.
  """
  first = [f for choice in CHOICES for f in record if f.partition(".")[0] == choice]
  fields = dict.fromkeys([*first, *record])
  return ", ".join(f"{field} {value_text(record[field])}" for field in fields)


def measured(runs: Sequence[EvaluatedRun], table: Table) -> list[tuple[str, list[str]]]:
  """How each figure was made.

  Args:
    runs: those that are in the table.
    table: of `figure_table`.

  Returns:
    (title, a text for each run, "" where it does not have the figure), for those figures of which
    any run says it.
  """
  rows = []
  for heading, column in zip(table.headings, table.columns, strict=True):
    key = Key("model", column.direction, column.quantity.name)
    texts = [measured_text(run.scores[key].record) if key in run.scores else "" for run in runs]
    if any(texts):
      rows.append((heading, texts))
  return rows


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
  names = [_escaped(run.name) for run in runs]
  if table.columns:
    lines = [_line(["", *map(_escaped, headings(table))])]
    lines.append(_line(["---", *["---:"] * len(table.columns)]))
    lines += [_line([_escaped(row.title), *_cells(row, table.columns)]) for row in table.rows]
    blocks.append("\n".join(lines))
  blocks += map(_escaped, footnotes(table))
  if changes := config_differences(runs):
    blocks += ["## Settings that differ", _fields(names, changes)]
  protocols = [flattened(run.protocol) for run in runs]
  stated = dict.fromkeys(field for protocol in protocols for field in protocol)
  if stated:
    rows = {field: [protocol.get(field) for protocol in protocols] for field in stated}
    blocks += ["## How the figures were measured", _fields(names, rows)]
  if figures := measured(runs, table):
    blocks.append("\n".join(_measured_lines(names, figures)))
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
    the standard deviation over seeds, else what the run's own record says. Then how they were
    measured: "protocol.split", ... of all figures of a line, where its runs agree, and "/protocol"
    of each figure in one text.
  """
  protocols = {run.name: flattened(run.protocol) for run in runs}
  stated = list(dict.fromkeys(field for protocol in protocols.values() for field in protocol))
  headings = dict(zip(table.headings, table.names, strict=True))
  made = [(headings[heading], texts) for heading, texts in measured(runs, table)]
  order = {run.name: index for index, run in enumerate(runs)}
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
  names += [f"protocol.{field}" for field in stated] + [f"{name}/protocol" for name, _ in made]
  writer.writerow(["run", "kind", "path", "seeds", *names])
  for row in table.rows:
    single = row.kind == "run"
    seeds = len(row.runs) if row.kind == "mean" else 1 if single else ""
    values: list[float | None] = []
    for cell, known in zip(row.cells, spread, strict=True):
      pair = (None, None) if cell is None else (cell.value, cell.spread)
      values += pair if known else pair[:1]
    path = paths[row.runs[0]] if single else ""
    how = [_agreed([protocols[run].get(field) for run in row.runs]) for field in stated]
    how += [_agreed([texts[order[run]] for run in row.runs]) for _, texts in made]
    how = how if row.kind in ("run", "mean") else [""] * len(how)
    writer.writerow([row.title, row.kind, path, seeds, *values, *how])
  return file.getvalue()


def _agreed(values: Sequence[Any]) -> Any:
  """The value that all have; "" where they differ or none is known."""
  return values[0] if values[0] is not None and all(v == values[0] for v in values) else ""


def _cells(row: Row, columns: Sequence[Column]) -> list[str]:
  texts = []
  for cell, column in zip(row.cells, columns, strict=True):
    text = cell_text(cell, column, spread=True)
    texts.append(f"**{text}**" if cell is not None and cell.best else text)
  return texts


def _fields(names: Sequence[str], rows: Mapping[str, Sequence[Any]]) -> str:
  """A table with a line for each field and a column for each run."""
  lines = [_line(["", *names]), _line(["---"] * (len(names) + 1))]
  for field, values in rows.items():
    lines.append(_line([f"`{field}`", *(_escaped(value_text(value)) for value in values)]))
  return "\n".join(lines)


def _measured_lines(
  names: Sequence[str], figures: Sequence[tuple[str, Sequence[str]]]
) -> list[str]:
  """A line for each figure; one for each run where they were not made alike."""
  lines = []
  for heading, texts in figures:
    said = [(name, text) for name, text in zip(names, texts, strict=True) if text]
    if len({text for _, text in said}) == 1:
      said = [("", said[0][1])]
    for name, text in said:
      whose = f" of {name}" if name else ""
      lines.append(f"* **{_escaped(heading)}**{whose}: {_escaped(text)}")
  return lines


def _line(cells: Sequence[str]) -> str:
  return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
  """Text in which Markdown finds nothing to interpret."""
  for character in "\\`*|<[]":
    text = text.replace(character, f"\\{character}")
  return " ".join(text.split())
