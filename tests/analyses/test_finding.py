import csv

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from imtrans.analyses import ANALYSES, find_analysis
from imtrans.analyses.finding import BLUE, Finding, comparison, in_style, new_figure, write_finding


@in_style
def _finding(rows):
  figure, ((axes,),) = new_figure()
  axes.plot([0.0, 1.0], [0.0, 1.0], "o", label="line")
  axes.set_title("title")
  axes.legend()
  return Finding(figure, rows, "What it shows.")


def test_everything_that_is_drawn_has_the_common_style():
  before = dict(mpl.rcParams)
  (axes,) = _finding([]).figure.axes
  assert not axes.get_legend().get_frame_on()
  assert axes.title.get_fontsize() == 10.0
  (line,) = axes.lines
  assert to_hex(line.get_color()).upper() == BLUE and line.get_markersize() == 4.5
  assert not axes.spines["top"].get_visible()
  assert dict(mpl.rcParams) == before


@pytest.mark.parametrize("name", ANALYSES)
def test_every_analysis_is_drawn_in_it(name):
  module = find_analysis(name)
  for analysis in (module.on_paper, getattr(module, "on_run", module.on_paper)):
    assert analysis.__wrapped__.__name__ == analysis.__name__


def test_a_table_has_numbers_and_nothing_where_there_are_none(tmp_path):
  rows = [comparison("q", "s", np.float32(0.5), np.ones(()), float("nan"))]
  paths = write_finding(_finding(rows), tmp_path / "new", "one")
  assert [path.name for path in paths] == ["one.png", "one.csv", "one.txt"]
  with paths[1].open() as file:
    (row,) = csv.DictReader(file)
  expected = {"argument": "0.5", "closed_form": "1", "measured": ""}
  assert row == {"quantity": "q", "series": "s", **expected}
  assert paths[2].read_text() == "What it shows.\n"
