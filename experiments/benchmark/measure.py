"""Times the contenders of a case in pairs: ours, peer, peer, ours, ours, peer, ...

Two processes live at a time, and one of them works. The machine drifts; a pair is measured within
seconds, in alternating order, and the ratio is the median over pairs.
"""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

from experiments.benchmark.cases import OURS, Case
from imtrans.commands.main import HUGE_PAGES

ROOT = Path(__file__).parent.parent.parent
MATMUL_SIDES = {"cpu": 2048, "gpu": 8192}


class Schedule(NamedTuple):
  """How long to measure.

  Attributes:
    rounds: pairs per variant.
    warmup: steps before the first round, after the very first step.
    seconds: that a round of one contender should take; at least one step.
    cached_start: whether to start ours once more, from the compilation cache.
    matmul_side: of the matrices whose product gives the peak; 0 takes the device's default.
  """

  rounds: int
  warmup: int
  seconds: float
  cached_start: bool = True
  matmul_side: int = 0


class WorkerError(RuntimeError):
  """A contender's process ended without an answer."""


class Worker:
  """A contender's process; `with` ends it.

  Attributes:
    start_seconds: from the command to the end of the first step.
    first: the answer that came then.
    unit: steps of one call.
    steps: made in one round.
  """

  def __init__(
    self, name: str, case: Case, cache: Path, module: str = "experiments.benchmark.worker"
  ):
    self.name, self.unit, self.steps = name, 1, 1
    # A file, not a pipe: nobody reads a pipe while waiting for an answer.
    self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
    start = time.perf_counter()
    self._process = subprocess.Popen(
      [sys.executable, "-m", module, name, json.dumps(case.to_dict())],
      cwd=ROOT,
      env=_environment(case, cache),
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._errors,
      text=True,
    )
    self._requests = cast(IO[str], self._process.stdin)
    self._answers = cast(IO[str], self._process.stdout)
    try:
      self.first = self._read()
    except BaseException:
      self.close()
      raise
    self.start_seconds = time.perf_counter() - start

  def ask(self, **request: Any) -> dict[str, Any]:
    """Sends a request and returns the answer; WorkerError if there is none."""
    # A broken pipe is explained by the answer's absence.
    with contextlib.suppress(BrokenPipeError):
      self._requests.write(json.dumps(request) + "\n")
      self._requests.flush()
    return self._read()

  def close(self) -> None:
    """Ends the process and waits for it."""
    self._process.kill()
    self._process.communicate()
    self._errors.close()

  def __enter__(self) -> "Worker":
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def _read(self) -> dict[str, Any]:
    line = self._answers.readline()
    if line:
      return json.loads(line)
    code = self._process.wait()
    self._errors.seek(0)
    said = [text.strip() for text in self._errors.read().splitlines() if text.strip()]
    raise WorkerError(f"exit code {code}: {said[-1][:300] if said else 'no message'}")


