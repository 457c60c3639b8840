"""Curves of logs as small SVG charts, drawn without a plotting library: one run, or many in one.

Colours are classes that the page around the charts styles, so they follow its light or dark scheme.
"""

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from imtrans.training.journal import read_log

WIDTH, HEIGHT = 380, 220  # Of a chart, in SVG units.
LEFT, RIGHT, TOP, BOTTOM = 52, 14, 12, 36  # Margins.
COLUMNS = 260  # A longer curve keeps the lowest and the highest value of this many stretches.


class Series(NamedTuple):
  """One logged quantity: steps in increasing order and a finite value for each."""

  steps: list[int]
  values: list[float]


class Line(NamedTuple):
  """One curve of a chart of many.

  title: whose it is; read out, and shown where the pointer rests on it.
  style: class of its group, to which the page gives a colour.
  series: what to draw, at least one point.
  span: above 1, the moving average of this span is drawn instead.
  """

  title: str
  style: str
  series: Series
  span: float = 1.0


def series_from_log(path: Path) -> dict[str, Series]:
  """The logged quantities of a run.

  Where a step is there twice, the later line counts; values that are not finite numbers are left
  out.

  Args:
    path: log.jsonl, see `imtrans.training.journal.read_log`.

  Returns:
    A series per name, in the order of first appearance; empty if there is no such file.
  """
  series: dict[str, dict[int, float]] = {}
  for record in read_log(path):
    step = record.pop("step")
    for name, value in record.items():
      number = isinstance(value, int | float) and not isinstance(value, bool)
      if number and math.isfinite(value):
        series.setdefault(name, {})[step] = float(value)
  return {
    name: Series(sorted(points), [points[step] for step in sorted(points)])
    for name, points in series.items()
  }


def smooth(values: Sequence[float], *, span: float) -> list[float]:
  """Exponential moving average, corrected for its start.

  Args:
    values: noisy values.
    span: number of values that weigh in: the weight of the past is 1 - 2 / (span + 1).

  Returns:
    As many values; equal to the input for a span of 1.
  """
  decay = 1.0 - 2.0 / (max(span, 1.0) + 1.0)
  total, weight, smoothed = 0.0, 0.0, []
  for value in values:
    total = decay * total + (1.0 - decay) * value
    weight = decay * weight + (1.0 - decay)
    smoothed.append(total / weight)
  return smoothed


