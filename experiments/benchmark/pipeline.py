"""The input pipeline: how fast it reads, and how long a real loop waits for it.

python -m experiments.benchmark.pipeline CASE_AS_JSON SECONDS STEPS
Pictures are drawn into a temporary folder as JPEG files, then prepared as ArrayRecord. One process
for each case; it writes one line of JSON. This is the only file of the benchmark that needs the
packages of `imtrans.data`.
"""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from experiments.benchmark.cases import Case
from experiments.benchmark.contender_process import ROOT, WorkerError, environment, reason

NUM_PICTURES = 100  # In each domain.
SOURCES = ("arrays", "folders")
NUM_THREADS = 4  # As a config has it.


def measure_input(case: Case, seconds: float, steps: int = 0) -> dict[str, Any]:
  """Runs this file in a process of its own and returns its figures, by source.

  Args:
    case: method, size, batch and precision.
    seconds: that each of the loops should take.
    steps: of each loop instead; then only the loops with data are run, and their memory recorded.

  Raises:
    WorkerError: if it ends without an answer.
  """
  with tempfile.TemporaryDirectory() as cache:
    done = subprocess.run(
      [sys.executable, "-m", __spec__.name, json.dumps(case.to_dict()), str(seconds), str(steps)],
      cwd=ROOT,
      env=environment(case, Path(cache)),  # Huge pages, as training has them.
      capture_output=True,
      text=True,
      check=False,
    )
  if done.returncode:
    raise WorkerError("input", f"input of {case.key}: {reason(done.stderr)}")
  return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
  case, seconds, steps = Case(**json.loads(sys.argv[1])), float(sys.argv[2]), int(sys.argv[3])
  from imtrans.commands.main import prepare_platform

  prepare_platform()
  with tempfile.TemporaryDirectory() as folder:
    pictures, prepared = Path(folder) / "pictures", Path(folder) / "prepared"
    draw_pictures(pictures, case.size)
    _prepare(pictures, prepared, case)
    datasets = {"arrays": prepared, "folders": pictures}
    if steps:
      figures = _long_loops(datasets, case, steps)
    else:
      figures = {name: _reading(name, datasets[name], case, seconds) for name in SOURCES}
      for name, loop in _loops(datasets, case, seconds).items():
        figures[name] |= loop
  print(json.dumps(figures))


