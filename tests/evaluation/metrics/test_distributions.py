"""Distances between sets of features against closed forms, SciPy and their expectations."""

import numpy as np
import pytest
from scipy import linalg

from imtrans.evaluation.metrics.distributions import (
  frechet_distance,
  frechet_distance_of_moments,
  inception_score,
  kernel_distance,
  moments,
  sliced_wasserstein,
  squared_mmd,
)


def _normal(seed, *shape):
  return np.random.default_rng(seed).normal(size=shape)


def _covariance(seed, dimension):
  factor = _normal(seed, dimension, 2 * dimension)
  return factor @ factor.T / dimension


def test_moments_are_numpys():
  features = _normal(0, 30, 4)
  mean, cov = moments(features)
  np.testing.assert_allclose(mean, features.mean(0))
  np.testing.assert_allclose(cov, np.cov(features, rowvar=False))


@pytest.mark.parametrize("dimension", [1, 3, 40])
def test_frechet_equals_the_matrix_root_of_scipy(dimension):
  covs = _covariance(0, dimension), _covariance(1, dimension)
  means = _normal(2, dimension), _normal(3, dimension)
  root = linalg.sqrtm(covs[0] @ covs[1]).real
  expected = np.sum((means[0] - means[1]) ** 2) + np.trace(covs[0] + covs[1] - 2 * root)
  ours = frechet_distance_of_moments(means[0], covs[0], means[1], covs[1])
  np.testing.assert_allclose(ours, expected, rtol=1e-9)


def test_frechet_of_diagonal_covariances_by_hand():
  # Per axis, (mean difference)^2 + (standard deviation difference)^2; also where one is zero.
  ours = frechet_distance_of_moments(
    np.array([1.0, 0.0]), np.diag([4.0, 0.0]), np.array([0.0, 0.0]), np.diag([1.0, 9.0])
  )
  np.testing.assert_allclose(ours, 1.0 + (2 - 1) ** 2 + (0 - 3) ** 2)


def test_frechet_properties():
  real = _normal(0, 60, 5)
  shift = np.arange(5.0)
  np.testing.assert_allclose(frechet_distance(real, real), 0.0, atol=1e-9)
  np.testing.assert_allclose(frechet_distance(real, real + shift), np.sum(shift**2), rtol=1e-9)
  fake = 2.0 * _normal(1, 50, 5)
  there, back = frechet_distance(real, fake), frechet_distance(fake, real)
  np.testing.assert_allclose(there, back, rtol=1e-9)
  rotation = linalg.qr(_normal(2, 5, 5))[0]
  np.testing.assert_allclose(frechet_distance(real @ rotation, fake @ rotation), there, rtol=1e-9)


def test_frechet_refuses_a_singular_covariance():
  with pytest.raises(ValueError, match=r"of 8 features needs at least 9 pictures .* 8 real and 20"):
    frechet_distance(_normal(0, 8, 8), _normal(1, 20, 8))
  # The bias that it warns of: fewer pictures are farther from themselves.
  few = frechet_distance(_normal(0, 8, 8), _normal(1, 8, 8), minimum=2)
  many = frechet_distance(_normal(0, 4000, 8), _normal(1, 4000, 8))
  assert few > 50 * many
  with pytest.raises(ValueError, match="same features"):
    frechet_distance(_normal(0, 20, 3), _normal(0, 20, 4))


def test_kernel_distance_is_unbiased():
  # Sets of 10 from one distribution: the mean over 3000 draws is 0 within its standard error, that
  # of the estimate that keeps the diagonal is not.
  random = np.random.default_rng(0)
  draws, biased = [], []
  for _ in range(3000):
    x, y = random.normal(size=(2, 10, 3))
    draws.append(squared_mmd(x, y))
    kernels = [(a @ b.T / 3 + 1) ** 3 for a, b in ((x, x), (y, y), (x, y))]
    biased.append(kernels[0].mean() + kernels[1].mean() - 2 * kernels[2].mean())
  error = np.std(draws) / np.sqrt(len(draws))
  assert abs(np.mean(draws)) < 2 * error
  assert np.mean(biased) > 20 * error


def test_kernel_distance_of_points_by_hand():
  # k(x, y) = (x y + 1)^3 in one dimension.
  real, fake = np.array([[0.0], [1.0]]), np.array([[1.0], [2.0]])
  expected = 1.0 + 27.0 - 2.0 * (1 + 1 + 8 + 27) / 4
  np.testing.assert_allclose(squared_mmd(real, fake), expected)


