"""Which part of a train state every device of a mesh holds."""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from imtrans.methods.method import Method
from imtrans.networks.halo import AXES
from imtrans.training.mesh import batch_sharding, replicated
from imtrans.training.state import TrainState

DATA, ROWS = AXES
SMALL = 2**14  # Numbers in an array that is not worth splitting: 64 KB.


def state_shardings(
  mesh: Mesh, state: TrainState, *, shard_params: bool = False, small: int = SMALL
) -> TrainState:
  """Says where every array of a state lies.

  Image pools lie as batches do, since every place in the batch has slots of its own. Parameters,
  their averages and the optimizers' memory are whole on every device, or split over "data".

  Args:
    mesh: from `make_mesh`.
    state: arrays, or their shapes.
    shard_params: whether to split what belongs to parameters.
    small: numbers in an array up to which it is whole on every device all the same.

  Returns:
    A state of shardings.
  """
  everywhere = replicated(mesh)

  def of_parameter(leaf: Any) -> NamedSharding:
    return NamedSharding(mesh, parameter_spec(leaf.shape, mesh.shape[DATA], small=small))

  shardings = jax.tree.map(lambda _: everywhere, state)
  if "pool" in state.extras:
    pools = jax.tree.map(lambda leaf: _pool_sharding(mesh, leaf), state.extras["pool"])
    shardings = shardings.replace(extras={**shardings.extras, "pool": pools})
  if not shard_params:
    return shardings
  return shardings.replace(
    params=jax.tree.map(of_parameter, state.params),
    opt_state=jax.tree.map(of_parameter, state.opt_state),
    ema=jax.tree.map(of_parameter, state.ema),
  )


def parameter_spec(shape: tuple[int, ...], count: int, *, small: int = SMALL) -> PartitionSpec:
  """Splits an array along its longest axis that the devices divide.

  An optimizer's memory of a parameter has its shape, so that it is split alike.

  Args:
    shape: of the array.
    count: devices along "data".
    small: numbers up to which an array is left whole.

  Returns:
    The partition; of axes of equal length the last is split. Nothing is where none is divisible.
  """
  fitting = [axis for axis, side in enumerate(shape) if side % count == 0]
  if count == 1 or math.prod(shape) <= small or not fitting:
    return PartitionSpec()
  longest = max(fitting, key=lambda axis: (shape[axis], axis))
  return PartitionSpec(*(DATA if axis == longest else None for axis in range(longest + 1)))


def _pool_sharding(mesh: Mesh, leaf: Any) -> NamedSharding:
  if len(leaf.shape) != 4:
    return replicated(mesh)
  if leaf.shape[0] % mesh.shape[DATA] == 0:
    return batch_sharding(mesh)
  return NamedSharding(mesh, PartitionSpec(None, ROWS))


def with_shardings(arrays: Any, shardings: Any) -> Any:
  """Returns the shapes and types of a tree of arrays, with where each is to lie."""
  return jax.tree.map(
    lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
    arrays,
    shardings,
  )


def gather_params(method: Method, mesh: Mesh) -> Method:
  """Makes a method whole parameters of split ones, and its gradients whole with them.

  Images then stay where they are. Left to itself XLA may move activations to the parts of a kernel.

  Args:
    method: any.
    mesh: that its parameters are split over.

  Returns:
    The same method for the train step.
  """
  everywhere = replicated(mesh)

  def whole(function: Callable) -> Callable:
    def gathered(params: Any, *arguments: Any) -> Any:
      return function(jax.lax.with_sharding_constraint(params, everywhere), *arguments)

    return gathered

  return method._replace(
    generate=whole(method.generate),
    discriminator_loss=whole(method.discriminator_loss),
    generator_loss=whole(method.generator_loss),
  )
