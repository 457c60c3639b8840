"""`imtrans report` from its arguments to its files."""

import argparse
import csv

import pytest

from imtrans.commands import main, report
from tests.evaluated_runs import figure, write_evaluated


@pytest.fixture
def runs(tmp_path):
  """Folders of three runs, two of which differ in their seed alone."""
  write_evaluated(tmp_path / "p-0", l1=0.2)
  write_evaluated(tmp_path / "p-1", l1=0.1, changes={"seed": 1})
  write_evaluated(tmp_path / "q", l1=0.3, changes={"optimizer.b1": 0.9}, figures=[figure()])
  return [tmp_path / name for name in ("p-0", "p-1", "q")]


def _run(*arguments):
  parser = argparse.ArgumentParser()
  report.add_arguments(parser)
  report.run(parser.parse_args([str(argument) for argument in arguments]))


def test_files_and_table(runs, tmp_path, capsys):
  _run(*runs, "--output", tmp_path / "out", "--group-seeds")
  assert {p.name for p in (tmp_path / "out").iterdir()} == {
    *("report.html", "report.md", "report.csv")
  }
  said = capsys.readouterr().out
  assert "p, 2 seeds" in said and "copied source" in said and "± 0.0707" in said
  assert str(tmp_path / "out" / "report.html") in said
  with (tmp_path / "out" / "report.csv").open() as file:
    assert [row["run"] for row in csv.DictReader(file)] == [
      *("p-0", "p-1", "q", "p, 2 seeds", "copied source")
    ]
  _run(*runs, "--output", tmp_path / "out")  # Its own files may be written again.


def test_remarks_of_an_evaluation_are_passed_on(runs, tmp_path, capsys):
  write_evaluated(tmp_path / "r", metrics={"remarks": ["mind the gap.", "and the step."]})
  _run(tmp_path / "r", "--output", tmp_path / "out")
  assert "r: mind the gap. and the step." in capsys.readouterr().out
  assert "mind the gap. and the step." in (tmp_path / "out" / "report.html").read_text()


def test_the_report_is_written_here_by_default(runs, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  _run("mine=q")
  assert "| mine |" in (tmp_path / "report" / "report.md").read_text()


def test_the_good_runs_are_reported_and_the_bad_ones_listed(runs, tmp_path, capsys):
  (runs[1] / "metrics.json").unlink()
  with pytest.raises(ValueError, match=r"1 of 3 runs \(p-1\)"):
    _run(*runs, "--output", tmp_path / "out")
  assert "imtrans evaluate --workdir" in capsys.readouterr().err
  page = (tmp_path / "out" / "report.html").read_text()
  assert "has not been evaluated yet" in page and ">q<" in page


def test_nothing_is_written_where_no_run_can_be_read(tmp_path):
  with pytest.raises(ValueError, match="holds no run"):
    _run(tmp_path / "nowhere", "--output", tmp_path / "out")
  assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["report.html", "report.md", "report.csv"])
def test_foreign_files_are_left_alone(runs, tmp_path, name):
  (tmp_path / "out").mkdir()
  (tmp_path / "out" / name).write_text("mine")
  with pytest.raises(ValueError, match="choose another --output"):
    _run(*runs, "--output", tmp_path / "out")
  assert (tmp_path / "out" / name).read_text() == "mine"


def test_an_output_that_cannot_be_a_folder(runs, tmp_path):
  (tmp_path / "file").write_text("")
  with pytest.raises(ValueError, match="cannot be made"):
    _run(runs[0], "--output", tmp_path / "file" / "out")


def test_arguments_that_do_not_fit(runs):
  with pytest.raises(ValueError, match="--pictures"):
    _run(runs[0], "--pictures", -1)
  with pytest.raises(ValueError, match="named twice"):
    _run(runs[0], runs[0])


def test_exit_codes(runs, tmp_path, capsys):
  for folder, code in ((runs[0], 0), (tmp_path / "nowhere", 2)):
    with pytest.raises(SystemExit) as ended:
      main.main(["report", str(folder), "--output", str(tmp_path / "out")])
    assert ended.value.code == code
  assert capsys.readouterr().err.count("\n") == 1
