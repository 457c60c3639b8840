"""The parts of the gallery that are not pictures: figures, curves and settings, ready to print.

Everything is text or numbers; `gallery` puts it into the page.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from imtrans.evaluation.figures import Figure
from imtrans.evaluation.judges.judge import PREFIXES, Score, log_scalars
from imtrans.evaluation.pages.curves import Series, chart, number
from imtrans.evaluation.quantities import Quantity, quantity, rank
from imtrans.training.journal import read_log
from imtrans.training.rules import alarms

NAMES = {"ab": "A → B", "ba": "B → A"}
OF_TITLES = {"model": "model", "baseline": "copied source", "real": "real pictures"}
MOST_TILES = 6  # Of a direction: the first figures in the order of tables.


def figure_tiles(scores: Sequence[Score], directions: Sequence[str]) -> list[dict[str, Any]]:
  """The main figures of each direction, as text with their baseline.

  Args:
    scores: of all directions.
    directions: "ab" and "ba" in the order of the run.

  Returns:
    A dict per figure, for the page.
  """
  tiles = []
  for direction in directions:
    found = {(s.of, s.figure.name): s.figure for s in scores if s.direction == direction}
    names = sorted((name for of, name in found if of == "model"), key=rank)[:MOST_TILES]
    for name in names:
      below = found.get(("baseline", name)) or found.get(("real", name))
      of = "baseline" if ("baseline", name) in found else "real"
      tile = _tile(quantity(name), found["model", name], below, OF_TITLES[of])
      tile["direction"] = f", {NAMES[direction]}" if len(directions) > 1 else ""
      tiles.append(tile)
  return tiles


def _tile(shown: Quantity, model: Figure, below: Figure | None, below_title: str) -> dict[str, Any]:
  """A figure as text, and how it compares with the level below it."""
  tile = {
    "title": shown.title,
    "unit": shown.unit,
    "better": "higher" if shown.larger_is_better else "lower",
    "model": shown.text(model.value),
    "baseline": None if below is None else shown.text(below.value),
  }
  if below is None:
    return tile
  above = "above" if model.value > below.value else "below"
  difference = abs(model.value - below.value)
  if shown.larger_is_better:
    change = f"{shown.text(difference)} {shown.unit}".strip()
  else:
    change = f"{100.0 * difference / max(abs(below.value), 1e-9):.0f} %"
  longest = max(model.value, below.value, 1e-9)
  return {
    **tile,
    "baseline_title": below_title,
    "improved": shown.is_better(model.value, below.value),
    "change": f"{change} {above} the {below_title}",
    "model_share": f"{100.0 * max(model.value, 0.0) / longest:.1f}",
    "baseline_share": f"{100.0 * max(below.value, 0.0) / longest:.1f}",
  }


def figure_table(scores: Sequence[Score], directions: Sequence[str]) -> dict[str, Any]:
  """All figures, a line each, and how each was measured.

  Args:
    scores: of all directions.
    directions: "ab" and "ba" in the order of the run.

  Returns:
    {"columns": titles, "rows": [{"title", "cells", "protocol"}]}; no rows without scores.
  """
  found = {(s.direction, s.of, s.figure.name): s.figure for s in scores}
  columns = [
    (direction, of)
    for direction in directions
    for of in PREFIXES
    if any(key[:2] == (direction, of) for key in found)
  ]
  rows = []
  for name in sorted(dict.fromkeys(key[2] for key in found), key=rank):
    figures = [found.get((*column, name)) for column in columns]
    known = next(figure for figure in figures if figure is not None)
    shown = quantity(name)
    rows.append(
      {
        "title": shown.heading,
        "cells": ["" if f is None else _with_spread(shown, f) for f in figures],
        "protocol": protocol_text(known),
      }
    )
  titles = [
    OF_TITLES[of] if len(directions) == 1 else f"{NAMES[direction]}, {OF_TITLES[of]}"
    for direction, of in columns
  ]
  return {"columns": titles, "rows": rows}


def _with_spread(shown: Quantity, figure: Figure) -> str:
  text = shown.text(figure.value)
  spread = _spread(figure)
  return text if spread is None else f"{text} ± {shown.text(spread)}"


def _spread(figure: Figure) -> float | None:
  return figure.spread if figure.spread is not None and math.isfinite(figure.spread) else None


def protocol_text(figure: Figure) -> str:
  """How a figure was measured, in one line: what was compared, how many, and all choices."""
  protocol = figure.protocol
  counts = ", ".join(f"{count:,} {kind}" for kind, count in protocol.images.items())
  parts = [counts, "" if protocol.features in ("pixels", figure.name) else protocol.features]
  parts += [] if protocol.resize == "none" else [f"resize {protocol.resize}"]
  parts += [] if protocol.seed is None else [f"seed {protocol.seed}"]
  parts += [] if protocol.weights is None else [f"weights {protocol.weights[:8]}"]
  words = {"definition": "", "spread": "± "}
  settings = dict(protocol.settings)
  if _spread(figure) is None:
    settings.pop("spread", None)  # There is no ± that it could explain.
  for name, value in _flat(settings):
    parts.append(words.get(name, f"{name.replace('_', ' ')} ") + value)
  return " · ".join(part for part in parts if part)


def curve_groups(
  log: Mapping[str, Series], scores: Sequence[Score], main_direction: str
) -> list[tuple[str, list[dict[str, Any]]]]:
  """Charts by the part of their name before the slash, evaluation first.

  Args:
    log: of `series_from_log`.
    scores: whose baselines are drawn into the charts of the model.
    main_direction: the direction that the run is about.

  Returns:
    (title, charts), each chart a dict with title, last value, and SVG "linear" and "log" ("" where
    values are not positive).
  """
  groups: dict[str, list[dict[str, Any]]] = {}
  metrics = log_scalars(scores, main_direction)
  for name, series in log.items():
    group, _, figure = name.rpartition("/")
    scored = group.startswith("eval")
    if group.startswith(("baseline", "real")):
      continue  # Drawn as a level in the chart of the model.
    baseline = metrics.get(name.replace("eval", "baseline", 1)) if scored else None
    span = 1 if scored or len(series.steps) < 20 else max(5, len(series.steps) // 20)
    shown = [*series.values, *([] if baseline is None else [baseline])]
    # A learning rate is smooth by construction, its average would only be late.
    span = 1 if figure == "learning_rate" else span
    draw = {"series": series, "title": f"{name} by step", "span": span, "baseline": baseline}
    groups.setdefault(group or "schedule", []).append(
      {
        "title": _axis(quantity(figure)) if scored else figure.replace("_", " "),
        "last": number(series.values[-1]),
        "span": span,
        "linear": chart(**draw),
        "log": chart(**draw, log=True) if min(shown) > 0 else "",
      }
    )
  ranks = {"eval": 0, "generator": 2, "discriminator": 3, "diagnostics": 4}
  order = sorted(groups, key=lambda group: ranks.get(group, 1 if group.startswith("eval") else 4))
  titles = {"eval": "on the test pictures", "eval_ba": "on the test pictures, B → A"}
  titles["eval_ab"] = "on the test pictures, A → B"
  return [(titles.get(group, group.replace("_", " ")), groups[group]) for group in order]


def alarm_rows(log: Path) -> list[tuple[str, str]] | None:
  """What the rule book says about a run.

  Args:
    log: the run's log.jsonl.

  Returns:
    (steps, sentence) of each alarm, none where all went well; None for a run without diagnoses.
  """
  records = read_log(log)
  if not any(name.startswith("diagnostics/") for record in records for name in record):
    return None
  return [
    (
      f"from step {alarm.step:,}" + (f" to {alarm.end:,}" if alarm.end is not None else ""),
      f"{alarm.text[0].upper()}{alarm.text[1:]}",
    )
    for alarm in alarms(records)
  ]


def _axis(shown: Quantity) -> str:
  return f"{shown.title} {shown.unit}".strip()


def setting_groups(
  config: Mapping[str, Any], protocol: Mapping[str, Any]
) -> list[tuple[str, list[tuple[str, str]]]]:
  """The protocol and the config as titled lists of (field, value as text).

  Args:
    config: nested dicts.
    protocol: nested dicts.

  Returns:
    (title, fields), one for each section of the config.
  """
  top = [(name, value) for name, value in config.items() if not isinstance(value, Mapping)]
  groups = [
    ("measured", _flat(protocol)),
    ("config", [(name, _text(value)) for name, value in top]),
  ]
  groups += [
    (f"config.{name}", _flat(value)) for name, value in config.items() if isinstance(value, Mapping)
  ]
  return [(name, rows) for name, rows in groups if rows]


def _flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
  rows = []
  for name, value in tree.items():
    if isinstance(value, Mapping):
      rows += _flat(value, f"{prefix}{name}.")
    else:
      rows.append((prefix + name, _text(value)))
  return rows


def _text(value: Any) -> str:
  if isinstance(value, bool) or value is None:
    return str(value).lower() if value is not None else "none"
  if isinstance(value, float):
    return f"{value:g}"
  if isinstance(value, list | tuple):
    return ", ".join(map(_text, value)) or "none"
  return str(value) if value != "" else "—"
