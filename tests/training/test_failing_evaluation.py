"""A run whose pictures cannot be shown or measured keeps the steps before that."""

import numpy as np
import pytest

from imtrans.training.input import open_data
from imtrans.training.loop import train
from tests.training.test_diagnostics import _config


def _fail(snapshot):
  raise FloatingPointError(f"not finite at step {snapshot.step}.")


@pytest.mark.parametrize("which", ["evaluate", "sample"])
def test_the_steps_before_a_failure_are_kept(pictures, tmp_path, which):
  config = _config(pictures, num_steps=4, log_every=1, diagnose_every=0)
  config.update({"evaluate": {"eval_every": 2}, "sample": {"sample_every": 2}}[which])
  functions = {"evaluate": lambda _: {}, "sample": lambda _: np.zeros((1, 1, 3)), which: _fail}
  dataset = open_data(config, "train")
  with pytest.raises(FloatingPointError, match="not finite at step 2"):
    train(config, tmp_path / "run", dataset, **functions)
  assert (tmp_path / "run" / "checkpoints" / "2").is_dir()
