"""`imtrans evaluate` from its arguments to its files, with a run that knows the answer."""

import argparse
import json

import numpy as np
import pytest

from imtrans.commands import evaluate
from imtrans.commands.figures_table import figures_table
from imtrans.data import ImageSpec, from_arrays
from imtrans.data.dataset import PairingError
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
  config.eval_batch_size = 4
  spec = ImageSpec(3, "uint8", 0.0, 255.0)
  run = Run(
    config=config,
    method=Method(None, None, None, None, _halve),
    generator_params={"gain": np.float32(0.5)},
    extras={},
    step=30,
    checkpoint="best/30",
    specs={"a": spec, "b": spec},
    size_multiple=4,
  )
  pictures = (2 * np.random.default_rng(0).integers(0, 128, (3, 16, 16, 3))).astype(np.uint8)
  seen = {"config": config}

  def load_run(workdir, checkpoint, refinements):
    seen.update(workdir=str(workdir), checkpoint=checkpoint, refinements=refinements)
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
  assert asked.items() >= {"workdir": str(tmp_path), "checkpoint": "best", "split": "test"}.items()
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
    *("--batch-size", 5, "--mode", "train", "--seed", 9, "--refinements", 3),
  )
  expected = {"workdir": str(tmp_path / "w"), "checkpoint": "20", "split": "train"}
  expected["refinements"] = 3
  assert asked.items() >= expected.items()
  protocol = json.loads((output / "metrics.json").read_text())["protocol"]
  assert (protocol["inference"], protocol["seed"]) == ("train", 9)
  assert protocol["batch_size"] == 8  # What four devices can divide.
  assert protocol["split"] == "train"
  assert not (tmp_path / "w").exists()


def test_unpaired_data_say_so(asked, tmp_path, capsys):
  asked["paired"] = False
  _run("--workdir", tmp_path)
  assert "not paired" in capsys.readouterr().out


def test_metrics_that_need_pairs_are_refused_where_they_were_named(
  asked, tmp_path, monkeypatch, capsys
):
  def missing(network):
    raise ValueError(f"the weights of {network} are not there.")

  monkeypatch.setattr("imtrans.evaluation.feasibility.perceptual_weights", missing)
  asked["paired"] = False
  with pytest.raises(ValueError, match=r"^l1, psnr need true targets.*: leave them out, or"):
    _run("--workdir", tmp_path, "--metrics", "l1", "psnr", "histogram_intersection")
  assert not (tmp_path / "metrics.json").exists()
  _run("--workdir", tmp_path, "--metrics", "all")
  said = capsys.readouterr().out
  assert "not measured: l1 needs true targets" in said
  assert "not measured: the weights of vgg are not there" in said
  record = json.loads((tmp_path / "metrics.json").read_text())
  assert "eval/histogram_intersection_L" in record and "eval/l1" not in record


@pytest.mark.parametrize(
  ("arguments", "words"),
  [
    (("--batch-size", 0), "--batch-size must be at least 1, got 0"),
    (("--samples", 1), "--samples must be at least 2, got 1"),
    (("--segmenter-steps", 0), "--segmenter-steps must be at least 1, got 0"),
    (("--frechet-minimum", 1), "--frechet-minimum must be at least 2, got 1"),
    (("--seed", -1), "--seed must be from 0 to 4294967295, got -1"),
    (("--seed", 2**32), "--seed must be from 0 to 4294967295, got 4294967296"),
    (("--inception-sha256", "abc"), "must be 64 hexadecimal digits, .*, got 'abc'"),
    (("--metrics", "all", "l1"), "all measures whatever .* leave out the other names, or all"),
  ],
)
def test_arguments_that_cannot_be_are_refused(arguments, words, tmp_path):
  with pytest.raises(ValueError, match=words):
    _run("--workdir", tmp_path, *arguments)


def _measuring(monkeypatch, *arguments):
  """What an evaluation is made with."""
  seen = {}

  def make(pictures, criteria, **how):
    seen.update(how)
    raise InterruptedError

  monkeypatch.setattr("imtrans.evaluation.evaluate.Evaluation", make)
  with pytest.raises(InterruptedError):
    _run(*arguments)
  return seen


def test_what_is_given_goes_before_the_config(asked, tmp_path, monkeypatch):
  changes = {"num_samples": 4, "segmenter_steps": 5, "frechet_minimum": 6, "mesh": (2, 2)}
  asked["config"].update(inception_sha256="b" * 64, palette="red blue", **changes)
  seen = _measuring(monkeypatch, "--workdir", tmp_path)
  assert (seen["num_samples"], seen["segmenter_steps"], seen["frechet_minimum"]) == (4, 5, 6)
  assert seen["inception_sha256"] == "b" * 64 and seen["palette"] == ((255, 0, 0), (0, 0, 255))
  assert dict(seen["mesh"].shape) == {"data": 2, "height": 2}
  seen = _measuring(
    monkeypatch,
    *("--workdir", tmp_path, "--samples", 7, "--segmenter-steps", 8, "--frechet-minimum", 9),
    *("--inception-sha256", "c" * 64, "--palette", "black white", "--inception", "file.pth"),
  )
  assert (seen["num_samples"], seen["segmenter_steps"], seen["frechet_minimum"]) == (7, 8, 9)
  assert seen["inception_sha256"] == "c" * 64 and seen["palette"][0] == (0, 0, 0)
  assert seen["inception"] == "file.pth"


def test_the_mesh_of_another_machine_is_replaced_with_a_word(asked, tmp_path, monkeypatch, capsys):
  asked["config"].mesh = (8, 1)
  seen = _measuring(monkeypatch, "--workdir", tmp_path)
  assert dict(seen["mesh"].shape) == {"data": 4, "height": 1}
  said = capsys.readouterr().out
  assert "mesh (8, 1) does not fit 4 device(s): batches are divided over all there are." in said


def test_remarks_are_printed_and_end_well(asked, tmp_path, monkeypatch, capsys):
  from imtrans.evaluation.evaluation_set import EvaluationSet

  track = EvaluationSet.resized  # Something that every evaluation calls.
  monkeypatch.setattr(
    EvaluationSet, "resized", lambda self, g: self.remark("mind the gap.") or track(self, g)
  )
  _run("--workdir", tmp_path)
  assert "note: mind the gap." in capsys.readouterr().out


def test_pictures_that_do_not_pair_are_worded_for_an_evaluation(asked, tmp_path, monkeypatch):
  def open_data(config, split):
    raise PairingError("the pictures do not pair: 1 in testA", "Train an unpaired method")

  monkeypatch.setattr("imtrans.training.input.open_data", open_data)
  with pytest.raises(ValueError, match="do not pair: 1 in testA, but the run was") as caught:
    _run("--workdir", tmp_path)
  assert "the same name" in str(caught.value) and "Train an" not in str(caught.value)


def test_the_table_has_a_line_per_figure():
  figures = [
    {"name": name, "direction": direction, "of": of, "value": 0.5}
    for name in ("l1", "fd_vgg16")
    for direction in ("ab", "ba")
    for of in ("model", "baseline")
    if (name, of) != ("fd_vgg16", "baseline")
  ]
  table = figures_table(figures, ["ab", "ba"])
  assert table.row_count == 2 and len(table.columns) == 5