def ticks(low: float, high: float, *, count: int = 5) -> list[float]:
  """Round numbers, multiples of 1, 2 or 5 times a power of ten, that lie in [low, high].

  Args:
    low: lower end of the axis.
    high: upper end, larger than `low`.
    count: about how many to return.

  Returns:
    Increasing numbers.
  """
  rough = (high - low) / max(count, 1)
  power = 10.0 ** math.floor(math.log10(rough))
  step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
  first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
  return [index * step for index in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
  """Ticks of a logarithmic axis: 1, 2, 5 in each decade, or powers of ten over many decades.

  Where that would leave less than three, the ticks of a linear axis.

  Args:
    low: lower end, positive.
    high: upper end.

  Returns:
    Increasing numbers in [low, high].
  """
  decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
  factors = (1, 2, 5) if len(decades) <= 4 else (1,)
  every = max(1, len(decades) // 6)
  found = [factor * 10.0**decade for decade in decades[::every] for factor in factors]
  inside = [tick for tick in found if low * 0.999 <= tick <= high * 1.001]
  return inside if len(inside) > 2 else [tick for tick in ticks(low, high) if tick > 0]


def number(value: float) -> str:
  """A short label for a number: 2000 becomes 2k, 0.00012 becomes 1.2e-4."""
  size = abs(value)
  if size >= 1e6:
    return f"{value / 1e6:.4g}M"
  if size >= 1e4 or (size >= 1e3 and value == round(value, -2)):
    return f"{value / 1e3:.4g}k"
  if 0 < size < 1e-3:
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"
  return f"{value:.4g}"


def chart(
  series: Series, *, title: str, log: bool = False, span: float = 1.0, baseline: float | None = None
) -> str:
  """Draws one quantity over the steps.

  Args:
    series: what to draw, at least one point.
    title: read out to those who cannot see the chart.
    log: logarithmic vertical axis; all values must be positive.
    span: above 1, the raw curve is drawn faintly under its moving average of this span.
    baseline: a level to compare with, drawn as a dashed line.

  Returns:
    An `<svg>` element.
  """
  smoothed = smooth(series.values, span=span)
  low, high = _vertical_range(series.values, smoothed, baseline, log)
  frame = _Frame(series.steps[0], series.steps[-1], low, high, log)
  parts = frame.axes(baseline)
  if span > 1:
    parts.append(frame.curve("raw", series.steps, series.values))
  parts.append(frame.curve("curve", series.steps, smoothed))
  parts += frame.points(series.steps, smoothed)
  return _svg(title, parts)


def overlay(
  lines: Sequence[Line], *, title: str, log: bool = False, baseline: float | None = None
) -> str:
  """Draws the same quantity of many runs over the steps.

  Args:
    lines: at least one.
    title: read out to those who cannot see the chart.
    log: logarithmic vertical axis; all values must be positive.
    baseline: a level to compare with, drawn as a dashed line.

  Returns:
    An `<svg>` element with a `<g>` of its own style for each line.
  """
  curves = [smooth(line.series.values, span=line.span) for line in lines]
  low, high = _vertical_range([value for curve in curves for value in curve], [], baseline, log)
  first = min(line.series.steps[0] for line in lines)
  last = max(line.series.steps[-1] for line in lines)
  frame = _Frame(first, last, low, high, log)
  parts = frame.axes(baseline)
  for line, curve in zip(lines, curves, strict=True):
    parts.append(f'<g class="{escape(line.style)}"><title>{escape(line.title)}</title>')
    parts.append(frame.curve("curve", line.series.steps, curve))
    parts += [*frame.points(line.series.steps, curve, title=line.title), "</g>"]
  return _svg(title, parts)


class _Frame:
  """Axes, and what is drawn between them."""

  def __init__(self, first: int, last: int, low: float, high: float, log: bool):
    self._first, self._last = first, max(last, first + 1)
    self._low, self._high, self._log = low, high, log

  def x(self, step: float) -> float:
    share = (step - self._first) / (self._last - self._first)
    return LEFT + share * (WIDTH - LEFT - RIGHT)

  def y(self, value: float) -> float:
    scale = math.log10 if self._log else float
    low, high = scale(self._low), scale(self._high)
    share = (scale(value) - low) / (high - low)
    return HEIGHT - BOTTOM - min(max(share, -0.02), 1.02) * (HEIGHT - TOP - BOTTOM)

  def axes(self, baseline: float | None) -> list[str]:
    """Both axes with their labels, and the dashed line of a level."""
    parts, bottom, right = [], HEIGHT - BOTTOM, WIDTH - RIGHT
    for tick in (log_ticks if self._log else ticks)(self._low, self._high):
      y = self.y(tick)
      parts.append(
        f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="label" x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">'
        f"{number(tick)}</text>"
      )
    for tick in ticks(self._first, self._last):
      x = self.x(tick)
      parts.append(
        f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{bottom}" y2="{bottom + 4}"/>'
        f'<text class="label" x="{x:.1f}" y="{bottom + 17}" text-anchor="middle">'
        f"{number(tick)}</text>"
      )
    parts.append(
      f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
      f'<text class="label" x="{right}" y="{HEIGHT - 4}" text-anchor="end">step</text>'
    )
    if baseline is not None:
      y = self.y(baseline)
      parts.append(f'<line class="baseline" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
    return parts

  def curve(self, style: str, steps: list[int], values: list[float]) -> str:
    points = " ".join(f"{self.x(s):.1f},{self.y(v):.1f}" for s, v in _thinned(steps, values))
    return f'<polyline class="{style}" points="{points}"/>'

  def points(self, steps: list[int], values: list[float], *, title: str = "") -> list[str]:
    """A dot that tells its value for each step, where there are few."""
    if len(steps) > 40:
      return []
    whose = f"{escape(title)}, " if title else ""
    return [
      f'<circle class="point" cx="{self.x(step):.1f}" cy="{self.y(value):.1f}" r="2.5">'
      f"<title>{whose}step {step}: {value:.4g}</title></circle>"
      for step, value in zip(steps, values, strict=True)
    ]


def _svg(title: str, parts: list[str]) -> str:
  opening = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
  return "".join([opening, f"<title>{escape(title)}</title>", *parts, "</svg>"])


def _vertical_range(
  values: list[float], smoothed: list[float], baseline: float | None, log: bool
) -> tuple[float, float]:
  """Ends of the vertical axis; single spikes of the raw curve may leave the chart."""
  ordered = sorted(values)
  shown = [ordered[len(ordered) // 100], ordered[-1 - len(ordered) // 100], *smoothed]
  shown += [] if baseline is None else [baseline]
  low, high = min(shown), max(shown)
  if log:
    low, high = min(low, high / 1.2), max(high, low * 1.2)
    return low * (low / high) ** 0.05, high * (high / low) ** 0.05
  margin = 0.06 * (high - low) or 0.1 * abs(high) or 1.0
  return low - margin, high + margin


def _thinned(steps: list[int], values: list[float]) -> list[tuple[int, float]]:
  """A curve with few enough points to embed that still reaches every peak it had."""
  points = list(zip(steps, values, strict=True))
  if len(points) <= 2 * COLUMNS:
    return points
  kept = []
  for column in range(COLUMNS):
    stretch = points[column * len(points) // COLUMNS : (column + 1) * len(points) // COLUMNS]
    ends = {min(stretch, key=lambda p: p[1]), max(stretch, key=lambda p: p[1])}
    kept += sorted(ends)
  return kept
