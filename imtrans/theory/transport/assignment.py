"""Exact transport between two sets of equally many points: the assignment problem.

Between n points and n points of equal weights some optimal plan is a permutation (Birkhoff), so
optimal transport is a choice of partners: what a translation between two finite sets of pictures
would be if it knew them all. With entropy see `entropic.py`; on a line, `sliced.py`.
"""

import jax
import jax.numpy as jnp
from jax import Array


@jax.jit
def optimal_assignment(cost: Array) -> Array:
  """The permutation with the smallest total cost, by shortest augmenting paths.

  Jonker & Volgenant, 1987, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear
  Assignment Problems", https://doi.org/10.1007/BF02278710, without its initial heuristics: rows
  come in one by one, and each finds the cheapest chain of reassignments in the costs less the
  potentials. About n^3 operations in n^2 sequential steps: for hundreds of points.

  Args:
    cost: [n, n], finite.

  Returns:
    [n], integer: the column of each row.

  Raises:
    ValueError: unless the cost is square.
  """
  if cost.ndim != 2 or cost.shape[0] != cost.shape[1]:
    raise ValueError(f"cost must be square, got shape {cost.shape}.")
  n = cost.shape[0]
  cost = jax.lax.stop_gradient(cost)

  def add_row(row, state):
    # Column n is a place outside the problem where a new row waits.
    row_of, v, u = state
    row_of = row_of.at[n].set(row)

    def grow(search):
      """Dijkstra: adds the nearest column, and looks at the costs of the row that it has."""
      column, distance, came_from, done, u, v = search
      done = done.at[column].set(True)
      current = row_of[column]
      reduced = cost[current] - u[current] - v[:n]
      better = (reduced < distance) & ~done[:n]
      distance = jnp.where(better, reduced, distance)
      came_from = jnp.where(better, column, came_from)
      open_distance = jnp.where(done[:n], jnp.inf, distance)
      nearest = jnp.argmin(open_distance)
      delta = open_distance[nearest]
      # Rows of the tree pay delta more and their columns less: the tree's edges stay tight.
      u = u.at[row_of].add(jnp.where(done, delta, 0.0))
      v = v - jnp.where(done, delta, 0.0)
      distance = jnp.where(done[:n], distance, distance - delta)
      return nearest, distance, came_from, done, u, v

    search = (
      jnp.asarray(n),
      jnp.full(n, jnp.inf, cost.dtype),
      jnp.full(n, n),
      jnp.zeros(n + 1, bool),
      u,
      v,
    )
    column, _, came_from, _, u, v = jax.lax.while_loop(lambda s: row_of[s[0]] < n, grow, search)

    def shift(path):
      column, row_of = path
      previous = came_from[column]
      return previous, row_of.at[column].set(row_of[previous])

    _, row_of = jax.lax.while_loop(lambda path: path[0] < n, shift, (column, row_of))
    return row_of, v, u

  # Row n stands for "none" and collects updates that no one reads.
  start = (jnp.full(n + 1, n), jnp.zeros(n + 1, cost.dtype), jnp.zeros(n + 1, cost.dtype))
  row_of, _, _ = jax.lax.fori_loop(0, n, add_row, start)
  return jnp.argsort(row_of[:n])


def assignment_cost(cost: Array) -> Array:
  """Mean cost of the optimal assignment: optimal transport with weights 1 / n.

  Args:
    cost: [n, n].

  Returns:
    Scalar; its gradient is the permutation matrix over n, where the optimum is unique.
  """
  columns = optimal_assignment(cost)
  return jnp.mean(jnp.take_along_axis(cost, columns[:, None], axis=1))
