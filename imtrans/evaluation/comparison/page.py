"""The page of a comparison: one HTML file that shows runs side by side, and can be sent alone.

As in the gallery, pictures are embedded, styles and scripts are inside, and nothing is fetched. The
page is `comparison.html`; here is what goes into it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imtrans.evaluation.comparison.pictures import PictureSection, Translations
from imtrans.evaluation.comparison.runs import EvaluatedRun, Key, flattened
from imtrans.evaluation.comparison.table import (
  ARROWS,
  Table,
  all_fields,
  config_differences,
  level,
  unusual,
)
from imtrans.evaluation.comparison.text import cell_text, footnotes, measured, value_text
from imtrans.evaluation.pages.curves import Line, Series, number, overlay, series_from_log
from imtrans.evaluation.pages.gallery import CREDITS, package_version
from imtrans.evaluation.pages.style import render_page
from imtrans.evaluation.quantities import quantity
from imtrans.training.journal import LOG

PAGE = Path(__file__).with_name("comparison.html")
HUES = 8  # Colours that the page has; further runs have them again, with dashed curves.
SCORED = re.compile(r"(eval|baseline)(?:_(ab|ba))?")
MARK = "imtrans report"  # By which the page is known to be one of ours.


def page(
  title: str,
  runs: Sequence[EvaluatedRun],
  table: Table,
  sections: Sequence[PictureSection],
  *,
  sentences: Sequence[str],
  problems: Sequence[tuple[str, str]],
) -> str:
  """Renders the page.

  Args:
    title: its heading.
    runs: at least one.
    table: of `figure_table`.
    sections: of `picture_sections`.
    sentences: what to know before comparing.
    problems: (name of a run or "", sentence) for all that could not be read.

  Returns:
    HTML.
  """
  changes = config_differences(runs)
  groups = curve_groups(runs)
  sources = dict.fromkeys(run.config.data.source for run in runs)
  return render_page(
    PAGE,
    mark=MARK,
    title=title,
    runs=[_run(index, run) for index, run in enumerate(runs)],
    places={run.name: index for index, run in enumerate(runs)},
    sentences=list(sentences),
    notes={run.name: run.note for run in runs if run.note},
    problems=list(problems),
    table=_table(table),
    footnotes=footnotes(table),
    sections=[_section(section, runs) for section in sections],
    groups=groups,
    leveled=any(chart["level"] for _, charts in groups for chart in charts),
    changes=[
      (field, list(zip(map(value_text, values), unusual(values), strict=True)))
      for field, values in changes.items()
    ],
    fields=_aligned([all_fields(run) for run in runs]),
    protocols=[*_aligned([flattened(run.protocol) for run in runs]), *measured(runs, table)],
    credits=[text for source, text in CREDITS.items() if source in sources],
    version=package_version("imtrans"),
  )


def curve_groups(runs: Sequence[EvaluatedRun]) -> list[tuple[str, list[dict[str, Any]]]]:
  """A chart for every logged quantity, with the curve of each run that logs it.

  Args:
    runs: at least one; one without a log has no curves.

  Returns:
    (title, charts), evaluation first; a chart is a dict with its title, whether it has the "level"
    of the copied source, the "last" value of each curve, and SVG "linear" and "log" ("" where
    values are not positive).
  """
  found: dict[tuple[str, str], list[tuple[int, Series]]] = {}
  for index, run in enumerate(runs):
    for name, series in series_from_log(run.path / LOG).items():
      group, _, shown = name.rpartition("/")
      scored = SCORED.fullmatch(group)
      if scored and scored[1] == "baseline":
        continue  # Drawn as a level in the chart of the model.
      # A run's first direction has no suffix in its log, whichever it is.
      group = f"eval_{scored[2] or run.direction}" if scored else group or "schedule"
      found.setdefault((group, shown), []).append((index, series))
  groups: dict[str, list[dict[str, Any]]] = {}
  for (group, shown), curves in found.items():
    groups.setdefault(group, []).append(_chart(runs, group, shown, curves))
  ranks = {"generator": 2, "discriminator": 3}
  order = sorted(groups, key=lambda g: ranks.get(g, 0 if g.startswith("eval_") else 4))
  several = sum(group.startswith("eval_") for group in groups) > 1
  titles = {
    f"eval_{direction}": "on the test pictures" + (f", {arrow}" if several else "")
    for direction, arrow in ARROWS.items()
  }
  return [(titles.get(group, group.replace("_", " ")), groups[group]) for group in order]


def style(index: int) -> str:
  """Returns the classes of a run's elements: its own, its colour, and whether it is dashed."""
  return f"run of-{index} hue-{index % HUES}" + (" dashed" if index >= HUES else "")


