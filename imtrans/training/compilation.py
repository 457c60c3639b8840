"""The train step as one compiled program on a mesh."""

from typing import Any

import jax
import optax
from jax.sharding import Mesh
from ml_collections import ConfigDict

from imtrans.methods import Method
from imtrans.methods.rows import reflections
from imtrans.training.assembly import build_method, build_optimizers
from imtrans.training.input import example_batch
from imtrans.training.mesh import (
  batch_sharding,
  check_batch,
  check_rows,
  on_mesh,
  platform_of,
  replicated,
)
from imtrans.training.sharding import gather_params, state_shardings, with_shardings
from imtrans.training.state import TrainState, create_state
from imtrans.training.step import make_train_step, num_rounds


def build_step(
  config: ConfigDict,
  mesh: Mesh,
  method: Method,
  optimizers: dict[str, optax.GradientTransformation],
  shardings: TrainState,
) -> Any:
  """The jitted train step of a config: a state stays where it is, and its buffers are used again.

  Args:
    config: a whole config; its `mesh` is not read.
    mesh: from `make_mesh`.
    method: that the config describes.
    optimizers: one per player.
    shardings: of the state, from `state_shardings`.

  Returns:
    (state, batch) -> (state, metrics), jitted; metrics are whole on every device.
  """
  step = make_train_step(
    gather_params(method, mesh) if config.shard_params else method,
    optimizers,
    update_rule=config.update_rule,
    ema_decay=config.ema_decay,
    updates=config.updates.to_dict(),
    accumulate=config.accumulate,
    unroll=platform_of(mesh) == "cpu",
  )
  return jax.jit(on_mesh(mesh, step), donate_argnums=0, out_shardings=(shardings, replicated(mesh)))


def num_parts(config: ConfigDict) -> int:
  """Returns into how many parts of equal size on every device a step divides its batch."""
  rounds = num_rounds(config.updates.to_dict())
  return rounds * config.accumulate if config.accumulate > 1 else 1


def compile_step(config: ConfigDict, mesh: Mesh, channels: dict[str, int]) -> jax.stages.Compiled:
  """Compiles the train step that a config trains with, and computes nothing.

  Args:
    config: a whole config; its `mesh` is not read. Where `mesh` is of another machine, `precision`
      must be named, since "auto" looks at the devices at hand.
    mesh: of the devices at hand, or of a machine that is only described.
    channels: of the domains, {"a": ..., "b": ...}.

  Returns:
    The program: `as_text()` is read by `imtrans.training.collectives`, `memory_analysis()` has the
    bytes of a device.

  Raises:
    ValueError: if the mesh cannot split a batch, its images or an activation.
  """
  check_batch(mesh, config.batch_size, config.data.crop_size, parts=num_parts(config))
  method, optimizers = build_method(config, channels), build_optimizers(config)
  example = example_batch(config, channels)

  def start(batch: dict[str, jax.Array]) -> TrainState:
    return create_state(
      method, optimizers, batch, seed=config.seed, keep_ema=config.ema_decay > 0.0
    )

  check_rows(mesh, reflections(start, example))
  shapes = jax.eval_shape(start, example)
  shardings = state_shardings(mesh, shapes, shard_params=config.shard_params)
  step = build_step(config, mesh, method, optimizers, shardings)
  batch = batch_shapes(config, mesh, example)
  return step.lower(with_shardings(shapes, shardings), batch).compile()


def batch_shapes(config: ConfigDict, mesh: Mesh, example: dict[str, jax.Array]) -> dict[str, Any]:
  """Returns the shapes of a whole batch on a mesh, from those of `example_batch`."""
  split = batch_sharding(mesh)
  return {
    name: jax.ShapeDtypeStruct((config.batch_size, *leaf.shape[1:]), leaf.dtype, sharding=split)
    for name, leaf in example.items()
  }
