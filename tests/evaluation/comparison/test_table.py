"""Tables: reading, what is best, means over seeds, what is not comparable, how configs differ."""

import csv
import io
import json
import math
import shutil
import statistics

import pytest

from imtrans.evaluation.comparison.protocols import differences, protocol_sentences
from imtrans.evaluation.comparison.runs import Key, name_runs, read_run, read_runs
from imtrans.evaluation.comparison.table import (
  config_differences,
  figure_table,
  group_name,
  seed_groups,
  unusual,
)
from imtrans.evaluation.comparison.text import comma_separated, footnotes, headings, markdown
from tests.evaluated_runs import figure, write_evaluated


@pytest.fixture
def make(tmp_path):
  """Writes a run and reads it."""

  def make(name, **options):
    return read_run(write_evaluated(tmp_path / name, **options), name=name)

  return make


def _cells(table, row):
  return [None if cell is None else cell.value for cell in table.rows[row].cells]


def _best(table, column):
  return [row.title for row in table.rows if row.cells[column] and row.cells[column].best]


class TestNames:
  def test_a_run_is_named_by_its_folder_or_as_it_is_told(self, tmp_path):
    named = name_runs([str(tmp_path / "one"), f"mine={tmp_path}/two"])
    assert named == {"one": tmp_path / "one", "mine": tmp_path / "two"}

  def test_equal_names_are_told_apart_by_the_shortest_end_of_their_paths(self, tmp_path):
    paths = [tmp_path / p for p in ("a/x/run", "b/x/run", "b/y/run", "other")]
    assert list(name_runs(map(str, paths))) == ["a/x/run", "b/x/run", "y/run", "other"]

  def test_a_folder_with_an_equals_sign_is_a_folder(self, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rate=3").mkdir()
    assert list(name_runs(["rate=3"])) == ["rate=3"]

  @pytest.mark.parametrize(
    ("arguments", "message"),
    [
      (["a", "./a"], "named twice"),
      (["a=x", "a=y"], "two runs would be called 'a'"),
      (["=x"], "NAME=FOLDER"),
      (["x="], "NAME=FOLDER"),
    ],
  )
  def test_what_cannot_be_named(self, arguments, message):
    with pytest.raises(ValueError, match=message):
      name_runs(arguments)


class TestReading:
  def test_figures_with_and_without_records(self, make):
    run = make("r", metrics={"eval/fd_vgg16": 9.0}, figures=[figure(value=2.0, spread=0.5)])
    assert run.scores[Key("model", "ab", "l1")].value == pytest.approx(0.1)
    assert run.scores[Key("baseline", "ab", "psnr")].value == 6.0
    score = run.scores[Key("model", "ab", "fd_vgg16")]
    assert (score.value, score.spread, score.record["images.real"]) == (2.0, 0.5, 4)
    assert "checkpoint" not in score.record
    assert run.pictures["ab"]["2"] == {"l1": 0.1, "psnr": 19.0, "baseline/l1": 0.5}

  def test_the_first_direction_is_the_one_without_a_suffix(self, make):
    run = make("r", directions=("ba", "ab"))
    assert run.direction == "ba"
    assert {key.direction for key in run.scores} == {"ab", "ba"}
    assert run.images("ba").name == "images" and run.images("ab").name == "images_ab"

  def test_a_figure_that_could_not_be_made_is_unknown(self, make):
    run = make("r", figures=[figure(value=None)])
    assert Key("model", "ab", "fd_vgg16") not in run.scores

  def test_pictures_that_were_left_out_are_told(self, make):
    run = make("r", metrics={"problems": {"x": "cannot be read", "y": "cannot be read"}})
    assert run.note == "2 test picture(s) could not be used, see metrics.json."

  def test_a_run_that_was_not_evaluated(self, tmp_path):
    path = write_evaluated(tmp_path / "a run")
    (path / "metrics.json").unlink()
    with pytest.raises(ValueError, match=r"imtrans evaluate --workdir '.*/a run'`"):
      read_run(path, name="r")

  @pytest.mark.parametrize(
    ("file", "content"),
    [
      ("metrics.json", "{"),
      ("metrics.json", "[]"),
      ("metrics.json", '{"eval/l1": "low"}'),
      ("metrics.json", '{"figures": [{}]}'),
      ("metrics.json", '{"figures": 3}'),
      ("metrics.json", '{"protocol": 3}'),
      ("metrics.json", "\udcff"),
      ("metrics.json", "[" * 100_000),
      ("per_image.csv", None),
      ("per_image.csv", "name,l1\n0,1\n"),
      ("per_image.csv", "name,direction,l1\n0,ab,1\n1,ab\n"),
      ("per_image.csv", "name,direction,l1\n0,ab,dark\n"),
      ("per_image.csv", "name,direction,l1\n0,ab,0.5\n"),
      ("config.json", "{"),
    ],
  )
  def test_damage_gets_one_sentence_that_names_the_file(self, tmp_path, file, content):
    path = write_evaluated(tmp_path / "r")
    (path / file).unlink()
    if content is not None:
      (path / file).write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match=file) as caught:
      read_run(path, name="r")
    assert "\n" not in str(caught.value)

  def test_the_good_ones_are_read_and_the_bad_ones_listed(self, tmp_path):
    good = write_evaluated(tmp_path / "good")
    runs, problems = read_runs({"x": tmp_path / "no", "y": good})
    assert [run.name for run in runs] == ["y"]
    assert list(problems) == ["x"] and "holds no run" in problems["x"]


