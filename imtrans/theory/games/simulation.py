"""Two players simulated: any game on pytrees, by an update rule or by optax.

What `bilinear` says in closed form of the bilinear game can be watched here, also for
optimizers that have no closed form, such as Adam.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from imtrans.theory.games.bilinear import Number
from imtrans.theory.games.update_rules import (
  Dynamics,
  Loss,
  Losses,
  Players,
  both_losses,
  make_dynamics,
)


class Play(NamedTuple):
  """What happened: pytrees of the players' structure, each leaf [num_steps + 1, ...].

  trajectory: the players before the first step and after each.
  average: the mean of the trajectory up to and including each step.
  """

  trajectory: Players
  average: Players


def play(
  loss: Loss | Losses,
  start: Players,
  rule: str,
  step_size: Number,
  num_steps: int,
  **options: Number,
) -> Play:
  """Plays a game by one of the rules of `update_matrix`, whose matrices it equals on x y.

  `play(lambda g, d: g * d, (1.0, 1.0), "alternating", 0.1, 100)` is the bilinear game. Optimizers
  of optax, such as Adam, have step sizes of their own: they play in `play_with_optimizers`.

  Args:
    loss: of both players, a scalar that the first minimizes and the second maximizes; or a pair,
      one loss per player.
    start: the players' first positions.
    rule: one of the rules of `update_matrix`.
    step_size: of both players.
    num_steps: how often both move.
    **options: of the rule, as for `update_matrix`.

  Returns:
    The trajectory and its running average.

  Raises:
    ValueError: for an unknown rule.
  """
  return simulate(make_dynamics(loss, rule, step_size, **options), start, num_steps)


def play_with_optimizers(
  loss: Loss | Losses,
  start: Players,
  optimizers: tuple[optax.GradientTransformation, optax.GradientTransformation],
  num_steps: int,
  *,
  alternating: bool = False,
) -> Play:
  """Plays a game in which each player's gradient goes through an optax transformation.

  Args:
    loss: of a zero-sum game, or a pair, one per player, as for `play`.
    start: the players' first positions.
    optimizers: one per player.
    num_steps: how often both move.
    alternating: whether the second player sees where the first one went.

  Returns:
    The trajectory and its running average.
  """
  losses = both_losses(loss)

  def init(players):
    return tuple(
      optimizer.init(player) for optimizer, player in zip(optimizers, players, strict=True)
    )

  def move(index, players, memory):
    gradient = jax.grad(losses[index], argnums=index)(*players)
    # optax raises decay rates to an integer count, which strict dtype promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
      updates, state = optimizers[index].update(gradient, memory[index], players[index])
    return optax.apply_updates(players[index], updates), state

  def step(players, memory):
    first, first_memory = move(0, players, memory)
    seen = (first, players[1]) if alternating else players
    second, second_memory = move(1, seen, memory)
    return (first, second), (first_memory, second_memory)

  return simulate(Dynamics(init, step), start, num_steps)


def simulate(dynamics: Dynamics, start: Players, num_steps: int) -> Play:
  """Follows an update rule.

  Args:
    dynamics: the rule.
    start: the players' first positions; floating-point leaves.
    num_steps: how many steps.

  Returns:
    The trajectory and its running average.
  """
  start = jax.tree.map(jnp.asarray, start)

  def step(carry, count):
    players, memory, average = carry
    players, memory = dynamics.step(players, memory)
    # A mean and not a sum: a sum of many steps would lose its digits in float32.
    average = jax.tree.map(lambda old, new: old + (new - old) / count, average, players)
    return (players, memory, average), (players, average)

  counts = jnp.arange(num_steps) + 2
  counts = counts.astype(jax.tree.leaves(start)[0].dtype)
  _, visited = jax.lax.scan(step, (start, dynamics.init(start), start), counts)
  trajectory, average = jax.tree.map(
    lambda first, rest: jnp.concatenate([first[None], rest]), (start, start), visited
  )
  return Play(trajectory, average)
