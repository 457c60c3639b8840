"""Optimal transport between normal distributions in closed form, with and without entropy.

The cost is |x - y|^2 and the entropic problem that of `entropic.py`. Every function takes two means
[dimension] and two covariances [dimension, dimension], symmetric and positive definite; for d = 1
the covariance is [[s^2]]. Other shapes are a ValueError.

With A = L L^T the eigenvalues of A B are those of L^T B L, so Cholesky factors stand where papers
have the roots of A: their gradients exist also where eigenvalues coincide.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.linalg import solve_triangular

# Accelerators multiply float32 with fewer digits unless told otherwise, too few for a Cholesky
# factor's product to stay definite.
_matmul = functools.partial(jnp.matmul, precision="highest")


class AffineMap(NamedTuple):
  """x -> matrix x + offset."""

  matrix: Array  # [dimension, dimension].
  offset: Array  # [dimension].

  def __call__(self, points: Array) -> Array:
    """Maps points [n, dimension] to points [n, dimension]."""
    return _matmul(points, self.matrix.T) + self.offset[None, :]


def inverse_map(affine: AffineMap) -> AffineMap:
  """The map that undoes an affine one.

  The inverse of the Monge map from a to b is the Monge map from b to a; for entropic maps this is
  wrong, and their cycle contracts (`plans.py`).

  Args:
    affine: with an invertible matrix.

  Returns:
    y -> matrix^-1 (y - offset).
  """
  matrix = jnp.linalg.inv(affine.matrix)
  return AffineMap(matrix, -_matmul(matrix, affine.offset))


def gaussian_wasserstein(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> Array:
  """W2^2 = |m_a - m_b|^2 + tr A + tr B - 2 tr (A^1/2 B A^1/2)^1/2.

  Dowson & Landau, 1982, "The Frechet Distance between Multivariate Normal Distributions",
  https://doi.org/10.1016/0047-259X(82)90077-X.

  Args:
    mean_a: [dimension].
    cov_a: A.
    mean_b: [dimension].
    cov_b: B.

  Returns:
    Scalar, the squared distance.
  """
  _check(mean_a, cov_a, mean_b, cov_b)
  roots = jnp.sqrt(_product_eigenvalues(cov_a, cov_b))
  return _uncoupled_cost(mean_a, cov_a, mean_b, cov_b) - 2.0 * jnp.sum(roots)


def monge_map(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> AffineMap:
  """The optimal map: the only gradient of a convex function that carries a to b.

  Its matrix T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 is symmetric, positive definite, and T A T = B
  (Peyré & Cuturi, 2019, "Computational Optimal Transport", Remark 2.31,
  https://arxiv.org/abs/1803.00567).

  Args:
    mean_a: [dimension].
    cov_a: A.
    mean_b: [dimension].
    cov_b: B.

  Returns:
    The map from a to b.
  """
  return entropic_map(mean_a, cov_a, mean_b, cov_b, epsilon=0.0)


def entropic_map(
  mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array, *, epsilon: float | Array
) -> AffineMap:
  """Mean of y given x under the entropic plan, which is normal; at epsilon = 0 the Monge map.

  Its matrix is K^T A^-1, where K is the covariance of x and y, Janati et al., 2020, "Entropic
  Optimal Transport between Unbalanced Gaussian Measures has a Closed Form", Theorem 1,
  https://arxiv.org/abs/2006.02572, with epsilon = 2 sigma^2:
  K = A^1/2 (A^1/2 B A^1/2 + (epsilon / 4)^2)^1/2 A^-1/2 - epsilon / 4.
  In one dimension K = (-epsilon + sqrt(epsilon^2 + 16 s_a^2 s_b^2)) / 4.

  Args:
    mean_a: [dimension].
    cov_a: A.
    mean_b: [dimension].
    cov_b: B.
    epsilon: temperature, >= 0, in squared units of x.

  Returns:
    The map; the covariance K is A times its (symmetric) matrix.
  """
  _check(mean_a, cov_a, mean_b, cov_b)
  factor = jnp.linalg.cholesky(cov_a)
  identity = jnp.eye(cov_a.shape[0], dtype=cov_a.dtype)
  quarter = epsilon / 4.0
  product = _matmul(factor.T, _matmul(cov_b, factor))
  inner = symmetric_root(product + quarter**2 * identity) - quarter * identity
  # L^-T inner L^-1, as two triangular solves.
  half = solve_triangular(factor, inner, trans="T", lower=True)
  matrix = solve_triangular(factor, half.T, trans="T", lower=True)
  return AffineMap(matrix, mean_b - _matmul(matrix, mean_a))


def gaussian_entropic_cost(
  mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array, *, epsilon: float | Array
) -> Array:
  """OT with entropy, as `entropic_transport_cost` finds it for normal distributions.

  |m_a - m_b|^2 + tr A + tr B - 2 tr K - (epsilon / 2) log det(1 - K A^-1 K^T B^-1), Janati et al.,
  2020, Theorem 1; in one dimension (epsilon / 2) log(1 - K^2 / (s_a^2 s_b^2)). With the eigenvalues
  l of A B it is a sum over r = sqrt(l + (epsilon / 4)^2), written here without cancellation.

  Args:
    mean_a: [dimension].
    cov_a: A.
    mean_b: [dimension].
    cov_b: B.
    epsilon: temperature, > 0, in squared units of x.

  Returns:
    Scalar in squared units of x.
  """
  _check(mean_a, cov_a, mean_b, cov_b)
  quarter = epsilon / 4.0
  roots = jnp.sqrt(_product_eigenvalues(cov_a, cov_b) + quarter**2)
  entropy = 0.5 * jnp.sum(jnp.log((roots + quarter) / (2.0 * quarter)))
  coupled = 2.0 * jnp.sum(roots - quarter)
  return _uncoupled_cost(mean_a, cov_a, mean_b, cov_b) - coupled + epsilon * entropy


def gaussian_sinkhorn_divergence(
  mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array, *, epsilon: float | Array
) -> Array:
  """`sinkhorn_divergence` of normal distributions.

  It falls from W2^2 at epsilon -> 0 to |m_a - m_b|^2 at epsilon -> infinity: a hot divergence sees
  the means only.

  Args:
    mean_a: [dimension].
    cov_a: A.
    mean_b: [dimension].
    cov_b: B.
    epsilon: temperature, > 0, in squared units of x.

  Returns:
    Scalar, >= 0.
  """
  within_a = gaussian_entropic_cost(mean_a, cov_a, mean_a, cov_a, epsilon=epsilon)
  within_b = gaussian_entropic_cost(mean_b, cov_b, mean_b, cov_b, epsilon=epsilon)
  across = gaussian_entropic_cost(mean_a, cov_a, mean_b, cov_b, epsilon=epsilon)
  return across - 0.5 * (within_a + within_b)


@jax.custom_jvp
def symmetric_root(matrix: Array) -> Array:
  """The positive semidefinite S with S S = matrix; differentiable also where eigenvalues coincide.

  Args:
    matrix: [dimension, dimension], symmetric, positive semidefinite (definite for a derivative).

  Returns:
    [dimension, dimension], symmetric.
  """
  values, vectors = jnp.linalg.eigh(matrix)
  return _matmul(vectors * jnp.sqrt(jnp.maximum(values, 0.0))[None, :], vectors.T)


@symmetric_root.defjvp
def _symmetric_root_jvp(primals, tangents):
  # dS S + S dS = dM, solved in the eigenvectors of M: no difference of eigenvalues divides.
  (matrix,), (tangent,) = primals, tangents
  values, vectors = jnp.linalg.eigh(matrix)
  roots = jnp.sqrt(jnp.maximum(values, 0.0))
  inner = _matmul(vectors.T, _matmul(tangent, vectors)) / (roots[:, None] + roots[None, :])
  root = _matmul(vectors * roots[None, :], vectors.T)
  return root, _matmul(vectors, _matmul(inner, vectors.T))


def _product_eigenvalues(cov_a: Array, cov_b: Array) -> Array:
  factor = jnp.linalg.cholesky(cov_a)
  return jnp.linalg.eigvalsh(_matmul(factor.T, _matmul(cov_b, factor)))


def _uncoupled_cost(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> Array:
  return jnp.sum((mean_a - mean_b) ** 2) + jnp.trace(cov_a) + jnp.trace(cov_b)


def _check(mean_a: Array, cov_a: Array, mean_b: Array, cov_b: Array) -> None:
  shapes = [jnp.shape(array) for array in (mean_a, cov_a, mean_b, cov_b)]
  size = shapes[0][:1]
  if len(size) != 1 or shapes != [size, size * 2, size, size * 2]:
    raise ValueError(
      "mean_a, cov_a, mean_b and cov_b must be [dimension], [dimension, dimension] and again both, "
      f"got shapes {', '.join(map(str, shapes))}."
    )
