"""Trains the tiny runs of the studies in this process, where programs are compiled once."""

import pytest

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


@pytest.fixture
def train_here():
  return TrainHere()
