"""The process of one contender: reads requests from standard input, answers on standard output.

python -m experiments.benchmark.worker CONTENDER CASE_AS_JSON
The first answer comes after the first step. Then {"steps": 3} is answered with seconds,
{"report": true} with what the contender knows about itself, {"matmul": 2048} with the best
operations per second of a product of two such matrices, {"copy": 1000000} with the best bytes per
second of reading and writing so many.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from experiments.benchmark.cases import OURS, VARIANTS, Case, Contender

REPEATS = 10


def main() -> None:
  """Serves one contender of the train step."""
  serve(_build)


def serve(build: Callable[[str, Case], Any]) -> None:
  """Builds the contender that the command line names, and answers until the input ends.

  Args:
    build: (name, case) -> a contender, or whatever has its `run` and `report`.
  """
  # Whatever the libraries print goes to standard error; only answers go to standard output.
  answers = os.fdopen(os.dup(1), "w", buffering=1)
  os.dup2(2, 1)
  name, fields = sys.argv[1:]
  case = Case(**json.loads(fields))
  contender = build(name, case)
  start = time.perf_counter()
  contender.run(1)
  report = {"first_step_seconds": time.perf_counter() - start, **contender.report()}
  answers.write(json.dumps(report) + "\n")
  for line in sys.stdin:
    answers.write(json.dumps(_answer(contender, json.loads(line))) + "\n")


def _build(name: str, case: Case) -> Contender:
  if name in VARIANTS:
    from experiments.benchmark import peer

    return peer.build(case, name)
  # As `imtrans train` starts: the flag for convolutions on CPU must be set before jax is imported.
  from imtrans.commands.main import prepare_platform

  prepare_platform()
  if name != OURS:
    from experiments.benchmark.catalogue import undo

    undo(name)
  from experiments.benchmark import ours

  return ours.build(case)


def _answer(contender: Any, request: dict) -> dict:
  if "steps" in request:
    start = time.perf_counter()
    contender.run(request["steps"])
    return {"seconds": time.perf_counter() - start}
  if "matmul" in request:
    side = request["matmul"]
    return {"flops": 2 * side**3 / _fastest(contender.matmul(side))}
  if "copy" in request:
    # Read once, written once.
    return {"bytes": 2 * request["copy"] / _fastest(contender.copy(request["copy"]))}
  return contender.report()


def _fastest(call: Callable[[], None]) -> float:
  """Returns the seconds of the fastest of ten calls, after one that is not timed."""
  call()
  seconds = []
  for _ in range(REPEATS):
    start = time.perf_counter()
    call()
    seconds.append(time.perf_counter() - start)
  return min(seconds)


if __name__ == "__main__":
  main()
