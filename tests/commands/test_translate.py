"""`imtrans translate`: which file becomes which, and what happens to bad ones."""

import argparse
import functools
import threading

import numpy as np
import pytest
from PIL import Image

from imtrans.commands import translate
from imtrans.data import ImageSpec, read_image, write_image
from imtrans.evaluation.translation.translator import Translator
from imtrans.methods import Method
from imtrans.training.config import default_config
from imtrans.training.run import Run

TRACES = []  # The shapes for which jax traced `_halve`.


def _halve(generator_params, extras, source, key, *, direction, mode):
  TRACES.append(source.shape)
  gain = generator_params["gain"] if direction == "ab" else 1.0
  return gain * (source + 1.0) - 1.0


@pytest.fixture
def model(monkeypatch):
  """Replaces the loaded run by one that halves brightness; returns a function to set its specs."""

  def use(spec):
    config = default_config()
    config.method.name = "cyclegan"
    config.generator.name = "resnet"
    config.eval_batch_size = 3
    run = Run(
      config=config.lock(),
      method=Method(None, None, None, None, functools.partial(_halve)),  # Compiled anew.
      generator_params={"gain": np.float32(0.5)},
      extras={},
      step=1,
      checkpoint="best/1",
      specs={"a": spec, "b": spec},
      size_multiple=4,
    )
    monkeypatch.setattr(
      "imtrans.evaluation.translation.translator.load",
      lambda workdir, checkpoint, refinements: Translator(run),
    )

  use(ImageSpec(3, "uint8", 0.0, 255.0))
  return use


def _run(*arguments):
  parser = argparse.ArgumentParser()
  translate.add_arguments(parser)
  translate.run(parser.parse_args(["--workdir", "w", *(str(a) for a in arguments)]))


def _picture(path, shape=(9, 6, 3), value=200):
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(np.full(shape, value, np.uint8)).save(path)


def test_one_picture(model, tmp_path, capsys):
  _picture(tmp_path / "in.png", shape=(257, 301, 3))
  _run("--input", tmp_path / "in.png", "--output", tmp_path / "new" / "out.png")
  result = read_image(tmp_path / "new" / "out.png")
  assert result.shape == (257, 301, 3)
  assert (result == 100).all()
  assert "out.png" in capsys.readouterr().out


def test_one_picture_into_a_folder_and_the_other_direction(model, tmp_path):
  _picture(tmp_path / "in.png")
  (tmp_path / "out").mkdir()
  _run("--input", tmp_path / "in.png", "--output", tmp_path / "out", "--direction", "ba")
  assert (read_image(tmp_path / "out" / "in.png") == 200).all()


def test_a_folder_keeps_its_names(model, tmp_path):
  for name in ("a.png", "b.JPG", "deep/c.webp"):
    _picture(tmp_path / "in" / name)
  (tmp_path / "in" / "notes.txt").write_text("not a picture")
  _run("--input", tmp_path / "in", "--output", tmp_path / "out")
  written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.*")}
  assert written == {"a.png", "b.JPG", "deep/c.webp"}


def test_bad_pictures_are_named_and_the_others_done(model, tmp_path, capsys):
  folder = tmp_path / "in"
  _picture(folder / "a.png")
  (folder / "b.png").write_bytes(b"")
  (folder / "c.jpg").write_bytes(b"\xff\xd8\xff broken")
  write_image(folder / "d.tif", np.zeros((4, 4, 5), np.uint8))
  _picture(folder / "e.png")
  with pytest.raises(ValueError, match=r"3 of 5 pictures .*:\n.*b\.png\n.*c\.jpg\n.*d\.tif$"):
    _run("--input", folder, "--output", tmp_path / "out")
  assert {p.name for p in (tmp_path / "out").iterdir()} == {"a.png", "e.png"}
  output = capsys.readouterr()
  assert output.err.count("imtrans: ") == 3
  assert "wrote 2 of 5 pictures" in output.out


def test_five_channels_of_16_bits_come_out_as_such(model, tmp_path):
  model(ImageSpec(5, "uint16", 0.0, 65535.0))
  picture = np.random.default_rng(0).integers(0, 65536, (10, 7, 5)).astype(np.uint16)
  write_image(tmp_path / "in.tif", picture)
  _run("--input", tmp_path / "in.tif", "--output", tmp_path / "out.tif")
  result = read_image(tmp_path / "out.tif")
  assert result.dtype == np.uint16
  np.testing.assert_allclose(result, picture / 2, atol=0.51)


def test_a_name_that_cannot_hold_the_output_gets_another_extension(tmp_path):
  spec = ImageSpec(5, "uint16", 0.0, 65535.0)
  jobs = [(tmp_path / "x.png", tmp_path / "o" / "x.png"), (tmp_path / "y.tif", tmp_path / "y2.tif")]
  changed = translate.with_suitable_suffixes(jobs, spec)
  assert [to.name for _, to in changed] == ["x.tif", "y2.tif"]
  clash = [(tmp_path / f"x{s}", tmp_path / "o" / f"x{s}") for s in (".png", ".jpg")]
  with pytest.raises(ValueError, match=r"would both become .*x\.tif"):
    translate.with_suitable_suffixes(clash, spec)


