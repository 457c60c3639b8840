"""Spectral norms of linear maps."""

import jax
import jax.numpy as jnp
from jax import Array


def power_iteration(
  matrix: Array, vector: Array, *, num_steps: int = 1, epsilon: float = 1e-12
) -> tuple[Array, Array]:
  """Estimates the largest singular value of a matrix by power iteration, state in and state out.

  Miyato et al., 2018, "Spectral Normalization for Generative Adversarial Networks", Algorithm 1,
  https://arxiv.org/abs/1802.05957. The iterated vectors are constants for differentiation: the
  gradient of the estimate with respect to the matrix is the outer product of the two.

  Args:
    matrix: [rows, columns].
    vector: [rows], the left singular vector's estimate from the step before.
    num_steps: iterations; one per training step is enough because the matrix moves slowly.
    epsilon: added to the norms that divide.

  Returns:
    The estimate (a scalar, never above the true norm) and the new left vector of norm one.
  """
  fixed = jax.lax.stop_gradient(matrix)
  left = vector
  right = fixed.T @ left
  for _ in range(num_steps):
    right = fixed.T @ left
    right = right / (jnp.linalg.norm(right) + epsilon)
    left = fixed @ right
    left = left / (jnp.linalg.norm(left) + epsilon)
  left, right = jax.lax.stop_gradient((left, right))
  return left @ (matrix @ right), left
