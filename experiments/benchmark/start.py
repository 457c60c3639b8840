"""How long `imtrans train` takes from the command to its first step, cold and from its cache."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from experiments.benchmark.cases import Case
from experiments.benchmark.contender_process import ROOT, WorkerError, reason

CONFIGS = {"pix2pix": "pix2pix_facades", "cyclegan": "cyclegan_horse2zebra"}
CACHED = (
  "cached_start_seconds",
  "cached_compile_seconds",
  "command_seconds",
  "cached_command_seconds",
)


def measure_start(case: Case) -> dict[str, Any]:
  """Runs the command twice on generated pictures, for one step each.

  Args:
    case: what to train.

  Returns:
    {"command_seconds", "cached_command_seconds"}: to the line that reports the first step, with an
    empty compilation cache and with the one that was filled; {"command_error"} if it fails.
  """
  try:
    from experiments.benchmark.pipeline import draw_pictures
  except ImportError as error:
    return {"command_error": f"imtrans train needs more than is installed: {error}"}
  with tempfile.TemporaryDirectory() as name:
    folder = Path(name)
    draw_pictures(folder / "pictures", case.size, count=max(2, case.batch))
    try:
      return {
        "command_seconds": _run(case, folder, "cold"),
        "cached_command_seconds": _run(case, folder, "cached"),
      }
    except WorkerError as error:
      return {"command_error": str(error)}


def kept_start(record: dict[str, Any], old: dict[str, Any]) -> None:
  """Copies into a record what it has not measured and an older one of its case has.

  Args:
    record: changed in place; names where the figures come from.
    old: the older one; may be empty.
  """
  ours, before = (some.get("contenders", {}).get("imtrans", {}) for some in (record, old))
  kept = {name: before[name] for name in CACHED if name in before and name not in ours}
  if kept and "error" not in ours:
    ours |= kept
    record["cached_from"] = old.get("cached_from") or f"`{old['command']}`, {old['date']}"


def _run(case: Case, folder: Path, workdir: str) -> float:
  """Returns the seconds to the line of the first step; the run ends by itself, saved."""
  environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(folder / "cache")}
  environment |= {"JAX_PLATFORMS": "cpu"} if case.device == "cpu" else {}
  command = [sys.executable, "-m", "imtrans", "train", "--config"]
  command += [str(ROOT / "configs" / f"{CONFIGS[case.method]}.py")]
  command += ["--workdir", str(folder / workdir)]
  command += [f"--config.{name}={value}" for name, value in _fields(case, folder).items()]
  start = time.perf_counter()
  said, seconds = [], 0.0
  with subprocess.Popen(
    command,
    cwd=ROOT,
    env=environment,
    stdout=subprocess.DEVNULL,
    stderr=subprocess.PIPE,
    text=True,
  ) as process:
    for line in process.stderr or ():
      said.append(line)
      if line.startswith("step 1/1 "):
        seconds = time.perf_counter() - start
  if process.returncode or not seconds:
    raise WorkerError("imtrans train", f"imtrans train: {reason(''.join(said))}")
  return seconds


def _fields(case: Case, folder: Path) -> dict[str, Any]:
  """Returns the fields of the config that make it the case: one step, nothing but training."""
  fields = {
    "data.source": "folders",
    "data.path": folder / "pictures",
    "data.load_size": round(case.size * 286 / 256),
    "data.crop_size": case.size,
    "batch_size": case.batch,
    "precision": case.precision,
    "num_steps": 1,
    "log_every": 1,
    "optimizer.schedule": "constant",
    "optimizer.decay_start": 0,
    **dict.fromkeys(("sample_every", "eval_every", "diagnose_every"), 0),
    "generator.features": case.features,
    "discriminator.features": case.features,
    "discriminator.num_layers": case.num_layers,
  }
  if case.method == "pix2pix":
    return {**fields, "generator.num_levels": case.num_levels}
  return {**fields, "generator.num_blocks": case.num_blocks}
