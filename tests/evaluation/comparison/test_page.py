"""The page: pictures side by side, curves of all runs, what is escaped, that nothing is fetched."""

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from imtrans.data import ImageSpec, from_arrays, write_image
from imtrans.evaluation.comparison import pictures as comparison_pictures
from imtrans.evaluation.comparison.page import curve_groups
from imtrans.evaluation.comparison.pictures import choose, picture_sections
from imtrans.evaluation.comparison.report import write_comparison
from imtrans.evaluation.comparison.runs import read_run
from imtrans.evaluation.pages.curves import LEFT, Line, Series, overlay
from imtrans.training.input import save_specs
from tests.evaluated_runs import SIDE, SPEC, figure, write_evaluated


class _Balance(HTMLParser):
  """Counts elements that are opened and closed in the wrong order."""

  VOID = ("meta", "img", "input", "line", "polyline")

  def __init__(self):
    super().__init__()
    self.open, self.wrong = [], []

  def handle_starttag(self, tag, attrs):
    if tag not in self.VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    if not self.open or self.open.pop() != tag:
      self.wrong.append(tag)


@pytest.fixture
def data(monkeypatch):
  """Stands in for the runs' test pictures; returns what may be changed."""
  seen = {"paired": True, "names": ["0", "1", "2", "3"], "error": None, "splits": []}

  def open_data(config, split):
    seen["splits"].append(split)
    if seen["error"]:
      raise ValueError(seen["error"])
    count = len(seen["names"])
    a = np.full((count, SIDE, SIDE, 3), 10, np.uint8) * np.arange(count)[:, None, None, None]
    a = a.astype(np.uint8)
    paired = seen["paired"]
    return from_arrays(a, 255 - a, paired=paired, names=seen["names"] if paired else None)

  monkeypatch.setattr(comparison_pictures, "open_data", open_data)
  return seen


@pytest.fixture
def make(tmp_path):
  """Writes a run and reads it."""

  def make(name, **options):
    return read_run(write_evaluated(tmp_path / name, **options), name=name)

  return make


def _page(runs, tmp_path, **options):
  write_comparison({run.name: run.path for run in runs}, tmp_path / "out", **options)
  return (tmp_path / "out" / "report.html").read_text()


def test_pictures_are_those_that_all_runs_have(data, make):
  runs = [make("a", names=("0", "1", "3")), make("b", names=("3", "1", "2"), l1=0.3)]
  (section,), problems = picture_sections(runs)
  assert problems == [] and section.total == 2
  assert [row.name for row in section.rows] == ["1", "3"]
  assert section.quantities == ["l1", "psnr"]
  row = section.rows[0]
  assert row.difference == pytest.approx(0.2)
  assert row.source != row.target and row.outputs[0] != row.outputs[1]
  assert all(uri.startswith("data:image/png") for uri in (row.source, *row.outputs))
  assert data["splits"] == ["test"]


def test_both_directions_are_read_from_their_folders(data, make):
  runs = [make("a", directions=("ba", "ab")), make("b", directions=("ab",))]
  (section,), _ = picture_sections(runs)
  assert section.direction == "ab" and len(section.rows) == 4
  ab = read_run(runs[0].path, name="a")
  write_image(ab.path / "images_ab" / "0.png", np.zeros((SIDE, SIDE, 3), np.uint8))
  (changed,), _ = picture_sections(runs)
  assert changed.rows[0].outputs[0] != section.rows[0].outputs[0]


def test_without_the_data_outputs_stand_alone_and_the_page_says_so(data, make, tmp_path):
  data["error"] = "photos does not exist."
  page = _page([make("a"), make("b")], tmp_path)
  assert "outputs stand alone: photos does not exist." in page
  assert 'data-key="source"' not in page and page.count('data-key="1"') == 4


def test_unpaired_pictures_have_no_target_and_no_figures(data, make, tmp_path):
  data["paired"] = False
  names = ("0", "1", "2", "3")
  data["names"] = list(names)
  runs = [make(name, scored=False, names=names) for name in "ab"]
  page = _page(runs, tmp_path)
  assert page.count("The test pictures are not paired.") == 2
  assert 'data-key="target"' not in page and 'class="numbers"' not in page


def test_outputs_joined_to_whole_pictures_are_shown_as_they_are(data, make):
  run = make("a")
  save_specs({"a": SPEC, "b": ImageSpec(2, "float32", 0.0, 1.0)}, run.path)
  (section,), problems = picture_sections([run])
  assert problems == [] and all(row.outputs[0] for row in section.rows)


