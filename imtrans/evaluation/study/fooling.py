"""The statistics of a fooling rate: intervals and tests, from counts alone. Pure.

Two views of the same answers. Over participants: they are the sample, whatever each of them is
like; this is the main one. Over trials: every answer is taken for a new person's, which is too
sure of itself where participants differ, but defined even for one.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
NUM_DRAWS = 10_000


def wilson_interval(successes: int, trials: int, *, level: float = LEVEL) -> tuple[float, float]:
  """Score interval of a share, over independent trials.

  Wilson, 1927, "Probable Inference, the Law of Succession, and Statistical Inference",
  https://doi.org/10.1080/01621459.1927.10502953.

  Args:
    successes: 0 to `trials`.
    trials: at least 1.
    level: of confidence, between 0 and 1.

  Returns:
    (low, high), within [0, 1].

  Raises:
    ValueError: for counts that cannot be.
  """
  _check_counts([successes], [trials])
  z = NormalDist().inv_cdf(0.5 + level / 2.0)
  share, scale = successes / trials, 1.0 + z * z / trials
  middle = (share + z * z / (2.0 * trials)) / scale
  half = z / scale * math.sqrt(share * (1.0 - share) / trials + (z / (2.0 * trials)) ** 2)
  # Rounding must not move the ends that are 0 or 1 exactly.
  low = 0.0 if successes == 0 else max(0.0, middle - half)
  return low, 1.0 if successes == trials else min(1.0, middle + half)


def binomial_p_value(successes: int, trials: int) -> float:
  """Exact two-sided test that a share is one half, over independent trials.

  Args:
    successes: 0 to `trials`.
    trials: at least 1.

  Returns:
    The chance that fair coins are at least as far from half.

  Raises:
    ValueError: for counts that cannot be.
  """
  _check_counts([successes], [trials])
  term, tail = 1, 0  # Whole numbers: (trials choose index), and their sum.
  for index in range(min(successes, trials - successes) + 1):
    tail += term
    term = term * (trials - index) // (index + 1)
  return min(1.0, 2 * tail / 2**trials)


def bootstrap_interval(
  successes: Sequence[int],
  trials: Sequence[int],
  *,
  level: float = LEVEL,
  num_draws: int = NUM_DRAWS,
  seed: int = 0,
) -> tuple[float, float] | None:
  """Interval of a share by resampling participants, each with all of their answers.

  Expanded percentiles (Hesterberg, 2015, "What Teachers Should Know About the Bootstrap",
  https://arxiv.org/abs/1411.5279): the bootstrap distribution of n participants is too narrow by
  √((n - 1) / n), and a normal one where a t distribution is right; the percentiles
  Φ(±√(n / (n - 1)) t) make up for both. Plain percentiles cover 90 % where 95 % are promised with
  ten participants.

  Args:
    successes: [participants], of each.
    trials: [participants], at least 1 each.
    level: of confidence, between 0 and 1.
    num_draws: of as many participants.
    seed: of the draws.

  Returns:
    (low, high). None for fewer than two participants, or all of one rate: their differences, which
    are not known then, are what this interval is made of.

  Raises:
    ValueError: for counts that cannot be.
  """
  _check_counts(successes, trials)
  count = len(successes)
  hits, totals = np.asarray(successes, np.int64), np.asarray(trials, np.int64)
  if count < 2 or np.ptp(hits / totals) == 0.0:
    return None
  chosen = np.random.default_rng(seed).integers(count, size=(num_draws, count))
  rates = np.sum(hits[chosen], axis=1) / np.sum(totals[chosen], axis=1)
  quantile = student_quantile(0.5 + level / 2.0, count - 1)
  outside = NormalDist().cdf(-quantile * math.sqrt(count / (count - 1)))
  low, high = np.quantile(rates, [outside, 1.0 - outside])
  return float(low), float(high)


def sign_flip_p_value(successes: Sequence[int], trials: Sequence[int]) -> float:
  """Exact two-sided test that a share is one half, over participants.

  Who cannot tell is as likely to be above half as below by the same amount: every participant's
  distance from half is given either sign. All 2^n signs are counted, by convolution. With n
  participants no value is below 2 / 2^n.

  Args:
    successes: [participants], of each.
    trials: [participants], at least 1 each.

  Returns:
    The share of signs for which the sum of distances is at least as far from zero as it is.

  Raises:
    ValueError: for counts that cannot be, or no participants.
  """
  _check_counts(successes, trials)
  distances = [2 * hits - total for hits, total in zip(successes, trials, strict=True)]
  middle = sum(map(abs, distances))
  chances = np.zeros(2 * middle + 1)  # Of each sum, from -middle to middle.
  chances[middle] = 1.0
  for distance in map(abs, distances):
    # No chance is lost over the edges: the sum so far is at most `middle` less what is to come.
    chances = 0.5 * (np.roll(chances, distance) + np.roll(chances, -distance))
  far = np.abs(np.arange(-middle, middle + 1)) >= abs(sum(distances))
  return float(min(1.0, np.sum(chances[far])))


def student_quantile(probability: float, freedom: int) -> float:
  """Quantile of Student's t distribution, by bisection of `student_within`.

  Args:
    probability: above 0.5 and below 1.
    freedom: degrees of freedom, at least 1.

  Returns:
    The value that is not exceeded with that probability.

  Raises:
    ValueError: for arguments outside these ranges.
  """
  if not 0.5 < probability < 1.0 or freedom < 1:
    raise ValueError(
      "probability must lie in (0.5, 1) and freedom be at least 1, got "
      f"{probability:g} and {freedom}."
    )
  low, high = 0.0, 1.0
  while student_within(high, freedom) < 2.0 * probability - 1.0:
    high *= 2.0
  while high - low > 1e-12 * high:
    middle = 0.5 * (low + high)
    if student_within(middle, freedom) < 2.0 * probability - 1.0:
      low = middle
    else:
      high = middle
  return high


def student_within(value: float, freedom: int) -> float:
  """Chance that Student's t lies between -value and value.

  Abramowitz and Stegun, 1964, "Handbook of Mathematical Functions", Eqs. 26.7.3 and 26.7.4: a
  finite sum of powers of the cosine of θ = arctan(value / √freedom).

  Args:
    value: at least 0.
    freedom: degrees of freedom, at least 1.

  Returns:
    A chance.
  """
  angle = math.atan2(value, math.sqrt(freedom))
  sine, cosine = math.sin(angle), math.cos(angle)
  odd = freedom % 2
  term = cosine if odd else 1.0
  total = 0.0
  for power in range(2 + odd, freedom + 1, 2):
    total += term
    term *= cosine * cosine * (power - 1) / power
  return (angle + sine * total) * 2.0 / math.pi if odd else sine * total


def _check_counts(successes: Sequence[int], trials: Sequence[int]) -> None:
  if not len(successes) or len(successes) != len(trials):
    raise ValueError(
      f"there must be as many successes as trials, got {len(successes)} and {len(trials)}."
    )
  for hits, total in zip(successes, trials, strict=True):
    if not 0 <= hits <= total or total < 1:
      raise ValueError(f"successes must be 0 to trials, got {hits} of {total}.")
