"""Brownian bridges, and the Schrödinger bridge between normal distributions.

Of all processes with given distributions at the times 0 and 1, the Schrödinger bridge is nearest to
Brownian motion whose variance grows by tau in a unit of time. Its ends are coupled by
min E |x_0 - x_1|^2 - 2 tau H(x_0, x_1), which is the entropic transport of `entropic.py` with
epsilon = 2 tau, and between its ends it is a Brownian bridge. Any part of it, from t to 1, is such
a bridge again, in which tau (1 - t) stands for tau (Kim et al., 2024, Sec. 3 and 4.1,
https://arxiv.org/abs/2305.15086): so it can be walked in steps, each with a guess of the end.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from imtrans.theory.transport.gaussian import entropic_map


class BridgeMoments(NamedTuple):
  """What is known of a normal process at one time."""

  mean: Array  # [dimension], of x_t.
  covariance: Array  # [dimension, dimension], of x_t.
  with_end: Array  # [dimension, dimension], the covariance of x_t and x_1.


def refinement_times(count: int) -> tuple[float, ...]:
  """The times at which a bridge is walked: t_0 = 0, t_1 = 1/2, then ever shorter steps to 1.

  t_i = 1/2 + 1/2 H_{i - 1} / H_{count - 1} with H_n = 1 + 1/2 + ... + 1/n, as in the code of Kim et
  al., 2024.

  Args:
    count: steps; one step goes to the end at once.

  Returns:
    count + 1 times.

  Raises:
    ValueError: for no steps.
  """
  if count < 1:
    raise ValueError(f"a bridge is walked in at least one step, got {count}.")
  if count == 1:
    return (0.0, 1.0)
  harmonic = [sum(1.0 / k for k in range(1, index + 1)) for index in range(count)]
  return (0.0, *(0.5 + 0.5 * number / harmonic[-1] for number in harmonic))


def bridge_draw(
  state: Array, end: Array, noise: Array, *, start: float, time: float, tau: float
) -> Array:
  """A point of the Brownian bridge between where it is and where it ends.

  x_t given x_s and x_1 is normal with mean (1 - r) x_s + r x_1 and variance r (1 - r) tau (1 - s),
  where r = (t - s) / (1 - s) (Kim et al., 2024, Eq. 7).

  Args:
    state: x_s, any shape.
    end: x_1, the same shape.
    noise: of N(0, I), the same shape.
    start: s, below 1.
    time: t, from s to 1.
    tau: variance that Brownian motion gains in a unit of time, >= 0.

  Returns:
    x_t, the same shape.
  """
  share = (time - start) / (1.0 - start)
  deviation = (tau * share * (1.0 - share) * (1.0 - start)) ** 0.5
  return (1.0 - share) * state + share * end + deviation * noise


def gaussian_bridge(
  mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array, time: float | Array, *, tau: float
) -> BridgeMoments:
  """The Schrödinger bridge between normal distributions, in closed form.

  With the covariance K of its ends (see `entropic_map`), x_t has the covariance
  (1 - t)^2 A + t^2 B + t (1 - t) (K + K^T + tau), and with the end (1 - t) K + t B.

  Args:
    mean_a: [dimension], of x_0.
    cov_a: A [dimension, dimension], symmetric and positive definite.
    mean_b: [dimension], of x_1.
    cov_b: B, likewise.
    time: t, from 0 to 1.
    tau: variance that Brownian motion gains in a unit of time, > 0.

  Returns:
    Mean and covariances.
  """
  coupled = cov_a @ entropic_map(mean_a, cov_a, mean_b, cov_b, epsilon=2.0 * tau).matrix.T
  rest = 1.0 - time
  identity = jnp.eye(cov_a.shape[0], dtype=cov_a.dtype)
  between = time * rest * (coupled + coupled.T + tau * identity)
  return BridgeMoments(
    mean=rest * mean_a + time * mean_b,
    covariance=rest**2 * cov_a + time**2 * cov_b + between,
    with_end=rest * coupled + time * cov_b,
  )
