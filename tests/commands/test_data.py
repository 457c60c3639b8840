import argparse

import numpy as np
import pytest

from imtrans.commands import data
from imtrans.data import ImageError, open_dataset, read_image, write_image


def run(*words):
  parser = argparse.ArgumentParser()
  data.add_arguments(parser)
  data.run(parser.parse_args([str(word) for word in words]))


def fill(folder, names, shape=(16, 24, 3), dtype="uint8", extension=".png"):
  folder.mkdir(parents=True, exist_ok=True)
  for i, name in enumerate(names):
    write_image(folder / f"{name}{extension}", np.full(shape, 40 + i, dtype))


def test_inspect_shows_everything_and_names_the_unreadable(tmp_path, capsys):
  fill(tmp_path / "in" / "trainA", "abc")
  fill(tmp_path / "in" / "trainB", "ab", shape=(8, 8, 5), dtype="uint16", extension=".tif")
  fill(tmp_path / "in" / "testA", "x", shape=(9, 9, 1))
  fill(tmp_path / "in" / "testB", "y")
  (tmp_path / "in" / "trainA" / "bad.jpg").write_bytes(b"")
  run("inspect", tmp_path / "in", "--sheet", tmp_path / "sheet.png")
  text = capsys.readouterr().out
  for words in (
    "layout: unaligned",
    "trainA: 4 pictures",
    "3 x uint8 (3)",
    "24 x 16 (3)",
    "values  40 to 42",
    "5 x uint16 (2)",
    "1 x uint8 (1)",
    "bad.jpg cannot be read as an image: it is empty (0 bytes)",
    "2 in " + str(tmp_path / "in" / "trainA") + " have no partner",
    "(bad, c)",
    "no name in",
  ):
    assert words in text, words
  sheet = read_image(tmp_path / "sheet.png")
  assert sheet.shape == (4 * 128, 8 * 128, 3)
  assert (sheet[0, 0] == 40).all() and (sheet[0, 128] == 41).all() and (sheet[-1, -1] == 255).all()


def test_inspect_side_by_side_single_and_held_out(tmp_path, capsys):
  fill(tmp_path / "in" / "train", "ab")
  run("inspect", tmp_path / "in", "--sheet", tmp_path / "sheet.png")
  text = capsys.readouterr().out
  assert "layout: side_by_side" in text and "a tenth of the pictures is held out" in text
  run("inspect", tmp_path / "in" / "train", "--sheet", tmp_path / "sheet.png")
  assert "layout: single" in capsys.readouterr().out


def test_inspect_fails_only_if_nothing_can_be_read(tmp_path):
  with pytest.raises(ValueError, match="does not exist"):
    run("inspect", tmp_path / "nowhere")
  (tmp_path / "bad.png").write_text("text")
  with pytest.raises(ImageError, match=r"none of the pictures .* can be read, for one: .*bad\.png"):
    run("inspect", tmp_path)


def test_prepare_writes_what_training_reads(tmp_path, capsys):
  fill(tmp_path / "in", [f"{i:02d}" for i in range(10)], shape=(16, 32, 3))
  run(
    *("prepare", "--path", tmp_path / "in", "--output", tmp_path / "out"),
    *("--load-size", 14, "--crop-size", 12, "--option", "layout=side_by_side"),
    *("--option", "holdout=0.2"),
  )
  assert 'data.source="arrays"' in capsys.readouterr().out
  train = open_dataset("arrays", split="train", paired=True, path=str(tmp_path / "out"))
  assert len(train.a) == 8 and train.b[0].shape == (14, 14, 3)
  run("inspect", tmp_path / "out", "--sheet", tmp_path / "sheet.png")
  text = capsys.readouterr().out
  assert "layout: prepared" in text and "test b: 2 pictures" in text and "12 x 12 (2)" in text


def test_prepare_refuses_bad_options(tmp_path):
  fill(tmp_path / "in" / "A", "ab")
  fill(tmp_path / "in" / "B", "ab")
  output = ("--path", tmp_path / "in", "--output", tmp_path / "out")
  with pytest.raises(ValueError, match="--option must be NAME=VALUE"):
    run("prepare", *output, "--option", "layout")
  with pytest.raises(ValueError, match="no option colour"):
    run("prepare", *output, "--option", "colour=red")
  with pytest.raises(ValueError, match="resize must be one of"):
    run("prepare", *output, "--resize", "stretch")
  assert not (tmp_path / "out").exists()


def test_the_module_is_light():
  import subprocess
  import sys

  program = (
    "import sys, argparse; from imtrans.commands import data; "
    "data.add_arguments(argparse.ArgumentParser()); print('numpy' in sys.modules)"
  )
  done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
  assert done.stdout == "False\n"