def measure(case: Case, variants: Sequence[str], schedule: Schedule) -> dict[str, Any]:
  """Times ours, alone or beside each variant of the peer.

  Args:
    case: what to train.
    variants: of the peer; a variant that cannot run is recorded with its error.
    schedule: how long.

  Returns:
    {"useful_flops": per step, "peak_flops": measured, "contenders": {name: figures}}. Figures have
    seconds per step of every round, and for a variant the paired ratios, its time over ours.

  Raises:
    WorkerError: if ours cannot run.
    ValueError: if the networks of the two differ in their number of parameters, or our step was
      traced more than once.
  """
  with tempfile.TemporaryDirectory() as cache, Worker(OURS, case, Path(cache)) as ours:
    ours.unit = case.steps_per_call
    warm_up(ours, schedule)
    contenders: dict[str, dict[str, Any]] = {OURS: {"seconds": []}}
    side = schedule.matmul_side or MATMUL_SIDES[case.device]
    peaks = {"jax": ours.ask(matmul=side)["flops"]}
    for variant in variants:
      try:
        contenders[variant] = _compare(ours, variant, case, schedule, Path(cache))
      except WorkerError as error:
        contenders[variant] = {"error": str(error)}
        continue
      contenders[OURS]["seconds"] += contenders[variant].pop("ours")
      peaks["torch"] = max(peaks.get("torch", 0.0), contenders[variant].pop("matmul"))
    if not contenders[OURS]["seconds"]:
      contenders[OURS]["seconds"] = [time_round(ours) for _ in range(schedule.rounds)]
    report = ours.ask(report=True)
    contenders[OURS] |= _figures(ours, report)
    if report["traces"] != 1:
      raise ValueError(f"{case.key}: the step was traced {report['traces']} times, not once.")
    contenders[OURS]["traces"] = report["traces"]
    peaks["jax"] = max(peaks["jax"], ours.ask(matmul=side)["flops"])
    ours.close()
    if schedule.cached_start:
      with Worker(OURS, case, Path(cache)) as again:
        contenders[OURS]["cached_start_seconds"] = again.start_seconds
        contenders[OURS]["cached_compile_seconds"] = again.first["compile_seconds"]
  return {
    "useful_flops": report["useful_flops"],
    "peak_flops": max(peaks.values()),
    "peak_by": max(peaks, key=lambda name: peaks[name]),
    "device": report["device"],
    "parameters": report["parameters"],
    "contenders": contenders,
  }


def _compare(
  ours: Worker, variant: str, case: Case, schedule: Schedule, cache: Path
) -> dict[str, Any]:
  with Worker(variant, case, cache) as peer:
    for player, count in ours.first["parameters"].items():
      if peer.first["parameters"][player] != count:
        raise ValueError(
          f"{case.method}: the {player} of imtrans has {count} parameters and that of the peer "
          f"{peer.first['parameters'][player]}: their step times cannot be compared."
        )
    warm_up(peer, schedule)
    side = schedule.matmul_side or MATMUL_SIDES[case.device]
    peak = peer.ask(matmul=side)["flops"]
    pairs = []
    for index in range(schedule.rounds):
      order = (ours, peer) if index % 2 == 0 else (peer, ours)
      seconds = {worker.name: time_round(worker) for worker in order}
      pairs.append((seconds[OURS], seconds[variant]))
    report = peer.ask(report=True)
    return {
      "seconds": [theirs for _, theirs in pairs],
      "ours": [mine for mine, _ in pairs],
      "ratios": [theirs / mine for mine, theirs in pairs],
      "ratio": statistics.median(theirs / mine for mine, theirs in pairs),
      "torch": report["torch"],
      "threads": report["threads"],
      "matmul": max(peak, peer.ask(matmul=side)["flops"]),
      **_figures(peer, report),
    }


def _figures(worker: Worker, report: dict[str, Any]) -> dict[str, Any]:
  kept = ("peak_memory", "losses", "compile_seconds")
  return {
    "start_seconds": worker.start_seconds,
    "first_step_seconds": worker.first["first_step_seconds"],
    "steps_per_round": worker.steps,
    **{name: report[name] for name in kept if name in report},
  }


def warm_up(worker: Worker, schedule: Schedule) -> None:
  """Warms up and finds how many steps make a round: whole calls, at least one."""
  seconds = [worker.ask(steps=worker.unit)["seconds"] for _ in range(max(1, schedule.warmup))]
  worker.steps = worker.unit * max(1, round(schedule.seconds / min(seconds)))


def time_round(worker: Worker) -> float:
  """Returns seconds per step, after one call that is not timed: the other's turn took caches."""
  worker.ask(steps=worker.unit)
  return worker.ask(steps=worker.steps)["seconds"] / worker.steps


def _environment(case: Case, cache: Path) -> dict[str, str]:
  """Caches that start empty; on a GPU, memory that grows, since two processes share it."""
  environment = {
    **os.environ,
    "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
  }
  if case.device == "cpu":
    # Huge pages, which `imtrans train` asks for itself, make every contender faster.
    environment |= {
      "JAX_PLATFORMS": "cpu",
      "CUDA_VISIBLE_DEVICES": "",
      "GLIBC_TUNABLES": HUGE_PAGES,
    }
  return environment
