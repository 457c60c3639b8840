"""Pictures of the results: what each figure sees at equal error, and how it grows with damage."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.metrics.cells import number
from experiments.metrics.damage import DAMAGES, find_strength, spoil
from experiments.metrics.pictures import KINDS, Pictures
from experiments.metrics.tables import PAIRED, SETS, TITLES, Records

# Okabe and Ito's colours, which colour-blind readers tell apart, and markers for those who print.
STYLES = {
  "noise": ("#000000", "o"),
  "blur": ("#0072B2", "s"),
  "jpeg": ("#56B4E9", "^"),
  "shift": ("#009E73", "v"),
  "hue": ("#D55E00", "D"),
  "saturation": ("#CC79A7", "P"),
  "brightness": ("#E69F00", "X"),
}
MODES = {"half": "half, twice", "tenth": "tenth, ten times", "darker": "darker half, twice"}
SEEN = 2.0  # Standard deviations of the floor below which a change is not told from none.
STYLE = {
  "font.size": 9,
  "axes.titlesize": 10,
  "axes.spines.top": False,
  "axes.spines.right": False,
  "figure.dpi": 110,
}


def draw_all(records: Records, sample: Pictures, asked: float, folder: Path) -> None:
  """Draws every figure of which there are records.

  Args:
    records: of results.json.
    sample: OpenMoji drawings to show damaged.
    asked: decibels at which damages are compared.
    folder: of the PNG files.
  """
  kinds = [kind for kind in KINDS if f"pictures-{kind}" in records and f"sets-{kind}" in records]
  with mpl.rc_context(STYLE):
    draw_damages(sample, asked, folder / "damages.png")
    if kinds:
      draw_overview(records, kinds, asked, folder / "overview.png")
      draw_pictures(records, kinds, folder / "pictures.png")
    for kind in kinds:
      draw_sets(records[f"sets-{kind}"], kind, folder / f"sets_{kind}.png")


def draw_damages(sample: Pictures, asked: float, path: Path) -> None:
  """Draws pictures, and each of them after every damage, at equal error."""
  count = len(sample.images)
  figure = Figure(figsize=(1.35 * (len(DAMAGES) + 1), 1.35 * count + 0.5), layout="constrained")
  axes = figure.subplots(count, len(DAMAGES) + 1, squeeze=False)
  columns = {"as it is": sample.images}
  for name, spec in DAMAGES.items():
    strength = find_strength(name, asked, sample.images, sample.names)
    if strength is not None:
      title = f"{spec.title}\n{spec.unit.format(strength)}"
      columns[title] = spoil(name, strength, sample.images, sample.names)
  for ax in axes.ravel():
    ax.set_axis_off()
  for column, (title, images) in enumerate(columns.items()):
    axes[0, column].set_title(title, fontsize=8)
    for row, image in enumerate(images):
      axes[row, column].imshow(np.clip(0.5 * (image + 1.0), 0.0, 1.0))
  figure.savefig(path, dpi=90)  # Noise makes the file large.


def draw_overview(records: Records, kinds: list[str], asked: float, path: Path) -> None:
  """Draws a map of figures by damages: red where a figure gets worse, as a share of its worst."""
  first = [records[f"{part}-{kinds[0]}"]["levels"][0]["figures"] for part in ("pictures", "sets")]
  names = [name for name in (*PAIRED, *SETS) if name != "psnr" and any(name in f for f in first)]
  figure = Figure(figsize=(6.8 * len(kinds), 6.6), layout="constrained")
  for ax, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
    pictures, sets = records[f"pictures-{kind}"], records[f"sets-{kind}"]
    columns = [*DAMAGES, *MODES]
    shares, texts = np.full((len(names), len(columns)), np.nan), {}
    for row, name in enumerate(names):
      found = _row(name, pictures, sets, asked)
      worst = max((abs(change) for _, change, visible in found.values() if visible), default=1.0)
      for column, (value, change, visible) in found.items():
        place = (row, columns.index(column))
        shares[place] = change / worst if visible else 0.0
        texts[place] = (number(value), visible)
    ax.imshow(shares, cmap="RdBu_r", vmin=-1.0, vmax=1.0, aspect="auto")
    for (row, column), (text, visible) in texts.items():
      dark = abs(shares[row, column]) > 0.7
      color = "#888888" if not visible else "white" if dark else "black"
      ax.text(column, row, text, ha="center", va="center", fontsize=7.5, color=color)
    titles = [DAMAGES[c].title if c in DAMAGES else MODES[c] for c in columns]
    ax.set_xticks(range(len(columns)), titles, rotation=40, ha="right")
    ax.set_yticks(range(len(names)), [TITLES[name] for name in names])
    ax.axhline(sum(name in PAIRED for name in names) - 0.5, color="black", linewidth=0.8)
    ax.axvline(len(DAMAGES) - 0.5, color="black", linewidth=0.8)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    ax.set_title(f"{KINDS[kind]}: every damage at {asked:g} dB, and missing modes")
  figure.savefig(path)


def _row(
  name: str, pictures: Mapping[str, Any], sets: Mapping[str, Any], asked: float
) -> dict[str, tuple[float, float, bool]]:
  """By damage: the value of a figure, its change for the worse, and whether it stands out."""
  paired = name in PAIRED
  source = pictures if paired else sets
  worse = -1.0 if TITLES[name].endswith("↑") else 1.0
  floor, deviation = (1.0 if worse < 0 else 0.0, 0.0) if paired else sets["floor"][name]
  values = {
    level["damage"]: level["figures"][name][0]
    for level in source["levels"]
    if level["asked"] == asked
  }
  values |= {} if paired else {mode: sets["modes"][mode][name][0] for mode in MODES}
  return {
    key: (value, worse * (value - floor), abs(value - floor) > SEEN * deviation)
    for key, value in values.items()
  }


def draw_pictures(records: Records, kinds: list[str], path: Path) -> None:
  """Draws a metric of one picture in each panel, against the error; up is worse everywhere."""
  found = records[f"pictures-{kinds[0]}"]["levels"][0]["figures"]
  names = [name for name in PAIRED if name != "psnr" and name in found]
  figure = Figure(figsize=(2.9 * len(names), 2.5 * len(kinds) + 0.7), layout="constrained")
  axes = figure.subplots(len(kinds), len(names), squeeze=False)
  for row, kind in enumerate(kinds):
    record = records[f"pictures-{kind}"]
    for ax, name in zip(axes[row], names, strict=True):
      _curves(ax, record, name, np.sqrt(record["pictures"]))
      ax.set_title(f"{TITLES[name][:-2]}, {KINDS[kind]}")
  _finish(figure, axes)
  figure.savefig(path)


def draw_sets(record: Mapping[str, Any], kind: str, path: Path) -> None:
  """Draws a figure of sets in each panel, with its noise floor; up is worse everywhere."""
  names = [name for name in SETS if name in record["floor"]]
  rows, columns = 2, -(-len(names) // 2)
  figure = Figure(figsize=(2.6 * columns, 5.6), layout="constrained")
  axes = figure.subplots(rows, columns, squeeze=False)
  for ax in axes.ravel()[len(names) :]:
    ax.set_axis_off()
  for ax, name in zip(axes.ravel(), names, strict=False):
    mean, deviation = record["floor"][name]
    ax.axhspan(mean - SEEN * deviation, mean + SEEN * deviation, color="#dddddd", zorder=0)
    _curves(ax, record, name, 1.0)
    prefix = "histogram " if name.startswith("histogram") else ""
    ax.set_title(f"{prefix}{TITLES[name][:-2]}, {KINDS[kind]}", fontsize=9)
  _finish(figure, axes)
  figure.savefig(path)


def _curves(ax: Axes, record: Mapping[str, Any], name: str, divisor: float) -> None:
  """One curve a damage, from little error on the left to much on the right."""
  for damage, (color, marker) in STYLES.items():
    levels = [level for level in record["levels"] if level["damage"] == damage]
    levels.sort(key=lambda level: -level["decibels"])
    x = [level["decibels"] for level in levels]
    y = [level["figures"][name][0] for level in levels]
    error = [level["figures"][name][1] / divisor for level in levels]
    ax.errorbar(
      x,
      y,
      error,
      color=color,
      marker=marker,
      markersize=4,
      linewidth=1.2,
      elinewidth=0.7,
      label=DAMAGES[damage].title,
    )
  ax.invert_xaxis()
  if TITLES[name].endswith("↑"):
    ax.invert_yaxis()


def _finish(figure: Figure, axes: np.ndarray) -> None:
  for ax in axes[:, 0]:
    ax.set_ylabel("worse →")
  for ax in axes[-1]:
    ax.set_xlabel("PSNR of the mean error (dB)")
  handles, labels = axes[0, 0].get_legend_handles_labels()
  figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
