"""Times contenders in pairs: ours, peer, peer, ours, ours, peer, ...

Two processes live at a time, and one of them works. The machine drifts; a pair is measured within
seconds, in alternating order, and the ratio is the median over pairs.
"""

import contextlib
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark.cases import OURS, Case
from experiments.benchmark.contender_process import WORKER, Worker, WorkerError

MATMUL_SIDES = {"cpu": 2048, "gpu": 8192}
COPY_BYTES = {"cpu": 2**28, "gpu": 2**32}
Pairs = list[tuple[float, float]]


class Schedule(NamedTuple):
  """How long to measure.

  Attributes:
    rounds: pairs per variant.
    warmup: steps before the first round, after the very first step.
    seconds: that a round of one contender should take; at least one step.
    cached_start: whether to start ours once more, from the compilation cache.
    matmul_side: of the matrices whose product gives the peak; 0 takes the device's default.
    copy_bytes: of the copy that gives the bandwidth; 0 takes the device's default.
  """

  rounds: int
  warmup: int
  seconds: float
  cached_start: bool = True
  matmul_side: int = 0
  copy_bytes: int = 0


def pairs(first: Worker, second: Worker, schedule: Schedule) -> Pairs:
  """Times two warm contenders in alternating order.

  Args:
    first: one, warmed up.
    second: another one, warmed up.
    schedule: how often.

  Returns:
    Seconds per step of the first and of the second, for every round.
  """
  timed = []
  for index in range(schedule.rounds):
    order = (first, second) if index % 2 == 0 else (second, first)
    seconds = {id(worker): time_round(worker) for worker in order}
    timed.append((seconds[id(first)], seconds[id(second)]))
  return timed


def compared(timed: Pairs) -> dict[str, Any]:
  """Returns the seconds of the second contender, and its time over the first's, by rounds."""
  ratios = [second / first for first, second in timed]
  return {
    "seconds": [second for _, second in timed],
    "ratios": ratios,
    "ratio": statistics.median(ratios),
  }


def warm_up(worker: Worker, schedule: Schedule) -> None:
  """Warms up and finds how many steps make a round: at least one."""
  seconds = [worker.ask(steps=1)["seconds"] for _ in range(max(1, schedule.warmup))]
  worker.steps = max(1, round(schedule.seconds / min(seconds)))


def time_round(worker: Worker) -> float:
  """Returns seconds per step, after one that is not timed: the other's turn took caches."""
  worker.ask(steps=1)
  return worker.ask(steps=worker.steps)["seconds"] / worker.steps


def measure(case: Case, variants: Sequence[str], schedule: Schedule) -> dict[str, Any]:
  """Times the train step, ours alone or beside each variant of the peer.

  Args:
    case: what to train.
    variants: of the peer; a contender that cannot run, ours too, is recorded with its error.
    schedule: how long.

  Returns:
    {"useful_flops": per step, "peak_flops" and "bandwidth": measured, "contenders": {name:
    figures}}. Figures have seconds per step of every round, and for a variant the paired ratios,
    its time over ours.

  Raises:
    ValueError: if the networks of the two differ in their number of parameters, or our step was
      traced more than once.
  """
  rates: dict[str, dict[str, float]] = {}

  def probe(worker: Worker) -> None:
    library = "jax" if worker.name == OURS else "torch"
    best = rates.setdefault(library, {"flops": 0.0, "bytes": 0.0})
    side = schedule.matmul_side or MATMUL_SIDES[case.device]
    best["flops"] = max(best["flops"], worker.ask(matmul=side)["flops"])
    size = schedule.copy_bytes or COPY_BYTES[case.device]
    best["bytes"] = max(best["bytes"], worker.ask(copy=size)["bytes"])

  with tempfile.TemporaryDirectory() as cache:
    contenders, report = compare(case, variants, schedule, Path(cache), probe=probe)
    if report and schedule.cached_start:
      with contextlib.suppress(WorkerError), Worker(OURS, case, Path(cache)) as again:
        contenders[OURS]["cached_start_seconds"] = again.start_seconds
        contenders[OURS]["cached_compile_seconds"] = again.first["compile_seconds"]
  kept = ("useful_flops", "device", "parameters", "bytes", "scratch")
  fastest = max(rates, key=lambda name: rates[name]["flops"], default="")
  return {
    **{name: report[name] for name in kept if name in report},
    "peak_flops": max((found["flops"] for found in rates.values()), default=None),
    "peak_by": fastest,
    "bandwidth": max((found["bytes"] for found in rates.values()), default=None),
    "contenders": contenders,
  }


