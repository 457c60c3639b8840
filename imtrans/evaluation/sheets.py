"""The pictures of a sample sheet: a few of the test set, translated."""

import functools
from collections.abc import Sequence

import numpy as np

from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.pairs import evaluate_pairs
from imtrans.evaluation.translation import TrainedGenerator


def sample_rows(
  generators: Sequence[TrainedGenerator], pictures: EvaluationSet, *, count: int = 8
) -> list[list[np.ndarray]]:
  """A few translated test pictures for `contact_sheet`, always the same ones.

  Args:
    generators: of `trained_generators`.
    pictures: the test set.
    count: pictures per generator, evenly spread over the test set.

  Returns:
    Rows [source, output, target], without target where the test set is not paired; float32
    [height, width, channels] in [-1, 1].
  """
  rows = []
  for generator in generators:
    source, _ = pictures.domains(generator.direction)
    few = pictures.batches(generator, spread_indices(len(source), count))
    spec = pictures.target_spec(generator.direction)
    for result in evaluate_pairs(
      functools.partial(pictures.outputs, generator), few, target_spec=spec, quantities={}
    ):
      row = [result.source, result.output]
      rows.append(row if result.target is None else [*row, result.target])
  return rows