class TestTable:
  def test_rows_columns_and_the_best(self, make):
    runs = [make("a", l1=0.2), make("b", l1=0.1), make("c", l1=0.1)]
    table = figure_table(runs)
    assert table.headings == ["L1 error ↓", "PSNR (dB) ↑"]
    assert [row.title for row in table.rows] == ["a", "b", "c", "copied source"]
    assert _cells(table, 0) == pytest.approx([0.2, 18.0])
    assert _cells(table, 3) == [0.5, 6.0]
    assert _best(table, 0) == _best(table, 1) == ["b", "c"]

  def test_unknown_cells_are_empty_and_one_alone_is_not_the_best(self, make):
    table = figure_table([make("a"), make("b", figures=[figure()])])
    assert table.names == ["l1", "psnr", "fd_vgg16"]
    assert _cells(table, 0)[2] is None
    assert _best(table, 2) == []

  def test_nan_is_never_the_best(self, make):
    table = figure_table([make("a", l1=math.nan), make("b"), make("c", l1=0.3)])
    assert _best(table, 0) == ["b"]

  def test_the_baseline_has_cells_where_all_runs_agree(self, make):
    more = {"baseline/psnr": 7.0}
    table = figure_table([make("a"), make("b", metrics=more)])
    assert _cells(table, 2) == [0.5, None]

  def test_levels_of_real_pictures(self, make):
    entries = [figure("segmentation_class_iou", 0.3)]
    entries.append(figure("segmentation_class_iou", 0.6, of="real"))
    table = figure_table([make("a", figures=entries)])
    assert [row.title for row in table.rows] == ["a", "copied source", "real pictures"]
    assert _cells(table, 2) == [None, None, 0.6]

  def test_directions_have_columns_of_their_own(self, make):
    table = figure_table([make("a", directions=("ba", "ab")), make("b", directions=("ab",))])
    assert table.names == ["ba/l1", "ba/psnr", "ab/l1", "ab/psnr"]
    assert table.headings[0] == "L1 error ↓, B → A"
    assert _cells(table, 1)[:2] == [None, None]


