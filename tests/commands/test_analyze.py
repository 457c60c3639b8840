import csv
import os

import pytest
from PIL import Image

from imtrans.analyses import ANALYSES
from imtrans.commands.main import main
from tests.analyses.conftest import SMALLER, train_tiny


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main(["analyze", *map(str, arguments)])
  return exit_info.value.code


def _only(monkeypatch, *names):
  """Lets there be no other analyses, of which all are made where none is named."""
  chosen = {name: ANALYSES[name] for name in names}
  monkeypatch.setattr("imtrans.commands.analyze.ANALYSES", chosen)


@pytest.fixture(scope="module")
def pix2pix(pictures, tmp_path_factory):
  """The folder of a run, of the program that the tests of the analyses compile too."""
  workdir = tmp_path_factory.mktemp("analysed") / "pix2pix"
  train_tiny("pix2pix_facades", workdir, pictures, SMALLER["pix2pix"], "data.direction=ab")
  return workdir


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


def test_a_run_is_analysed_beside_itself_but_for_what_is_not_for_it(pix2pix, monkeypatch, capsys):
  _only(monkeypatch, "cycles", "hidden_messages", "soft_threshold")
  assert _run("--workdir", pix2pix) == 0
  folder = pix2pix / "analysis"
  kinds = ("csv", "png", "txt")
  assert sorted(path.name for path in folder.iterdir()) == [f"soft_threshold.{k}" for k in kinds]
  with (folder / "soft_threshold.csv").open() as file:
    assert len(list(csv.DictReader(file))) == 4 * 3  # Test pictures, channels.
  said = " ".join(capsys.readouterr().out.split())
  assert "hidden_messages: not for this run: it needs a generator from b to a" in said
  assert "cycles" not in said  # It has nothing to show of any run.
  assert " ".join((folder / "soft_threshold.txt").read_text().split()) in said


@pytest.mark.parametrize(
  ("name", "sentence"),
  [
    ("hidden_messages", "hidden_messages: it needs a generator from b to a, and the run (pix2pix)"),
    ("cycles", "cycles: there is nothing to see of it in a run; leave out --workdir, or choose"),
  ],
)
def test_what_is_named_and_not_for_the_run_is_one_sentence(
  name, sentence, pix2pix, tmp_path, capsys
):
  assert _run(name, "--workdir", pix2pix, "--output", tmp_path / "out") == 2
  error = capsys.readouterr().err
  assert error.startswith(f"imtrans: {sentence}") and error.count("\n") == 1
  assert not (tmp_path / "out").exists()


def test_a_run_of_another_method_is_told_what_is_not_for_it(
  pictures, tmp_path, monkeypatch, capsys
):
  workdir = tmp_path / "cut"
  small = ("generator.num_blocks=0", "generator.antialiased=False", "discriminator.num_layers=0")
  train_tiny("cut_horse2zebra", workdir, pictures, *small, "method.layers=('image', 'down_1')")
  refused = ("spectral_norm", "patches", "hidden_messages", "optimal_discriminator")
  _only(monkeypatch, *refused, "soft_threshold")
  assert _run("--workdir", workdir) == 0
  said = capsys.readouterr()
  for name in refused:
    assert f"{name}: not for this run: it needs" in said.out
  assert said.out.count("the run is of cut") == 3 and "the run (cut) has none" in said.out
  assert "soft_threshold: Over 4 test pictures" in said.out and "Traceback" not in said.err
  assert _run("patches", "--workdir", workdir) == 2
  assert capsys.readouterr().err.count("\n") == 1


def test_an_unknown_name_is_one_sentence(tmp_path, capsys):
  assert _run("soft_treshold", "--output", tmp_path) == 2
  error = capsys.readouterr().err
  assert error.startswith("imtrans: unknown analysis 'soft_treshold': choose among")


def test_a_missing_run_is_one_sentence(tmp_path, capsys):
  assert _run("soft_threshold", "--workdir", tmp_path / "nothing") == 2
  assert capsys.readouterr().err.count("\n") == 1


def test_a_file_is_no_folder(tmp_path, capsys):
  file = tmp_path / "notes.txt"
  file.write_text("mine")
  for output in (file, file / "within"):
    assert _run("soft_threshold", "--output", output) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"imtrans: {output} is a file, or inside one") and "--output" in error
  assert _run("soft_threshold", "--workdir", file) == 2
  assert "name the folder of a run as --workdir" in capsys.readouterr().err
  assert file.read_text() == "mine"


def test_a_checkpoint_without_a_run_is_one_sentence(tmp_path, capsys):
  assert _run("soft_threshold", "--checkpoint", "best", "--output", tmp_path / "out") == 2
  error = capsys.readouterr().err
  assert error.startswith("imtrans: --checkpoint is of a run") and error.count("\n") == 1
  assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_computed(
  tmp_path, monkeypatch, capsys
):
  monkeypatch.setattr(os, "access", lambda path, *_, **__: path != tmp_path)  # As who is not root.
  assert _run("soft_threshold", "--output", tmp_path / "a" / "b") == 2
  said = capsys.readouterr()
  assert said.err.startswith(f"imtrans: {tmp_path / 'a' / 'b'} cannot be written") and not said.out


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path, monkeypatch, capsys):
  def refuse(*_):
    raise OSError(30, "Read-only file system")

  monkeypatch.setattr("imtrans.analyses.finding.write_finding", refuse)
  assert _run("soft_threshold", "--output", tmp_path / "a") == 2
  error = capsys.readouterr().err
  assert "cannot be written (Read-only file system): name another" in error
  assert error.count("\n") == 1
