"""Evaluated runs side by side: the table of their figures, and how their configs differ.

Numbers and texts alone; `text` writes them as Markdown and CSV, `page` as a page.
"""

import itertools
import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from imtrans.evaluation.comparison.protocols import own_differences, shared_differences
from imtrans.evaluation.comparison.runs import EvaluatedRun, Key
from imtrans.evaluation.quantities import Quantity, quantity, rank
from imtrans.training.config import differences

ARROWS = {"ab": "A → B", "ba": "B → A"}


class Column(NamedTuple):
  """A figure.

  direction: "ab" or "ba".
  quantity: how it is shown.
  comparable: whether all runs that have it measured it in the same way.
  spread: what the spread of its cells is, in words; "" if they have none.
  """

  direction: str
  quantity: Quantity
  comparable: bool
  spread: str


class Cell(NamedTuple):
  """A number of the table, its spread if known, and whether no run has a better one."""

  value: float
  spread: float | None
  best: bool


class Row(NamedTuple):
  """A line of the table.

  title: the run's name, or what else the line is.
  kind: "run"; "mean" over seeds; "baseline" or "real".
  runs: names of the runs that it is about.
  cells: one for each column, None where it is unknown.
  """

  title: str
  kind: str
  runs: tuple[str, ...]
  cells: list[Cell | None]


class Table(NamedTuple):
  """The figures of all runs."""

  columns: list[Column]
  rows: list[Row]

  @property
  def headings(self) -> list[str]:
    """Titles of the columns, with the direction where there are two."""
    several = len({column.direction for column in self.columns}) > 1
    return [
      f"{c.quantity.heading}{f', {ARROWS[c.direction]}' if several else ''}" for c in self.columns
    ]

  @property
  def names(self) -> list[str]:
    """Names of the columns for programs: "l1"; "ab/l1" where there are two directions."""
    several = len({column.direction for column in self.columns}) > 1
    return [
      f"{c.direction}/{c.quantity.name}" if several else c.quantity.name for c in self.columns
    ]


def figure_table(runs: Sequence[EvaluatedRun], *, group_seeds: bool = False) -> Table:
  """Puts the figures of runs side by side.

  Args:
    runs: at least one.
    group_seeds: adds a line for runs that differ in config.seed alone, with the mean and the sample
      standard deviation (of n - 1 degrees of freedom) of their figures.

  Returns:
    Lines of the runs in their order, of groups, of the copied source and of real pictures; the last
    two have cells where all runs that know the figure agree.
  """
  keys = {key for run in runs for key in run.scores if key.of == "model"}
  directions = list(dict.fromkeys(run.direction for run in runs))
  first = directions[0]
  ordered = sorted(keys, key=lambda k: (k.direction != first, rank(k.name), k.name))
  columns = [_column(runs, key) for key in ordered]
  groups = [group for group in seed_groups(runs) if len(group) > 1] if group_seeds else []
  rows = [Row(run.name, "run", (run.name,), [_cell(run, key) for key in ordered]) for run in runs]
  means = [
    Row(
      group_name([run.name for run in group]),
      "mean",
      tuple(run.name for run in group),
      [_mean(group, key) for key in ordered],
    )
    for group in groups
  ]
  everybody = tuple(run.name for run in runs)
  levels = []
  for of, title in (("baseline", "copied source"), ("real", "real pictures")):
    values = [level(runs, key._replace(of=of)) for key in ordered]
    cells = [None if value is None else Cell(value, None, best=False) for value in values]
    if any(cells):
      levels.append(Row(title, of, everybody, cells))
  return Table(columns, [*_marked(rows, columns), *_marked(means, columns), *levels])


def level(runs: Sequence[EvaluatedRun], key: Key) -> float | None:
  """A figure that does not depend on the run, such as that of the copied source.

  Args:
    runs: at least one.
    key: of the "baseline", or of "real" pictures.

  Returns:
    The figure, if all runs that know it agree on every digit that is shown; else None.
  """
  values = [run.scores[key].value for run in runs if key in run.scores]
  texts = {quantity(key.name).text(value) for value in values}
  return values[0] if len(texts) == 1 else None