def draw_pictures(folder: Path, size: int, *, count: int = NUM_PICTURES) -> None:
  """Writes trainA, trainB, testA and testB: smooth coloured noise as JPEG, size x size pixels.

  Args:
    folder: where; made.
    size: height and width in pixels.
    count: of the pictures of trainA, and of trainB; the others have two.
  """
  generator = np.random.default_rng(0)
  for name, number in (("trainA", count), ("trainB", count), ("testA", 2), ("testB", 2)):
    (folder / name).mkdir(parents=True)
    for index in range(number):
      coarse = generator.integers(0, 256, (max(2, size // 8), max(2, size // 8), 3), np.uint8)
      picture = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
      picture.save(folder / name / f"{index:04d}.jpg", quality=90)


def _load_size(case: Case) -> int:
  return round(case.size * 286 / 256)


def _prepare(pictures: Path, output: Path, case: Case) -> None:
  from imtrans.data import open_dataset
  from imtrans.data.prepared import prepare_arrays

  def open_split(split: str) -> Any:
    return open_dataset("folders", split=split, paired=True, path=str(pictures))

  prepare_arrays(
    open_split, output, resize="square", load_size=_load_size(case), crop_size=case.size
  )


def _batches(source: str, path: Path, case: Case) -> Iterator[dict[str, np.ndarray]]:
  from imtrans.data import open_dataset, paired_batches, unpaired_batches

  paired = case.method == "pix2pix"
  dataset = open_dataset(source, split="train", paired=paired, path=str(path))
  make = paired_batches if paired else unpaired_batches
  return make(
    dataset,
    batch_size=case.batch,
    seed=0,
    load_size=_load_size(case),
    crop_size=case.size,
    num_threads=NUM_THREADS,
  )


def _reading(source: str, path: Path, case: Case, seconds: float) -> dict[str, float]:
  """Reads as fast as it goes: pictures (two a pair) per second, and per second of a core."""
  batches = _batches(source, path, case)
  for _ in range(2 * NUM_THREADS + 1):  # What was read ahead must not count.
    next(batches)
  start, busy, count = time.perf_counter(), time.process_time(), 0
  while time.perf_counter() - start < seconds or count == 0:
    next(batches)
    count += 2 * case.batch
  elapsed, spent = time.perf_counter() - start, time.process_time() - busy
  return {"pictures_per_second": count / elapsed, "pictures_per_core_second": count / spent}


class _Loop:
  """Trains as the loop of imtrans does."""

  def __init__(self, case: Case) -> None:
    import jax

    from experiments.benchmark import ours

    step, optimizers = ours.build_step(case, ours.build_method(case))
    self._call = jax.jit(step, donate_argnums=0)
    self.example = jax.device_put(ours.make_batch(case, 0))
    self._state = ours.create_state(
      ours.build_method(case), optimizers, self.example, seed=0, keep_ema=False
    )

  def run(
    self, batches: Iterator[Any], steps: int, points: int = 2
  ) -> tuple[float, float, list[tuple[int, int]]]:
    """Makes steps.

    Args:
      batches: to ask for the next batch.
      steps: how many.
      points: at how many of them, equally spaced, the last one included, memory is read.

    Returns:
      Seconds, seconds of waiting in `next(batches)`, and (step, resident bytes) at the points.
    """
    import jax

    read = {steps * (index + 1) // points for index in range(points)}
    waited, previous, memory = 0.0, None, []
    start = time.perf_counter()
    for index in range(1, steps + 1):
      asked = time.perf_counter()
      batch = next(batches)
      waited += time.perf_counter() - asked
      self._state, metrics = self._call(self._state, jax.device_put(batch))
      jax.block_until_ready(previous)  # The host stays one step ahead, as in training.
      previous = metrics
      if index in read:
        memory.append((index, _resident_memory()))
    jax.block_until_ready((self._state, previous))
    return time.perf_counter() - start, waited, memory


def _loops(datasets: dict[str, Path], case: Case, seconds: float) -> dict[str, dict[str, float]]:
  """Trains on waiting batches and from each source.

  Returns:
    By source: seconds per step with and without data, the share of time in `next(batches)`, and
    the growth of the process's memory over the second half, in bytes.
  """
  loop = _Loop(case)
  endless = itertools.repeat(loop.example)
  loop.run(endless, 2)
  once, _, _ = loop.run(endless, 2)
  steps = max(4, round(seconds / (once / 2)))
  without, _, _ = loop.run(endless, steps)
  results = {}
  for name, path in datasets.items():
    batches = _batches(name, path, case)
    loop.run(batches, 1)
    elapsed, waited, ((_, half), (_, whole)) = loop.run(batches, steps)
    results[name] = {
      "steps": steps,
      "step_seconds_without_data": without / steps,
      "step_seconds": elapsed / steps,
      "waiting_share": waited / elapsed,
      "memory_growth": whole - half,
    }
  return results


def _long_loops(datasets: dict[str, Path], case: Case, steps: int) -> dict[str, dict[str, Any]]:
  """Trains for many steps from each source, in one process.

  Returns:
    By source: steps, seconds per step, and "memory" at ten equally spaced steps.
  """
  loop = _Loop(case)
  results = {}
  for name, path in datasets.items():
    elapsed, _, memory = loop.run(_batches(name, path, case), steps, points=min(10, steps))
    results[name] = {"steps": steps, "step_seconds": elapsed / steps, "memory": memory}
  return results


def _resident_memory() -> int:
  pages = int(Path("/proc/self/statm").read_text().split()[1])
  return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
  main()
