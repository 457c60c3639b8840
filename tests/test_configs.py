"""Every method trains, evaluates and translates by its config: `:tiny`, from the outside.

What a second config of a method makes of it is built in tests/training/test_assembly.py.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imtrans.commands.configuration import load_config
from imtrans.commands.main import main
from imtrans.data import TASK_NAMES, evaluation_batches
from imtrans.data.palette import indices_to_labels
from imtrans.methods import METHODS
from imtrans.training.assembly import build_method
from imtrans.training.checks import check_config
from imtrans.training.input import domain_specs, example_batch, open_data, training_batches

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")

CONFIGS = sorted((Path(__file__).parent.parent / "configs").glob("*.py"))
OPENMOJI, PHOTOS = (path for path in CONFIGS if path.stem in ("task_openmoji", "task_photos"))
# What is made of noise, and what goes to a domain by name, has tests of its own in tests/commands:
# test_sample.py and test_domains.py.
ELSEWHERE = (
  "gan_",
  "cgan_",
  "stargan2_",
  "bicyclegan_facades",
  "cut_horse2zebra",
  "cyclegan_facades",
)
ELSEWHERE += ("cyclegan_horse2zebra", "pix2pixhd_facades", "spade_facades", "unsb_horse2zebra")
ONE_A_METHOD = [path for path in CONFIGS if not path.stem.startswith(ELSEWHERE)]
TASKS = [name for name in TASK_NAMES if name not in ("none", "noise")]
PALETTE = ((0, 0, 0), (200, 30, 30), (255, 255, 255))


def _run(*arguments):
  with pytest.raises(SystemExit) as exit_info:
    main([str(argument) for argument in arguments])
  return exit_info.value.code


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
@pytest.mark.parametrize("variant", ["full", "cpu", "tiny"])
def test_every_variant_is_complete_and_locked(path, variant):
  config = load_config(f"{path}:{variant}", [])
  assert config.is_locked
  assert config.num_steps > config.optimizer.decay_start >= 0
  with pytest.raises(ValueError, match="batch_siz"):
    load_config(f"{path}:{variant}", ["--config.batch_siz=3"])


@pytest.mark.parametrize("name", METHODS)
def test_the_openmoji_config_of_a_method_lists_all_of_its_fields(name):
  """A field that is not listed is refused on the command line."""
  config = load_config(str(CONFIGS[0].parent / f"{name}_openmoji.py"), []).unlock()
  config.method.unheard_of = 0
  with pytest.raises(ValueError, match="no field 'unheard_of'") as refusal:
    build_method(config, {"a": 3, "b": 3})
  fields = str(refusal.value).partition("choose among ")[2].rstrip(".").split(", ")
  assert set(config.method) - {"name", "unheard_of"} == set(fields)


@pytest.mark.parametrize("path", ONE_A_METHOD, ids=lambda path: path.stem)
def test_tiny_runs_end_to_end(path, pictures, tmp_path, capsys):
  workdir = tmp_path / "run"
  overrides = []
  if "openmoji" in path.stem:
    overrides.append("--config.data.options.tones=False")
  else:
    # The recipe on a folder of pictures: neither Facades nor TensorFlow Datasets ships with tests.
    overrides += ["--config.data.source=folders", f"--config.data.path={pictures}"]
  assert _run("train", "--config", f"{path}:tiny", "--workdir", workdir, *overrides) == 0
  assert _run("evaluate", "--workdir", workdir) == 0

  metrics = json.loads((workdir / "metrics.json").read_text())
  for name in ("l1", "psnr", "ssim"):
    assert np.isfinite(metrics[f"eval/{name}"]) and np.isfinite(metrics[f"baseline/{name}"])
  records = [json.loads(line) for line in (workdir / "log.jsonl").read_text().splitlines()]
  assert [record["step"] for record in records] == [1, 2, 2]
  assert (workdir / "index.html").read_text().startswith("<!DOCTYPE html>")
  assert list((workdir / "samples").glob("*.png")) and list((workdir / "tensorboard").iterdir())
  assert len(list((workdir / "images").iterdir())) == metrics["protocol"]["images"].popitem()[1]

  source, output = tmp_path / "in.png", tmp_path / "out.png"
  Image.fromarray(np.full((21, 33, 3), 128, np.uint8)).save(source)
  assert _run("translate", "--workdir", workdir, "--input", source, "--output", output) == 0
  with Image.open(output) as image:
    assert image.size == (33, 21)
  if path.stem.startswith("munit"):
    styled = tmp_path / "styled.png"
    command = ("translate", "--workdir", workdir, "--input", source, "--output", styled)
    assert _run(*command, "--direction", "ba", "--style", source) == 0 and styled.exists()
  assert "Traceback" not in capsys.readouterr().err


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
  """train/ and test/ of a few 16x16 pictures, and beside them A/ and B/ with their labels."""
  folder = tmp_path_factory.mktemp("photos")
  generator = np.random.default_rng(0)
  for name, count in (("train", 8), ("test", 3), ("pairs/A", 12), ("pairs/B", 12)):
    (folder / name).mkdir(parents=True)
    for index in range(count):
      array = generator.integers(0, 256, (16, 16, 3), np.uint8)
      if name == "pairs/B":
        array = indices_to_labels(generator.integers(0, 3, (16, 16)), PALETTE)
      Image.fromarray(array).save(folder / name / f"{index}.png")
  return folder


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("path", [OPENMOJI, PHOTOS], ids=lambda path: path.stem)
def test_every_task_has_a_config_that_shows_its_pairs(path, task, photos):
  for size in ("", "-cpu", "-tiny"):
    config = load_config(f"{path}:{task}{size}", [])
    check_config(config)
    assert config.is_locked and config.data.task == task
  place = photos / "pairs" if task == "labels" else photos
  overrides = [f"--config.data.path={place}"]
  if path == OPENMOJI:
    overrides = ["--config.data.options.tones=False"]
  config = load_config(f"{path}:{task}-tiny", overrides)
  dataset, test = open_data(config, "train"), open_data(config, "test")
  assert test.paired and dataset.paired == (config.method.name == "pix2pix")
  channels = {name: spec.channels for name, spec in domain_specs(dataset).items()}
  batch = next(training_batches(config, dataset))
  shapes = {name: (4, *array.shape[1:]) for name, array in example_batch(config, channels).items()}
  assert {name: array.shape for name, array in batch.items()} == shapes
  options = {"crop_size": config.data.crop_size, "direction": config.data.direction}
  _, batch, _ = next(evaluation_batches(test, batch_size=1, **options))
  assert batch["source"].shape[1:3] == batch["target"].shape[1:3] == (16, 16)


def test_unknown_tasks_are_refused_with_the_known():
  for variant in ("blur", "denoise-big", "denoise-"):
    with pytest.raises(ValueError, match="unknown config variant"):
      load_config(f"{PHOTOS}:{variant}", [])
  with pytest.raises(ValueError, match="TASK being one of inpainting, grayscale"):
    load_config(f"{PHOTOS}:blur", [])


@pytest.mark.parametrize("task", TASKS)
def test_every_task_runs_end_to_end(task, photos, tmp_path, capsys):
  workdir, degraded, output = (tmp_path / name for name in ("run", "degraded", "output"))
  place = photos / "pairs" if task == "labels" else photos
  config = f"{PHOTOS}:{task}-tiny"
  overrides = [f"--config.data.path={place}"]
  assert _run("train", "--config", config, "--workdir", workdir, *overrides) == 0
  assert _run("evaluate", "--workdir", workdir) == 0
  metrics = json.loads((workdir / "metrics.json").read_text())
  for name in ("l1", "psnr", "ssim"):
    assert np.isfinite(metrics[f"eval/{name}"]) and np.isfinite(metrics[f"baseline/{name}"])

  if task == "labels":
    degraded = photos / "test"
  else:
    options = load_config(config, []).data.options.to_dict()
    words = [f"{name}={options[name]}" for name in options if name not in ("layout", "domain")]
    arguments = [word for text in words for word in ("--option", text)]
    assert _run("data", "degrade", photos / "test", degraded, "--task", task, *arguments) == 0
  assert _run("translate", "--workdir", workdir, "--input", degraded, "--output", output) == 0
  for file in sorted(output.iterdir()):
    pixels = np.asarray(Image.open(file))
    if task == "labels":
      assert {tuple(color) for color in pixels.reshape(-1, 3).tolist()} <= set(PALETTE)
    else:
      # Evaluation degrades a picture as `data degrade` does, so the translations are the same.
      np.testing.assert_array_equal(pixels, np.asarray(Image.open(workdir / "images" / file.name)))
  assert len(list(output.iterdir())) == 3
  assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
  ("task", "override", "channels"),
  [
    ("inpainting", "mask_channel=True", {"a": 4, "b": 3}),
    ("grayscale", "target=lab", {"a": 1, "b": 2}),
  ],
)
def test_tasks_of_other_channels_run_end_to_end(task, override, channels, photos, tmp_path):
  workdir, degraded, output = (tmp_path / name for name in ("run", "degraded", "output"))
  overrides = [f"--config.data.path={photos}", f"--config.data.options.{override}"]
  config = f"{PHOTOS}:{task}-tiny"
  assert _run("train", "--config", config, "--workdir", workdir, *overrides) == 0
  assert _run("evaluate", "--workdir", workdir) == 0
  specs = json.loads((workdir / "specs.json").read_text())
  assert {name: spec["channels"] for name, spec in specs.items()} == channels
  arguments = (photos / "test", degraded, "--task", task, "--option", override)
  assert _run("data", "degrade", *arguments) == 0
  assert _run("translate", "--workdir", workdir, "--input", degraded, "--output", output) == 0
  if task == "grayscale":
    with Image.open(output / "0.png") as picture:
      assert picture.mode == "RGB" and picture.size == (16, 16)
