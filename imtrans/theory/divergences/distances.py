"""Divergences of two distributions.

A distribution is a vector of probability masses on common points: of a discrete distribution, or
of a density on a grid times the grid's spacing. `adversarial_optimum` says which of them a
discriminator measures.
"""

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import rel_entr


def kullback_leibler(first: Array, second: Array) -> Array:
  """Returns the sum of p log(p / q) of two vectors of masses, in nats; infinite if q = 0 < p."""
  return jnp.sum(rel_entr(first, second))


def jensen_shannon(first: Array, second: Array) -> Array:
  """Jensen-Shannon divergence, the mean Kullback-Leibler divergence from the middle.

  Args:
    first: [count] masses.
    second: [count] masses.

  Returns:
    Scalar in [0, log 2] nats; zero at equality alone.
  """
  middle = 0.5 * (first + second)
  return 0.5 * (kullback_leibler(first, middle) + kullback_leibler(second, middle))


def total_variation(first: Array, second: Array) -> Array:
  """Returns half the sum of |p - q|, in [0, 1]."""
  return 0.5 * jnp.sum(jnp.abs(first - second))


def pearson_chi_square(first: Array, second: Array) -> Array:
  """Pearson's chi square, the sum of (p - q)^2 / q, of two vectors of non-negative masses.

  Args:
    first: p.
    second: q, positive where p is; the two need not sum to one.

  Returns:
    Scalar >= 0.
  """
  occupied = second > 0.0
  square = jnp.square(first - second) / jnp.where(occupied, second, 1.0)
  return jnp.sum(jnp.where(occupied, square, jnp.where(first > 0.0, jnp.inf, 0.0)))


def triangular_discrimination(first: Array, second: Array) -> Array:
  """Returns the sum of (p - q)^2 / (p + q), in [0, 2]: Pearson's chi square of 2 q, p + q."""
  return pearson_chi_square(2.0 * second, first + second)


def wasserstein_distance(first: Array, second: Array, spacing: Array | float) -> Array:
  """Earth mover's distance on a line: the area between the cumulative distributions.

  Args:
    first: [count] masses at equally spaced points.
    second: [count] masses.
    spacing: between the points.

  Returns:
    Scalar in units of the spacing.
  """
  return spacing * jnp.sum(jnp.abs(jnp.cumsum(first - second)[:-1]))


def kantorovich_potential(real: Array, fake: Array, spacing: Array | float) -> Array:
  """The 1-Lipschitz critic on a line that attains the distance: E_p D - E_q D = W_1.

  Its slope is -1 wherever more of p than of q lies to the left, and +1 elsewhere (Kantorovich and
  Rubinstein; Arjovsky et al., 2017, Eq. 2, https://arxiv.org/abs/1701.07875).

  Args:
    real: [count] masses p at equally spaced points.
    fake: [count] masses q.
    spacing: between the points.

  Returns:
    [count] critic outputs, zero at the first point.
  """
  slope = -jnp.sign(jnp.cumsum(real - fake)[:-1])
  return spacing * jnp.concatenate([jnp.zeros_like(slope[:1]), jnp.cumsum(slope)])
