"""Where arrays live: one mesh of axes ("data", "height") for every run."""

import contextlib
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from imtrans.methods.rows import Reflection
from imtrans.networks.halo import AXES, BATCH, ROWS
from imtrans.networks.platforms import named_platform, programs_for
from imtrans.training.shares import batch_share, divisors


def make_mesh(shape: tuple[int, int] = (-1, 1), devices: Sequence[Any] | None = None) -> Mesh:
  """A mesh over all devices.

  Args:
    shape: devices along the batch and along the image height; one of them may be -1, for what
      the other leaves.
    devices: those to use, such as those of a machine that is only compiled for; all by default.

  Returns:
    The mesh, with Auto axes: crops, pools, sorts and reflection padding need no annotations.

  Raises:
    ValueError: if the shape does not cover the devices.
  """
  count = jax.device_count() if devices is None else len(devices)
  known = abs(math.prod(side for side in shape if side != -1)) or 1
  sides = tuple(count // known if side == -1 else side for side in shape)
  if len(shape) != 2 or min(sides) < 1 or sides[0] * sides[1] != count:
    fitting = ", ".join(str((count // side, side)) for side in divisors(count))
    raise ValueError(
      f"mesh {tuple(shape)} does not fit {count} device(s): its sides must multiply to {count}. "
      f"Choose one of {fitting}, or -1 for one side."
    )
  return jax.make_mesh(sides, AXES, axis_types=(AxisType.Auto,) * 2, devices=devices)


def check_batch(mesh: Mesh, batch_size: int, height: int, *, parts: int = 1) -> None:
  """Raises ValueError, with what to change, if the mesh cannot divide a batch evenly.

  Args:
    mesh: from `make_mesh`.
    batch_size: images of a step.
    height: of the images, in pixels.
    parts: into which a step divides its batch first.
  """
  for name, size, field, share in (
    (BATCH, batch_size, "batch_size", parts),
    (ROWS, height, "crop_size", 1),
  ):
    count, devices = mesh.shape[name] * share, mesh.shape[name]
    if size % count:
      in_parts = f" in {share} parts" if share > 1 else ""
      raise ValueError(
        f"{field} {size} cannot be divided over {devices} devices of the mesh axis {name!r}"
        f"{in_parts}: choose {-(-size // count) * count} or another multiple of {count}, or "
        "another mesh."
      )


def check_rows(mesh: Mesh, noted: Sequence[Reflection]) -> None:
  """Raises ValueError, with what to change, if devices along "height" lack rows to reflect.

  Args:
    mesh: from `make_mesh`.
    noted: of the method's networks, from `imtrans.methods.rows.reflections`.
  """
  shards = mesh.shape[ROWS]
  refused = [each for each in noted if not each.can_be_split(shards)]
  if shards == 1 or not refused:
    return
  most = max(
    side for side in divisors(shards) if side == 1 or all(each.can_be_split(side) for each in noted)
  )
  layer, rows, padding = min(refused, key=lambda each: each.rows)
  raise ValueError(
    f"an activation of {rows} row(s) in {layer}, padded by reflecting {padding}, cannot be split "
    f"over {shards} devices of the mesh axis {ROWS!r}, each of which needs the same number of "
    f"rows, at least {padding + 1}: set mesh to {(mesh.size // most, most)}, or choose a larger "
    "crop_size or a network that halves its images less often."
  )


def replicated(mesh: Mesh) -> NamedSharding:
  """The sharding of parameters: a copy on every device."""
  return NamedSharding(mesh, PartitionSpec())


def batch_sharding(mesh: Mesh) -> NamedSharding:
  """The sharding of images: batch over "data", rows over "height"."""
  return NamedSharding(mesh, PartitionSpec(*AXES))


def shard_batch(mesh: Mesh, batch: Mapping[str, np.ndarray]) -> dict[str, Any]:
  """Places this process's part of a batch on the mesh.

  Args:
    mesh: from `make_mesh`.
    batch: arrays [local batch, height, width, channels], whole images of the part that
      `batch_share` names.

  Returns:
    Global arrays, sharded over batch and height.
  """
  sharding, (_, count) = batch_sharding(mesh), batch_share(mesh)
  return {
    name: jax.make_array_from_process_local_data(
      sharding, np.asarray(array), (count * len(array), *array.shape[1:])
    )
    for name, array in batch.items()
  }


def own_mesh(mesh: Mesh) -> Mesh:
  """The mesh of what a process does alone, such as an evaluation.

  Args:
    mesh: of the run.

  Returns:
    The same if it is of this process alone, else all devices of this process along "data".
  """
  own = list(mesh.local_devices)
  return mesh if len(own) == mesh.size else make_mesh((-1, 1), own)


def own_copy(arrays: Any, mesh: Mesh) -> Any:
  """Copies arrays to `own_mesh`, whole on every device; all processes of the mesh must call it.

  Args:
    arrays: a pytree on the mesh.
    mesh: of the run.

  Returns:
    The same on the mesh of this process.
  """
  own = own_mesh(mesh)
  if own is mesh:
    return jax.device_put(arrays, replicated(mesh))
  whole = jax.jit(lambda tree: tree, out_shardings=replicated(mesh))(arrays)
  return jax.tree.map(
    lambda leaf: jax.make_array_from_single_device_arrays(
      leaf.shape, replicated(own), [shard.data for shard in leaf.addressable_shards]
    ),
    whole,
  )


def mesh_of(arrays: Any) -> Mesh | None:
  """The mesh that arrays are placed on.

  Args:
    arrays: a pytree, such as the weights of a network.

  Returns:
    The mesh of its first leaf; None for arrays on one device, or of NumPy.
  """
  sharding = getattr(next(iter(jax.tree.leaves(arrays)), None), "sharding", None)
  mesh = sharding.mesh if isinstance(sharding, NamedSharding) else None
  return mesh if isinstance(mesh, Mesh) else None


def place(arrays: Any, mesh: Mesh | None) -> Any:
  """Puts arrays on a device once, so that no call has to.

  Args:
    arrays: a pytree, such as the weights of a network.
    mesh: every device of it gets a copy; None for the default device.

  Returns:
    The same as arrays of JAX.
  """
  return jax.device_put(arrays, None if mesh is None else replicated(mesh))


def divide(images: np.ndarray, mesh: Mesh | None) -> Any:
  """Divides a batch of an evaluation over a mesh.

  Args:
    images: [batch, ...].
    mesh: from `make_mesh`; None for the default device.

  Returns:
    The batch over the axis "data"; whole on every device where it cannot be divided evenly.
  """
  if mesh is None or mesh.size == 1:
    return images
  axis = None if len(images) % mesh.shape[BATCH] else AXES[0]
  return jax.device_put(images, NamedSharding(mesh, PartitionSpec(axis)))


def divisible(batch_size: int, mesh: Mesh | None) -> int:
  """Returns a batch size, rounded up to one that `divide` divides evenly."""
  return batch_size if mesh is None else batch_size + -batch_size % mesh.shape[BATCH]


def platform_of(mesh: Mesh) -> str:
  """Returns the platform that programs for a mesh are traced for: its own, or one that is named.

  A surrounding `imtrans.networks.platforms.programs_for` comes first, so that what a program for
  accelerators needs can be studied by the compiler of another platform.
  """
  return named_platform() or mesh.devices.flat[0].platform


def on_mesh(mesh: Mesh, function: Callable) -> Callable:
  """Lets the networks in a function know which devices it is for, and whether these split rows.

  Args:
    mesh: from `make_mesh`.
    function: to be jitted, of arrays on that mesh.

  Returns:
    The same function, traced for the platform of the mesh (see `platform_of`) and, where a device
    has a part of the rows, inside it (see `imtrans.networks.halo`).
  """

  @functools.wraps(function)
  def traced(*arguments: Any) -> Any:
    with contextlib.ExitStack() as stack:
      stack.enter_context(programs_for(platform_of(mesh)))
      if mesh.shape[ROWS] > 1:
        stack.enter_context(jax.sharding.use_abstract_mesh(mesh.abstract_mesh))
      return function(*arguments)

  return traced
