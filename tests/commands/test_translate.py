"""`imtrans translate`: which file becomes which, and what happens to bad ones."""

import argparse

import numpy as np
import pytest
from PIL import Image

from imtrans.commands import translate
from imtrans.data import ImageSpec, read_image, write_image
from imtrans.evaluation.translator import Translator
from imtrans.methods import Method
from imtrans.training.config import default_config
from imtrans.training.run import Run


def _halve(generator_params, extras, source, key, *, direction, mode):
  gain = generator_params["gain"] if direction == "ab" else 1.0
  return gain * (source + 1.0) - 1.0


@pytest.fixture
def model(monkeypatch):
  """Replaces the loaded run by one that halves brightness; returns a function to set its specs."""

  def use(spec):
    config = default_config()
    config.method.name = "cyclegan"
    config.generator.name = "resnet"
    run = Run(
      config=config.lock(),
      method=Method(None, None, None, None, _halve),
      generator_params={"gain": np.float32(0.5)},
      extras={},
      step=1,
      checkpoint="best/1",
      specs={"a": spec, "b": spec},
      size_multiple=4,
    )
    monkeypatch.setattr(
      "imtrans.evaluation.translator.load", lambda workdir, checkpoint: Translator(run)
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
  with pytest.raises(ValueError, match=r"3 of 5 pictures .*b\.png, .*c\.jpg, .*d\.tif"):
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
