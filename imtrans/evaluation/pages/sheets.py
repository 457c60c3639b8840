"""The pictures of a sample sheet: a few of the test set, translated."""

import functools
from collections.abc import Sequence

import numpy as np

from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.judges.pairs import evaluate_pairs
from imtrans.evaluation.pages.previews import contact_sheet
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

GRID = 8  # Pictures a row, and rows, of what is made of noise.


def sample_sheet(
  generators: Sequence[TrainedGenerator], pictures: EvaluationSet, *, count: int = 8
) -> np.ndarray:
  """A few translated test pictures as one picture, always the same ones.

  Args:
    generators: of `trained_generators`.
    pictures: the test set.
    count: pictures per generator; 64 where they are made of noise.

  Returns:
    uint8 [height, width, 3]: rows source | output | target, or a grid of what noise has become.
  """
  if not shows_sources(pictures):
    made = sample_rows(generators, pictures, count=GRID * GRID)
    return contact_sheet([row[1:2] for row in made], gap=1, sheet_columns=GRID)
  return contact_sheet(sample_rows(generators, pictures, count=count))


def shows_sources(pictures: EvaluationSet) -> bool:
  """Whether sources are pictures that an output has to do with, rather than noise."""
  return bool(getattr(pictures.dataset.a, "related", True))


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

  Raises:
    ValueError: if none of them can be read.
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
  if not rows:
    raise ValueError(
      "no test picture can be shown: check data.path with `imtrans data inspect`. "
      + next(iter(pictures.problems.values()), "")
    )
  return rows
