"""Figures of the README: what grows with the number of chips, and what shrinks."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imtrans.analyses.finding import BLUE, GREEN, RED, Finding, in_style, new_figure

PARTS = {"compute": ("matrix units", BLUE), "memory": ("HBM", RED), "network": ("links", GREEN)}


def draw_scaling(
  weak: Sequence[dict[str, Any]], strong: Sequence[dict[str, Any]], folder: Path
) -> None:
  """Draws weak.png and strong.png, where there are two points at least.

  Args:
    weak: records, by number of chips.
    strong: records, by size of image and number of chips.
    folder: of the figures.
  """
  if len(weak) > 1:
    weak_figure(weak).figure.savefig(folder / "weak.png")
  if len(strong) > 1:
    strong_figure(strong).figure.savefig(folder / "strong.png")


@in_style
def weak_figure(rows: Sequence[dict[str, Any]]) -> Finding:
  """Bytes sent, memory, and the least time of each part, over chips."""
  figure, panels = new_figure(columns=3, width=3.4, height=2.8)
  chips = [row["chips"] for row in rows]
  sent, memory, seconds = panels[0]
  sent.plot(chips, [sum(row["sent_bytes"].values()) / 1e6 for row in rows], "o-")
  sent.set(ylabel="MB sent by collectives, a chip")
  memory.plot(chips, [row["memory"]["peak"] / 1e9 for row in rows], "o-")
  memory.set(ylabel="GB of memory, a chip")
  for part, (label, color) in PARTS.items():
    times = [1e3 * row["seconds"][part] for row in rows]
    seconds.plot(chips, times, "o-", color=color, label=label)
  seconds.set(ylabel="least time of a step, ms")
  seconds.legend()
  for panel in panels[0]:
    panel.set_xscale("log", base=2)
    panel.set_xticks(chips, [str(count) for count in chips])
    panel.set_xlabel("chips")
    panel.set_ylim(0.0, 1.05 * panel.get_ylim()[1])
  return Finding(figure, [], "")


@in_style
def strong_figure(rows: Sequence[dict[str, Any]]) -> Finding:
  """The least time of a step over chips, and that of the fewest chips divided among more."""
  figure, panels = new_figure(columns=1, width=4.4, height=3.2)
  panel = panels[0, 0]
  for side, color in zip(sorted({row["case"]["side"] for row in rows}), (BLUE, RED), strict=False):
    of_side = [row for row in rows if row["case"]["side"] == side]
    chips = [row["chips"] for row in of_side]
    times = [1e3 * row["seconds"]["bound"] for row in of_side]
    panel.plot(chips, times, "o-", color=color, label=f"{side}²")
    ideal = [times[0] * chips[0] / count for count in chips]
    panel.plot(chips, ideal, ":", color=color, label=f"{side}², divided evenly")
  panel.set(xlabel="chips", ylabel="least time of a step, ms", yscale="log")
  panel.set_xscale("log", base=2)
  counts = sorted({row["chips"] for row in rows})
  panel.set_xticks(counts, [str(count) for count in counts])
  panel.yaxis.set_major_formatter("{x:g}")
  panel.yaxis.set_minor_formatter("{x:g}")
  panel.legend()
  return Finding(figure, [], "")
