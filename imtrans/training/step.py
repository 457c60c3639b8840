"""The two-player update: one function for every method."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax import Array

from imtrans.methods.method import Method
from imtrans.training.state import TrainState

Metrics = dict[str, Array]
UPDATE_RULES = ("alternating", "simultaneous")


def make_train_step(
  method: Method,
  optimizers: dict[str, optax.GradientTransformation],
  *,
  update_rule: str = "alternating",
  ema_decay: float = 0.0,
) -> Callable[[TrainState, dict[str, Array]], tuple[TrainState, Metrics]]:
  """Builds the training step: a pure function to be jitted.

  The generators run once; their pull-back carries the gradient of the generator's loss with
  respect to what they made. "alternating" lets the generator face the updated discriminator (the
  order of pix2pix and CUT); "simultaneous" takes both gradients at the old parameters (what the
  CycleGAN code does: its discriminators move last, on images made before the generators moved).

  Args:
    method: pure functions of arrays.
    optimizers: one optax transformation per player.
    update_rule: "alternating" or "simultaneous".
    ema_decay: of the generator's moving average, warmed up as (1 + step) / (10 + step); 0 keeps
      none.

  Returns:
    (state, batch) -> (state, metrics), where metrics are scalars of the whole batch.

  Raises:
    ValueError: for another rule.
  """
  if update_rule not in UPDATE_RULES:
    raise ValueError(f"update_rule must be one of {', '.join(UPDATE_RULES)}, got {update_rule!r}.")

  def update(player: str, gradients: Any, state: TrainState) -> tuple[Any, Any]:
    # optax raises decay rates to an integer count, which strict dtype promotion would refuse.
    with jax.numpy_dtype_promotion("standard"):
      updates, opt_state = optimizers[player].update(
        gradients, state.opt_state[player], state.params[player]
      )
    return optax.apply_updates(state.params[player], updates), opt_state

  def train_step(state: TrainState, batch: dict[str, Array]) -> tuple[TrainState, Metrics]:
    key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
    generate_key, discriminator_key, generator_key = jax.random.split(key, 3)

    outputs, pull_back, extras = jax.vjp(
      lambda params: method.generate(params, state.extras, batch, generate_key),
      state.params["generator"],
      has_aux=True,
    )

    judge = jax.value_and_grad(method.discriminator_loss, has_aux=True)
    (_, (extras, discriminator_metrics)), gradients = judge(
      state.params["discriminator"],
      extras,
      jax.lax.stop_gradient(outputs),
      batch,
      discriminator_key,
    )
    discriminator, discriminator_opt = update("discriminator", gradients, state)

    opponent = discriminator if update_rule == "alternating" else state.params["discriminator"]
    score = jax.value_and_grad(method.generator_loss, argnums=2, has_aux=True)
    (_, generator_metrics), cotangents = score(opponent, extras, outputs, batch, generator_key)
    (gradients,) = pull_back(cotangents)
    generator, generator_opt = update("generator", gradients, state)

    state = TrainState(
      step=state.step + 1,
      params={"generator": generator, "discriminator": discriminator},
      opt_state={"generator": generator_opt, "discriminator": discriminator_opt},
      ema=_moved_average(state.ema, generator, state.step, ema_decay) if ema_decay else state.ema,
      extras=extras,
      key=state.key,
    )
    return state, {**discriminator_metrics, **generator_metrics}

  return train_step


def _moved_average(average: Any, params: Any, step: Array, decay: float) -> Any:
  count = step.astype(jnp.float32)
  rate = jnp.minimum(decay, (1.0 + count) / (10.0 + count))
  return jax.tree.map(lambda old, new: new + rate * (old - new), average, params)