class TestSeeds:
  def test_mean_and_sample_deviation(self, make):
    values = [0.1, 0.2, 0.6]
    runs = [make(f"p-{i}", l1=v, changes={"seed": i}) for i, v in enumerate(values)]
    runs.append(make("q", l1=0.05, changes={"optimizer.b1": 0.9}))
    table = figure_table(runs, group_seeds=True)
    row = table.rows[4]
    assert (row.title, row.kind, row.runs) == ("p, 3 seeds", "mean", ("p-0", "p-1", "p-2"))
    assert row.cells[0].value == pytest.approx(0.3)
    assert (
      row.cells[0].spread
      == pytest.approx(statistics.stdev(values))
      == pytest.approx(0.26458, rel=1e-4)
    )
    assert [row.kind for row in figure_table(runs).rows] == ["run"] * 4 + ["baseline"]

  def test_runs_of_the_same_seed_are_no_sample(self, make):
    runs = [make("a"), make("b"), make("c", changes={"seed": 1})]
    assert [[run.name for run in group] for group in seed_groups(runs)] == [["a", "c"], ["b"]]

  def test_no_mean_over_different_measurements(self, make):
    runs = [make("a"), make("b", changes={"seed": 1}, protocol={"split": "train"})]
    table = figure_table(runs, group_seeds=True)
    assert _cells(table, 2) == [None, None]

  @pytest.mark.parametrize(
    ("names", "title"),
    [
      (["p-0", "p-1"], "p, 2 seeds"),
      (["l1-s0", "l1-s1"], "l1, 2 seeds"),
      (["run1", "run12"], "run, 2 seeds"),
      (["x/seed_1", "x/seed_2"], "x, 2 seeds"),
      (["left", "right"], "left + right, 2 seeds"),
    ],
  )
  def test_group_names(self, names, title):
    assert group_name(names) == title


class TestProtocols:
  def test_nothing_to_say_of_equal_measurements(self, make):
    runs = [make("a", protocol={"step": 9, "batch_size": 3}), make("b", figures=[figure()])]
    assert protocol_sentences(runs) == []

  @pytest.mark.parametrize(
    ("options", "words"),
    [
      ({"protocol": {"split": "train"}}, "split (test, train) differs"),
      (
        {"protocol": {"size": 16, "resize": "none"}},
        "size (8, 16) and resize (square, none) differ",
      ),
      ({"names": ("0", "1")}, "images (4, 2) differs"),
      ({"names": ("0", "1", "2", "x")}, "the choice of test pictures differs"),
      ({"metrics": {"baseline/l1": 0.4}}, "what the test pictures show differs"),
      ({"protocol": {"versions": {"imtrans": "9"}}}, "versions.imtrans (0.1.0, 9) differs"),
    ],
  )
  def test_what_makes_all_figures_incomparable(self, make, options, words):
    runs = [make("a"), make("b", l1=0.3, **options)]
    (sentence,) = protocol_sentences(runs)
    assert words in sentence and "cannot be compared" in sentence
    table = figure_table(runs)
    assert not any(column.comparable for column in table.columns)
    assert headings(table)[0] == "L1 error ↓ ≠"
    assert _best(table, 0) == []

  def test_one_figure_alone_can_be_incomparable(self, make):
    other = figure(value=2.0, images={"real": 400, "fake": 4}, weights="def")
    runs = [make("a", figures=[figure()]), make("b", l1=0.3, figures=[other])]
    (sentence,) = protocol_sentences(runs)
    assert sentence == (
      "FD (VGG16) cannot be compared from run to run, because of: images.real (4, 400) and "
      "weights (abc, def)."
    )
    table = figure_table(runs)
    assert [column.comparable for column in table.columns] == [True, True, False]

  def test_only_runs_that_have_a_figure_are_asked(self, make):
    runs = [make("a", figures=[figure()]), make("b"), make("c", figures=[figure(value=3.0)])]
    assert _best(figure_table(runs), 2) == ["a"]

  def test_what_comes_of_the_model_is_no_protocol(self, make):
    entries = [figure("mode_fraction", settings={"counts": counts}) for counts in ([1], [2])]
    runs = [make(name, figures=[entry]) for name, entry in zip("ab", entries, strict=True)]
    assert protocol_sentences(runs) == []

  def test_the_number_of_pictures_of_the_other_direction_does_not_matter(self, make):
    runs = [make("a"), make("b", directions=("ab", "ba"))]
    assert protocol_sentences(runs) == []

  def test_what_is_worth_saying_but_no_obstacle(self, make):
    runs = [make("a"), make("b", l1=0.3, protocol={"device": "gpu", "inference": "train"})]
    modes, digits = protocol_sentences(runs)
    assert "inference (test, train)" in modes and "device (cpu, gpu)" in digits
    assert _best(figure_table(runs), 0) == ["a"]

  def test_the_seed_matters_where_dropout_is_on(self, make):
    on = {"inference": "train"}
    runs = [make("a", protocol=on), make("b", protocol={**on, "seed": 3})]
    assert "seed (0, 3) differs" in protocol_sentences(runs)[0]
    assert protocol_sentences([make("c"), make("d", protocol={"seed": 3})]) == []

  def test_not_to_know_a_field_is_no_difference(self):
    assert differences([{"a": 1}, {"b": 2}, {"a": 1.0 + 1e-9}]) == []
    (found,) = differences([{"a": None}, {"a": 2}])
    assert found.text == "a (2)"


