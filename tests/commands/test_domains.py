"""A run among domains, from the outside: train, evaluate, translate and sample, `:tiny`."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import imtrans
from imtrans.commands.main import main
from imtrans.data import ImageSpec, read_image
from imtrans.evaluation.translation.domains import in_style_of, towards, wanted_domain
from imtrans.training.config import default_config
from imtrans.training.input import open_data

CONFIGS = Path(__file__).parents[2] / "configs"


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main([str(argument) for argument in arguments])
  return exit_info.value.code


def _save(path, seed):
  picture = np.random.default_rng(seed).integers(0, 256, (20, 20, 3), np.uint8)
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.fromarray(picture).save(path)
  return path


@pytest.fixture(scope="module")
def animals(tmp_path_factory):
  folder = tmp_path_factory.mktemp("animals")
  for index, name in enumerate(("cat", "dog", "wild")):
    for split, count in (("train", 3), ("val", 2)):
      for number in range(count):
        _save(folder / split / name / f"{number}.png", 100 * index + 10 * (split == "val") + number)
  return folder


@pytest.fixture(scope="module")
def trained(animals, tmp_path_factory):
  """A run of two steps that went on for a third."""
  workdir = tmp_path_factory.mktemp("run") / "run"
  command = ["train", "--config", f"{CONFIGS / 'stargan2_afhq'}.py:tiny", "--workdir", workdir]
  command.append(f"--config.data.path={animals}")
  assert _run(*command) == 0
  assert _run(*command, "--config.num_steps=3") == 0
  return workdir


def _pixels(path):
  return np.asarray(Image.open(path)).astype(int)


def test_a_run_goes_on(trained):
  records = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
  assert records[-1]["step"] == 3
  assert all(np.isfinite(list(record.values())).all() for record in records)
  specs = json.loads((trained / "specs.json").read_text())
  assert specs["a"]["channels"] == 4 and specs["a"]["classes"] == ["cat", "dog", "wild"]
  assert list((trained / "samples").glob("*.png"))


def test_all_domains_are_evaluated_or_one(trained, tmp_path):
  metric = ("--metrics", "histogram_intersection")
  assert _run("evaluate", "--workdir", trained, *metric) == 0
  metrics = json.loads((trained / "metrics.json").read_text())
  assert len(list((trained / "images").rglob("*.png"))) == 6
  assert 0.0 <= metrics["eval/histogram_intersection_L"] <= 1.0
  place = ("--output", tmp_path / "dogs")
  assert _run("evaluate", "--workdir", trained, *metric, *place, "--domain", "dog") == 0
  one = json.loads((tmp_path / "dogs" / "metrics.json").read_text())
  assert one["remarks"] == ["all pictures are translated to dog"]
  images = [figure["images"] for figure in one["figures"]]
  assert images[0] == {"real": 2, "fake": 4}  # Those of dogs, and of all others.


def test_translation_takes_a_domain_and_a_style(trained, animals, tmp_path, capsys):
  source, dog = _save(tmp_path / "in.png", 7), animals / "val" / "dog" / "0.png"
  command = ("translate", "--workdir", trained, "--input", source, "--output")
  made = {}
  for name, arguments in {"drawn": ("--seed", "1"), "styled": ("--style", dog)}.items():
    assert _run(*command, tmp_path / f"{name}.png", "--domain", "dog", *arguments) == 0
    made[name] = _pixels(tmp_path / f"{name}.png")
    assert made[name].shape == (20, 20, 3)
  assert np.abs(made["drawn"] - made["styled"]).max() > 0
  # The same in Python.
  model = imtrans.load(trained)
  dogs = towards(model, read_image(source), wanted_domain(model, "dog"))
  np.testing.assert_array_equal(made["drawn"], model.translate_to_target(dogs, seed=1))
  styled = in_style_of(model, read_image(dog))
  np.testing.assert_array_equal(made["styled"], styled.translate_to_target(dogs, seed=3))
  wild = towards(model, read_image(source), wanted_domain(model, "2"))
  for other in (model.translate_to_target(dogs), model.translate_to_target(wild, seed=1)):
    assert np.abs(made["drawn"] - other).max() > 0
  capsys.readouterr()
  for arguments, message in (
    ((), "this run translates to cat, dog, wild: name one with --domain."),
    (("--domain", "dog", "--style", tmp_path / "no.png"), "no.png"),
  ):
    assert _run(*command, tmp_path / "out.png", *arguments) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_samples_of_a_picture_in_every_domain(trained, tmp_path):
  source, output = _save(tmp_path / "in.png", 7), tmp_path / "drawn"
  command = ("sample", "--workdir", trained, "--input", source, "--output", output, "--count", 2)
  assert _run(*command) == 0
  made = sorted(str(path.relative_to(output)) for path in output.rglob("in-*.png"))
  assert made == [
    f"{name}/in-0{index}.png" for name in ("cat", "dog", "wild") for index in range(2)
  ]


def test_pictures_that_do_not_fit_are_refused(trained):
  model, picture = imtrans.load(trained), np.zeros((20, 20, 3), np.uint8)
  with pytest.raises(ValueError, match="'cow' is none of the 3 classes: choose among cat, dog, wi"):
    wanted_domain(model, "cow")
  with pytest.raises(ValueError, match="trained on uint8 pictures, this one holds uint16: convert"):
    towards(model, picture.astype(np.uint16), 1)
  with pytest.raises(ValueError, match=r"pictures of 3 channel\(s\), this one has 5"):
    in_style_of(model, np.zeros((8, 8, 5), np.uint8))


@pytest.mark.parametrize(
  ("config", "override", "message"),
  [
    ("stargan2_afhq", "method.num_classes=2", "is 2, but the sources have 3 classes (cat, dog, wi"),
    ("stargan2_afhq", "data.direction=ba", "set data.task=none and data.direction=ab"),
    ("stargan2_afhq", "data.task=denoise", "set data.task=none and data.direction=ab"),
    ("stargan2_afhq", "data.crop_size=15", "data.crop_size must be a multiple of 2 for this gen"),
    ("stargan2_afhq", "data.crop_size=14", "height and width must be multiples of 4 for this enc"),
    ("stargan2_afhq", "data.crop_size=8", "halved 2 times, are 2x2, and at least 4x4 are needed"),
    ("stargan2_afhq", "data.options.layout=auto", "have no domains to translate among: set data"),
    ("stargan2_afhq", "optimizer.network_factors.mapping=-1", "mapping must be a number of at lea"),
    ("stargan2_afhq", "optimizer.weight_decay=-1", "optimizer.weight_decay must be a number of"),
    ("stargan2_afhq", "method.latent_size=0", "latent_size must be at least 1 for stargan2"),
    ("stargan2_openmoji", "data.options.tones=False", "which needs data.options.tones=True"),
    ("stargan2_openmoji", "data.options.classes=none", "set data.options.classes=people"),
  ],
)
def test_configs_that_do_not_fit_are_refused(config, override, message, animals, tmp_path, capsys):
  command = ["train", "--config", f"{CONFIGS / config}.py:tiny", "--workdir", tmp_path / "run"]
  if config == "stargan2_afhq":
    flat = animals / "train" / "cat" if "layout" in override else animals
    command.append(f"--config.data.path={flat}")
  assert _run(*command, f"--config.{override}") == 2
  assert message in " ".join(capsys.readouterr().err.split())


def test_other_runs_have_no_domains():
  config = default_config()
  run = SimpleNamespace(config=config)
  model = SimpleNamespace(run=run, source_spec=lambda: ImageSpec(3, "uint8", 0.0, 255.0))
  assert wanted_domain(model, None) is None
  picture = np.zeros((4, 4, 3), np.uint8)
  assert towards(model, picture, None) is picture
  with pytest.raises(ValueError, match="leave --domain out"):
    wanted_domain(model, "cat")
  with pytest.raises(ValueError, match="leave --style out"):
    in_style_of(model, picture)
  with pytest.raises(ValueError, match="leave --domain out"):
    open_data(config, "test", wanted="cat")
