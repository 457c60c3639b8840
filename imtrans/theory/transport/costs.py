"""Entropic transport as a loss: its cost, and the divergence without its bias, with gradients.

The problem and its constants are those of `entropic.py`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.theory.transport.entropic import (
  Potentials,
  entropic_plan,
  sinkhorn,
  squared_distances,
  symmetric_sinkhorn,
)


def entropic_transport_cost(
  cost: Array,
  a: Array,
  b: Array,
  *,
  epsilon: float | Array,
  tolerance: float = 1e-4,
  max_steps: int = 2000,
) -> Array:
  """OT(a, b) with its entropy, differentiable by the envelope theorem.

  At the optimum the potentials do not contribute to first order, so the gradient holds them fixed:
  the plan with respect to the cost, f and g with respect to a and b, KL(P | a b^T) with respect to
  epsilon. It costs no memory for the steps, and it is exact as far as the marginal error is 0.
  Second derivatives are not those of OT.

  Args:
    cost: [n, m].
    a: [n], >= 0, sum one.
    b: [m], >= 0, sum one.
    epsilon: temperature, > 0.
    tolerance: the marginal error at which to stop.
    max_steps: where to stop in any case.

  Returns:
    Scalar in units of the cost: the dual objective, never above the true value.
  """
  options = {"epsilon": epsilon, "tolerance": tolerance, "max_steps": max_steps}
  return _dual_value(cost, a, b, sinkhorn(cost, a, b, **options), epsilon)


def sinkhorn_divergence(
  x: Array,
  y: Array,
  *,
  epsilon: float | Array,
  cost: Callable[[Array, Array], Array] = squared_distances,
  a: Array | None = None,
  b: Array | None = None,
  tolerance: float = 1e-4,
  max_steps: int = 2000,
) -> Array:
  """S(x, y) = OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2: entropic transport without its bias.

  Genevay et al., 2018, "Learning Generative Models with Sinkhorn Divergences",
  https://arxiv.org/abs/1706.00292 (twice this value); Feydy et al., 2019, "Interpolating between
  Optimal Transport and MMD using Sinkhorn Divergences", Eq. 3, https://arxiv.org/abs/1810.08278.
  OT alone is smallest for a `y` that has shrunk towards the mean; this is >= 0, and 0 at equality
  only, for costs such as |x - y| and |x - y|^2. Between transport (epsilon -> 0) and, for
  |x - y|^2, the squared distance of the means (epsilon -> infinity). Gradients as in
  `entropic_transport_cost`.

  Args:
    x: [n, ...], points in the form that `cost` takes, [n, dimension] by default.
    y: [m, ...].
    epsilon: temperature, > 0, in units of the cost.
    cost: a symmetric function (points, points) -> [n, m].
    a: [n], the weights of x, sum one; equal by default.
    b: [m], the weights of y.
    tolerance: the marginal error at which to stop.
    max_steps: where to stop in any case.

  Returns:
    Scalar in units of the cost.
  """
  across, within_x, within_y = cost(x, y), cost(x, x), cost(y, y)
  n, m = across.shape
  a = jnp.full(n, 1.0 / n, across.dtype) if a is None else a
  b = jnp.full(m, 1.0 / m, across.dtype) if b is None else b
  options = {"epsilon": epsilon, "tolerance": tolerance, "max_steps": max_steps}
  value = entropic_transport_cost(across, a, b, **options)
  for within, weights in ((within_x, a), (within_y, b)):
    potentials = symmetric_sinkhorn(within, weights, **options)
    value = value - 0.5 * _dual_value(within, weights, weights, potentials, epsilon)
  return value


def _dual_value(
  cost: Array, a: Array, b: Array, potentials: Potentials, epsilon: float | Array
) -> Array:
  f, g = potentials.f, potentials.g
  # The plan with fixed weights: log 0 has no derivative, and f and g already are the whole one.
  fixed_a, fixed_b = jax.lax.stop_gradient((a, b))
  plan = entropic_plan(cost, fixed_a, fixed_b, potentials, epsilon=epsilon)
  return jnp.sum(a * f) + jnp.sum(b * g) - epsilon * (jnp.sum(plan) - 1.0)
