"""The parts of the gallery that are not pictures: figures, curves and settings, ready to print.

Everything is text or numbers; `gallery` puts it into the page.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from imtrans.evaluation.curves import Series, chart, number


class Quantity(NamedTuple):
  """How a quantity is shown."""

  name: str
  title: str
  unit: str
  form: str
  larger_is_better: bool


QUANTITIES = (
  Quantity("l1", "L1 error", "", "{:.4f}", larger_is_better=False),
  Quantity("psnr", "PSNR", "dB", "{:.2f}", larger_is_better=True),
  Quantity("ssim", "SSIM", "", "{:.4f}", larger_is_better=True),
)
AXES = {quantity.name: f"{quantity.title} {quantity.unit}".strip() for quantity in QUANTITIES}
NAMES = {"ab": "A → B", "ba": "B → A"}


def figure_tables(metrics: Mapping[str, float], directions: Sequence[str]) -> list[dict[str, Any]]:
  """The figures of each scored direction.

  Args:
    metrics: "eval/l1", "baseline/l1", "eval_ba/l1", ...
    directions: "ab" and "ba"; the first has the names without suffix.

  Returns:
    A dict per scored direction: its title, and its figures as text with their baseline.
  """
  tables = []
  for index, direction in enumerate(directions):
    suffix = "" if index == 0 else f"_{direction}"
    if f"eval{suffix}/l1" in metrics:
      figures = [
        _figure(
          quantity,
          metrics[f"eval{suffix}/{quantity.name}"],
          metrics.get(f"baseline{suffix}/{quantity.name}"),
        )
        for quantity in QUANTITIES
      ]
      tables.append({"title": NAMES[direction], "figures": figures})
  return tables


def _figure(quantity: Quantity, model: float, baseline: float | None) -> dict[str, Any]:
  """A figure as text, and how it compares with the baseline."""
  larger, form, unit = quantity.larger_is_better, quantity.form, quantity.unit
  figure = {
    "title": quantity.title,
    "unit": unit,
    "better": "higher" if larger else "lower",
    "model": form.format(model),
    "baseline": None if baseline is None else form.format(baseline),
  }
  if baseline is None:
    return figure
  improved = model > baseline if larger else model < baseline
  above = "above" if model > baseline else "below"
  if larger:
    change = f"{form.format(abs(model - baseline))} {unit}".strip()
  else:
    change = f"{100.0 * abs(model - baseline) / max(baseline, 1e-9):.0f} %"
  longest = max(model, baseline, 1e-9)
  return {
    **figure,
    "improved": improved,
    "change": f"{change} {above} the copied source",
    "model_share": f"{100.0 * max(model, 0.0) / longest:.1f}",
    "baseline_share": f"{100.0 * max(baseline, 0.0) / longest:.1f}",
  }


def curve_groups(
  log: Mapping[str, Series], metrics: Mapping[str, float]
) -> list[tuple[str, list[dict[str, Any]]]]:
  """Charts by the part of their name before the slash, evaluation first.

  Args:
    log: of `series_from_log`.
    metrics: whose "baseline/..." are drawn into the charts of "eval/...".

  Returns:
    (title, charts), each chart a dict with title, last value, and SVG "linear" and "log" ("" where
    values are not positive).
  """
  groups: dict[str, list[dict[str, Any]]] = {}
  for name, series in log.items():
    group, _, quantity = name.rpartition("/")
    scored = group.startswith(("eval", "baseline"))
    if group.startswith("baseline"):
      continue  # Drawn as a level in the chart of the model.
    baseline = metrics.get(name.replace("eval", "baseline", 1)) if scored else None
    span = 1 if scored or len(series.steps) < 20 else max(5, len(series.steps) // 20)
    shown = [*series.values, *([] if baseline is None else [baseline])]
    # A learning rate is smooth by construction, its average would only be late.
    span = 1 if quantity == "learning_rate" else span
    draw = {"series": series, "title": f"{name} by step", "span": span, "baseline": baseline}
    groups.setdefault(group or "schedule", []).append(
      {
        "title": AXES[quantity] if quantity in AXES and scored else quantity.replace("_", " "),
        "last": number(series.values[-1]),
        "span": span,
        "linear": chart(**draw),
        "log": chart(**draw, log=True) if min(shown) > 0 else "",
      }
    )
  ranks = {"eval": 0, "generator": 2, "discriminator": 3}
  order = sorted(groups, key=lambda group: ranks.get(group, 1 if group.startswith("eval") else 4))
  titles = {"eval": "on the test pictures", "eval_ba": "on the test pictures, B → A"}
  titles["eval_ab"] = "on the test pictures, A → B"
  return [(titles.get(group, group.replace("_", " ")), groups[group]) for group in order]


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
