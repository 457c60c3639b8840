"""Curves: what is kept of a log, where points land, what the labels say."""

import re

import numpy as np
import pytest

from imtrans.evaluation.pages import curves


def test_series_from_log_skips_what_a_killed_run_leaves(tmp_path):
  log = tmp_path / "log.jsonl"
  log.write_text(
    '{"step": 1, "g/l1": 0.5, "note": "text", "flag": true}\n'
    '{"step": 2, "g/l1": NaN, "d/loss": 1}\n'
    '{"step": 3, "g/l1": 0.3}\n'
    "[1, 2]\n"
    '{"g/l1": 7}\n'
    '{"step": 3, "g/l1": 0.25}\n'
    '{"step": 4, "g/l'
  )
  assert curves.series_from_log(log) == {
    "g/l1": curves.Series([1, 3], [0.5, 0.25]),
    "d/loss": curves.Series([2], [1.0]),
  }
  assert curves.series_from_log(tmp_path / "absent.jsonl") == {}


def test_smooth_by_hand():
  # Span 3 weighs the past by a half: 1, then (0.5 * 1 + 0 * ...) with corrected weights.
  assert curves.smooth([1.0, 0.0, 0.0], span=3) == pytest.approx([1.0, 1 / 3, 1 / 7])
  assert curves.smooth([3.0, 1.0], span=1) == [3.0, 1.0]
  assert curves.smooth([2.0] * 9, span=50) == pytest.approx([2.0] * 9)


@pytest.mark.parametrize(
  "low,high,expected",
  [
    (0.0, 1.0, [0, 0.2, 0.4, 0.6, 0.8, 1]),
    (100, 2000, [500, 1000, 1500, 2000]),
    (-3, 7, [-2, 0, 2, 4, 6]),
  ],
)
def test_ticks(low, high, expected):
  np.testing.assert_allclose(curves.ticks(low, high), expected, atol=1e-12)


def test_log_ticks():
  np.testing.assert_allclose(curves.log_ticks(0.09, 1.1), [0.1, 0.2, 0.5, 1.0])
  assert len(curves.log_ticks(1e-9, 1e3)) <= 8
  np.testing.assert_allclose(curves.log_ticks(13.0, 17.5), [13, 14, 15, 16, 17])


@pytest.mark.parametrize(
  "value,text",
  [(2000, "2k"), (1234, "1234"), (0.25, "0.25"), (1.2e-4, "1.2e-4"), (3.5e6, "3.5M"), (0, "0")],
)
def test_number(value, text):
  assert curves.number(value) == text


def _points(svg, kind):
  match = re.search(rf'<polyline class="{kind}" points="([^"]*)"', svg)
  return [tuple(map(float, point.split(","))) for point in match[1].split()] if match else None


def test_chart_maps_values_linearly_and_logarithmically():
  series = curves.Series([0, 10, 20], [1.0, 10.0, 100.0])
  linear = _points(curves.chart(series, title="t"), "curve")
  logarithmic = _points(curves.chart(series, title="t", log=True), "curve")
  assert [p[0] for p in linear] == [curves.LEFT, 209.0, curves.WIDTH - curves.RIGHT]
  assert (linear[0][1] - linear[1][1]) / (linear[1][1] - linear[2][1]) == pytest.approx(
    0.1, abs=0.01
  )
  rises = np.diff([p[1] for p in logarithmic])
  assert rises[0] == pytest.approx(rises[1], abs=0.2)
  assert rises[0] < 0  # Larger is higher up.


def test_chart_draws_raw_beside_smoothed_and_escapes_the_title():
  noisy = curves.Series(list(range(50)), [float(i % 2) for i in range(50)])
  svg = curves.chart(noisy, title="<b>", span=20, baseline=0.5)
  spread = [np.ptp([p[1] for p in _points(svg, kind)][25:]) for kind in ("raw", "curve")]
  assert spread[0] > 4 * spread[1]
  assert 'class="baseline"' in svg
  assert "<b>" not in svg and "&lt;b&gt;" in svg


def test_a_long_curve_is_thinned_but_keeps_its_dip():
  values = [1.0] * 20_000
  values[12_345] = 0.5
  svg = curves.chart(curves.Series(list(range(20_000)), values), title="t")
  points = _points(svg, "curve")
  assert len(points) <= 2 * curves.COLUMNS
  assert len({p[1] for p in points}) == 2


def test_a_single_point_and_a_constant_can_be_drawn():
  for series in (curves.Series([5], [0.0]), curves.Series([1, 2], [3.0, 3.0])):
    assert "nan" not in curves.chart(series, title="t")
