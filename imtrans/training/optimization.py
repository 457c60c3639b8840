"""Learning-rate schedules and the players' optimizer."""

from collections.abc import Mapping
from typing import Any, cast

import jax
import jax.numpy as jnp
import optax


def learning_rate_schedule(
  name: str, *, learning_rate: float, num_steps: int, decay_start: int = 0, rate: float = 0.1
) -> optax.Schedule:
  """A schedule by name; its argument is the number of updates done, 0 to num_steps - 1.

  * "constant": learning_rate throughout.
  * "linear": constant until decay_start, then linear towards zero at num_steps, so that the last
    update still has learning_rate / (num_steps - decay_start): no update is dead.
  * "cosine": constant until decay_start, then half a cosine towards zero at num_steps.
  * "exponential": constant until decay_start, then a factor of `rate` by num_steps.

  Args:
    name: one of the four.
    learning_rate: the first value.
    num_steps: length of the run in steps.
    decay_start: steps before the decay.
    rate: the factor of "exponential".

  Returns:
    An optax schedule.

  Raises:
    ValueError: for another name, or a decay that starts after the end.
  """
  length = num_steps - decay_start
  if name == "constant":
    return optax.constant_schedule(learning_rate)
  if length <= 0:
    raise ValueError(
      f"optimizer.decay_start ({decay_start}) must be smaller than num_steps ({num_steps})."
    )
  if name == "linear":
    return optax.linear_schedule(learning_rate, 0.0, length, decay_start)
  if name == "cosine":
    decay = optax.cosine_decay_schedule(learning_rate, length)
  elif name == "exponential":
    decay = optax.exponential_decay(learning_rate, length, rate)
  else:
    raise ValueError(
      f"unknown schedule {name!r}: choose one of constant, linear, cosine, exponential."
    )
  return optax.join_schedules([optax.constant_schedule(learning_rate), decay], [decay_start])


def adam(
  schedule: optax.Schedule,
  *,
  b1: float = 0.5,
  b2: float = 0.999,
  clip_norm: float = 0.0,
  weight_decay: float = 0.0,
) -> optax.GradientTransformation:
  """Adam as adversarial networks use it (Kingma and Ba, 2015, https://arxiv.org/abs/1412.6980).

  Args:
    schedule: learning rate.
    b1: decay of the first moment. 0.5 and less keeps the bilinear game from spiralling out fast.
    b2: decay of the second moment.
    clip_norm: largest global norm of a gradient; 0 does not clip.
    weight_decay: of the half squared norm of the parameters, whose gradient is added to what Adam
      sees, as PyTorch's Adam does; 0 adds nothing, and needs no parameters.

  Returns:
    The transformation.
  """
  # The state has the same tree with and without these: a run may be resumed with others.
  clip = optax.clip_by_global_norm(clip_norm) if clip_norm > 0.0 else optax.identity()
  decay = optax.add_decayed_weights(weight_decay) if weight_decay > 0.0 else optax.identity()
  return optax.chain(clip, decay, optax.adam(schedule, b1=b1, b2=b2, eps=1e-8))


def scale_networks(
  optimizer: optax.GradientTransformation, factors: Mapping[str, float]
) -> optax.GradientTransformation:
  """Gives single networks of a player learning rates of their own.

  Args:
    optimizer: makes the updates, in proportion to its learning rate; its state is kept as it is.
    factors: of the learning rate, by the names of networks in the player's parameters.

  Returns:
    The transformation; its `init` raises ValueError for a name that is no network's.
  """

  def init(params: Any) -> Any:
    unknown = [name for name in factors if name not in params]
    if unknown:
      raise ValueError(
        f"optimizer.network_factors names {unknown[0]}, which is no network of the generator's "
        f"player: choose among {', '.join(params)}."
      )
    return optimizer.init(params)

  def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    made, state = optimizer.update(gradients, state, params)
    updates = cast(dict[str, Any], made)
    scaled = {
      name: jax.tree.map(lambda change, own=factor: own * change, updates[name])
      for name, factor in factors.items()
    }
    return {**updates, **scaled}, state

  return optax.GradientTransformation(init, cast(Any, update))


def every(schedule: optax.Schedule, count: int) -> optax.Schedule:
  """A schedule for a player that makes several updates in a step.

  Args:
    schedule: of the step.
    count: updates in a step.

  Returns:
    The same schedule as a function of the updates done.
  """
  return schedule if count == 1 else lambda updates: schedule(cast(jax.Array, updates) // count)


def clip_weights(
  optimizer: optax.GradientTransformation, limit: float
) -> optax.GradientTransformation:
  """Keeps every parameter within a box after each update.

  Arjovsky et al., 2017, Algorithm 1, line 7, https://arxiv.org/abs/1701.07875, with 0.01 there: a
  critic with bounded weights is Lipschitz.

  Args:
    optimizer: makes the updates; its state is kept as it is.
    limit: largest absolute value of a parameter.

  Returns:
    The transformation, which needs the parameters.
  """

  def update(gradients: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
    updates, state = optimizer.update(gradients, state, params)

    def clipped(param: jax.Array, change: jax.Array) -> jax.Array:
      return jnp.clip(param + change, -limit, limit) - param

    return jax.tree.map(clipped, params, updates), state

  return optax.GradientTransformation(optimizer.init, cast(Any, update))


def apart(
  optimizers: dict[str, optax.GradientTransformation], name: str
) -> optax.GradientTransformation:
  """Gives a part of a player's parameters an optimizer of its own.

  Args:
    optimizers: {"part": ..., "rest": ...}.
    name: of the part: a key of the tree of parameters, at any depth.

  Returns:
    The transformation.
  """

  def labels(params: Any) -> Any:
    return jax.tree_util.tree_map_with_path(
      lambda path, _: "part" if any(getattr(key, "key", None) == name for key in path) else "rest",
      params,
    )

  return optax.partition(cast(Any, optimizers), labels)
