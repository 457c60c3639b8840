"""The walk along a Schrödinger bridge whose end is guessed anew from each of its points."""

from collections.abc import Callable, Sequence

import jax
from jax import Array

from imtrans.theory.transport import bridge_draw


def advance(
  point: Array, end: Array, index: int, key: Array, *, times: Sequence[float], tau: float
) -> Array:
  """Draws the next point of the bridge from where it is to where it is guessed to end.

  Args:
    point: x_t at the time t = times[index], [batch, height, width, channels].
    end: the guess of x_1, the same shape.
    index: of the time.
    key: of the Brownian motion.
    times: from 0 to 1, rising, see `imtrans.theory.transport.refinement_times`.
    tau: variance that the Brownian motion gains in a unit of time.

  Returns:
    The point at times[index + 1], the same shape.
  """
  noise = jax.random.normal(key, point.shape)
  return bridge_draw(point, end, noise, start=times[index], time=times[index + 1], tau=tau)


def walk(
  points: list[Array],
  index: Array,
  key: Array,
  guess: Callable[[list[Array], int, Array], list[Array]],
  *,
  times: Sequence[float],
  tau: float,
) -> list[Array]:
  """Walks from the beginning of bridges to a time that is known only in the step.

  Args:
    points: batches of x_0, [batch, height, width, channels] each.
    index: of the time to reach, a scalar from 0 to the last before 1.
    key: random key.
    guess: (points, index, key) -> the ends of their bridges, one per batch.
    times: see `advance`.
    tau: likewise.

  Returns:
    Batches of x_t, the same shapes. Steps beyond the time are not computed.
  """
  for step in range(len(times) - 2):

    def onwards(points: list[Array], step: int = step) -> list[Array]:
      guess_key, *keys = jax.random.split(jax.random.fold_in(key, step), 1 + len(points))
      ends = guess(points, step, guess_key)
      return [
        advance(point, end, step, own, times=times, tau=tau)
        for point, end, own in zip(points, ends, keys, strict=True)
      ]

    points = jax.lax.cond(step < index, onwards, lambda points: points, points)
  return points
