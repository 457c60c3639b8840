"""The process of one contender: reads requests from standard input, answers on standard output.

python -m experiments.benchmark.worker CONTENDER CASE_AS_JSON
The first answer comes after the first step. Then {"steps": 3} is answered with seconds,
{"report": true} with what the contender knows about itself, {"matmul": 2048} with the best
operations per second of a product of two such matrices.
"""

import json
import os
import sys
import time

from experiments.benchmark.cases import OURS, Case, Contender

MATMUL_REPEATS = 10


def main() -> None:
  # Whatever the libraries print goes to standard error; only answers go to standard output.
  answers = os.fdopen(os.dup(1), "w", buffering=1)
  os.dup2(2, 1)
  name, fields = sys.argv[1:]
  case = Case(**json.loads(fields))
  contender = _build(name, case)
  start = time.perf_counter()
  contender.run(case.steps_per_call if name == OURS else 1)
  report = {"first_step_seconds": time.perf_counter() - start, **contender.report()}
  answers.write(json.dumps(report) + "\n")
  for line in sys.stdin:
    answers.write(json.dumps(_answer(contender, json.loads(line))) + "\n")


def _build(name: str, case: Case) -> Contender:
  if name != OURS:
    from experiments.benchmark import peer

    return peer.build(case, name)
  # As `imtrans train` starts: the flag for convolutions on CPU must be set before jax is imported.
  from imtrans.commands.main import prepare_platform

  prepare_platform()
  from experiments.benchmark import ours

  return ours.build(case)


def _answer(contender: Contender, request: dict) -> dict:
  if "steps" in request:
    start = time.perf_counter()
    contender.run(request["steps"])
    return {"seconds": time.perf_counter() - start}
  if "matmul" in request:
    return {"flops": _matmul_rate(contender, request["matmul"])}
  return contender.report()


def _matmul_rate(contender: Contender, side: int) -> float:
  multiply = contender.matmul(side)
  multiply()
  seconds = []
  for _ in range(MATMUL_REPEATS):
    start = time.perf_counter()
    multiply()
    seconds.append(time.perf_counter() - start)
  return 2 * side**3 / min(seconds)


if __name__ == "__main__":
  main()
