"""Intervals and tests: known values, and the coverage that they promise."""

import itertools

import numpy as np
import pytest
import scipy.stats

from imtrans.evaluation.study.fooling import (
  binomial_p_value,
  bootstrap_interval,
  sign_flip_p_value,
  student_quantile,
  student_within,
  wilson_interval,
)


@pytest.mark.parametrize(
  ("successes", "trials", "low", "high"),
  [  # Newcombe, 1998, "Two-sided confidence intervals for the single proportion", Table I.
    (81, 263, 0.2553, 0.3662),
    (15, 148, 0.0624, 0.1605),
    (0, 20, 0.0000, 0.1611),
    (1, 29, 0.0061, 0.1718),
  ],
)
def test_wilson_of_the_literature(successes, trials, low, high):
  np.testing.assert_allclose(wilson_interval(successes, trials), (low, high), atol=5e-5)


def test_wilson_agrees_with_scipy():
  for successes, trials in [(0, 1), (1, 1), (7, 7), (3, 40), (500, 1800)]:
    for level in (0.8, 0.95, 0.99):
      known = scipy.stats.binomtest(successes, trials).proportion_ci(level, method="wilson")
      found = wilson_interval(successes, trials, level=level)
      np.testing.assert_allclose(found, (known.low, known.high), atol=1e-12)
      assert 0.0 <= found[0] <= successes / trials <= found[1] <= 1.0


def test_wilson_covers_what_it_promises():
  """Exactly, by enumeration: about 95 % on average over shares, and never far below."""
  intervals = np.array([wilson_interval(k, 60) for k in range(61)])
  coverages = []
  for share in np.linspace(0.02, 0.98, 97):
    inside = (intervals[:, 0] <= share) & (share <= intervals[:, 1])
    coverages.append(np.sum(scipy.stats.binom.pmf(np.arange(61), 60, share)[inside]))
  assert np.mean(coverages) == pytest.approx(0.95, abs=0.005)
  assert min(coverages) > 0.92


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 30, 99, 400])
def test_student_agrees_with_scipy(freedom):
  for probability in (0.6, 0.9, 0.975, 0.9995):
    known = scipy.stats.t.ppf(probability, freedom)
    assert student_quantile(probability, freedom) == pytest.approx(known, rel=1e-9)
  assert student_within(1.7, freedom) == pytest.approx(1 - 2 * scipy.stats.t.sf(1.7, freedom))


def test_binomial_agrees_with_scipy():
  for successes, trials in [(0, 1), (5, 10), (2, 10), (6, 11), (700, 1800), (0, 1800)]:
    known = scipy.stats.binomtest(successes, trials).pvalue
    assert binomial_p_value(successes, trials) == pytest.approx(known, rel=1e-9)


def _answers(random, participants, trials, share, spread):
  """Fooled trials of participants whose own shares vary (beta binomial); none if `spread` is 0."""
  own = np.full(participants, share)
  if spread:
    own = random.beta(share / spread, (1 - share) / spread, participants)
  return random.binomial(trials, own).tolist()


def _coverage(participants, spread, share=0.3, trials=36, repeats=600):
  random = np.random.default_rng(0)
  counts = [trials] * participants
  boot = wilson = 0
  for repeat in range(repeats):
    fooled = _answers(random, participants, trials, share, spread)
    low, high = bootstrap_interval(fooled, counts, num_draws=1500, seed=repeat) or (2.0, 2.0)
    boot += low <= share <= high
    low, high = wilson_interval(sum(fooled), sum(counts))
    wilson += low <= share <= high
  return boot / repeats, wilson / repeats


@pytest.mark.parametrize("participants", [8, 20, 50])
def test_over_participants_the_bootstrap_covers_and_wilson_does_not(participants):
  boot, wilson = _coverage(participants, spread=0.3)
  assert 0.92 < boot < 0.98
  assert wilson < 0.75


