"""Domain adaptation: how far a classifier for one domain can be trusted on another.

For a class H of classifiers, error on the target <= error on the source + d / 2 + joint error,

where d = 2 sup |P_S(h != h') - P_T(h != h')| over pairs of H, and the joint error is the smallest
sum of both errors by one member of H: Ben-David et al., 2010, "A Theory of Learning from Different
Domains", Theorem 2, https://doi.org/10.1007/s10994-009-5152-4. For translated pictures the source
is what the generator makes. The classifier that measures the divergence of features is in
`domain_classifier.py`; here are the bound, and thresholds on a line, where each term is known.

A threshold t says "one" above t. Two thresholds differ on the interval between them, so for them
all suprema are over points or intervals and come from D = F_S - F_T, the distribution functions'
difference.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import ndtr


class Normal(NamedTuple):
  """A normal distribution on a line; both fields are scalars or arrays of one shape."""

  mean: Array
  deviation: Array

  def cumulative(self, x: Array) -> Array:
    """F(x), for x of the same shape as the fields."""
    return ndtr((x - self.mean) / self.deviation)


def target_error_bound(
  source_error: Array,
  divergence: Array,
  joint_error: Array,
  *,
  label_flip_rate: float | Array = 0.0,
) -> Array:
  """Ben-David et al., 2010, Theorem 2: source error + d / 2 + joint error, here for populations.

  If the source is a translation that changes a picture's class with some probability, no classifier
  is wrong on the right labels less often than on the translated ones by more than that: the rate
  is added to the joint error of the right labels.

  Args:
    source_error: in [0, 1].
    divergence: d of pairs of classifiers in [0, 2]; from a sample, plus `divergence_deviation`.
    joint_error: the smallest sum of both errors, in [0, 2].
    label_flip_rate: in [0, 1], of the translation.

  Returns:
    The bound; above 1 it says nothing.
  """
  return source_error + 0.5 * divergence + joint_error + label_flip_rate


def divergence_deviation(
  num_samples: int | Array, *, vc_dimension: int | Array, failure_probability: float | Array
) -> Array:
  """How far an empirical divergence may be off: 4 sqrt((2 v log 2m + log 2/δ) / m).

  Ben-David et al., 2010, Lemma 1, for pairs from a class of VC dimension v, whose own is at most
  2 v. Their Theorem 2 adds all of it, though its divergence is halved.

  Args:
    num_samples: m unlabelled samples of each domain.
    vc_dimension: v; 1 for thresholds, dimension + 1 for linear classifiers.
    failure_probability: δ.

  Returns:
    Scalar, of a divergence in [0, 2].
  """
  samples = jnp.asarray(num_samples, float)
  capacity = 2.0 * jnp.asarray(vc_dimension, float) * jnp.log(2.0 * samples)
  return 4.0 * jnp.sqrt((capacity + jnp.log(2.0 / failure_probability)) / samples)


def threshold_divergence(differences: Array) -> Array:
  """Divergence of single thresholds, 2 sup |D|: twice the Kolmogorov-Smirnov statistic.

  Args:
    differences: [n], values of D at the points where its extrema are.

  Returns:
    Scalar in [0, 2]: the proxy A-distance of the best threshold.
  """
  return 2.0 * jnp.max(jnp.abs(differences))


def interval_divergence(differences: Array) -> Array:
  """Divergence of pairs of thresholds, 2 (sup D - inf D): twice the Kuiper statistic.

  The interval from t to t' has the mass D(t') - D(t) more in S than in T, and D is 0 at infinity.

  Args:
    differences: [n], values of D at the points where its extrema are.

  Returns:
    Scalar in [0, 2], between one and two times `threshold_divergence`.
  """
  # Chosen by place: the gradient of a maximum looks for its value among the differences again,
  # and a compiler that recomputes them with other roundings finds none of it, and divides by 0.
  highest = differences[jnp.argmax(differences)]
  lowest = differences[jnp.argmin(differences)]
  return 2.0 * (jnp.maximum(highest, 0.0) - jnp.minimum(lowest, 0.0))


def sample_differences(source: Array, target: Array) -> Array:
  """D of two samples, at all of their points.

  Args:
    source: [n].
    target: [m].

  Returns:
    [n + m], with every extremum of D but the 0 at infinity.
  """
  points = jnp.concatenate([source, target])

  def cumulative(sample):
    below = jnp.searchsorted(jnp.sort(sample), points, side="right")
    return below.astype(points.dtype) / sample.shape[0]

  return cumulative(source) - cumulative(target)


def density_crossings(source: Normal, target: Normal) -> Array:
  """Where two normal densities are equal: the extrema of D.

  Args:
    source: S, with scalar fields.
    target: T.

  Returns:
    [2], in no order; equal deviations have one crossing, given twice, and equal distributions the
    mean.
  """
  # log p_S - log p_T = quadratic u^2 + linear u + constant, with u = x - mean of S.
  shift, s, t = target.mean - source.mean, source.deviation, target.deviation
  quadratic = 0.5 * (1.0 / t**2 - 1.0 / s**2)
  linear = -shift / t**2
  constant = 0.5 * (shift / t) ** 2 + jnp.log(t / s)
  square = linear**2 - 4.0 * quadratic * constant
  # Of equal distributions it is 0, where the root has no gradient.
  root = jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)
  q = -0.5 * (linear + jnp.where(linear < 0.0, -root, root))
  # The two forms of the solution without cancellation; each may have lost its denominator.
  inner = constant / jnp.where(q == 0.0, 1.0, q)
  outer = jnp.where(quadratic == 0.0, inner, q / jnp.where(quadratic == 0.0, 1.0, quadratic))
  inner = jnp.where(q == 0.0, outer, inner)
  return jnp.stack([inner, outer]) + source.mean


def normal_differences(source: Normal, target: Normal) -> Array:
  """D of two normal distributions at its extrema.

  An interval, or what is left without it, is all of the line where one density is the larger, so
  `interval_divergence` of this is twice the total variation: thresholds on a line already are
  the worst case.

  Args:
    source: S, with scalar fields.
    target: T.

  Returns:
    [2].
  """
  return jnp.stack(
    [source.cumulative(x) - target.cumulative(x) for x in density_crossings(source, target)]
  )


def threshold_error(domain: Normal, threshold: Array, true_threshold: Array) -> Array:
  """Error of a threshold where another one gives the labels: the mass between the two.

  Args:
    domain: distribution of the inputs.
    threshold: of the classifier.
    true_threshold: of the labels, of the same shape.

  Returns:
    In [0, 1], of that shape.
  """
  return jnp.abs(domain.cumulative(threshold) - domain.cumulative(true_threshold))


def threshold_joint_error(
  source: Normal, target: Normal, source_threshold: Array, target_threshold: Array
) -> Array:
  """Smallest sum of both errors by one threshold.

  Outside the two labelling thresholds both errors grow; between them the slope is the difference
  of the densities. So the best threshold labels one of the domains, or is where densities cross.

  Args:
    source: inputs of the source, scalar fields.
    target: inputs of the target.
    source_threshold: that gives the source's labels.
    target_threshold: that gives the target's labels.

  Returns:
    Scalar.
  """
  low = jnp.minimum(source_threshold, target_threshold)
  high = jnp.maximum(source_threshold, target_threshold)
  crossings = jnp.clip(density_crossings(source, target), low, high)
  sums = [
    threshold_error(source, x, source_threshold) + threshold_error(target, x, target_threshold)
    for x in (low, high, *crossings)
  ]
  return jnp.min(jnp.stack(sums))
