"""`imtrans train` from its arguments to the loop, which is replaced: what is refused before it."""

import numpy as np
import pytest
from PIL import Image

from imtrans.commands.main import main
from tests.command_line import ROOT


@pytest.fixture
def unpaired(tmp_path):
  """trainA, trainB, testA and testB, whose pictures have nothing to do with each other."""
  random = np.random.default_rng(0)
  for name in ("trainA", "trainB", "testA", "testB"):
    (tmp_path / "data" / name).mkdir(parents=True)
    for index in range(3):
      picture = random.integers(0, 256, (16, 16, 3)).astype(np.uint8)
      Image.fromarray(picture).save(tmp_path / "data" / name / f"{name}{index}.png")
  return tmp_path / "data"


@pytest.fixture
def train(unpaired, tmp_path, monkeypatch, capsys):
  """Runs the command; returns what the loop was called with, or the sentence on stderr."""
  seen = {}
  monkeypatch.setattr(
    "imtrans.training.loop.train",
    lambda config, workdir, dataset, **functions: seen.update(functions, config=config),
  )

  def run(*overrides, config="cyclegan_facades", path=unpaired):
    arguments = ["--config", f"{ROOT / 'configs' / config}.py:tiny", "--workdir", tmp_path / "run"]
    arguments += [f"--config.{override}" for override in (f"data.path={path}", *overrides)]
    with pytest.raises(SystemExit) as exit_info:
      main(["train", *map(str, arguments)])
    said = capsys.readouterr().err
    assert "Traceback" not in said
    return seen if exit_info.value.code == 0 else said.splitlines()[-1]

  return run


def test_default_metrics_are_no_obstacle_without_pairs(train):
  assert "evaluate" in train()


def test_training_pictures_that_cannot_be_read_are_refused(train, unpaired):
  path = unpaired / "trainB" / "trainB1.png"
  path.write_bytes(path.read_bytes()[:60])
  said = train()
  assert said.startswith("imtrans: 1 of 6 training pictures cannot be used: ")
  assert "trainB1.png cannot be read as an image" in said and "data inspect" in said


def test_metrics_that_need_pairs_are_refused_by_name(train):
  said = train("metrics=('l1','kd_vgg16','honesty')")
  assert said.startswith("imtrans: l1 needs true targets, and these pictures are not paired")


def test_what_no_segmenter_can_be_trained_on_is_refused(train, pictures):
  options = ("metrics=('segmentation',)", "best_metric=eval/segmentation_class_iou")
  said = train(*options, "palette=#123456 #654321", config="pix2pix_facades", path=pictures)
  assert "no pair of the training split can be used for segmentation; the first: " in said
  assert "name all of them with --palette" in said


def test_fewer_pictures_are_allowed_by_the_config(train):
  options = ("metrics=('fd_vgg16',)", "best_metric=eval/fd_vgg16")
  assert "fd_vgg16 needs at least 513 pictures" in train(*options)
  assert "evaluate" in train(*options, "frechet_minimum=3")


def test_the_mesh_of_the_config_is_that_of_the_evaluation(train, monkeypatch):
  made = {}

  class Evaluation:
    def __init__(self, pictures, criteria, **how):
      made.update(how, batch_size=pictures.batch_size)

    def check(self, direction, **there):
      made.update(there)

  monkeypatch.setattr("imtrans.evaluation.evaluate.Evaluation", Evaluation)
  train("mesh=(2,2)", "eval_batch_size=5", "num_samples=3", "segmenter_steps=7")
  assert dict(made["mesh"].shape) == {"data": 2, "height": 2} and made["batch_size"] == 6
  assert (made["num_samples"], made["segmenter_steps"]) == (3, 7)
  assert made["size_multiple"] == 4 and made["optional"] == ("l1", "psnr", "ssim")