def test_a_damaged_output_is_listed_and_the_others_are_shown(data, make, tmp_path):
  runs = [make("a"), make("b")]
  (runs[0].path / "images" / "1.png").write_bytes(b"no picture")
  (runs[1].path / "images" / "2.png").unlink()
  done = write_comparison({run.name: run.path for run in runs}, tmp_path / "out")
  texts = [text for _, text in done.problems]
  assert "1.png cannot be read" in texts[0] and "2.png is missing" in texts[1]
  page = (tmp_path / "out" / "report.html").read_text()
  assert page.count('class="none">missing') == 2 and "2.png is missing" in page


def test_a_name_cannot_lead_out_of_the_folder(data, make, tmp_path):
  runs = [make("a")]
  table = (runs[0].path / "per_image.csv").read_text()
  (runs[0].path / "per_image.csv").write_text(table.replace("\n1,", "\n../../secret,"))
  write_image(tmp_path / "secret.png", np.zeros((SIDE, SIDE, 3), np.uint8))
  _, problems = picture_sections([read_run(runs[0].path, name="a")])
  assert len(problems) == 1 and "leads out of" in problems[0]


def test_choose_takes_the_largest_differences_and_an_even_choice():
  assert choose([0.0] * 5, limit=5) == [0, 1, 2, 3, 4]
  spans = [0.0] * 100
  spans[17] = spans[55] = spans[56] = 1.0
  chosen = choose(spans, limit=9)
  assert {17, 55, 56} <= set(chosen) and len(chosen) == 9
  assert chosen == sorted(set(chosen))
  assert choose([0.0] * 100, limit=4) == [0, 25, 50, 75]


def test_overlay_has_one_scale_for_all():
  lines = [
    Line("one", "run of-0", Series([0, 10], [0.0, 1.0])),
    Line("<two>", "run of-1", Series([5, 20], [1.0, 4.0])),
  ]
  svg = overlay(lines, title="t", baseline=2.0)
  found = re.findall(r'<polyline class="curve" points="([^"]*)"', svg)
  (one, two) = ([tuple(map(float, p.split(","))) for p in points.split()] for points in found)
  assert one[0][0] == LEFT and one[1][1] == two[0][1] and two[0][0] < one[1][0]
  assert svg.count("<g ") == 2 and "<two>" not in svg and 'class="baseline"' in svg


def test_curves_of_all_runs_by_direction(make):
  runs = [make("a", directions=("ba", "ab")), make("b", directions=("ab", "ba"))]
  log = runs[1].path / "log.jsonl"
  with log.open("a") as file:
    file.write(json.dumps({"step": 5, "eval_ba/l1": 0.1, "learning_rate": -1.0}) + "\n")
  groups = dict(curve_groups(runs))
  assert list(groups) == [
    *("on the test pictures, B → A", "on the test pictures, A → B", "generator", "schedule")
  ]
  (chart,) = groups["on the test pictures, B → A"]
  assert chart["title"] == "L1 error" and chart["linear"].count("<g ") == 2 and chart["level"]
  assert groups["on the test pictures, A → B"][0]["linear"].count("<g ") == 1
  assert groups["schedule"][0]["log"] == ""


def test_the_page_is_whole_and_fetches_nothing(data, make, tmp_path):
  entries = [figure(spread=0.1, settings={"spread": "deviation over subsets"})]
  runs = [make("a", figures=entries), make("b", l1=0.3, changes={"seed": 1})]
  page = _page(runs, tmp_path, group_seeds=True)
  parser = _Balance()
  parser.feed(page)
  assert parser.open == [] and parser.wrong == []
  assert not re.search(r'(src|href)="(?!data:|#)', page)
  assert "url(" not in page and "@import" not in page
  assert "prefers-color-scheme: dark" in page and "width=device-width" in page
  assert page.count('class="card"') == 4
  assert "± of FD (VGG16): deviation over subsets." in page
  assert "a + b, 2 seeds" in page
  assert "1 field of the configs differs" in page


def test_ten_runs_have_ten_styles(data, make, tmp_path):
  page = _page([make(f"r{i}", l1=i / 20) for i in range(10)], tmp_path, pictures=1)
  assert "r0, r1" in page and "run of-9 hue-1 dashed" in page
  assert len(set(re.findall(r'"(run of-\d+ hue-\d[^"]*)"', page))) == 10


def test_hostile_names_are_escaped(data, make, tmp_path):
  bad = "<script>alert(1)<"
  run = make("a", protocol={"split": bad}, figures=[figure(bad)])
  page = _page([run._replace(name=bad), make("b")], tmp_path)
  assert "<script>alert" not in page


def test_credits_of_the_drawings(data, make, tmp_path):
  page = _page([make("a"), make("b", changes={"data.source": "openmoji"})], tmp_path)
  assert "Drawings: OpenMoji, CC BY-SA 4.0, openmoji.org" in page


def test_no_pictures_were_asked_for(data, make, tmp_path):
  page = _page([make("a")], tmp_path, pictures=0)
  assert 'class="card"' not in page and data["splits"] == []