class TestConfigs:
  def test_only_fields_that_differ(self, make):
    runs = [make("a"), make("b", changes={"seed": 3}), make("c", changes={"optimizer.b1": 0.9})]
    assert config_differences(runs) == {"optimizer.b1": [0.5, 0.5, 0.9], "seed": [0, 3, 0]}
    assert config_differences(runs[:1]) == {}

  def test_a_field_that_a_run_does_not_have(self, make):
    path = make("a").path
    stored = json.loads((path / "config.json").read_text())
    stored["method"]["pool_size"] = 50
    (path / "config.json").write_text(json.dumps(stored))
    runs = [make("b"), read_run(path, name="a")]
    assert config_differences(runs) == {"method.pool_size": [None, 50]}

  @pytest.mark.parametrize(
    ("values", "odd"),
    [([1, 1, 2], [False, False, True]), ([1, 2], [False, False]), ([1], [False])],
  )
  def test_unusual(self, values, odd):
    assert unusual(values) == odd


class TestText:
  def test_markdown(self, make):
    runs = [make("a|b", l1=0.2), make("c", l1=0.1, changes={"seed": 1})]
    table = figure_table(runs, group_seeds=True)
    text = markdown("a and c", runs, table, sentences=["Mind."], problems=[("x", "bad <it>")])
    assert "| c | **0.1000** | **19.00** |" in text
    assert "| a\\|b | 0.2000 | 18.00 |" in text
    assert "| 0.1500 ± 0.0707 |" in text and "n − 1" in text
    assert "| `seed` | 0 | 1 |" in text
    assert "Mind." in text and "**x**: bad \\<it>" in text
    assert all(line.count(" | ") == 2 for line in text.splitlines() if line.startswith("| c"))

  def test_csv_has_full_precision(self, make):
    third = 1 / 3
    runs = [make("a,b", l1=third), make("c", l1=0.1, changes={"seed": 1})]
    text = comma_separated(runs, figure_table(runs, group_seeds=True))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["run"] for row in rows] == ["a,b", "c", "a,b + c, 2 seeds", "copied source"]
    assert float(rows[0]["l1"]) == third and rows[0]["path"].endswith("a,b")
    assert float(rows[2]["l1/spread"]) == pytest.approx(statistics.stdev([third, 0.1]))
    assert (rows[2]["kind"], rows[2]["seeds"], rows[3]["seeds"]) == ("mean", "2", "")

  def test_a_spread_of_a_run_has_a_column(self, make):
    runs = [make("a", figures=[figure(spread=0.25)])]
    header, first, *_ = comma_separated(runs, figure_table(runs)).splitlines()
    assert "fd_vgg16,fd_vgg16/spread,protocol." in header and ",1.0,0.25," in first


def test_a_copied_run_is_compared_with_itself(make, tmp_path):
  run = make("a")
  shutil.copytree(run.path, tmp_path / "z")
  table = figure_table([run, read_run(tmp_path / "z", name="z")])
  assert _best(table, 0) == []  # To be no worse than all others is no distinction.