def test_kernel_distance_over_subsets():
  real, fake = _normal(0, 60, 4), _normal(1, 50, 4) + 0.5
  estimate = kernel_distance(real, fake, subset_size=40, num_subsets=30, seed=1)
  assert estimate == kernel_distance(real, fake, subset_size=40, num_subsets=30, seed=1)
  assert estimate != kernel_distance(real, fake, subset_size=40, num_subsets=30, seed=2)
  whole = squared_mmd(real, fake)
  assert abs(estimate.mean - whole) < 3 * estimate.deviation and estimate.deviation > 0
  everything = kernel_distance(real[:50], fake, subset_size=50, num_subsets=3)
  np.testing.assert_allclose(everything.mean, squared_mmd(real[:50], fake), rtol=1e-9)
  with pytest.raises(ValueError, match=r"at least 1000 pictures .* 60 real and 50 generated"):
    kernel_distance(real, fake)


def test_inception_score_at_its_ends():
  # Certain and even over 5 classes: 5. All alike: 1.
  certain = 200.0 * np.eye(5)[np.arange(100) % 5]
  score = inception_score(certain, num_splits=1)
  np.testing.assert_allclose([score.mean, score.deviation], [5.0, 0.0], atol=1e-9)
  alike = np.tile(_normal(0, 1, 7), (40, 1))
  np.testing.assert_allclose(inception_score(alike, num_splits=4).mean, 1.0)
  with pytest.raises(ValueError, match="10 splits needs at least 20 pictures, got 19"):
    inception_score(_normal(0, 19, 4))


def test_inception_score_equals_its_definition():
  logits = _normal(0, 12, 4)
  p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
  expected = np.exp(np.mean([_divergence(row, p.mean(0)) for row in p]))
  np.testing.assert_allclose(inception_score(logits, num_splits=1).mean, expected)


def _divergence(p, q):
  return np.sum(p * np.log(p / q))


def test_sliced_wasserstein_in_one_dimension_is_exact():
  # Sorted pairs: (0, 1), (2, 5): the mean of 1 and 9.
  ours = sliced_wasserstein(np.array([[2.0], [0.0]]), np.array([[1.0], [5.0]]), num_projections=3)
  np.testing.assert_allclose(ours, np.sqrt(5.0))
  # A third of the mass moves from 0 to 3, a sixth from 1 to 3.
  ours = sliced_wasserstein(np.array([[0.0], [0.0], [3.0]]), np.array([[0.0], [3.0]]))
  np.testing.assert_allclose(ours, np.sqrt(9.0 / 6.0))


def test_sliced_wasserstein_properties():
  real, fake = _normal(0, 30, 6), _normal(1, 20, 6) + 1.0
  there = sliced_wasserstein(real, fake)
  np.testing.assert_allclose(there, sliced_wasserstein(fake, real))
  np.testing.assert_allclose(sliced_wasserstein(real, real), 0.0)
  copies = sliced_wasserstein(np.tile(real, (2, 1)), np.tile(fake, (5, 1)))
  np.testing.assert_allclose(copies, there)
  # A shift v has the squared length |v|^2 / dimension on average over directions.
  shift = np.array([3.0, 0, 0, 0, 0, 0])
  ours = sliced_wasserstein(real, real + shift, num_projections=20_000)
  np.testing.assert_allclose(ours**2, 9.0 / 6.0, rtol=0.03)
  for few in (0, 1):
    with pytest.raises(ValueError, match=f"at least 2 pictures .* got 30 real and {few} generated"):
      sliced_wasserstein(real, np.zeros((few, 6)))


def test_what_each_distance_sees():
  # All have mean 0 and variance 1: the Frechet distance tells none of them apart, the cubic kernel
  # the one with another third moment, and the Wasserstein distance all.
  random = np.random.default_rng(0)
  shape = (1500, 3)
  real = random.normal(size=shape)
  others = {
    "same": random.normal(size=shape),
    "skewed": random.exponential(size=shape) - 1.0,
    "peaked": random.laplace(size=shape) * np.sqrt(0.5),
  }
  frechet = {name: frechet_distance(real, other) for name, other in others.items()}
  kernel = {name: abs(squared_mmd(real, other)) for name, other in others.items()}
  sliced = {name: sliced_wasserstein(real, other) for name, other in others.items()}
  assert max(frechet.values()) < 0.05
  assert kernel["skewed"] > 5 * max(kernel["same"], kernel["peaked"])
  assert min(sliced["skewed"], sliced["peaked"]) > 1.5 * sliced["same"]
