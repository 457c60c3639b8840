"""Runs of `imtrans train`, in processes of their own or in this one."""

import contextlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from imtrans.commands.main import main
from tests.conftest import QUICK

ROOT = Path(__file__).parent.parent


class CommandLine:
  """Starts `imtrans train` on the pictures."""

  def __init__(self, pictures, num_devices=1):
    self._pictures = pictures
    flags = f"--xla_force_host_platform_device_count={num_devices}"
    self._environment = {
      **os.environ,
      "JAX_PLATFORMS": "cpu",
      "XLA_FLAGS": f"{flags} {QUICK}",
      "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".cache" / "jax"),
      "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.3",
    }

  def start(self, config, workdir, *overrides, prefix=(), options=()):
    """Starts the command, behind `prefix`; `overrides` are like "num_steps=4"."""
    command = [*prefix, sys.executable, "-m", "imtrans"]
    command += self._words(config, workdir, *overrides)
    command += options
    return subprocess.Popen(
      command,
      env=self._environment,
      stdout=subprocess.PIPE,
      stderr=subprocess.STDOUT,
      text=True,
    )

  def run(self, config, workdir, *overrides, prefix=()):
    """Runs the command to its end; returns the exit code and what it printed."""
    process = self.start(config, workdir, *overrides, prefix=prefix)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output

  def run_here(self, config, workdir, *overrides):
    """As `run`, but in this process and on its devices: nothing is imported anew."""
    said = io.StringIO()
    with (
      contextlib.redirect_stdout(said),
      contextlib.redirect_stderr(said),
      pytest.raises(SystemExit) as exit_info,
    ):
      main(self._words(config, workdir, *overrides))
    return exit_info.value.code, said.getvalue()

  def _words(self, config, workdir, *overrides):
    words = ["train", "--config", f"{ROOT / 'configs' / config}.py:tiny"]
    words += ["--workdir", str(workdir), f"--config.data.path={self._pictures}"]
    return words + [f"--config.{override}" for override in overrides]
