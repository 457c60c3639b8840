"""Everything that a run needs to go on, as one pytree of arrays."""

import os
from collections.abc import Callable
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax import Array

from imtrans.methods.method import Method

PLAYERS = ("generator", "discriminator")


@flax.struct.dataclass
class TrainState:
  """Arrays alone: with the position of the data iterator they determine all that follows.

  step: updates done, int32 scalar.
  params: {"generator": tree, "discriminator": tree}, float32.
  opt_state: the same two keys.
  ema: moving average of the generator's parameters; an empty dict when none is kept.
  extras: the method's pools, batch statistics and spectral vectors.
  key: the run's random key data (uint32); a step uses fold_in(key, step).
  """

  step: Array
  params: dict[str, Any]
  opt_state: dict[str, Any]
  ema: Any
  extras: dict[str, Any]
  key: Array


def create_state(
  method: Method,
  optimizers: dict[str, optax.GradientTransformation],
  batch: dict[str, Array],
  *,
  seed: int,
  keep_ema: bool,
) -> TrainState:
  """The state before the first step.

  Args:
    method: whose networks are initialized.
    optimizers: one per player.
    batch: only its shapes matter.
    seed: of initialization and of all later randomness.
    keep_ema: whether a moving average of the generator is kept.

  Returns:
    The state; the average starts at the generator's parameters.
  """
  init_key, run_key = jax.random.split(jax.random.key(seed))
  params, extras = method.init(init_key, batch)
  return TrainState(
    step=jnp.zeros((), jnp.int32),
    params=params,
    opt_state={player: optimizers[player].init(params[player]) for player in PLAYERS},
    # A copy: donated buffers must not be shared.
    ema=jax.tree.map(jnp.copy, params["generator"]) if keep_ema else {},
    extras=extras,
    key=jax.random.key_data(run_key),
  )


def jit_start(start: Callable[..., TrainState], **options: Any) -> Callable[..., TrainState]:
  """Jits a function that makes a state.

  It runs once, and on CPU compiling many random draws at full optimization takes several times as
  long as drawing them unoptimized. A level that XLA_FLAGS names is taken instead.

  Args:
    start: (batch) -> state.
    **options: of `jax.jit`.

  Returns:
    The jitted function.
  """
  level = "xla_backend_optimization_level"
  hurried = jax.default_backend() == "cpu" and level not in os.environ.get("XLA_FLAGS", "")
  return jax.jit(start, compiler_options={level: 1} if hurried else None, **options)
