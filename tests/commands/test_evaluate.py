"""`imtrans evaluate` from its arguments to its files, with a run that knows the answer."""

import argparse
import json

import numpy as np
import pytest

from imtrans.commands import evaluate
from imtrans.data import ImageSpec, from_arrays
from imtrans.methods import Method
from imtrans.training.config import default_config
from imtrans.training.run import Run


def _halve(generator_params, extras, source, key, *, direction, mode):
  return generator_params["gain"] * (source + 1.0) - 1.0


@pytest.fixture
def asked(monkeypatch):
  """Replaces the run and the data; returns what they were asked for."""
  config = default_config()
  config.generator.name = "resnet"
  config.data.update(load_size=16, crop_size=16)
  spec = ImageSpec(3, "uint8", 0.0, 255.0)
  run = Run(
    config=config.lock(),
    method=Method(None, None, None, None, _halve),
    generator_params={"gain": np.float32(0.5)},
    extras={},
    step=30,
    checkpoint="best/30",
    specs={"a": spec, "b": spec},
    size_multiple=4,
  )
  pictures = (2 * np.random.default_rng(0).integers(0, 128, (3, 16, 16, 3))).astype(np.uint8)
  seen = {}

  def load_run(workdir, checkpoint):
    seen.update(workdir=str(workdir), checkpoint=checkpoint)
    return run

  def open_data(config, split):
    seen.update(split=split)
    return from_arrays(pictures, pictures // 2, paired=seen.get("paired", True))

  monkeypatch.setattr("imtrans.training.run.load_run", load_run)
  monkeypatch.setattr("imtrans.training.input.open_data", open_data)
  return seen


def _run(*arguments):
  parser = argparse.ArgumentParser()
  evaluate.add_arguments(parser)
  evaluate.run(parser.parse_args([str(argument) for argument in arguments]))


def test_files_and_table(asked, tmp_path, capsys):
  _run("--workdir", tmp_path)
  assert asked == {"workdir": str(tmp_path), "checkpoint": "best", "split": "test"}
  names = {"index.html", "metrics.json", "per_image.csv", "images"}
  assert names == {path.name for path in tmp_path.iterdir()}
  record = json.loads((tmp_path / "metrics.json").read_text())
  assert record["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  said = capsys.readouterr().out
  assert "model" in said and "copied source" in said
  assert f"{record['baseline/l1']:.4f}" in said
  assert str(tmp_path / "index.html") in said.replace("\n", "")


def test_arguments_reach_the_evaluation(asked, tmp_path):
  output = tmp_path / "elsewhere"
  _run(
    *("--workdir", tmp_path / "w", "--checkpoint", 20, "--split", "train", "--output", output),
    *("--batch-size", 2, "--mode", "train", "--seed", 9),
  )
  assert asked == {"workdir": str(tmp_path / "w"), "checkpoint": "20", "split": "train"}
  protocol = json.loads((output / "metrics.json").read_text())["protocol"]
  assert (protocol["batch_size"], protocol["inference"], protocol["seed"]) == (2, "train", 9)
  assert protocol["split"] == "train"
  assert not (tmp_path / "w").exists()


def test_unpaired_data_say_so(asked, tmp_path, capsys):
  asked["paired"] = False
  _run("--workdir", tmp_path)
  assert "not paired" in capsys.readouterr().out


def test_a_batch_of_nothing_is_refused(tmp_path):
  with pytest.raises(ValueError, match="at least 1, got 0"):
    _run("--workdir", tmp_path, "--batch-size", 0)


def test_the_table_has_a_line_per_figure():
  figures = [
    {"name": name, "direction": direction, "of": of, "value": 0.5}
    for name in ("l1", "fd_vgg16")
    for direction in ("ab", "ba")
    for of in ("model", "baseline")
    if (name, of) != ("fd_vgg16", "baseline")
  ]
  table = evaluate.figures_table(figures, ["ab", "ba"])
  assert table.row_count == 2 and len(table.columns) == 5