def test_of_equal_participants_both_cover():
  boot, wilson = _coverage(20, spread=0.0)
  assert 0.92 < boot < 0.98
  assert 0.92 < wilson < 0.98


def test_expanded_percentiles_are_wider_than_plain_ones():
  random = np.random.default_rng(1)
  fooled = _answers(random, 10, 36, 0.3, 0.3)
  hits = np.array(fooled)[np.random.default_rng(5).integers(10, size=(4000, 10))]
  plain = np.quantile(hits.sum(1) / 360, [0.025, 0.975])
  low, high = bootstrap_interval(fooled, [36] * 10, num_draws=4000, seed=5)
  assert low < plain[0] < sum(fooled) / 360 < plain[1] < high


def test_the_bootstrap_is_that_of_its_seed_and_weighs_participants_by_their_trials():
  fooled, trials = [1, 20, 9, 4, 7, 11, 2, 8, 13], [4, 36, 18, 36, 30, 36, 9, 36, 35]
  first = bootstrap_interval(fooled, trials, seed=3)
  assert first == bootstrap_interval(fooled, trials, seed=3)
  assert first != bootstrap_interval(fooled, trials, seed=4)
  assert 4 / 36 <= first[0] < sum(fooled) / sum(trials) < first[1] <= 20 / 36


def test_no_interval_without_differences_between_participants():
  assert bootstrap_interval([3], [10]) is None
  assert bootstrap_interval([0, 0, 0], [10, 12, 9]) is None
  assert bootstrap_interval([5, 6], [10, 12]) is None


def test_sign_flips_by_brute_force():
  random = np.random.default_rng(0)
  for _ in range(30):
    trials = random.integers(1, 40, random.integers(1, 9)).tolist()
    fooled = [int(random.integers(n + 1)) for n in trials]
    distances = np.array([2 * k - n for k, n in zip(fooled, trials, strict=True)])
    signs = np.array(list(itertools.product((-1, 1), repeat=len(trials))))
    known = np.mean(np.abs(signs @ distances) >= abs(distances.sum()))
    assert sign_flip_p_value(fooled, trials) == pytest.approx(known)


def test_sign_flips_reject_no_more_than_promised():
  """Of people who cannot tell, who differ in what they prefer, and of people who can."""
  random = np.random.default_rng(0)
  trials = [36] * 12
  null = [sign_flip_p_value(_answers(random, 12, 36, 0.5, 0.2), trials) for _ in range(800)]
  assert 0.025 < np.mean(np.array(null) <= 0.05) < 0.07
  told = [sign_flip_p_value(_answers(random, 12, 36, 0.2, 0.2), trials) for _ in range(200)]
  assert np.mean(np.array(told) <= 0.05) > 0.9
  naive = [binomial_p_value(sum(_answers(random, 12, 36, 0.5, 0.2)), 12 * 36) for _ in range(400)]
  assert np.mean(np.array(naive) <= 0.05) > 0.3  # Why the one over trials is not the main one.


def test_the_smallest_p_value_is_that_of_all_on_one_side():
  assert sign_flip_p_value([0] * 6, [36] * 6) == pytest.approx(2 / 2**6)
  assert sign_flip_p_value([18], [36]) == 1.0
  assert sign_flip_p_value([0] * 300, [36] * 300) < 1e-80


@pytest.mark.parametrize(
  "compute", [bootstrap_interval, sign_flip_p_value, lambda k, n: wilson_interval(k[0], n[0])]
)
def test_counts_that_cannot_be(compute):
  for fooled, trials in (([3], [2]), ([-1], [2]), ([0], [0])):
    with pytest.raises(ValueError, match="successes must be 0 to trials"):
      compute(fooled, trials)


def test_no_participants_and_no_quantile():
  for compute in (bootstrap_interval, sign_flip_p_value):
    with pytest.raises(ValueError, match="as many successes as trials"):
      compute([], [])
  with pytest.raises(ValueError, match=r"got 0\.5 and 3"):
    student_quantile(0.5, 3)
