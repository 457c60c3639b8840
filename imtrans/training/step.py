"""The two-player update: one function for every method."""

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from imtrans.methods.method import Method
from imtrans.training.accumulation import divide_batch, over_parts
from imtrans.training.state import PLAYERS, TrainState

Metrics = dict[str, Array]
Movers = tuple[str, ...]
UPDATE_RULES = ("alternating", "simultaneous")
FIRST = 3  # Numbers below it would fold a key into those that it is split into.
ONE_EACH = MappingProxyType({"generator": 1, "discriminator": 1})


def make_train_step(
  method: Method,
  optimizers: dict[str, optax.GradientTransformation],
  *,
  update_rule: str = "alternating",
  ema_decay: float = 0.0,
  updates: Mapping[str, int] = ONE_EACH,
  accumulate: int = 1,
  unroll: bool = False,
) -> Callable[[TrainState, dict[str, Array]], tuple[TrainState, Metrics]]:
  """Builds the training step: a pure function to be jitted.

  The generators run once; their pull-back carries the gradient of the generator's loss with
  respect to what they made. "alternating" lets the generator face the updated discriminator (the
  order of pix2pix and CUT); "simultaneous" takes both gradients at the old parameters (what the
  CycleGAN code does: its discriminators move last, on images made before the generators moved).

  A player with n > 1 updates makes them in one step, each on a part of the batch of its own, as
  Algorithm 1 of WGAN draws a batch for each: the discriminator makes its first n - 1 before the
  update that the players share, the generator its last n - 1 after it.

  With accumulate > 1 every update goes through its images in so many parts, and needs the memory of
  one. Nothing is kept of the forward pass that the discriminator judges, so the generators run
  twice: once for it, once for their own update. See `imtrans.training.accumulation`.

  Args:
    method: pure functions of arrays.
    optimizers: one optax transformation per player.
    update_rule: "alternating" or "simultaneous".
    ema_decay: of the generator's moving average, warmed up as (1 + step) / (10 + step); 0 keeps
      none.
    updates: of each player in a step, at least one. The batch is divided into as many parts as
      there are `num_rounds`.
    accumulate: parts of each update's images.
    unroll: whether the program repeats the parts rather than looping over them, see `over_parts`.

  Returns:
    (state, batch) -> (state, metrics), where metrics are scalars of the whole batch, or of the part
    of it on which both players move.

  Raises:
    ValueError: for another rule, or no updates.
  """
  if update_rule not in UPDATE_RULES:
    raise ValueError(f"update_rule must be one of {', '.join(UPDATE_RULES)}, got {update_rule!r}.")
  rounds = num_rounds(updates)

  def update(player: str, gradients: Any, state: TrainState) -> tuple[Any, Any]:
    # optax raises decay rates to an integer count, which strict dtype promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
      changes, opt_state = optimizers[player].update(
        gradients, state.opt_state[player], state.params[player]
      )
    return optax.apply_updates(state.params[player], changes), opt_state

  def play(state: TrainState, batch: dict[str, Array], key: Array, movers: Movers) -> Any:
    """One update of some of the players: the parameters, optimizers, extras and metrics after."""
    generate_key, discriminator_key, generator_key = jax.random.split(key, 3)
    params, opt_state, metrics = dict(state.params), dict(state.opt_state), {}

    outputs, pull_back, extras = jax.vjp(
      lambda params: method.generate(params, state.extras, batch, generate_key),
      state.params["generator"],
      has_aux=True,
    )

    if "discriminator" in movers:
      judge = jax.value_and_grad(method.discriminator_loss, has_aux=True)
      (_, (extras, metrics)), gradients = judge(
        state.params["discriminator"],
        extras,
        jax.lax.stop_gradient(outputs),
        batch,
        discriminator_key,
      )
      params["discriminator"], opt_state["discriminator"] = update(
        "discriminator", gradients, state
      )

    if "generator" in movers:
      opponent = params if update_rule == "alternating" else state.params
      score = jax.value_and_grad(method.generator_loss, argnums=2, has_aux=True)
      (_, generator_metrics), cotangents = score(
        opponent["discriminator"], extras, outputs, batch, generator_key
      )
      (gradients,) = pull_back(cotangents)
      params["generator"], opt_state["generator"] = update("generator", gradients, state)
      metrics = {**metrics, **generator_metrics}

    return dataclasses.replace(state, params=params, opt_state=opt_state, extras=extras), metrics

  def play_in_parts(state: TrainState, batch: dict[str, Array], key: Array, movers: Movers) -> Any:
    """What `play` does, in the memory of a part of the batch."""
    params, opt_state = dict(state.params), dict(state.opt_state)
    extras, metrics = state.extras, {}
    alone = "discriminator" not in movers  # Otherwise it moves the extras before the generator.

    def judged(extras: Any, part: dict[str, Array], key: Array) -> Any:
      generate_key, discriminator_key, _ = jax.random.split(key, 3)
      outputs, extras = method.generate(state.params["generator"], extras, part, generate_key)
      judge = jax.value_and_grad(method.discriminator_loss, has_aux=True)
      (_, (extras, metrics)), gradients = judge(
        state.params["discriminator"], extras, outputs, part, discriminator_key
      )
      return (gradients, metrics), extras

    if "discriminator" in movers:
      (gradients, metrics), extras = over_parts(
        judged, extras, batch, key, count=accumulate, unroll=unroll
      )
      params["discriminator"], opt_state["discriminator"] = update(
        "discriminator", gradients, state
      )

    def scored(given: Any, part: dict[str, Array], key: Array) -> Any:
      generate_key, _, generator_key = jax.random.split(key, 3)
      start = given if alone else state.extras
      outputs, pull_back, made = jax.vjp(
        lambda params: method.generate(params, start, part, generate_key),
        state.params["generator"],
        has_aux=True,
      )
      opponent = params if update_rule == "alternating" else state.params
      score = jax.value_and_grad(method.generator_loss, argnums=2, has_aux=True)
      (_, generator_metrics), cotangents = score(
        opponent["discriminator"], made if alone else given, outputs, part, generator_key
      )
      (gradients,) = pull_back(cotangents)
      return (gradients, generator_metrics), made if alone else {}

    if "generator" in movers:
      (gradients, generator_metrics), made = over_parts(
        scored, extras, batch, key, count=accumulate, unroll=unroll
      )
      extras = made or extras
      params["generator"], opt_state["generator"] = update("generator", gradients, state)
      metrics = {**metrics, **generator_metrics}

    return dataclasses.replace(state, params=params, opt_state=opt_state, extras=extras), metrics

  def train_step(state: TrainState, batch: dict[str, Array]) -> tuple[TrainState, Metrics]:
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
    move = play if accumulate == 1 else play_in_parts
    parts = _parts(batch, rounds)
    shared = updates["discriminator"] - 1
    for index in range(shared):
      early = jax.random.fold_in(key, FIRST + index)
      state, _ = move(state, parts[index], early, ("discriminator",))
    state, metrics = move(state, parts[shared], key, PLAYERS)
    for index in range(updates["generator"] - 1):
      late = jax.random.fold_in(key, FIRST + shared + index)
      state, _ = move(state, parts[(shared + 1 + index) % rounds], late, ("generator",))

    generator = state.params["generator"]
    state = dataclasses.replace(
      state,
      step=state.step + 1,
      ema=_moved_average(state.ema, generator, state.step, ema_decay) if ema_decay else state.ema,
    )
    return state, metrics

  return train_step


def num_rounds(updates: Mapping[str, int]) -> int:
  """Into how many parts a step divides its batch: one for each update of the player with most.

  Args:
    updates: {"generator": ..., "discriminator": ...}.

  Returns:
    At least one.

  Raises:
    ValueError: unless both players make one update or more.
  """
  if set(updates) != set(PLAYERS) or min(updates.values()) < 1:
    raise ValueError(
      f"updates must give {' and '.join(PLAYERS)} a number of at least 1, got {dict(updates)}."
    )
  return max(updates.values())


def _parts(batch: dict[str, Array], count: int) -> list[dict[str, Array]]:
  """One part of a batch for each update."""
  if count == 1:
    return [batch]
  size = len(next(iter(batch.values())))
  if size % count:
    raise ValueError(f"a batch of {size} cannot be divided into {count} updates of equal size.")
  parts = divide_batch(batch, count)
  return [{name: array[index] for name, array in parts.items()} for index in range(count)]


def _moved_average(average: Any, params: Any, step: Array, decay: float) -> Any:
  count = step.astype(jnp.float32)
  rate = jnp.minimum(decay, (1.0 + count) / (10.0 + count))
  return jax.tree.map(lambda old, new: new + rate * (old - new), average, params)
