"""What is measured of a trained run, whatever its method: figures, sizes, speed, pictures."""

import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

import clu.parameter_overview
import numpy as np

from experiments.trainings import Training
from imtrans.analyses.trained import TrainedRun
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.translation.generators import measuring, preprocessing


class Shown(NamedTuple):
  """Test pictures through a run: float32 [pictures, height, width, channels] in [-1, 1] each.

  answers: None if they are not known.
  """

  sources: np.ndarray
  outputs: np.ndarray
  answers: np.ndarray | None


def figures(trained: TrainedRun, criteria: Sequence[str]) -> dict[str, float]:
  """What `imtrans evaluate` would measure of a run's main direction.

  Args:
    trained: the run.
    criteria: keys of `imtrans.evaluation.criteria.CRITERIA`; those that cannot be measured of this
      run, such as errors of pictures made of noise, are left out.

  Returns:
    {"eval/l1": ..., "baseline/l1": ...}, rounded to six digits.

  Raises:
    ValueError: if weights are missing.
  """
  evaluation = Evaluation(test_set(trained), criteria, **measuring(trained.run.config))
  scores = evaluation.scalars(trained.generators[:1])
  return {name: float(f"{value:.6g}") for name, value in scores.items()}


def num_parameters(trained: TrainedRun) -> dict[str, int]:
  """How many parameters each player of a run has."""
  return {
    player: int(clu.parameter_overview.count_parameters(params)) if params else 0
    for player, params in trained.players.items()
  }


def images_per_second(training: Training) -> float:
  """How fast a run's config trains on one core, in a process of its own.

  Args:
    training: of a study.

  Returns:
    Images per second of processor time, see `experiments.family.speed`.

  Raises:
    RuntimeError: if it fails.
  """
  command = [sys.executable, "-m", "experiments.family.speed", "--config", training.config]
  done = subprocess.run(
    [*command, *training.overrides], stdout=subprocess.PIPE, text=True, check=False
  )
  if done.returncode:
    raise RuntimeError(f"the speed of {training.config} could not be measured.")
  return float(f"{float(done.stdout.split()[-1]):.4g}")


def show(trained: TrainedRun, names: Sequence[str], count: int) -> Shown:
  """Translates test pictures.

  Args:
    trained: the run.
    names: of the pictures; where the run has others, such as noise, any will do.
    count: how many then.

  Returns:
    As many as there are names, in their order, or `count`.
  """
  pictures, generator = test_set(trained), trained.generators[0]
  places = {name: place for place, name in enumerate(source_names(trained))}
  wanted = [places[name] for name in names if name in places]
  if len(wanted) < len(names) or not names:
    wanted = spread_indices(len(places), count)
  sources, outputs, answers = [], [], []
  for _, images, number in pictures.batches(generator, wanted):
    sources.append(images["source"][:number])
    outputs.append(pictures.outputs(generator, images["source"])[:number])
    if "target" in images:
      answers.append(images["target"][:number])
  known = np.concatenate(answers) if answers else None
  return Shown(np.concatenate(sources), np.concatenate(outputs), known)


def source_names(trained: TrainedRun) -> Sequence[str]:
  """The names of a run's test sources."""
  source, _ = test_set(trained).domains(trained.generators[0].direction)
  return source.names


def test_set(trained: TrainedRun) -> EvaluationSet:
  """The test pictures of a run, as an evaluation goes through them."""
  options = preprocessing(trained.run.config)
  return EvaluationSet(trained.dataset, specs=trained.run.specs, **options)
