"""What a generator makes up and what it misses: precision and recall, density and coverage.

A set of pictures is taken for a shape in feature space: balls around the pictures, each as large as
the distance to the k-th nearest other picture of the set. NumPy, float64 [pictures, dimension].
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from imtrans.evaluation.metrics.distributions import check_features, require

_BLOCK = 1024  # Rows of the matrix of distances that are held at a time.


class PrecisionRecall(NamedTuple):
  """Shares in [0, 1]: of fakes that lie among the reals, and of reals that lie among the fakes."""

  precision: float
  recall: float


class DensityCoverage(NamedTuple):
  """How crowded the reals' balls are with fakes, 1 if equally; the share of balls with any."""

  density: float
  coverage: float


def precision_recall(
  real: np.ndarray, fake: np.ndarray, *, num_neighbours: int = 3
) -> PrecisionRecall:
  """Improved precision and recall.

  Kynkaanniemi et al., 2019, "Improved Precision and Recall Metric for Assessing Generative Models",
  Eq. 1 and 2, https://arxiv.org/abs/1904.06991.

  Args:
    real: [pictures, dimension].
    fake: [pictures, dimension]; as many as real ones for figures that can be compared.
    num_neighbours: k, the neighbour at which a picture's ball ends; the paper uses 3.

  Returns:
    Precision and recall.

  Raises:
    ValueError: for fewer than k + 1 pictures on a side.
  """
  _require_neighbours(real, fake, num_neighbours, "precision and recall with")
  radii_real, radii_fake = (_radii(x, num_neighbours) for x in (real, fake))
  fake_hits = np.zeros(len(fake), bool)
  real_hits = np.zeros(len(real), bool)
  for rows, distances in _distances(real, fake):
    fake_hits |= np.any(distances <= radii_real[rows, None], axis=0)
    real_hits[rows] = np.any(distances <= radii_fake[None, :], axis=1)
  return PrecisionRecall(float(np.mean(fake_hits)), float(np.mean(real_hits)))


def density_coverage(
  real: np.ndarray, fake: np.ndarray, *, num_neighbours: int = 5
) -> DensityCoverage:
  """Density and coverage, which one outlying real picture cannot inflate.

  Naeem et al., 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", Sec. 3,
  https://arxiv.org/abs/2002.09797.

  Args:
    real: [pictures, dimension].
    fake: [pictures, dimension].
    num_neighbours: k, the neighbour at which a real picture's ball ends; the paper uses 5.

  Returns:
    Density, 0 or more, with expectation 1 for equal distributions; and coverage, whose expectation
    is then `expected_coverage`.

  Raises:
    ValueError: for fewer than k + 1 pictures on a side.
  """
  _require_neighbours(real, fake, num_neighbours, "density and coverage with")
  radii = _radii(real, num_neighbours)
  inside, covered = 0, 0
  for rows, distances in _distances(real, fake):
    hits = distances <= radii[rows, None]
    inside += int(np.sum(hits))
    covered += int(np.sum(np.any(hits, axis=1)))
  return DensityCoverage(inside / (num_neighbours * len(fake)), covered / len(real))


def expected_coverage(num_real: int, num_fake: int, *, num_neighbours: int = 5) -> float:
  """Coverage that a perfect generator has on average: the level to compare a figure with.

  Naeem et al., 2020, Sec. 3.2: 1 - (n-1)...(n-k) / ((m+n-1)...(m+n-k)) for n real and m generated
  pictures, whatever the distribution, if it is continuous.

  Args:
    num_real: real pictures.
    num_fake: generated pictures.
    num_neighbours: k.

  Returns:
    The expectation, in [0, 1].
  """
  steps = np.arange(1, num_neighbours + 1)
  return float(1.0 - np.prod((num_real - steps) / (num_fake + num_real - steps)))


def _radii(points: np.ndarray, num_neighbours: int) -> np.ndarray:
  """The distance from each point to its k-th nearest other one."""
  radii = np.empty(len(points))
  for rows, distances in _distances(points, points):
    # A point's own distance must not be among the k smallest, also if rounding made it positive.
    distances[np.arange(len(distances)), rows] = -1.0
    radii[rows] = np.partition(distances, num_neighbours, axis=1)[:, num_neighbours]
  return radii


def _distances(x: np.ndarray, y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
  """Euclidean distances from some of x to all of y: (rows, [rows, len(y)]), block after block."""
  x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
  lengths = np.sum(np.square(y), axis=1)
  for start in range(0, len(x), _BLOCK):
    rows = np.arange(start, min(start + _BLOCK, len(x)))
    part = x[rows]
    squares = np.sum(np.square(part), axis=1)[:, None] + lengths[None, :] - 2.0 * (part @ y.T)
    yield rows, np.sqrt(np.maximum(squares, 0.0))


def _require_neighbours(real: np.ndarray, fake: np.ndarray, count: int, what: str) -> None:
  check_features(real, fake)
  require(real, fake, count + 1, f"{what} {count} neighbours in", "choose a smaller num_neighbours")
