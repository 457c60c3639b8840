"""The update rules of `games` for any pair of losses: each player descends its own.

Players are a pair (first, second) of pytrees. A game is a pair of losses, functions of both of
them, or one loss that the first minimizes and the second maximizes. On x y the rules are the
matrices of `imtrans.theory.games.update_matrix`, under the same names; `simulation` plays them.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.flatten_util import ravel_pytree

from imtrans.theory.games.bilinear import Number

Players = tuple[Any, Any]
Loss = Callable[[Any, Any], Array]
Losses = tuple[Loss, Loss]


class Dynamics(NamedTuple):
  """An update rule: init(players) -> memory and step(players, memory) -> (players, memory)."""

  init: Callable[[Players], Any]
  step: Callable[[Players, Any], tuple[Players, Any]]


def zero_sum(loss: Loss) -> Losses:
  """Makes a game of one loss that the first player minimizes and the second maximizes.

  Args:
    loss: (first, second) -> scalar.

  Returns:
    The loss of each player.
  """
  return loss, lambda first, second: -loss(first, second)


def both_losses(game: Loss | Losses) -> Losses:
  """The loss of each player, whichever way a game is given.

  Args:
    game: one loss per player, or one function, which is `zero_sum`.

  Returns:
    The loss of each player.
  """
  return zero_sum(game) if callable(game) else game


def vector_field(game: Loss | Losses, players: Players) -> Players:
  """The direction in which each player descends: minus its own gradient of its own loss.

  Args:
    game: one loss per player, or the one of a zero-sum game.
    players: where.

  Returns:
    A pair of pytrees like the players.
  """
  losses = both_losses(game)
  first = jax.grad(losses[0], argnums=0)(*players)
  second = jax.grad(losses[1], argnums=1)(*players)
  return jax.tree.map(jnp.negative, (first, second))


def make_dynamics(game: Loss | Losses, rule: str, step_size: Number, **options: Number) -> Dynamics:
  """Builds the update of a game by one of the rules of `update_matrix`.

  "proximal" solves its implicit equation by one Newton step with a dense Jacobian: exact for
  quadratic losses, and for few parameters only.

  Args:
    game: one loss per player, or the one of a zero-sum game.
    rule: one of the names of `update_matrix`.
    step_size: of both players.
    **options: of the rule, as for `update_matrix`.

  Returns:
    The update rule.

  Raises:
    ValueError: for an unknown rule.
  """
  if rule not in RULES:
    raise ValueError(f"unknown update rule {rule!r}: choose one of {', '.join(RULES)}.")
  return RULES[rule](both_losses(game), step_size, **options)


def _simultaneous(losses: Losses, step_size: Number) -> Dynamics:
  def step(players, memory):
    return _moved(players, step_size, vector_field(losses, players)), memory

  return Dynamics(lambda players: (), step)


def _alternating(losses: Losses, step_size: Number) -> Dynamics:
  return _negative_momentum(losses, step_size, first_momentum=0.0, second_momentum=0.0)


def _proximal(losses: Losses, step_size: Number) -> Dynamics:
  def step(players, memory):
    flat, unravel = ravel_pytree(players)

    def field(flat):
      return ravel_pytree(vector_field(losses, unravel(flat)))[0]

    system = jnp.eye(flat.size, dtype=flat.dtype) - step_size * jax.jacfwd(field)(flat)
    return unravel(flat + jnp.linalg.solve(system, step_size * field(flat))), memory

  return Dynamics(lambda players: (), step)


def _extragradient(
  losses: Losses, step_size: Number, *, extrapolation: Number | None = None
) -> Dynamics:
  reach = step_size if extrapolation is None else extrapolation

  def step(players, memory):
    ahead = _moved(players, reach, vector_field(losses, players))
    return _moved(players, step_size, vector_field(losses, ahead)), memory

  return Dynamics(lambda players: (), step)


def _consensus(losses: Losses, step_size: Number, *, weight: Number = 1.0) -> Dynamics:
  def step(players, memory):
    # The gradient of half the squared norm of the field is its Jacobian, transposed, times itself.
    field, pull_back = jax.vjp(functools.partial(vector_field, losses), players)
    (uphill,) = pull_back(field)
    direction = _moved(field, -weight, uphill)
    return _moved(players, step_size, direction), memory

  return Dynamics(lambda players: (), step)


def _optimistic(losses: Losses, step_size: Number) -> Dynamics:
  def step(players, before):
    field = vector_field(losses, players)
    direction = jax.tree.map(lambda now, past: 2.0 * now - past, field, before)
    return _moved(players, step_size, direction), field

  return Dynamics(functools.partial(vector_field, losses), step)


def _simultaneous_momentum(
  losses: Losses, step_size: Number, *, momentum: Number = -0.5
) -> Dynamics:
  def step(players, before):
    pushed = _pushed(players, before, momentum)
    return _moved(pushed, step_size, vector_field(losses, players)), players

  return Dynamics(lambda players: players, step)


def _negative_momentum(
  losses: Losses,
  step_size: Number,
  *,
  first_momentum: Number = -0.5,
  second_momentum: Number = 0.0,
) -> Dynamics:
  def step(players, before):
    first, second = players
    direction = jax.tree.map(jnp.negative, jax.grad(losses[0], argnums=0)(first, second))
    new = _moved(_pushed(first, before[0], first_momentum), step_size, direction)
    direction = jax.tree.map(jnp.negative, jax.grad(losses[1], argnums=1)(new, second))
    other = _moved(_pushed(second, before[1], second_momentum), step_size, direction)
    return (new, other), players

  return Dynamics(lambda players: players, step)


def _moved(tree: Any, step_size: Number, direction: Any) -> Any:
  return jax.tree.map(lambda leaf, change: leaf + step_size * change, tree, direction)


def _pushed(now: Any, before: Any, momentum: Number) -> Any:
  return jax.tree.map(lambda new, old: new + momentum * (new - old), now, before)


RULES = {
  "simultaneous": _simultaneous,
  "alternating": _alternating,
  "proximal": _proximal,
  "extragradient": _extragradient,
  "consensus": _consensus,
  "optimistic": _optimistic,
  "simultaneous_momentum": _simultaneous_momentum,
  "negative_momentum": _negative_momentum,
}
