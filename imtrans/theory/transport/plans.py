"""What a cycle penalty prefers among transport plans, and what it leaves open.

A translation with noise is a plan P: pairs (x, y) with the right marginals. The best way back from
y is E[x | y], and what it misses, E |x - E[x | y]|^2, is the smallest cycle loss that the plan
admits. As a function of the plan it is concave: mixing two plans cannot lower it below the mixture
of their losses. So it is smallest at extreme plans, for n and n points at the permutations, and
there it is 0 at every one: a cycle penalty asks for an invertible map and does not say which.
Transport cost, which it is not, does say.

For normal distributions on a line all this is a formula in the correlation.
"""

import jax.numpy as jnp
from jax import Array

from imtrans.theory.transport.entropic import entropic_plan, sinkhorn


def barycentric_map(plan: Array, targets: Array) -> Array:
  """Mean target of every source: E[y | x], the best guess of y in squared error.

  Args:
    plan: [n, m], >= 0, with positive row sums.
    targets: [m, dimension].

  Returns:
    [n, dimension].
  """
  return plan @ targets / jnp.sum(plan, axis=1, keepdims=True)


def cycle_cost(plan: Array, sources: Array) -> Array:
  """Cycle loss with the best way back, E |x - E[x | y]|^2.

  A way back that draws x from P(x | y), as a second stochastic generator does, misses twice this.

  Args:
    plan: [n, m], >= 0, sum one, with positive column sums.
    sources: [n, dimension].

  Returns:
    Scalar in squared units of the sources: between 0 (y determines x) and their variance (the
    plan is independent). For the way from y to x and back, give the transposed plan and targets.
  """
  decoded = barycentric_map(plan.T, sources)
  kept = jnp.sum(jnp.sum(plan, axis=0) * jnp.sum(decoded**2, axis=1))
  return jnp.sum(jnp.sum(plan, axis=1) * jnp.sum(sources**2, axis=1)) - kept


def gaussian_pushforward(cov_a: Array, cov_b: Array, rotation: Array) -> Array:
  """A linear map from N(0, A) to N(0, B), one for every orthogonal matrix.

  G = L_B R L_A^-1 with Cholesky factors L gives G A G^T = B for each R, and G^-1 leads back: exact
  distributions, a cycle loss of 0, and yet a different translation (Moriakov et al., 2020, "Kernel
  of CycleGAN as a Principle homogeneous space", https://arxiv.org/abs/2001.09061).

  Args:
    cov_a: A [dimension, dimension], positive definite.
    cov_b: B [dimension, dimension], positive definite.
    rotation: R [dimension, dimension], orthogonal; reflections too.

  Returns:
    [dimension, dimension].
  """
  factor_a, factor_b = jnp.linalg.cholesky(cov_a), jnp.linalg.cholesky(cov_b)
  return factor_b @ jnp.linalg.solve(factor_a.T, rotation.T).T


def linear_map_cost(cov_a: Array, matrix: Array) -> Array:
  """Transport cost of a linear map, E |x - G x|^2 = tr (1 - G) A (1 - G)^T.

  Args:
    cov_a: A [dimension, dimension], of x with mean 0.
    matrix: G [dimension, dimension].

  Returns:
    Scalar. Among the maps of `gaussian_pushforward` the Monge map has the smallest.
  """
  moved = matrix - jnp.eye(matrix.shape[0], dtype=matrix.dtype)
  return jnp.sum((moved @ cov_a) * moved)


def line_plan_costs(
  std_a: Array, std_b: Array, correlation: Array, *, shift: float | Array = 0.0
) -> tuple[Array, Array]:
  """Transport and cycle cost of a normal plan between two normal distributions on a line.

  Transport: shift^2 + s_a^2 + s_b^2 - 2 rho s_a s_b, smallest at rho = 1. Cycle, both directions:
  (s_a^2 + s_b^2) (1 - rho^2), smallest at rho = 1 and at rho = -1, the map that turns the
  order around.

  Args:
    std_a: s_a.
    std_b: s_b.
    correlation: rho between -1 and 1.
    shift: difference of the means.

  Returns:
    The two costs, in squared units.
  """
  spread = std_a**2 + std_b**2
  transport = shift**2 + spread - 2.0 * correlation * std_a * std_b
  return transport, spread * (1.0 - correlation**2)


def preferred_correlation(
  std_a: Array, std_b: Array, *, cycle_weight: float | Array, epsilon: float | Array
) -> Array:
  """Size of the correlation that a cycle penalty and entropy agree on.

  With S = s_a^2 + s_b^2, the objective cycle_weight S (1 - rho^2) + epsilon KL(P | a b^T) is
  cycle_weight S (1 - rho^2) - (epsilon / 2) log(1 - rho^2). If cycle_weight S <= epsilon / 2 its
  minimum is rho = 0: the output ignores the input. Above, there are two minima, with
  1 - rho^2 = epsilon / (2 cycle_weight S), equally good: the start decides which.

  Args:
    std_a: s_a.
    std_b: s_b.
    cycle_weight: weight of the two cycle losses.
    epsilon: weight of the entropy, in squared units.

  Returns:
    |rho|, in [0, 1).
  """
  unexplained = epsilon / (2.0 * cycle_weight * (std_a**2 + std_b**2))
  square = 1.0 - unexplained
  # The root of zero has no gradient: below the critical weight it is zero.
  return jnp.where(square > 0.0, jnp.sqrt(jnp.where(square > 0.0, square, 1.0)), 0.0)


def cycle_step(
  plan: Array,
  x: Array,
  y: Array,
  transport: Array,
  *,
  cycle_weight: float | Array,
  epsilon: float | Array,
  tolerance: float = 1e-4,
  max_steps: int = 2000,
) -> Array:
  """One round of training with cycle losses, with exact players: decoders, then the plan.

  First both ways back become the best for the present plan, E[x | y] and E[y | x]; then, with
  these fixed, the plan becomes the best for the reconstruction errors. That is an entropic
  transport problem with cost
  C_ij = transport_ij + cycle_weight (|x_i - E[x | y_j]|^2 + |y_j - E[y | x_i]|^2).
  The cycle loss is concave and C is its tangent, so every round lowers
  <P, transport> + cycle_weight (both cycle losses) + epsilon KL(P | a b^T).

  Args:
    plan: [n, m], >= 0, sum one, with positive marginals, which are kept.
    x: [n, dimension].
    y: [m, dimension].
    transport: [n, m], another cost; zeros for cycle losses alone.
    cycle_weight: weight of both cycle losses.
    epsilon: temperature, > 0.
    tolerance: of `sinkhorn`.
    max_steps: of `sinkhorn`.

  Returns:
    The new plan [n, m].
  """
  a, b = jnp.sum(plan, axis=1), jnp.sum(plan, axis=0)
  decoded_x, decoded_y = barycentric_map(plan.T, x), barycentric_map(plan, y)
  missed_x = jnp.sum((x[:, None] - decoded_x[None, :]) ** 2, axis=-1)
  missed_y = jnp.sum((decoded_y[:, None] - y[None, :]) ** 2, axis=-1)
  cost = transport + cycle_weight * (missed_x + missed_y)
  potentials = sinkhorn(cost, a, b, epsilon=epsilon, tolerance=tolerance, max_steps=max_steps)
  return entropic_plan(cost, a, b, potentials, epsilon=epsilon)
