"""Where arrays live: one mesh of axes ("data", "height") for every run."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

AXES = ("data", "height")


def make_mesh(shape: tuple[int, int] = (-1, 1)) -> Mesh:
  """A mesh over all devices.

  Args:
    shape: devices along the batch and along the image height; one of them may be -1, for what
      the other leaves.

  Returns:
    The mesh, with Auto axes: crops, pools, sorts and reflection padding need no annotations.

  Raises:
    ValueError: if the shape does not cover the devices.
  """
  count = jax.device_count()
  known = abs(int(np.prod([side for side in shape if side != -1])))
  sides = tuple(count // known if side == -1 else side for side in shape)
  if len(shape) != 2 or min(sides) < 1 or sides[0] * sides[1] != count:
    raise ValueError(
      f"mesh {tuple(shape)} does not fit {count} device(s): its two sides must multiply to {count}."
    )
  return jax.make_mesh(sides, AXES, axis_types=(AxisType.Auto, AxisType.Auto))


def check_batch(mesh: Mesh, batch_size: int, height: int) -> None:
  """Raises ValueError, with what to change, if the mesh cannot divide a batch evenly."""
  for name, size, field in (("data", batch_size, "batch_size"), ("height", height, "crop_size")):
    if size % mesh.shape[name]:
      raise ValueError(
        f"{field} {size} cannot be divided over {mesh.shape[name]} devices of the mesh axis "
        f"{name!r}: choose a multiple of {mesh.shape[name]}, or another mesh."
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
    batch: arrays [local batch, height, width, channels].

  Returns:
    Global arrays, sharded over batch and height.
  """
  sharding = batch_sharding(mesh)
  return {
    name: jax.make_array_from_process_local_data(sharding, np.asarray(array))
    for name, array in batch.items()
  }
