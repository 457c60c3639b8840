"""A run whose numbers are no longer finite ends, and no checkpoint keeps them."""

import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from imtrans.training.checkpoints import Checkpoints
from imtrans.training.state import TrainState


class Diverged(FloatingPointError):  # noqa: N818 (names what happened to the run)
  """A loss is no longer a finite number."""

  exit_code = 1


def finite_scalars(
  pending: list[tuple[int, Mapping[str, jax.Array]]], checkpoints: Checkpoints
) -> dict[str, float]:
  """Fetches all pending metrics and empties the list.

  Args:
    pending: steps and their metrics, on the devices.
    checkpoints: of which those of a broken state are set aside.

  Returns:
    The newest metrics.

  Raises:
    Diverged: if one of them is not finite.
  """
  fetched = [(step, jax.device_get(metrics)) for step, metrics in pending]
  pending.clear()
  for step, metrics in fetched:
    broken = {name: value for name, value in metrics.items() if not math.isfinite(value)}
    if broken:
      # The discriminator is judged as the step found it: if its figures are broken, the state
      # before the step was, though every number in it may have been finite.
      before = any(name.startswith("discriminator/") for name in broken)
      checkpoints.set_aside(step - 1 if before else step, "diverged")
      name, value = next(iter(broken.items()))
      raise _diverged(f"{name} is {value} at step {step}", checkpoints)
  return {name: float(value) for name, value in fetched[-1][1].items()}


@jax.jit
def _all_finite(tree: Any) -> jax.Array:
  leaves = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
  return jnp.all(jnp.stack([jnp.all(jnp.isfinite(leaf)) for leaf in leaves]))


def check_finite(state: TrainState, step: int, checkpoints: Checkpoints) -> None:
  """Raises Diverged for a broken state, which finite losses, those of before it, may have made."""
  if not _all_finite(state):
    raise _diverged(f"the losses of step {step} are finite, its update is not", checkpoints)


def _diverged(what: str, checkpoints: Checkpoints) -> Diverged:
  steps = checkpoints.steps()
  left = (
    f"the last good checkpoint is {checkpoints.folder / str(steps[-1])}"
    if steps
    else "there is no checkpoint yet"
  )
  return Diverged(
    f"{what}; {left}. Lower config.optimizer.learning_rate or set config.optimizer.clip_norm, then "
    "run the same command again."
  )
