"""What is made of noise, from the outside: train, resume, evaluate, sample, `:tiny`."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import imtrans
from imtrans.commands.main import main
from imtrans.evaluation.translation.sampling import noise_samples, picture_samples

CONFIGS = Path(__file__).parents[2] / "configs"
CLASSES = 10


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main([str(argument) for argument in arguments])
  return exit_info.value.code


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
  """PATH/0 to PATH/9 of a few 28x28 grey pictures."""
  folder = tmp_path_factory.mktemp("digits")
  generator = np.random.default_rng(0)
  for name in range(CLASSES):
    (folder / str(name)).mkdir()
    for index in range(4):
      picture = generator.integers(0, 256, (28, 28), np.uint8)
      Image.fromarray(picture).save(folder / str(name) / f"{index}.png")
  return folder


def _overrides(name, digits):
  if "digits" in name:
    return [f"--config.data.path={digits}"]
  return ["--config.data.options.tones=False"] if name == "gan_openmoji" else []


@pytest.fixture(scope="module", params=["gan_openmoji", "gan_digits", "cgan_digits"])
def trained(request, digits, tmp_path_factory):
  """The name of a config whose sources are noise, and a run of it that went on once."""
  name, workdir = request.param, tmp_path_factory.mktemp("run") / "run"
  command = ["train", "--config", f"{CONFIGS / name}.py:tiny", "--workdir", workdir]
  command += _overrides(name, digits)
  assert _run(*command) == 0
  assert _run(*command, "--config.num_steps=3") == 0
  return name, workdir


def test_a_run_goes_on_and_is_judged_as_a_set(trained, capsys):
  name, workdir = trained
  steps = [json.loads(line)["step"] for line in (workdir / "log.jsonl").read_text().splitlines()]
  assert steps == sorted(steps) and steps[-1] == 3
  if name != "gan_openmoji":
    return  # The figures of grey pictures need a network, which takes a while.
  assert _run("evaluate", "--workdir", workdir) == 0
  metrics = json.loads((workdir / "metrics.json").read_text())
  names = {figure["name"] for figure in metrics["figures"]}
  assert names and not names & {"l1", "psnr", "ssim"}
  assert all(np.isfinite(figure["value"]) for figure in metrics["figures"])
  page = (workdir / "index.html").read_text()
  assert "<em>output</em>" in page and "<em>source</em>" not in page
  assert "Traceback" not in capsys.readouterr().err


def test_samples_hang_on_seed_and_number_alone(trained, tmp_path, capsys):
  name, workdir = trained
  few, many, other = (tmp_path / part for part in ("few", "many", "other"))
  assert _run("sample", "--workdir", workdir, "--output", few, "--count", 2) == 0
  assert "all of them in" in capsys.readouterr().out
  assert _run("sample", "--workdir", workdir, "--output", many, "--count", 3) == 0
  assert _run("sample", "--workdir", workdir, "--output", other, "--count", 2, "--seed", 1) == 0
  made = sorted(path.relative_to(few) for path in few.rglob("0*.png"))
  assert len(made) == 2 * (CLASSES if name == "cgan_digits" else 1)
  side = 16
  for path in made:
    pixels = np.asarray(Image.open(few / path))
    assert pixels.shape == ((side, side) if "digits" in name else (side, side, 3))
    np.testing.assert_array_equal(pixels, np.asarray(Image.open(many / path)))
  assert any((few / path).read_bytes() != (other / path).read_bytes() for path in made)
  with Image.open(few / "samples.png") as sheet:
    assert sheet.size[0] > 2 * side


def test_classes_are_chosen_by_name(trained, tmp_path, capsys):
  name, workdir = trained
  command = ("sample", "--workdir", workdir, "--output", tmp_path, "--count", 1, "--class")
  if name != "cgan_digits":
    assert _run(*command, "3") == 2
    assert "this run knows no classes: leave --class out." in capsys.readouterr().err
    return
  assert _run(*command, "3", "7") == 0
  assert sorted(path.parent.name for path in tmp_path.rglob("0*.png")) == ["3", "7"]
  assert _run(*command, "12") == 2
  assert "'12' is none of the 10 classes: choose among 0, 1, 2" in capsys.readouterr().err


def test_mistakes_get_one_sentence(trained, tmp_path, capsys):
  name, workdir = trained
  picture = tmp_path / "picture.png"
  Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(picture)
  for arguments, message in (
    (("--count", 0), "--count must be at least 1, got 0"),
    (("--input", picture), "this run makes pictures of noise: leave --input out"),
    (("--output", picture), "is a file: name a folder as --output"),
  ):
    command = ("sample", "--workdir", workdir, "--output", tmp_path / "out", *arguments)
    assert _run(*command) == 2
    assert message in capsys.readouterr().err
  model = imtrans.load(workdir)
  with pytest.raises(ValueError, match=r"codes must have shape \[2, 8\], got \[2, 9\]"):
    list(noise_samples(model, 2, codes=np.zeros((2, 9))))
  if name == "gan_openmoji":
    # Static of another size than the pictures that are made of it.
    with pytest.raises(ValueError, match="must be static of that size, got 20x20"):
      model.translate(np.zeros((20, 20, 1), np.uint16))


def test_codes_give_what_the_static_that_means_them_gives(trained):
  name, workdir = trained
  model = imtrans.load(workdir)
  codes = np.random.default_rng(0).normal(size=(2, 8))
  one, two, *_ = [sample.source for sample in noise_samples(model, 2, codes=codes)]
  pictures = [model.translate_to_target(source) for source in (one, two, one)]
  np.testing.assert_array_equal(pictures[0], pictures[2])
  assert (pictures[0] != pictures[1]).any() or name == "gan_digits"


@pytest.fixture(scope="module")
def toned(tmp_path_factory):
  workdir = tmp_path_factory.mktemp("toned") / "run"
  config = f"{CONFIGS / 'cgan_openmoji'}.py:tiny"
  assert _run("train", "--config", config, "--workdir", workdir) == 0
  return workdir


def test_a_picture_and_a_class_give_a_picture(toned, tmp_path, capsys):
  assert _run("evaluate", "--workdir", toned) == 0
  metrics = json.loads((toned / "metrics.json").read_text())
  assert np.isfinite(metrics["eval/l1"]) and np.isfinite(metrics["eval/ssim"])
  drawing = tmp_path / "drawing.png"
  Image.fromarray(np.full((16, 32, 3), 200, np.uint8)).save(drawing)
  output = tmp_path / "out"
  command = ("sample", "--workdir", toned, "--input", drawing, "--output", output, "--count", 1)
  assert _run(*command, "--class", "light", "dark") == 0
  made = sorted(path.relative_to(output) for path in output.rglob("drawing*.png"))
  assert [str(path) for path in made] == ["dark/drawing-00.png", "light/drawing-00.png"]
  with Image.open(output / made[0]) as image:
    assert image.size == (32, 16) and image.mode == "RGB"
  model = imtrans.load(toned)
  with pytest.raises(ValueError, match="this run translates pictures: name some with --input"):
    list(noise_samples(model, 1))
  with pytest.raises(ValueError, match=r"holds uint8 values of 2 channel\(s\), the run was"):
    list(picture_samples(model, "x", np.zeros((16, 16, 2), np.uint8)))
  assert _run("sample", "--workdir", toned, "--input", tmp_path / "no", "--output", output) == 2
  assert "does not exist: name a picture or a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
  ("config", "override", "message"),
  [
    ("gan_openmoji", "data.task=none", "gan makes pictures of noise: set data.task=noise"),
    ("pix2pix_openmoji", "data.task=noise", "is for the methods cgan and gan, pix2pix needs"),
    ("gan_openmoji", "generator.name=unet", "generator.name must be one of convolutional, perc"),
    ("gan_openmoji", "method.latent_size=257", "must be from 1 to 256, a number for each pixel"),
    ("gan_openmoji", "method.latent_size=0", "must be from 1 to 256, a number for each pixel"),
    ("gan_openmoji", "data.crop_size=10", "must be a multiple of 4 for this generator, got 10"),
    ("gan_openmoji", "data.resize=none", "have one size and one direction"),
    ("gan_openmoji", "updates.discriminator=0", "updates.discriminator must be an integer of at"),
    ("gan_openmoji", "updates.discriminator=3", "batch_size must be a multiple of 3"),
    ("gan_openmoji", "optimizer.clip_weights=-1", "optimizer.clip_weights must be a number of"),
    ("cgan_openmoji", "method.num_classes=6", "but the sources have 7 classes (plain, light"),
    ("cgan_openmoji", "data.options.classes=none", "7, but the sources have 0 classes: set data"),
  ],
)
def test_configs_that_do_not_fit_are_refused(config, override, message, tmp_path, capsys):
  command = ("train", "--config", f"{CONFIGS / config}.py:tiny", "--workdir", tmp_path / "run")
  assert _run(*command, f"--config.{override}") == 2
  assert message in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_is_none_is_refused_before_anything_is_read(seed, tmp_path, capsys):
  command = ("--workdir", tmp_path / "none", "--output", tmp_path / "out", "--seed", seed)
  assert _run("sample", *command) == 2
  assert _run("translate", *command, "--input", tmp_path) == 2
  said = capsys.readouterr().err.splitlines()
  assert said == [f"imtrans: --seed must be from 0 to 4294967295, got {seed}."] * 2
