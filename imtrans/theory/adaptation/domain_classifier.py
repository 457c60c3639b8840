"""Proxy A-distance: how well a linear classifier tells two sets of features apart.

Ben-David et al., 2007, "Analysis of Representations for Domain Adaptation", Sec. 4,
https://papers.nips.cc/paper/2983: 2 (1 - 2 error), 0 where the domains cannot be told apart and 2
where they always can. The error is of held-out samples, every one of which is held out once.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.linalg import cho_factor, cho_solve
from jax.scipy.special import ndtr


class ProxyDistance(NamedTuple):
  """An estimated proxy A-distance."""

  distance: Array  # 2 (1 - 2 error); chance makes it slightly negative for equal domains.
  deviation: Array  # Its standard error, from the number of samples that were classified.
  source_error: Array  # Share of the source's held-out samples taken for the target, in [0, 1].
  target_error: Array


def a_distance(error: Array) -> Array:
  """2 (1 - 2 error) for a classifier of the domain, where both domains are equally likely.

  Args:
    error: in [0, 1].

  Returns:
    2 at error 0, 0 at chance.
  """
  return 2.0 * (1.0 - 2.0 * error)


def gaussian_a_distance(mean_a: Array, mean_b: Array, covariance: Array) -> Array:
  """A-distance of two normal distributions with one covariance, for the best linear classifier.

  The best error is that of Bayes, Phi(-Δ / 2) with Δ^2 = (m_a - m_b)^T C^-1 (m_a - m_b) (Fisher's
  discriminant), so this is twice the total variation.

  Args:
    mean_a: [dimension].
    mean_b: [dimension].
    covariance: C [dimension, dimension], positive definite.

  Returns:
    Scalar in [0, 2).
  """
  shift = mean_a - mean_b
  separation = jnp.sqrt(shift @ jnp.linalg.solve(covariance, shift))
  return a_distance(ndtr(-0.5 * separation))


def proxy_a_distance(
  source: Array,
  target: Array,
  key: Array,
  *,
  num_folds: int = 5,
  penalty: float | Array = 1e-3,
  num_steps: int = 100,
) -> ProxyDistance:
  """Proxy A-distance by cross-validated logistic regression on standardized features.

  Each fold is classified by a fit to the others. The error is the mean of both domains' errors, so
  sets of unequal size need no thinning.

  A linear classifier cannot see differences that leave the means alone, and a fitted one is worse
  than the best: from few samples, or with a penalty that keeps it from a direction in which the
  features vary little, the distance is biased downwards. So figures are comparable at equal numbers
  of samples and equal penalties only.

  Args:
    source: [n, dimension], for example features of real pictures.
    target: [m, dimension], for example those of translated ones.
    key: randomness of the folds.
    num_folds: 2 or more; at most the smaller number of samples.
    penalty: weight of |w|^2 / 2 beside the mean log loss, > 0.
    num_steps: of the fit.

  Returns:
    The distance, its standard error and both errors. The deviation is binomial, with one error and
    one success added so that a perfect classifier has one too; folds share training samples, which
    it ignores.

    Not a number where the features are not, or the penalty is too small for float32.

  Raises:
    ValueError: for features of different dimensions, or more folds than samples.
  """
  if source.ndim != 2 or target.ndim != 2 or source.shape[1] != target.shape[1]:
    raise ValueError(
      "source and target must be [samples, dimension] of the same features, got shapes "
      f"{source.shape} and {target.shape}."
    )
  n, m = source.shape[0], target.shape[0]
  if not 2 <= num_folds <= min(n, m):
    raise ValueError(
      f"num_folds must be from 2 to the smaller number of samples, {min(n, m)}; got {num_folds}."
    )
  features = jnp.concatenate([source, target])
  is_target = jnp.arange(n + m) >= n
  source_key, target_key = jax.random.split(key)
  folds = [
    jax.random.permutation(k, jnp.arange(size) % num_folds)
    for k, size in ((source_key, n), (target_key, m))
  ]
  fold_of = jnp.concatenate(folds)

  def wrong(fold):
    held_out = fold_of == fold
    weights = jnp.where(held_out, 0.0, 1.0).astype(features.dtype)
    logits = fit_domain_classifier(
      features, is_target, weights, penalty=penalty, num_steps=num_steps
    )
    mistakes = (held_out & ((logits > 0.0) != is_target)).astype(features.dtype)
    # A fit that failed must not pass for one at chance.
    return jnp.where(jnp.isnan(logits), jnp.nan, mistakes)

  # One fold at a time: each has its own matrix of [dimension, dimension].
  mistakes = jnp.sum(jax.lax.map(wrong, jnp.arange(num_folds)), axis=0)
  counts = jnp.sum(mistakes[:n]), jnp.sum(mistakes[n:])
  variance = jnp.zeros((), features.dtype)
  for count, size in zip(counts, (n, m), strict=True):
    rate = (count + 1.0) / (size + 2)
    variance = variance + rate * (1.0 - rate) / size
  source_error, target_error = counts[0] / n, counts[1] / m
  distance = a_distance(0.5 * (source_error + target_error))
  # The distance is 2 - 2 (source error + target error).
  return ProxyDistance(distance, 2.0 * jnp.sqrt(variance), source_error, target_error)


def fit_domain_classifier(
  features: Array,
  is_target: Array,
  weights: Array,
  *,
  penalty: float | Array,
  num_steps: int = 100,
) -> Array:
  """Logits of a penalized logistic regression, both domains weighing one half.

  Minimizes the mean log loss + penalty |w|^2 / 2 over w and an offset, on features standardized by
  the samples with weight. The Hessian is at most X^T X / 4, whatever w: steps with this fixed bound
  never raise the loss and need one factorization (Böhning & Lindsay, 1988, "Monotonicity of
  Quadratic-Approximation Algorithms", https://doi.org/10.1007/BF00049423).

  Args:
    features: [n, dimension].
    is_target: [n], boolean.
    weights: [n], >= 0; 0 leaves a sample out of the fit. Some of both domains must be positive.
    penalty: > 0.
    num_steps: steps of the minimization.

  Returns:
    [n], the logits of "target", also for samples that were left out.
  """
  labels = is_target.astype(features.dtype)
  shares = 0.5 * weights * labels / jnp.sum(weights * labels)
  shares = shares + 0.5 * weights * (1.0 - labels) / jnp.sum(weights * (1.0 - labels))
  mean = shares @ features
  centered = features - mean[None, :]
  deviation = jnp.sqrt(shares @ centered**2)
  # A feature that never changes tells nothing, and must not be divided by 0.
  scaled = centered / jnp.where(deviation > 0.0, deviation, 1.0)[None, :]
  inputs = jnp.concatenate([scaled, jnp.ones_like(scaled[:, :1])], axis=1)
  # The offset is not penalized.
  ridge = penalty * jnp.ones_like(inputs[0]).at[-1].set(0.0)
  # In full float32 on every device, or the bound may not be definite.
  gram = jnp.matmul(inputs.T, shares[:, None] * inputs, precision="highest")
  bound = 0.25 * gram + jnp.diag(ridge)
  factor = cho_factor(bound)

  def step(_, w):
    residual = shares * (jax.nn.sigmoid(inputs @ w) - labels)
    return w - cho_solve(factor, residual @ inputs + ridge * w)

  w = jax.lax.fori_loop(0, num_steps, step, jnp.zeros_like(inputs[0]))
  return inputs @ w
