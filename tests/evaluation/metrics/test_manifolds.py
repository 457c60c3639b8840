"""Precision, recall, density, coverage: by hand, by loops, and their expectations."""

import numpy as np
import pytest

from imtrans.evaluation.metrics import manifolds
from imtrans.evaluation.metrics.manifolds import (
  density_coverage,
  expected_coverage,
  precision_recall,
)


def _inside(centres, points, k):
  """[centres, points]: whether a point is in the ball of a centre, with loops."""
  hits = np.zeros((len(centres), len(points)), bool)
  for i, centre in enumerate(centres):
    others = np.delete(centres, i, axis=0)
    radius = np.sort(np.linalg.norm(others - centre, axis=1))[k - 1]
    for j, point in enumerate(points):
      hits[i, j] = np.linalg.norm(point - centre) <= radius
  return hits


@pytest.mark.parametrize("block", [7, 1024])
def test_they_equal_their_definitions(block, monkeypatch):
  monkeypatch.setattr(manifolds, "_BLOCK", block)
  random = np.random.default_rng(0)
  real, fake = random.normal(size=(40, 3)), 0.8 * random.normal(size=(30, 3)) + 1.0
  among_real, among_fake = _inside(real, fake, 3), _inside(fake, real, 3)
  found = precision_recall(real, fake)
  np.testing.assert_allclose(found.precision, among_real.any(0).mean())
  np.testing.assert_allclose(found.recall, among_fake.any(0).mean())
  assert 0.0 < found.recall < found.precision < 1.0
  hits = _inside(real, fake, 5)
  crowd = density_coverage(real, fake)
  np.testing.assert_allclose(crowd.density, hits.sum() / (5 * 30))
  np.testing.assert_allclose(crowd.coverage, hits.any(1).mean())


def test_on_a_line_by_hand():
  # With k = 1 the balls around 0, 1, 2 and 10 have the radii 1, 1, 1 and 8.
  real = np.array([[0.0], [1.0], [2.0], [10.0]])
  fake = np.array([[0.5], [-3.0], [3.0], [18.5]])
  crowd = density_coverage(real, fake, num_neighbours=1)
  # 0.5 is in the balls of 0 and 1, 3 in those of 2 and 10, the others in none.
  np.testing.assert_allclose(crowd, [4 / 4, 4 / 4])
  found = precision_recall(real, fake, num_neighbours=1)
  # Around 0.5, -3, 3 and 18.5 the radii are 2.5, 3.5, 2.5 and 15.5.
  np.testing.assert_allclose(found, [2 / 4, 4 / 4])


def test_a_generator_of_one_picture_has_no_recall():
  random = np.random.default_rng(1)
  real = random.normal(size=(50, 4))
  fake = real[:1] + 1e-6 * random.normal(size=(50, 4))
  found, crowd = precision_recall(real, fake), density_coverage(real, fake)
  assert found.precision == 1.0 and found.recall <= 1 / 50
  assert crowd.coverage < 0.3


def test_one_outlier_inflates_precision_but_not_density():
  random = np.random.default_rng(2)
  real, fake = random.normal(size=(200, 2)), random.normal(size=(200, 2)) + 8.0
  real[0] = 40.0
  assert precision_recall(real, fake).precision > 0.9
  assert density_coverage(real, fake).density < 0.3


@pytest.mark.parametrize("num_real,num_fake,k", [(20, 20, 5), (30, 10, 3)])
def test_expectations_for_equal_distributions(num_real, num_fake, k):
  random = np.random.default_rng(3)
  draws = np.array(
    [
      density_coverage(
        random.normal(size=(num_real, 2)), random.normal(size=(num_fake, 2)), num_neighbours=k
      )
      for _ in range(1500)
    ]
  )
  errors = draws.std(0) / np.sqrt(len(draws))
  expected = [1.0, expected_coverage(num_real, num_fake, num_neighbours=k)]
  assert np.all(np.abs(draws.mean(0) - expected) < 3 * errors)


def test_equal_sets_are_precise_and_covered():
  points = np.random.default_rng(4).normal(size=(25, 3)) * 1e3
  assert precision_recall(points, points) == (1.0, 1.0)
  assert density_coverage(points, points).coverage == 1.0


def test_too_few_pictures_are_refused():
  with pytest.raises(ValueError, match=r"3 neighbours in 2 features needs at least 4 pictures"):
    precision_recall(np.zeros((3, 2)), np.zeros((9, 2)))
  with pytest.raises(ValueError, match=r"needs at least 6 pictures .* 9 real and 5 generated"):
    density_coverage(np.zeros((9, 2)), np.zeros((5, 2)))
  with pytest.raises(ValueError, match="same features"):
    precision_recall(np.zeros((9, 2)), np.zeros((9, 3)))