def seed_groups(runs: Sequence[EvaluatedRun]) -> list[list[EvaluatedRun]]:
  """Puts runs together that differ in config.seed alone.

  Args:
    runs: in any order.

  Returns:
    Groups in the order of their first run, each of different seeds; a run like no other is a group
    of its own.
  """
  groups: list[list[EvaluatedRun]] = []
  for run in runs:
    for group in groups:
      alike = differences(group[0].config, run.config).keys() <= {"seed"}
      if alike and run.config.seed not in [member.config.seed for member in group]:
        group.append(run)
        break
    else:
      groups.append([run])
  return groups


def group_name(names: Sequence[str]) -> str:
  """What runs of several seeds are called: the beginning that their names share.

  Args:
    names: of the runs.

  Returns:
    Such as "pix2pix, 3 seeds"; all names where they share no beginning.
  """
  alike = itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
  common = re.sub(r"[-_ ./=]+(seed|s)?[-_ =]*\d*$|\d+$", "", "".join(first for first, *_ in alike))
  return f"{common or ' + '.join(names)}, {len(names)} seeds"


def config_differences(runs: Sequence[EvaluatedRun]) -> dict[str, list[Any]]:
  """Fields of the configs that are not the same for all runs.

  Args:
    runs: at least one.

  Returns:
    {"section.field": [value of each run]}, None for an absent field.
  """
  first = runs[0].config
  changes = [differences(first, run.config) for run in runs]
  fields = sorted({field for change in changes for field in change})
  own = all_fields(runs[0])
  return {
    field: [change[field][1] if field in change else own.get(field) for change in changes]
    for field in fields
  }


def all_fields(run: EvaluatedRun) -> dict[str, Any]:
  """Every field of a run's config as {"section.field": value}."""
  return {field: new for field, (_, new) in differences(ConfigDict(), run.config).items()}


def unusual(values: Sequence[Any]) -> list[bool]:
  """Which values are not the most common one; none if no value is more common than all others.

  Args:
    values: of one field, one for each run.

  Returns:
    As many truth values.
  """
  texts = [str(value) for value in values]
  ranked = Counter(texts).most_common(2)
  usual = ranked[0][0] if len(ranked) == 1 or ranked[0][1] > ranked[1][1] else None
  return [usual is not None and text != usual for text in texts]


def _column(runs: Sequence[EvaluatedRun], key: Key) -> Column:
  having = [run for run in runs if key in run.scores]
  comparable = not shared_differences(having, key.direction) and not own_differences(having, key)
  known = [score for run in having if (score := run.scores[key]).spread is not None]
  spreads = [score.record.get("settings.spread", "") for score in known]
  return Column(key.direction, quantity(key.name), comparable, str(next(filter(None, spreads), "")))


def _cell(run: EvaluatedRun, key: Key) -> Cell | None:
  score = run.scores.get(key)
  return None if score is None else Cell(score.value, score.spread, best=False)


def _mean(group: Sequence[EvaluatedRun], key: Key) -> Cell | None:
  """The mean over seeds, where all of them measured the same in the same way."""
  if any(key not in run.scores for run in group):
    return None
  if shared_differences(group, key.direction) or own_differences(group, key):
    return None
  values = [run.scores[key].value for run in group]
  if not all(map(math.isfinite, values)):
    return Cell(math.nan, None, best=False)
  return Cell(statistics.fmean(values), statistics.stdev(values), best=False)


def _marked(rows: Sequence[Row], columns: Sequence[Column]) -> list[Row]:
  """Marks the best of each column; those that look the same are equally good, or all the same."""
  marked = [row._replace(cells=list(row.cells)) for row in rows]
  for index, column in enumerate(columns):
    shown = column.quantity
    known = [c.value for row in rows if (c := row.cells[index]) and not math.isnan(c.value)]
    if len(set(map(shown.text, known))) < 2 or not column.comparable:
      continue
    best = shown.text(max(known) if shown.larger_is_better else min(known))
    for row in marked:
      cell = row.cells[index]
      if cell is not None and shown.text(cell.value) == best:
        row.cells[index] = cell._replace(best=True)
  return marked
