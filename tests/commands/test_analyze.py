import csv

import pytest
from PIL import Image

from imtrans.analyses import ANALYSES, find_analysis
from imtrans.commands.main import main


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main(["analyze", *map(str, arguments)])
  return exit_info.value.code


def test_writes_a_picture_a_table_and_a_paragraph(tmp_path, capsys):
  assert _run("soft_threshold", "--output", tmp_path / "out") == 0
  with Image.open(tmp_path / "out" / "soft_threshold.png") as picture:
    assert picture.width > 400
  with (tmp_path / "out" / "soft_threshold.csv").open() as file:
    rows = list(csv.DictReader(file))
  assert rows and all(float(row["closed_form"]) >= 0.0 for row in rows)
  said = capsys.readouterr().out
  text = (tmp_path / "out" / "soft_threshold.txt").read_text()
  assert " ".join(text.split()) in " ".join(said.split())


def test_an_unknown_name_is_one_sentence(tmp_path, capsys):
  assert _run("soft_treshold", "--output", tmp_path) == 2
  error = capsys.readouterr().err
  assert error.startswith("imtrans: unknown analysis 'soft_treshold': choose among")


def test_a_missing_run_is_one_sentence(tmp_path, capsys):
  assert _run("soft_threshold", "--workdir", tmp_path / "nothing") == 2
  assert capsys.readouterr().err.count("\n") == 1


def test_every_analysis_has_a_page_of_its_own():
  for name in ANALYSES:
    assert callable(find_analysis(name).on_paper)
