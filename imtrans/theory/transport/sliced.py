"""Exact transport on a line by sorting, and its mean over random lines.

For figures of a trained model see `evaluation/metrics/distributions.py`; these functions have
gradients and may be a loss.
"""

import jax
import jax.numpy as jnp
from jax import Array


def line_transport_cost(x: Array, y: Array, *, order: float = 2.0) -> Array:
  """Exact cost of transport on a line: W_p^p, the mean of |F_x^-1(u) - F_y^-1(u)|^p over u.

  The optimal plan between numbers with equal weights joins them in order, for every p >= 1 (Peyré &
  Cuturi, 2019, "Computational Optimal Transport", Remark 2.30, https://arxiv.org/abs/1803.00567).
  With n = m this is a sort; otherwise the quantile functions are steps, at i / n and at j / m.

  Args:
    x: [n], any order.
    y: [m], with n m < 2^31.
    order: p, >= 1; 2 gives the squared distance.

  Returns:
    Scalar in units of x to the power p; its gradient moves sorted numbers towards each other.

  Raises:
    ValueError: unless both are vectors.
  """
  if x.ndim != 1 or y.ndim != 1:
    raise ValueError(f"x and y must be vectors, got shapes {x.shape} and {y.shape}.")
  n, m = x.shape[0], y.shape[0]
  x, y = jnp.sort(x), jnp.sort(y)
  if n == m:
    return jnp.mean(jnp.abs(x - y) ** order)
  # Steps as integers, times n m, so that equal ones coincide exactly.
  edges = jnp.sort(jnp.concatenate([jnp.arange(n) * m, jnp.arange(1, m + 1) * n]))
  widths = jnp.diff(edges).astype(x.dtype) / (n * m)
  gaps = x[edges[:-1] // m] - y[edges[:-1] // n]
  return jnp.sum(widths * jnp.abs(gaps) ** order)


def random_directions(key: Array, num_directions: int, dimension: int) -> Array:
  """Directions that are uniform on the sphere.

  Args:
    key: randomness.
    num_directions: how many.
    dimension: of the space.

  Returns:
    [num_directions, dimension], rows of norm one.
  """
  normal = jax.random.normal(key, (num_directions, dimension))
  return normal / jnp.linalg.norm(normal, axis=1, keepdims=True)


def sliced_transport_cost(x: Array, y: Array, directions: Array, *, order: float = 2.0) -> Array:
  """Mean over directions of the transport cost of the projections: SW_p^p.

  Bonneel et al., 2015, "Sliced and Radon Wasserstein Barycenters of Measures",
  https://doi.org/10.1007/s10851-014-0506-3. n log n per direction and no temperature; but each
  direction sees little of a high-dimensional difference: SW_2^2 <= W_2^2 / dimension.

  Args:
    x: [n, dimension].
    y: [m, dimension].
    directions: [num_directions, dimension], of norm one; see `random_directions`.
    order: p, >= 1.

  Returns:
    Scalar in units of x to the power p; for p = 2 its root is `evaluation`'s sliced distance.
  """

  def cost(direction):
    return line_transport_cost(x @ direction, y @ direction, order=order)

  return jnp.mean(jax.vmap(cost)(directions))


def gaussian_sliced_cost(mean_a: Array, std_a: Array, mean_b: Array, std_b: Array) -> Array:
  """SW_2^2 of two isotropic normal distributions: |m_a - m_b|^2 / dimension + (s_a - s_b)^2.

  Each projection is normal with the same standard deviation, and the mean square of one coordinate
  of a unit vector is 1 / dimension.

  Args:
    mean_a: [dimension].
    std_a: scalar, of each coordinate.
    mean_b: [dimension].
    std_b: scalar.

  Returns:
    Scalar; W_2^2 is `dimension` times as much.
  """
  return jnp.mean((mean_a - mean_b) ** 2) + (std_a - std_b) ** 2
