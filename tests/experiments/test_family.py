"""The study of all methods runs at tiny size, and gives each the same pictures."""

import json
import shutil
from pathlib import Path

import pytest

from experiments.family import run as study
from experiments.family import speed
from experiments.family.config import BATCH, RUNS, SIZE, VARIANTS, get_config
from experiments.family.measured import images_per_second
from experiments.family.methods import NUM_EXAMPLES, SCALE, methods_table
from experiments.family.report import table
from experiments.record import ROOT
from experiments.trainings import Training
from imtrans.data import read_image
from imtrans.methods import METHODS
from imtrans.training.checks import check_config
from imtrans.training.step import num_rounds
from tests.experiments.conftest import recorded

FOLDER = Path(study.__file__).parent


@pytest.mark.usefixtures("train_here")
def test_tiny_runs_from_end_to_end(tmp_path, monkeypatch, capsys):
  monkeypatch.setattr(study, "CRITERIA", ("l1", "psnr"))  # Without large networks.
  monkeypatch.setattr(study, "images_per_second", lambda training: 8.0)
  top = (ROOT / "README.md").read_text()
  arguments = ["--tiny", "--runs", "gan", "pix2pix", "--output", str(tmp_path), "--pictures"]
  arguments += ["--workdir", str(tmp_path / "runs")]
  records = study.main(arguments)
  assert records == json.loads((tmp_path / "results.json").read_text())
  assert records["gan-0"]["figures"] == {} and records["gan-0"]["data"] == "noise; colour pictures"
  record = records["pix2pix-0"]
  assert record["figures"]["eval/l1"] > 0.0 and record["figures"]["baseline/psnr"] > 0.0
  assert record["images_per_second"] == 8.0 and record["images"] == 8
  assert min(record["parameters"].values()) > 0
  assert [path.name for path in tmp_path.glob("*.png")] == ["pictures.png"]
  readme = (tmp_path / "README.md").read_text()
  assert f"\n{table(records)}\n" in readme
  assert "| GAN | noise; colour pictures | – | – | – | – | – | – |" in readme
  # Of noise two rows of pictures; drawing and picture.
  rows = {path.stem: _rows(path) for path in (tmp_path / "pictures").iterdir()}
  assert rows == {"gan": 2, "pix2pix": 2}
  # A run that is gone keeps its figures and its picture.
  shutil.rmtree(tmp_path / "runs" / "gan-0")
  drawn = (tmp_path / "pictures" / "gan.png").read_bytes()
  (tmp_path / "pictures" / "pix2pix.png").unlink()
  capsys.readouterr()
  assert study.main([*arguments, "--table"]) == records
  assert capsys.readouterr().err.startswith("gan is not drawn: ")
  assert (tmp_path / "pictures" / "gan.png").read_bytes() == drawn
  assert (tmp_path / "pictures" / "pix2pix.png").exists()
  assert (ROOT / "README.md").read_text() == top  # Of the study itself alone.


def _rows(path):
  """How many rows of tiny pictures a picture has, which is as wide as its examples."""
  side = get_config("pix2pix-tiny").data.crop_size + 2  # A pixel of border on each side.
  height, width, _ = read_image(path).shape
  assert width == SCALE * (NUM_EXAMPLES * (side - 1) + 3)
  return (height // SCALE - 2) // side


def test_the_project_shows_every_method_with_its_picture_and_command():
  text = methods_table(FOLDER / "pictures")
  assert f"<!-- methods -->\n{text}\n<!-- /methods -->" in (ROOT / "README.md").read_text()
  assert len(text.splitlines()) == 2 + len(METHODS)
  for name, entry in METHODS.items():
    (row,) = (line for line in text.splitlines() if line.startswith(f"| **{entry.title}**: "))
    assert f"`imtrans train --config configs/{name}_openmoji.py:cpu --workdir runs/{name}`" in row
    drawn = (FOLDER / "pictures" / f"{name}.png").exists()
    assert row.endswith(
      f" | {f'![{entry.title}](experiments/family/pictures/{name}.png)' if drawn else '–'} |"
    )


def test_the_table_is_that_of_the_records():
  records = recorded(FOLDER)
  text = table(records).rstrip()
  assert f"<!-- results -->\n{text}\n<!-- /results -->" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("name", RUNS)
def test_every_run_sees_the_same_pictures_and_as_many(name):
  config = get_config(name)
  check_config(config)
  assert config.batch_size * config.num_steps == RUNS[name].images
  assert config.batch_size // num_rounds(config.updates.to_dict()) == BATCH
  data = config.data
  assert (data.source, data.load_size, data.crop_size) == ("openmoji", SIZE, SIZE)
  options = data.options.to_dict()
  assert (options["size"], options["tones"], options["flags"]) == (SIZE, True, False)
  assert not config.eval_every and 0 <= config.optimizer.decay_start < config.num_steps
  check_config(get_config(f"{name}-tiny"))


def test_every_method_has_a_run_and_variants_change_what_they_say():
  assert [name for name in RUNS if name not in VARIANTS] == list(METHODS)
  assert {RUNS[name].method for name in METHODS} == set(METHODS)
  assert get_config("stochastic").inference == "train" != get_config("pix2pix").inference
  assert get_config("fastcut").method.flip_equivariance and get_config("cvae").method.l1_weight
  assert get_config("clr").method.encoded_weight == 0.0
  assert get_config("gan_alone").method.cycle_weight == 0.0
  assert get_config("cycle_alone").method.adversarial_weight == 0.0
  assert get_config("cyclegan").method.adversarial_weight == 1.0
  assert get_config("gan_forward").method.cycles == ("forward",)
  assert get_config("gan_backward").method.cycles == ("backward",)


def test_what_a_run_is_shown_is_told():
  said = {name: study.training(name, 0, tiny=False).facts["data"] for name in METHODS}
  assert said["cut"] == said["cyclegan"] == "unpaired" and said["pix2pix"] == "pairs"
  assert said["cgan"] == "pairs, tone told" and said["spade"] == "pairs, drawing as labels"


def test_the_speed_counts_the_images_of_all_steps(monkeypatch):
  clock = iter((100.0, 104.0))
  monkeypatch.setattr(speed, "process_time", lambda: next(clock))
  # Three steps of four pictures in four seconds.
  assert speed.train_speed(get_config("pix2pix-tiny"), steps=3) == 3.0


def test_a_speed_that_cannot_be_measured_is_one_sentence(capfd):
  with pytest.raises(RuntimeError, match=r"the speed of missing\.py could not be measured"):
    images_per_second(Training("run-0", "missing.py", ("seed=0",), {}))
  assert capfd.readouterr().err.startswith("the config file missing.py does not exist")
