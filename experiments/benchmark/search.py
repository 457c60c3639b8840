"""The batch with the most images a second: powers of two, until the rate falls or memory ends."""

import dataclasses
import tempfile
from pathlib import Path

from experiments.benchmark.cases import OURS, Case
from experiments.benchmark.contender_process import Worker, WorkerError
from experiments.benchmark.measure import Schedule, time_round, warm_up


def find_best_batch(case: Case, schedule: Schedule) -> tuple[Case, dict[str, float]]:
  """Times ours alone with ever larger batches.

  Args:
    case: with any batch.
    schedule: warm-up and seconds of the one round that each batch gets.

  Returns:
    The case with the best batch, and images/s by batch of all that were tried.

  Raises:
    WorkerError: if not even one image can be trained on.
  """
  rates: dict[str, float] = {}
  best, batch = 0, 1
  while True:
    tried = dataclasses.replace(case, batch=batch)
    try:
      with tempfile.TemporaryDirectory() as cache, Worker(OURS, tried, Path(cache)) as ours:
        warm_up(ours, schedule)
        rates[str(batch)] = batch / time_round(ours)
    except WorkerError:
      if not best:
        raise
      break  # It does not fit, as far as that can be told from outside.
    if best and rates[str(batch)] < rates[str(best)]:
      break
    best, batch = batch, 2 * batch
  return dataclasses.replace(case, batch=best), rates
