"""Table and figure of the study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from experiments.record import mean_and_spread, origin
from experiments.soft_threshold.config import KINDS
from experiments.soft_threshold.shifts import OVERLAPS
from imtrans.analyses.finding import BLACK, BLUE, COLORS, GREEN, RED, STYLE, new_figure
from imtrans.theory.identity import soft_threshold

Records = Mapping[str, Mapping[str, Any]]
Groups = dict[float, list[Mapping[str, Any]]]
NEAR = 0.8  # Of the largest shift wanted: thresholds above say nothing about a.
# Scalars of a record, and their columns.
COLUMNS = {
  "threshold": "threshold τ",
  "threshold_error": "error with τ",
  "factor": "common factor s",
  "factor_error": "error with s",
  "bystanders": "shift of colourless pixels",
}


def table(records: Records) -> str:
  """Markdown tables: means over seeds, with the standard deviation where there are several."""
  lines = [
    f"| pictures | identity weight b | τ / b | {' | '.join(COLUMNS.values())} | seeds |",
    "|---|---|---|" + "---|" * (len(COLUMNS) + 1),
  ]
  shares = [
    f"| pictures | common factor s at b = | {' | '.join(OVERLAPS)} |",
    "|---|---|" + "---|" * len(OVERLAPS),
  ]
  for kind in KINDS:
    groups = by_weight(records, kind)
    for weight, runs in groups.items():
      cells = [mean_and_spread([run[name] for run in runs]) for name in COLUMNS]
      slope = f"{np.mean([run['threshold'] for run in runs]) / weight:.4f}" if weight else "–"
      lines.append(f"| {kind} | {weight:g} | {slope} | {' | '.join(cells)} | {len(runs)} |")
      cells = [_share(runs, name) for name in OVERLAPS]
      shares.append(f"| {kind} | {weight:g} | {' | '.join(cells)} |")
    if groups:
      first = next(iter(groups.values()))[0]["overlaps"]
      pixels = [f"{first[name]['pixels']:.0%}" for name in OVERLAPS]
      shares.append(f"| {kind} | *of the coloured pixels* | {' | '.join(pixels)} |")
  return "\n".join(
    [
      *lines,
      "",
      "Colours from black 0 to white 1; errors are root mean squares over the channels of coloured "
      "pixels. s is the factor of the best straight line δ = s d.",
      "",
      *shares,
      "",
      "Source colours by how common they are in the target domain: density there over density in "
      "their own domain, rare below ½, common from 2 on.",
      "",
      origin(records),
    ]
  )


def draw(records: Records, path: Path) -> None:
  """Draws shifts made against wanted, the threshold against b, and who is held back."""
  with mpl.rc_context(STYLE):
    figure, ((left, middle, right),) = new_figure(columns=3, width=4.2, height=3.9)
    main = by_weight(records, "drawn") or by_weight(records, "smeared")
    _draw_shifts(left, main)
    _draw_thresholds(middle, {kind: by_weight(records, kind) for kind in KINDS})
    _draw_overlaps(right, main)
    figure.savefig(path)


def _draw_shifts(axes: Axes, groups: Groups) -> None:
  """Mean shifts made against wanted ones, with the best soft threshold of each weight."""
  span = jnp.linspace(-1.0, 1.0, 401)
  axes.plot(span, span, ":", color=BLACK, linewidth=1)
  for index, (weight, runs) in enumerate(groups.items()):
    color = COLORS[(index + 1) % len(COLORS)]
    made = np.array([[np.nan if v is None else v for v in run["made"]] for run in runs])
    threshold = float(np.mean([run["threshold"] for run in runs]))
    axes.plot(runs[0]["centers"], np.mean(made, axis=0), "o", color=color, label=f"b = {weight:g}")
    axes.plot(span, soft_threshold(span, threshold), color=color, linewidth=1)
  axes.set(xlabel="shift wanted d (−1 to 1)", ylabel="shift made δ (−1 to 1)")
  axes.set_xticks([-1.0, -0.5, 0.0, 0.5, 1.0])
  axes.set_title("measured (marks), best soft threshold (lines)")
  axes.legend()


def _draw_thresholds(axes: Axes, kinds: Mapping[str, Groups]) -> None:
  """The fitted threshold of every run, and the line that the law asks for."""
  for (kind, groups), color, mark in zip(kinds.items(), (BLUE, RED), "so", strict=True):
    for weight, runs in groups.items():
      axes.plot([weight] * len(runs), [run["threshold"] for run in runs], mark, color=color)
    if not groups:
      continue
    weights = np.array(list(groups))
    means = np.array([np.mean([run["threshold"] for run in runs]) for runs in groups.values()])
    # A threshold near the largest shift that is wanted cannot grow any further.
    largest = _largest(next(iter(groups.values()))[0])
    free = means < NEAR * largest
    if np.any(weights[free] > 0.0):
      slope = float(np.dot(weights[free], means[free]) / np.sum(weights[free] ** 2))
      fine = np.linspace(0.0, weights[-1], 200)
      axes.plot(fine, np.minimum(slope * fine, largest), color=color, linewidth=1)
    axes.plot([], [], mark, color=color, label=f"pictures as {kind}" if kind == "drawn" else kind)
  axes.plot([], [], color=BLACK, linewidth=1, label="b / (2 a), up to the largest shift")
  axes.set(xlabel="identity weight b", ylabel="threshold τ (colour, 0 to 1)")
  axes.set_title("on paper τ grows in proportion to b")
  axes.legend()


def _draw_overlaps(axes: Axes, groups: Groups) -> None:
  """The share of the wanted shift that is made, by how common a colour is in the other domain."""
  for name, color in zip(OVERLAPS, (BLUE, GREEN, RED), strict=True):
    points = [(w, share) for w, runs in groups.items() for share in _shares(runs, name)]
    axes.plot([w for w, _ in points], [share for _, share in points], "o", color=color)
    known = {w: np.mean(_shares(runs, name)) for w, runs in groups.items() if _shares(runs, name)}
    axes.plot(list(known), list(known.values()), color=color, linewidth=1, label=name)
  axes.axhline(0.0, color=BLACK, linewidth=0.5)
  axes.set(xlabel="identity weight b", ylabel="share of the wanted shift made")
  axes.set_title("which colours are held back?")
  axes.legend(title="this colour in the target domain")


def _largest(run: Mapping[str, Any]) -> float:
  """The largest shift that is wanted of more than a few values, to the width of a bin."""
  places = [c for c, made in zip(run["centers"], run["made"], strict=True) if made is not None]
  return max(abs(place) for place in places)


def by_weight(records: Records, kind: str) -> Groups:
  """Groups the records of one kind of pictures by identity weight, both sorted."""
  runs = [record for record in records.values() if record["kind"] == kind]
  weights = sorted({run["weight"] for run in runs})
  return {weight: [run for run in runs if run["weight"] == weight] for weight in weights}


def _shares(runs: list[Mapping[str, Any]], name: str) -> list[float]:
  return [run["overlaps"][name]["factor"] for run in runs if "factor" in run["overlaps"][name]]


def _share(runs: list[Mapping[str, Any]], name: str) -> str:
  return mean_and_spread(_shares(runs, name)) if _shares(runs, name) else "–"