def _chart(
  runs: Sequence[EvaluatedRun], group: str, shown: str, curves: Sequence[tuple[int, Series]]
) -> dict[str, Any]:
  scored = group.startswith("eval_")
  known = quantity(shown)
  title = f"{known.title} {known.unit}".strip() if scored else shown.replace("_", " ")
  baseline = level(runs, Key("baseline", group[-2:], shown)) if scored else None
  lines = []
  for index, series in curves:
    # A learning rate is smooth by construction, its average would only be late.
    exact = scored or len(series.steps) < 20 or shown == "learning_rate"
    span = 1 if exact else max(5, len(series.steps) // 20)
    lines.append(Line(runs[index].name, style(index), series, span))
  values = [value for line in lines for value in line.series.values]
  values += [] if baseline is None else [baseline]
  name = f"{title} by step"
  return {
    "title": title,
    "level": baseline is not None,
    "last": [(line.style, number(line.series.values[-1])) for line in lines],
    "linear": overlay(lines, title=name, baseline=baseline),
    "log": overlay(lines, title=name, baseline=baseline, log=True) if min(values) > 0 else "",
  }


def _run(index: int, run: EvaluatedRun) -> dict[str, Any]:
  step = run.protocol.get("step")
  return {
    "index": index,
    "style": style(index),
    "name": run.name,
    "path": str(run.path),
    "method": run.config.method.name,
    "step": f"{step:,}" if isinstance(step, int) else "",
  }


def _table(table: Table) -> dict[str, Any]:
  return {
    "columns": [
      {"heading": heading, "comparable": column.comparable}
      for heading, column in zip(table.headings, table.columns, strict=True)
    ],
    "rows": [
      {
        "title": row.title,
        "kind": row.kind,
        "runs": row.runs,
        "cells": [
          {
            "text": cell_text(cell, column, spread=False),
            "spread": ""
            if cell is None or cell.spread is None
            else f"± {column.quantity.text(cell.spread)}",
            "best": cell is not None and cell.best,
          }
          for cell, column in zip(row.cells, table.columns, strict=True)
        ],
      }
      for row in table.rows
    ],
  }


def _section(section: PictureSection, runs: Sequence[EvaluatedRun]) -> dict[str, Any]:
  shown = [quantity(name) for name in section.quantities]
  count, total = len(section.rows), section.total
  chosen = "those on which the runs differ most, and an even choice of the others"
  if count == total:
    caption = f"all {total} that the runs have in common" if total > 1 else "the one in common"
  else:
    caption = f"{count} of {total}: {chosen if shown and len(runs) > 1 else 'evenly chosen'}"
  return {
    "direction": section.direction,
    "title": ARROWS[section.direction],
    "caption": caption,
    "notes": section.notes,
    "quantities": shown,
    "rows": [_row(row, section.quantities) for row in section.rows],
    "width": len(runs)
    + any(row.source for row in section.rows)
    + any(row.target for row in section.rows),
  }


def _row(row: Translations, names: Sequence[str]) -> dict[str, Any]:
  """A picture with, for each run, its output and its figures; the best of each is marked."""
  outputs = []
  for uri, figures in zip(row.outputs, row.figures, strict=True):
    texts = []
    for shown in map(quantity, names):
      others = [other[shown.name] for other in row.figures]
      best = len(others) > 1 and not any(shown.is_better(o, figures[shown.name]) for o in others)
      text = f"{shown.text(figures[shown.name])} {shown.unit}".strip()
      texts.append({"name": shown.name, "value": figures[shown.name], "text": text, "best": best})
    outputs.append({"uri": uri, "figures": texts})
  return {"name": row.name, "source": row.source, "target": row.target, "outputs": outputs}


def _aligned(records: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
  """Every field that any record has, with the values of all of them as text."""
  fields = dict.fromkeys(field for record in records for field in record)
  return [(field, [value_text(record.get(field)) for record in records]) for field in fields]
