"""Diversity and mode coverage by hand."""

import math

import numpy as np
import pytest

from imtrans.evaluation.metrics import fidelity
from imtrans.evaluation.metrics.diversity import (
  expected_fraction,
  mode_coverage,
  nearest_variants,
  pairwise_diversity,
)
from imtrans.evaluation.metrics.lpips import lpips_distance


def _plain(*levels, side=4):
  """Pictures of one grey each, in [-1, 1]."""
  return np.float32(levels)[:, None, None, None] * np.ones((1, side, side, 3), np.float32)


def test_equal_outputs_are_not_diverse():
  found = pairwise_diversity(fidelity.l1, [_plain(0.3, 0.3, 0.3), _plain(-1, -1)])
  assert found == (0.0, 0.0, 2, 3)


def test_diversity_by_hand():
  # Distances 0.5, 1 and 0.5 of all pairs of the first input, 0.1 of the second.
  found = pairwise_diversity(fidelity.l1, [_plain(-1, 0, 1), _plain(0.0, 0.2)])
  means = np.array([2.0 / 3.0, 0.1])
  np.testing.assert_allclose(found.mean, means.mean(), rtol=1e-6)
  np.testing.assert_allclose(found.error, means.std(ddof=1) / np.sqrt(2), rtol=1e-6)
  assert math.isnan(pairwise_diversity(fidelity.l1, [_plain(-1, 1)]).error)


def test_pairs_are_drawn_without_replacement_and_by_the_seed():
  seen = []

  def distance(images, targets):
    seen.append(list(zip(images[:, 0, 0, 0], targets[:, 0, 0, 0], strict=True)))
    return np.zeros(len(images))

  levels = np.linspace(-1, 1, 6)
  found = pairwise_diversity(distance, [_plain(*levels)] * 2, pairs_per_source=7, seed=3)
  assert found.pairs == 7
  assert all(len(set(pairs)) == 7 and all(x != y for x, y in pairs) for pairs in seen)
  assert seen[0] != seen[1]  # Every input has pairs of its own.
  first = seen.copy()
  seen.clear()
  pairwise_diversity(distance, [_plain(*levels)] * 2, pairs_per_source=7, seed=3)
  assert seen == first


def test_lpips_diversity_grows_with_the_spread():
  noise = np.random.default_rng(0).normal(size=(3, 32, 32, 3)).astype(np.float32)
  narrow, wide = (
    pairwise_diversity(lpips_distance("alex"), [np.float32(spread) * noise])
    for spread in (0.01, 0.3)
  )
  assert 0.0 < narrow.mean < 0.5 * wide.mean


def test_diversity_needs_two_outputs():
  with pytest.raises(ValueError, match="input 1 needs at least 2, got 1"):
    pairwise_diversity(fidelity.l1, [_plain(0, 1), _plain(0)])
  with pytest.raises(ValueError, match="no outputs"):
    pairwise_diversity(fidelity.l1, [])


def test_nearest_variants_by_hand():
  nearest, error = nearest_variants(_plain(-0.9, 0.2, 0.8), _plain(-1.0, 0.0, 1.0))
  np.testing.assert_array_equal(nearest, [0, 1, 2])
  np.testing.assert_allclose(error, [0.05, 0.1, 0.1], rtol=1e-5)
  with pytest.raises(ValueError, match="of one size"):
    nearest_variants(_plain(0.0), _plain(0.0, side=5))


def test_mode_coverage_by_hand():
  variants = _plain(-1.0, -0.4, 0.4, 1.0)
  collapsed = (_plain(*[0.4] * 6), variants)
  half = (_plain(-1, -1, -0.9, 1, 1, 1), variants)
  found = mode_coverage([collapsed, half])
  np.testing.assert_allclose(found.fraction, (0.25 + 0.5) / 2)
  np.testing.assert_allclose(found.entropy, (0.0 + 0.5) / 2)  # log 2 / log 4
  np.testing.assert_array_equal(found.counts, [3, 0, 6, 3])
  np.testing.assert_allclose(found.error, (0.0 + 0.05 / 6) / 2, rtol=1e-5)
  np.testing.assert_allclose(found.ideal_fraction, 1 - 0.75**6)
  assert found.sources == 2


def test_even_draws_reach_the_ideal_fraction():
  random = np.random.default_rng(0)
  variants = _plain(*np.linspace(-1, 1, 5), side=2)
  groups = [(variants[random.integers(5, size=4)], variants) for _ in range(600)]
  found = mode_coverage(groups)
  np.testing.assert_allclose(found.fraction, found.ideal_fraction, rtol=0.03)
  np.testing.assert_allclose(expected_fraction(5, 4), 1 - 0.8**4)
  np.testing.assert_allclose(expected_fraction(2, 1), 0.5)
  assert mode_coverage([(variants, variants)]).entropy == pytest.approx(1.0)


def test_mode_coverage_needs_variants():
  with pytest.raises(ValueError, match="at least 2 true variants of an input, got 1"):
    mode_coverage([(_plain(0, 1), _plain(0))])
  with pytest.raises(ValueError, match="no inputs"):
    mode_coverage([])


def test_counts_are_those_of_the_common_number_of_variants():
  five, two = _plain(*np.linspace(-1, 1, 5)), _plain(-1, 1)
  found = mode_coverage([(five, five), (two, two), (five[:1], five)])
  np.testing.assert_array_equal(found.counts, [2, 1, 1, 1, 1])
  assert found.sources == 3
