"""The trainings of a study: what is missing is trained, some at a time, and kept as it ends."""

import argparse
import json
import os
import threading

import pytest

from experiments import trainings
from experiments.trainings import Training, add_arguments, check_folder, gather, parse, trained
from imtrans.commands.configuration import load_config
from imtrans.training.config import save_config

CONFIG = "experiments/soft_threshold/config.py:drawn-tiny"


def _training(seed, *changes):
  return Training(f"run-{seed}", CONFIG, (f"seed={seed}", *changes), {"seed": seed})


def _parsed(tmp_path, *arguments):
  parser = argparse.ArgumentParser()
  add_arguments(parser, workdir=str(tmp_path / "runs"), output=tmp_path)
  return parse(parser, arguments)


@pytest.fixture
def two_cores(monkeypatch):
  monkeypatch.setattr(trainings, "_cores", lambda: [0, 0])  # One core will do here.


def _score(training, workdir):
  return {"score": 10 * training.facts["seed"], "folder": workdir.name}


def test_what_is_recorded_is_not_repeated(tmp_path, monkeypatch):
  calls = []
  monkeypatch.setattr(trainings, "run_command", lambda command: calls.append(command) or 1.5)
  records = gather(_parsed(tmp_path), [_training(2), _training(1)], _score)
  assert len(calls) == 2 and list(records) == ["run-1", "run-2"]
  assert records == json.loads((tmp_path / "results.json").read_text())
  record = records["run-2"]
  assert record["commands"] == [
    f"imtrans train --config {CONFIG} --workdir {tmp_path}/runs/run-2 --config.seed=2"
  ]
  assert (record["seed"], record["train_seconds"], record["score"]) == (2, 1.5, 20)
  assert record["folder"] == "run-2" and "versions" in record
  again = gather(_parsed(tmp_path), [_training(1), _training(3)], _score)
  assert len(calls) == 3 and set(again) == {"run-1", "run-2", "run-3"}
  assert gather(_parsed(tmp_path, "--table"), [_training(4)], _score) == again
  assert len(calls) == 3


@pytest.mark.usefixtures("two_cores")
def test_two_jobs_run_at_the_same_time_and_their_number_changes_no_record(tmp_path, monkeypatch):
  meet = threading.Barrier(2, timeout=20.0)
  monkeypatch.setattr(trainings, "run_command", lambda _: float(meet.wait() >= 0))
  runs = [_training(seed) for seed in range(4)]
  (tmp_path / "two").mkdir()
  two = gather(_parsed(tmp_path, "--jobs", "2", "--output", str(tmp_path / "two")), runs, _score)
  monkeypatch.setattr(trainings, "run_command", lambda _: 1.0)
  one = gather(_parsed(tmp_path), runs, _score)
  assert one == two


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system binds no threads")
def test_each_training_has_a_core_of_its_own_and_the_study_keeps_all(tmp_path, monkeypatch):
  before = os.sched_getaffinity(0)
  jobs = min(2, len(before))
  meet = threading.Barrier(jobs, timeout=20.0)
  seen = []

  def run(command):
    meet.wait()
    # What a process started here may use.
    seen.append(tuple(os.sched_getaffinity(0)))
    return 1.0

  monkeypatch.setattr(trainings, "run_command", run)
  assert len(list(trained([_training(s) for s in range(jobs)], tmp_path, jobs=jobs))) == jobs
  assert all(len(cores) == 1 for cores in seen) and len(set(seen)) == jobs
  assert os.sched_getaffinity(0) == before


def test_failing_runs_are_told_last_and_all_others_recorded(tmp_path, monkeypatch):
  def run(command):
    if "--config.seed=1" in command:
      raise RuntimeError("imtrans train --config.seed=1 ended with exit code 1.")
    return 1.0

  def score(training, workdir):
    if training.key == "run-2":
      raise FloatingPointError("the generator's output is not finite.")
    return _score(training, workdir)

  monkeypatch.setattr(trainings, "run_command", run)
  runs = [_training(seed) for seed in range(4)]
  with pytest.raises(SystemExit) as exit_info:
    gather(_parsed(tmp_path), runs, score)
  assert exit_info.value.code == (
    "run-2 cannot be measured: the generator's output is not finite. imtrans train --config.seed=1 "
    "ended with exit code 1. What is recorded stays; the same command goes on, --table writes the "
    "table without."
  )
  assert list(json.loads((tmp_path / "results.json").read_text())) == ["run-0", "run-3"]


@pytest.mark.parametrize(
  ("arguments", "sentence"),
  [
    (["--tiny"], "--output FOLDER"),
    (["--jobs", "0"], "--jobs 0: this program may use 1 to"),
    (["--jobs", "100000"], "--jobs 100000: this program may use 1 to"),
  ],
)
def test_arguments_that_cannot_be(tmp_path, capsys, arguments, sentence):
  with pytest.raises(SystemExit):
    _parsed(tmp_path, *arguments)
  assert sentence in capsys.readouterr().err


def test_a_table_without_runs_is_refused(tmp_path):
  with pytest.raises(SystemExit, match="holds no runs yet: leave out --table"):
    gather(_parsed(tmp_path, "--table"), [_training(0)], _score)


def test_a_folder_with_a_run_of_another_config_is_refused(tmp_path):
  folder = tmp_path / "run-0"
  folder.mkdir()
  check_folder(_training(0), folder)  # Nothing there.
  save_config(load_config(CONFIG, _training(0).overrides), folder / "config.json")
  check_folder(_training(0), folder)
  with pytest.raises(ValueError, match=r"run-0 holds .* \(num_steps was 2, now 7\): move it away"):
    list(trained([_training(0, "num_steps=7")], tmp_path, jobs=1))
