"""Stop anywhere, run again: the result is the same bit for bit."""

import json
import signal
import time

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from tests.command_line import CommandLine

# It is stopped between two checkpoints, and for the second time between two evaluations.
OVERRIDES = ("num_steps=40", "save_every=10", "eval_every=20", "sample_every=0", "ema_decay=0.9")


def _interrupt(process, workdir, *, at_step, number):
  """Sends a signal once the log has reached a step; returns the exit code and the output."""
  log, deadline = workdir / "log.jsonl", time.monotonic() + 240
  while time.monotonic() < deadline and process.poll() is None:
    if log.exists() and any(
      f'"step": {step},' in log.read_text() for step in (at_step, at_step + 1)
    ):
      process.send_signal(number)
      break
    time.sleep(0.002)
  output, _ = process.communicate(timeout=240)
  return process.returncode, output


def _final(workdir):
  with ocp.StandardCheckpointer() as reader:
    return reader.restore(workdir / "checkpoints" / "40" / "state")


@pytest.mark.parametrize(
  ("config", "num_devices"), [("pix2pix_facades", 4), ("cyclegan_facades", 1)]
)
def test_killed_and_terminated_runs_end_like_an_undisturbed_one(
  config, num_devices, pictures, tmp_path
):
  command_line = CommandLine(pictures, num_devices)
  code, output = command_line.run(config, tmp_path / "whole", *OVERRIDES)
  assert code == 0, output

  stopped = tmp_path / "stopped"
  process = command_line.start(config, stopped, *OVERRIDES)
  code, output = _interrupt(process, stopped, at_step=12, number=signal.SIGKILL)
  assert code == -signal.SIGKILL, output
  process = command_line.start(config, stopped, *OVERRIDES)
  # SIGTERM from a scheduler, SIGINT from Ctrl-C.
  number = signal.SIGTERM if num_devices == 1 else signal.SIGINT
  code, output = _interrupt(process, stopped, at_step=23, number=number)
  assert code == 128 + number, output
  assert "everything saved: run the same command again" in output
  assert "Traceback" not in output
  code, output = command_line.run(config, stopped, *OVERRIDES)
  assert code == 0 and "resuming" in output, output

  whole, again = _final(tmp_path / "whole"), _final(stopped)
  assert jax.tree.structure(whole) == jax.tree.structure(again)
  for (path, one), other in zip(
    jax.tree_util.tree_leaves_with_path(whole), jax.tree.leaves(again), strict=True
  ):
    np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=str(path))
  name = "checkpoints/40/data/process_0-of-1.json"
  for file in (name, "log.jsonl"):
    assert (tmp_path / "whole" / file).read_bytes() == (stopped / file).read_bytes(), file
  assert json.loads((stopped / name).read_text())  # Not an empty position.
  best = [sorted(p.name for p in (w / "best").iterdir()) for w in (tmp_path / "whole", stopped)]
  assert best[0] == best[1] and best[0]
