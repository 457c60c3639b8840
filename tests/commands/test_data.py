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


def test_inspect_shows_everything_names_the_unreadable_and_fails(tmp_path, capsys):
  fill(tmp_path / "in" / "trainA", "abc")
  fill(tmp_path / "in" / "trainB", "ab", shape=(8, 8, 5), dtype="uint16", extension=".tif")
  fill(tmp_path / "in" / "testA", "x", shape=(9, 9, 1))
  fill(tmp_path / "in" / "testB", "y")
  (tmp_path / "in" / "trainA" / "bad.jpg").write_bytes(b"")
  with pytest.raises(ValueError, match=r"^1 of the 4 pictures of .*trainA cannot be used; the rep"):
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


def test_inspect_shows_nothing_where_nothing_can_be_read(tmp_path):
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


def test_inspect_shows_the_pairs_of_a_task(tmp_path, capsys):
  fill(tmp_path / "in", [f"{i}" for i in range(10)])
  sheet = ("--sheet", tmp_path / "sheet.png", "--crop-size", "32")
  run("inspect", tmp_path / "in", "--task", "inpainting", "--option", "hole=box", *sheet)
  text = capsys.readouterr().out
  for words in ("pairs of the task inpainting", "train a: 9 pictures", "test b: 1", "32 x 32 (9)"):
    assert words in text, words
  pixels = read_image(tmp_path / "sheet.png")
  assert pixels.shape == (4 * 128, 8 * 128, 3)
  assert (pixels[:32, :32] == 128).any() and not (pixels[128:160, :32] == 128).any()
  with pytest.raises(ValueError, match="--option hole is one of a task: name it with --task"):
    run("inspect", tmp_path / "in", "--option", "hole=box")
  with pytest.raises(ValueError, match=r"data\.task must be one of"):
    run("inspect", tmp_path / "in", "--task", "blur")
  with pytest.raises(ValueError, match=r"^crop_size must be at least 1 pixel, got 0\.$"):
    run("inspect", tmp_path / "in", "--task", "denoise", "--crop-size", "0")


def test_inspect_shows_tasks_on_prepared_pictures(tmp_path, capsys):
  for side in "AB":
    fill(tmp_path / "in" / side, [f"{i}" for i in range(10)])
  run("prepare", "--path", tmp_path / "in", "--output", tmp_path / "out", "--load-size", "256")
  run("inspect", tmp_path / "out", "--task", "denoise", "--sheet", tmp_path / "sheet.png")
  assert "train a: 9 pictures" in capsys.readouterr().out


def test_degrade_writes_the_same_pictures_each_time(tmp_path, capsys):
  fill(tmp_path / "in", "ab", extension=".jpg")
  for output in ("one", "two"):
    run("degrade", tmp_path / "in", tmp_path / output, "--task", "denoise", "--option", "sigma=0.2")
  assert "wrote 2 pictures" in capsys.readouterr().out
  first, second = (read_image(tmp_path / "one" / f"{name}.png") for name in "ab")
  np.testing.assert_array_equal(first, read_image(tmp_path / "two" / "a.png"))
  assert first.shape == (16, 24, 3) and first.std() > 20 and (first != second).any()
  run("degrade", tmp_path / "in", tmp_path / "turned", "--task", "recolor", "--side", "target")
  run("degrade", tmp_path / "in", tmp_path / "masked", "--task", "inpainting",
      "--option", "mask_channel=True")  # fmt: skip
  assert read_image(tmp_path / "masked" / "a.tif").shape == (16, 24, 4)


def test_degrade_refuses_what_would_go_wrong(tmp_path):
  fill(tmp_path / "in", "a")
  (tmp_path / "file").write_text("")
  for words, message in (
    ((tmp_path / "no", tmp_path / "out", "--task", "denoise"), "no is no folder"),
    ((tmp_path / "in", tmp_path / "in", "--task", "denoise"), "is an input and would be overwrit"),
    ((tmp_path / "in", tmp_path / "file", "--task", "denoise"), "is a file: name a folder"),
    ((tmp_path / "in", tmp_path / "out", "--task", "labels"), "the task must be one of grayscale"),
    ((tmp_path / "in", tmp_path / "out", "--task", "jpeg", "--option", "x=1"), "has no option x"),
  ):
    with pytest.raises(ValueError, match=message):
      run("degrade", *words)
  assert not (tmp_path / "out").exists()


def test_colorize_joins_lightness_and_colours(tmp_path):
  rgb = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
  (tmp_path / "in").mkdir()
  write_image(tmp_path / "in" / "x.png", rgb)
  for side in ("source", "target"):
    run("degrade", tmp_path / "in", tmp_path / side, "--task", "grayscale", "--side", side,
        "--option", "target=lab")  # fmt: skip
  run("colorize", tmp_path / "source", tmp_path / "target", tmp_path / "out")
  joined = read_image(tmp_path / "out" / "x.png").astype(int)
  assert np.abs(joined - rgb).max() <= 4  # The grey has 8 bits.
  with pytest.raises(
    ValueError, match=r"must be a grey picture and two float channels of one size"
  ):
    run("colorize", tmp_path / "in", tmp_path / "target", tmp_path / "out")
  fill(tmp_path / "other", "y", shape=(12, 10, 1))
  with pytest.raises(
    ValueError, match=r"x\.tif has no grey picture of its name in .*other: add it"
  ):
    run("colorize", tmp_path / "other", tmp_path / "target", tmp_path / "out")