def test_inputs_are_never_overwritten(model, tmp_path):
  _picture(tmp_path / "in" / "a.png")
  before = (tmp_path / "in" / "a.png").read_bytes()
  for source, target in (("in", "in"), ("in/a.png", "in/a.png"), ("in/a.png", "in")):
    with pytest.raises(ValueError, match="would be overwritten"):
      _run("--input", tmp_path / source, "--output", tmp_path / target)
  (tmp_path / "link").symlink_to(tmp_path / "in")
  with pytest.raises(ValueError, match="would be overwritten"):
    _run("--input", tmp_path / "in", "--output", tmp_path / "link")
  assert (tmp_path / "in" / "a.png").read_bytes() == before


def test_an_output_folder_below_the_input_is_no_input_later(model, tmp_path):
  _picture(tmp_path / "a.png")
  for _ in range(2):
    _run("--input", tmp_path, "--output", tmp_path / "out")
  assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.png")) == [
    "a.png",
    "out/a.png",
  ]


@pytest.mark.parametrize(
  "source,target,message",
  [
    ("absent.png", "o.png", "absent.png does not exist"),
    ("empty", "o", "holds no picture"),
    ("in", "file.png", "is a file, but .* is a folder"),
    ("in/a.png", "o.gif", "must end in one of"),
  ],
)
def test_what_is_refused_before_the_model_is_loaded(tmp_path, source, target, message):
  (tmp_path / "empty").mkdir()
  _picture(tmp_path / "in" / "a.png")
  _picture(tmp_path / "file.png")
  with pytest.raises(ValueError, match=message):
    _run("--input", tmp_path / source, "--output", tmp_path / target)


def test_a_single_bad_picture_is_one_sentence(model, tmp_path):
  write_image(tmp_path / "d.tif", np.zeros((4, 4, 5), np.uint8))
  with pytest.raises(ValueError, match=r"d\.tif: the run was trained on pictures of 3 channel"):
    _run("--input", tmp_path / "d.tif", "--output", tmp_path / "o.png")


def test_a_folder_is_compiled_once_per_shape_and_equals_one_by_one(model, tmp_path):
  random = np.random.default_rng(0)
  (tmp_path / "in").mkdir()
  sizes = [(9, 6), (12, 8), (16, 20), (10, 5), (9, 8), (15, 18), (11, 7), (12, 6), (4, 4)]
  for index, size in enumerate(sizes):
    write_image(tmp_path / "in" / f"{index}.png", random.integers(0, 256, (*size, 3), np.uint8))
  TRACES.clear()
  _run("--input", tmp_path / "in", "--output", tmp_path / "out")
  assert sorted(TRACES) == [(1, 4, 4, 3), (1, 12, 8, 3), (1, 16, 20, 3)]
  _run("--input", tmp_path / "in", "--output", tmp_path / "one", "--batch-size", "1")
  for index in range(len(sizes)):
    source = read_image(tmp_path / "in" / f"{index}.png")
    output = read_image(tmp_path / "out" / f"{index}.png")
    np.testing.assert_allclose(output, source / 2, atol=0.51)
    np.testing.assert_array_equal(output, read_image(tmp_path / "one" / f"{index}.png"))


def test_tiles(model, tmp_path, capsys):
  picture = np.random.default_rng(0).integers(0, 256, (50, 33, 3), np.uint8)
  write_image(tmp_path / "in.png", picture)
  arguments = ("--input", tmp_path / "in.png", "--output", tmp_path / "out.png", "--tile", 16)
  with pytest.raises(ValueError, match=r"how far it sees is not known: .* --tile-approximate"):
    _run(*arguments)
  TRACES.clear()
  _run(*arguments, "--tile-approximate", "--overlap", "6")
  assert TRACES[-1] == (1, 16, 16, 3)
  np.testing.assert_allclose(read_image(tmp_path / "out.png"), picture / 2, atol=0.51)
  assert "colours and contrast may differ from tile to tile" in capsys.readouterr().err


@pytest.mark.parametrize(
  "options,message",
  [
    (("--overlap", "8"), "give --tile too"),
    (("--tile-approximate",), "give --tile too"),
    (("--tile", "15"), "multiple of 4 pixels .* use 16"),
    (("--batch-size", "0"), "batch size must be at least 1"),
  ],
)
def test_options_that_do_not_fit(model, tmp_path, options, message):
  _picture(tmp_path / "in.png")
  with pytest.raises(ValueError, match=message):
    _run("--input", tmp_path / "in.png", "--output", tmp_path / "out.png", *options)
  assert not (tmp_path / "out.png").exists()


def test_reading_ahead_is_in_order_in_threads_and_bounded():
  asked, names = [], set()

  def read(path):
    asked.append(path)
    names.add(threading.current_thread().name)
    return path

  pictures = translate.read_ahead(read, list(range(50)), num_threads=2)
  assert [next(pictures) for _ in range(10)] == list(range(10))
  assert len(asked) <= 13
  assert list(pictures) == list(range(10, 50))
  assert threading.current_thread().name not in names
  early = translate.read_ahead(read, list(range(50)), num_threads=2)
  next(early)
  asked.clear()
  early.close()
  assert len(asked) <= 3
