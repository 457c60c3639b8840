"""Trains the tiny runs of the studies in this process, where programs are compiled once."""

import json
from concurrent.futures import Executor, Future

import pytest

from experiments import trainings
from imtrans.commands.main import main


class TrainHere:
  """Takes the place of `experiments.record.run_command`; notes what it was called with."""

  def __init__(self):
    self.calls = []

  def __call__(self, command):
    self.calls.append(command)
    with pytest.raises(SystemExit) as exit_info:
      main(list(command))
    assert exit_info.value.code == 0
    return 1.0


class AtOnce(Executor):
  """Takes the place of a pool of threads: a run that can be stopped wants the main one."""

  def __init__(self, *arguments, **options):
    del arguments, options  # Also what binds a thread to one core.

  def submit(self, function, /, *arguments, **options):
    done = Future()
    done.set_result(function(*arguments, **options))
    return done


def recorded(folder, name="results.json"):
  """The records of a study; a test of them has nothing to look at before the first is made."""
  if not (folder / name).exists():
    pytest.skip(f"{folder.name}/{name} is not recorded yet")
  return json.loads((folder / name).read_text())


@pytest.fixture
def train_here(monkeypatch):
  here = TrainHere()
  monkeypatch.setattr(trainings, "run_command", here)
  monkeypatch.setattr(trainings, "ThreadPoolExecutor", AtOnce)
  return here