class TestHowFiguresWereMade:
  def test_unpaired_runs_on_other_pictures_are_flagged(self, make):
    """Names and numbers are the same; what the sources show is not."""
    entries = {"scored": False, "metrics": {"eval/kd_vgg16": 1.0}}
    sources = [{"sources": {"ab": {"mean": m, "deviation": 0.5}}} for m in (0.1, 0.1002, 0.3)]
    one, other, third = (
      make(name, protocol=own, **entries) for name, own in zip("abc", sources, strict=True)
    )
    assert protocol_sentences([one, other]) == []
    (sentence,) = protocol_sentences([one, third])
    assert "what the test pictures show differs" in sentence
    assert headings(figure_table([one, third])) == ["KD (VGG16) ↓ ≠"]

  def test_markdown_says_how_figures_were_made(self, make):
    spread = {"spread": "standard error over pictures"}
    runs = [
      make("a", figures=[figure(spread=0.25, settings=spread)]),
      make("b", figures=[figure(value=2.0, seed=7, spread=0.5, settings=spread)]),
      make("c"),
    ]
    table = figure_table(runs)
    text = markdown("t", runs, table, sentences=[], problems=[])
    assert "## How the figures were measured" in text
    for line in ("| `split` | test | test | test |", "| `size` | 8 | 8 | 8 |"):
      assert line in text, line
    assert f"| `checkpoint` | {runs[0].path}/best/4 | {runs[1].path}/best/4 |" in text
    assert (
      "* **FD (VGG16) ↓** of b: images.real 4, images.fake 4, features vgg16, resize none, seed 7, "
      "weights abc, settings.spread standard error over pictures" in text
    )
    assert "± of FD (VGG16): standard error over pictures." in text
    assert "1.00 ± 0.25" in text and "2.00 ± 0.50" in text

  def test_figures_made_alike_are_described_once(self, make):
    runs = [make(name, figures=[figure()]) for name in "ab"]
    text = markdown("t", runs, figure_table(runs), sentences=[], problems=[])
    assert text.count("features vgg16") == 1

  def test_csv_says_how_figures_were_made(self, make):
    runs = [
      make("s-0", figures=[figure()]),
      make("s-1", figures=[figure(seed=3)], changes={"seed": 1}),
    ]
    text = comma_separated(runs, figure_table(runs, group_seeds=True))
    first, second, mean, level = csv.DictReader(io.StringIO(text))
    assert first["protocol.images.ab"] == "4" and first["protocol.resize"] == "square"
    assert first["protocol.checkpoint"].endswith("s-0/best/4")
    assert first["fd_vgg16/protocol"].startswith("images.real 4, images.fake 4, features vgg16")
    assert "seed 3" in second["fd_vgg16/protocol"]
    # Lines of several runs say what these have in common; the copied source was made by none.
    assert mean["protocol.split"] == "test" and mean["protocol.checkpoint"] == ""
    assert mean["fd_vgg16/protocol"] == "" and level["protocol.split"] == ""

  def test_footnotes_name_figures_and_directions_in_full(self, make):
    spread = {"settings": {"spread": "standard error"}}
    entries = [figure(spread=0.1, direction=d, **spread) for d in ("ab", "ba")]
    run = make("a", directions=("ab", "ba"), figures=entries)
    assert footnotes(figure_table([run])) == [
      "± of FD (VGG16), A → B; FD (VGG16), B → A: standard error."
    ]

  def test_no_footnote_explains_a_spread_that_no_cell_has(self, make):
    """One subset of all pictures has none; nor has a mean of figures that are not numbers."""
    settings = {"settings": {"spread": "standard deviation over subsets"}}
    runs = [
      make("s-0", l1=math.nan, figures=[figure(**settings)]),
      make("s-1", l1=math.nan, figures=[figure(seed=3, **settings)], changes={"seed": 1}),
    ]
    table = figure_table(runs, group_seeds=True)
    assert any(row.kind == "mean" for row in table.rows)
    assert footnotes(table) == []
    some = [runs[0], make("t", figures=[figure(spread=0.1, **settings)])]
    assert footnotes(figure_table(some)) == ["± of FD (VGG16): standard deviation over subsets."]
