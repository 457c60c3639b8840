"""Which part of every batch each of several processes reads."""

import functools

import jax
import numpy as np
from jax.sharding import Mesh


@functools.cache
def batch_share(mesh: Mesh) -> tuple[int, int]:
  """Says which part of every batch this process reads.

  Args:
    mesh: from `make_mesh`, over the devices of all processes.

  Returns:
    (which, of how many). Processes that hold rows of the same images read the same part.

  Raises:
    ValueError: if processes would need unequal or overlapping parts, with meshes that do not.
  """
  owners = np.vectorize(lambda device: device.process_index)(mesh.devices)
  shares = process_shares(owners)
  if shares is None:
    size = mesh.size
    fitting = [
      str(shape)
      for side in divisors(size)
      if process_shares(owners.reshape(shape := (size // side, side))) is not None
    ]
    raise ValueError(
      f"mesh {owners.shape} gives {len(set(owners.flat))} processes unequal parts of a batch: "
      f"choose one of {', '.join(fitting)}."
    )
  return shares[jax.process_index()], len(set(shares.values()))


def process_shares(owners: np.ndarray) -> dict[int, int] | None:
  """Divides the batch among processes.

  Args:
    owners: processes of the devices of a mesh, [data, height].

  Returns:
    {process: part}, parts numbered in the order of the batch; None if they would be unequal or
    overlap.
  """
  held = {int(own): tuple(np.flatnonzero((owners == own).any(axis=1))) for own in owners.flat}
  parts = sorted(set(held.values()))
  if len({len(part) for part in parts}) > 1 or sum(map(len, parts)) != len(owners):
    return None
  return {own: parts.index(rows) for own, rows in held.items()}


def divisors(count: int) -> list[int]:
  """Returns the divisors of a number, ascending."""
  return [side for side in range(1, count + 1) if count % side == 0]