def test_colorize_leaves_out_what_it_cannot_use_and_names_it(tmp_path):
  for name in ("x", "y"):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    (tmp_path / "in").mkdir(exist_ok=True)
    write_image(tmp_path / "in" / f"{name}.png", rgb)
  for side in ("source", "target"):
    run("degrade", tmp_path / "in", tmp_path / side, "--task", "grayscale", "--side", side,
        "--option", "target=lab")  # fmt: skip
  (tmp_path / "source" / "x.png").write_bytes(b"not a picture")
  with pytest.raises(ValueError, match=r"1 picture\(s\) could not be used: .*x\.png"):
    run("colorize", tmp_path / "source", tmp_path / "target", tmp_path / "out")
  assert [file.name for file in (tmp_path / "out").iterdir()] == ["y.png"]


def test_many_problems_are_listed_a_line_each_the_first_ten(tmp_path):
  fill(tmp_path / "grey", "a", shape=(12, 10, 1))
  names = [f"x{i:02d}" for i in range(12)]
  fill(tmp_path / "colours", names, shape=(12, 10, 2), dtype="float32", extension=".tif")
  with pytest.raises(ValueError) as caught:
    run("colorize", tmp_path / "grey", tmp_path / "colours", tmp_path / "out")
  first, *lines, last = str(caught.value).split("\n")
  assert first == "12 picture(s) could not be used:" and last == "  and 2 more."
  assert len(lines) == 10
  for name, line in zip(names, lines, strict=False):
    assert line.startswith(f"  {tmp_path / 'colours' / name}.tif has no grey picture")


def test_pictures_that_cannot_be_degraded_are_listed_a_line_each(tmp_path):
  fill(tmp_path / "in", "abc")
  for name in "ab":
    path = tmp_path / "in" / f"{name}.png"
    path.write_bytes(path.read_bytes()[:40])
  with pytest.raises(
    ValueError, match=r"^2 picture\(s\) could not be used:\n  .*a\.png.*\n  .*b\.p"
  ):
    run("degrade", tmp_path / "in", tmp_path / "out", "--task", "denoise")
  assert [file.name for file in (tmp_path / "out").iterdir()] == ["c.png"]


def test_the_module_is_light():
  import subprocess
  import sys

  program = (
    "import sys, argparse; from imtrans.commands import data; "
    "data.add_arguments(argparse.ArgumentParser()); print('numpy' in sys.modules)"
  )
  done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
  assert done.stdout == "False\n"


def test_inspect_ends_with_an_error_where_a_palette_is_wrong(tmp_path, capsys):
  fill(tmp_path / "in" / "A", "abcd")
  fill(tmp_path / "in" / "B", "abcd")
  labels = ("inspect", tmp_path / "in", "--task", "labels", "--sheet", tmp_path / "sheet.png")
  palette = "--option", "palette=#282828 #292929 #2a2a2a #2b2b2b"
  run(*labels, *palette)  # The grey values 40 to 43.
  capsys.readouterr()
  with pytest.raises(ValueError, match="1 of the 3 pictures of train b cannot be used"):
    run(*labels, "--option", "palette=#292929 #2a2a2a #2b2b2b")
  shown = capsys.readouterr().out
  assert "has the colour (40, 40, 40)" in shown and (tmp_path / "sheet.png").exists()


def test_inspect_ends_with_an_error_where_all_of_a_folder_is_broken(tmp_path):
  fill(tmp_path / "in" / "A", "ab")
  (tmp_path / "in" / "B").mkdir()
  for name in "ab":
    (tmp_path / "in" / "B" / f"{name}.png").write_text("text")
  with pytest.raises(ValueError, match=r"2 of the 2 pictures of .*B cannot be used"):
    run("inspect", tmp_path / "in", "--sheet", tmp_path / "sheet.png")


def test_subfolders_are_named_and_left_out_as_in_training(tmp_path, capsys):
  fill(tmp_path / "in", "ab")
  fill(tmp_path / "in" / "old" / "deeper", "c")
  (tmp_path / "in" / "notes").mkdir()
  run("inspect", tmp_path / "in", "--sheet", tmp_path / "sheet.png")
  text = capsys.readouterr().out
  assert "in: 2 pictures" in text and "subfolders of" in text and "(old) are left out" in text
  run("degrade", tmp_path / "in", tmp_path / "out", "--task", "denoise")
  captured = capsys.readouterr()
  assert "wrote 2 pictures" in captured.out and "(old) are left out" in captured.err
  (tmp_path / "in" / "a.png").unlink()
  (tmp_path / "in" / "b.png").unlink()
  with pytest.raises(ValueError, match=r"subfolders alone: name one of them, such as .*old"):
    run("degrade", tmp_path / "in", tmp_path / "out", "--task", "denoise")


def test_a_mask_of_another_size_is_told_the_size_it_needs(tmp_path):
  fill(tmp_path / "in", "ab")
  fill(tmp_path / "masks", "m", shape=(20, 30, 1))
  masks = ("--task", "inpainting", "--option", "hole=folder", "--option",
           f"masks={tmp_path / 'masks'}")  # fmt: skip
  with pytest.raises(ValueError, match="is 30 x 20 pixels, the picture is 24 x 16: resize the"):
    run("degrade", tmp_path / "in", tmp_path / "out", *masks)


def test_a_damaged_tiff_is_named_once(tmp_path, capfd):
  fill(tmp_path / "in", "ab", extension=".tif")
  whole = (tmp_path / "in" / "a.tif").read_bytes()
  (tmp_path / "in" / "bad.tif").write_bytes(whole[: len(whole) // 2])
  with pytest.raises(ValueError, match="1 of the 3 pictures"):
    run("inspect", tmp_path / "in", "--sheet", tmp_path / "sheet.png")
  captured = capfd.readouterr()
  assert "bad.tif cannot be read" in captured.out and captured.err == ""
