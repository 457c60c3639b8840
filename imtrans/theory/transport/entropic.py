"""Entropic optimal transport between weighted point clouds: Sinkhorn's algorithm in the log domain.

For weights a [n], b [m] (each sums to one), a cost C [n, m] and a temperature epsilon,

  OT(a, b) = min over plans P with marginals a and b of  <P, C> + epsilon KL(P | a b^T)
           = max over f, g of  <a, f> + <b, g> - epsilon <a b^T, exp((f + g - C) / epsilon) - 1>,

Cuturi, 2013, "Sinkhorn Distances", https://arxiv.org/abs/1306.0895; the constants are those of
Feydy et al., 2019. Here are potentials and plans; the values that a loss needs, with gradients, are
in `costs.py`, closed forms for normal distributions in `gaussian.py`, exact
transport in `assignment.py` and `sliced.py`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import logsumexp

# The temperature starts at the largest cost and falls by this factor per step until it is epsilon:
# far fewer steps than epsilon from the start, because information travels far while it is warm.
ANNEALING = 0.8


class Potentials(NamedTuple):
  """A solution of the dual problem, and how good it is."""

  f: Array  # [n], in units of the cost.
  g: Array  # [m].
  marginal_error: Array  # Sum of |row sums of the plan - a|; the column sums are b to rounding.
  num_steps: Array  # Integer; one step updates both potentials.


def squared_distances(x: Array, y: Array) -> Array:
  """Squared Euclidean distances between two sets of points, as one matrix product.

  Args:
    x: [n, dimension].
    y: [m, dimension].

  Returns:
    [n, m]; rounding can make it slightly negative.

  Raises:
    ValueError: unless both are matrices with the same number of columns.
  """
  if x.ndim != 2 or y.ndim != 2 or x.shape[1] != y.shape[1]:
    raise ValueError(f"x and y must be [points, dimension], got shapes {x.shape} and {y.shape}.")
  # |x|^2 + |y|^2 - 2 x.y loses digits when the clouds are far from the origin.
  center = jnp.mean(y, axis=0, keepdims=True)
  x, y = x - center, y - center
  products = jnp.matmul(x, y.T, precision=jax.lax.Precision.HIGHEST)
  return jnp.sum(x**2, axis=1)[:, None] + jnp.sum(y**2, axis=1)[None, :] - 2.0 * products


@jax.jit
def sinkhorn(
  cost: Array,
  a: Array,
  b: Array,
  *,
  epsilon: float | Array,
  tolerance: float = 1e-4,
  max_steps: int = 2000,
  initial: Array | None = None,
) -> Potentials:
  """Alternating maximization of the dual: f_i = -epsilon log sum_j b_j exp((g_j - C_ij) / epsilon).

  All exponentials are inside a log-sum-exp, so small temperatures do not overflow. In float32 the
  marginals are known to about 1e-7 |f| / epsilon: a `tolerance` below that is not reached. Nothing
  here is differentiated; `entropic_transport_cost` is the function with a gradient.

  Args:
    cost: [n, m].
    a: [n], >= 0, sum one; a zero takes its row out.
    b: [m], >= 0, sum one.
    epsilon: temperature, > 0, in units of the cost.
    tolerance: the marginal error (total, between 0 and 2) at which to stop.
    max_steps: where to stop in any case; the marginal error then says what is missing.
    initial: [m], a `g` from a similar problem; it also skips the annealing of the temperature.

  Returns:
    The potentials, the marginal error of their plan and the number of steps.

  Raises:
    ValueError: if the shapes do not fit.
  """
  _check(cost, a, b)
  cost, a, b, epsilon = jax.lax.stop_gradient((cost, a, b, jnp.asarray(epsilon, cost.dtype)))
  log_a, log_b = jnp.log(a), jnp.log(b)
  scale = epsilon if initial is not None else jnp.maximum(jnp.max(jnp.abs(cost)), epsilon)
  g = jnp.zeros_like(b) if initial is None else jax.lax.stop_gradient(initial)

  def step(state):
    f, g, scale, _, number = state
    new_f = _soft_minimum(cost, g, log_b, scale)
    # The row sums of the plan of (f, g) come free: a_i exp((f_i - new_f_i) / epsilon).
    settled = (scale == epsilon) & (number > 0)
    error = jnp.where(settled, _row_error(f, new_f, a, scale), jnp.inf)
    new_g = _soft_minimum(cost.T, new_f, log_a, scale)
    return new_f, new_g, jnp.maximum(scale * ANNEALING, epsilon), error, number + 1

  def running(state):
    return (state[3] > tolerance) & (state[4] < max_steps)

  state = (jnp.zeros_like(a), g, scale, jnp.full_like(epsilon, jnp.inf), jnp.zeros((), jnp.int32))
  f, _, _, _, number = jax.lax.while_loop(running, step, state)
  g = _soft_minimum(cost.T, f, log_a, epsilon)
  error = _row_error(f, _soft_minimum(cost, g, log_b, epsilon), a, epsilon)
  return Potentials(f, g, error, number)


@jax.jit
def symmetric_sinkhorn(
  cost: Array,
  a: Array,
  *,
  epsilon: float | Array,
  tolerance: float = 1e-4,
  max_steps: int = 2000,
) -> Potentials:
  """`sinkhorn` of a distribution with itself: the two potentials are equal.

  The mean of the old potential and its update converges in a few steps where alternation crawls
  (Feydy et al., 2019, Sec. 3).

  Args:
    cost: [n, n], symmetric.
    a: [n], >= 0, sum one.
    epsilon: temperature, > 0.
    tolerance: the marginal error at which to stop.
    max_steps: where to stop in any case.

  Returns:
    Potentials with `f` and `g` the same.
  """
  _check(cost, a, a)
  cost, a, epsilon = jax.lax.stop_gradient((cost, a, jnp.asarray(epsilon, cost.dtype)))
  log_a = jnp.log(a)

  def step(state):
    f, scale, _, number = state
    new_f = _soft_minimum(cost, f, log_a, scale)
    error = jnp.where(scale == epsilon, _row_error(f, new_f, a, scale), jnp.inf)
    return 0.5 * (f + new_f), jnp.maximum(scale * ANNEALING, epsilon), error, number + 1

  def running(state):
    return (state[2] > tolerance) & (state[3] < max_steps)

  scale = jnp.maximum(jnp.max(jnp.abs(cost)), epsilon)
  state = (jnp.zeros_like(a), scale, jnp.full_like(epsilon, jnp.inf), jnp.zeros((), jnp.int32))
  f, _, _, number = jax.lax.while_loop(running, step, state)
  error = _row_error(f, _soft_minimum(cost, f, log_a, epsilon), a, epsilon)
  return Potentials(f, f, error, number)


def entropic_plan(
  cost: Array, a: Array, b: Array, potentials: Potentials, *, epsilon: float | Array
) -> Array:
  """The plan of a pair of potentials: P_ij = a_i b_j exp((f_i + g_j - C_ij) / epsilon).

  Args:
    cost: [n, m].
    a: [n].
    b: [m].
    potentials: from `sinkhorn` with the same arguments.
    epsilon: temperature, > 0.

  Returns:
    [n, m], >= 0; its row sums are a up to the marginal error, its column sums are b.
  """
  exponents = (potentials.f[:, None] + potentials.g[None, :] - cost) / epsilon
  # In one exponential: where b_j is 0 the exponent alone may overflow.
  return jnp.exp(jnp.log(a)[:, None] + jnp.log(b)[None, :] + exponents)


def _soft_minimum(cost: Array, potential: Array, log_weights: Array, epsilon: Array) -> Array:
  return -epsilon * logsumexp(log_weights[None, :] + (potential[None, :] - cost) / epsilon, axis=1)


def _row_error(f: Array, new_f: Array, a: Array, epsilon: Array) -> Array:
  # A point without weight has no row to be wrong, and its factor may be infinite.
  return jnp.sum(jnp.where(a > 0.0, a * jnp.abs(jnp.expm1((f - new_f) / epsilon)), 0.0))


def _check(cost: Array, a: Array, b: Array) -> None:
  if cost.ndim != 2 or (a.shape, b.shape) != (cost.shape[:1], cost.shape[1:]):
    raise ValueError(
      f"cost must be [n, m], a [n] and b [m], got shapes {cost.shape}, {a.shape} and {b.shape}."
    )