def compare(
  case: Case,
  variants: Sequence[str],
  schedule: Schedule,
  cache: Path,
  *,
  module: str = WORKER,
  probe: Callable[[Worker], None] = lambda worker: None,
) -> tuple[dict[str, dict[str, Any]], dict[str, Any]]:
  """Times ours and every variant, in pairs while ours lives, and each alone when it does not.

  Args:
    case: what to run.
    variants: of the peer.
    schedule: how long.
    cache: a folder for compiled programs.
    module: of the contenders' processes.
    probe: called with every contender after its rounds; its memory is read before.

  Returns:
    Figures by contender, "error" alone for one that died, and what ours last said about itself,
    empty if it died.

  Raises:
    ValueError: as `measure`.
  """
  contenders: dict[str, dict[str, Any]] = {OURS: {"seconds": []}}
  with contextlib.ExitStack() as stack:
    ours: Worker | None = None

    def lost(error: WorkerError) -> None:
      nonlocal ours
      ours = None
      contenders[OURS] = {"error": str(error)}

    try:
      ours = stack.enter_context(Worker(OURS, case, cache, module))
      warm_up(ours, schedule)
    except WorkerError as error:
      lost(error)
    for variant in variants:
      try:
        with Worker(variant, case, cache, module) as peer:
          if ours:
            _check_parameters(case, ours.first["parameters"], peer.first["parameters"])
          warm_up(peer, schedule)
          try:
            timed = pairs(ours, peer, schedule) if ours else []
          except WorkerError as error:
            if error.contender != OURS:
              raise
            lost(error)
            timed = []
          contenders[variant] = compared(timed) if timed else _alone(peer, schedule)
          contenders[variant] |= figures(peer)
          probe(peer)
          if timed:
            contenders[OURS]["seconds"] += [mine for mine, _ in timed]
      except WorkerError as error:
        contenders[variant] = {"error": str(error)}
    report: dict[str, Any] = {}
    try:
      if ours:
        if not contenders[OURS]["seconds"]:
          contenders[OURS] = _alone(ours, schedule)
        contenders[OURS] |= figures(ours)
        probe(ours)
        report = ours.ask(report=True)
    except WorkerError as error:
      lost(error)
  if report and report["traces"] != 1:
    raise ValueError(f"{case.key}: ours was traced {report['traces']} times, not once.")
  return contenders, report


def figures(worker: Worker) -> dict[str, Any]:
  """Returns what is recorded of a contender beside its seconds."""
  report = worker.ask(report=True)
  kept = ("peak_memory", "losses", "compile_seconds", "torch", "threads", "traces", "scratch")
  return {
    "start_seconds": worker.start_seconds,
    "steps_per_round": worker.steps,
    **{name: report[name] for name in kept if name in report},
    **{name: worker.first[name] for name in ("first_step_seconds",) if name in worker.first},
  }


def _alone(worker: Worker, schedule: Schedule) -> dict[str, Any]:
  return {"seconds": [time_round(worker) for _ in range(schedule.rounds)]}


def _check_parameters(case: Case, ours: Any, theirs: Any) -> None:
  if ours != theirs:
    raise ValueError(
      f"{case.method}: imtrans has {ours} parameters and the peer {theirs}: their times cannot be "
      "compared."
    )
