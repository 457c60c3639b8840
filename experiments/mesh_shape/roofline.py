"""The shortest time that a chip can need, by what it computes, moves and sends."""

from collections.abc import Mapping
from typing import NamedTuple

from experiments.mesh_shape.topologies import Chip

# How often a byte of a collective's result leaves a chip: around a ring an all-reduce is summed in
# one round and spread in another; of the others each byte is sent once. Nearly so, and never less,
# the more chips there are.
ROUNDS = {"all-reduce": 2.0}


class Roofline(NamedTuple):
  """Seconds of a step that one part of a chip cannot do without, were it always at its peak.

  compute: of the matrix units, in bfloat16.
  memory: of HBM.
  network: of the links, each of which carries its share.
  """

  compute: float
  memory: float
  network: float

  @property
  def bound(self) -> float:
    """Seconds that a step takes at least: those of the slowest part, the others beside it."""
    return max(self)

  @property
  def limit(self) -> str:
    """The slowest part, by its name."""
    return max(self._fields, key=lambda name: self[self._fields.index(name)])


def roofline(chip: Chip, flops: float, moved: float, sent: Mapping[str, float]) -> Roofline:
  """Divides what a chip does in a step by what it can do in a second.

  Args:
    chip: from `CHIPS`.
    flops: operations.
    moved: bytes between the chip and its memory.
    sent: bytes of collectives by kind, from `bytes_by_kind`.

  Returns:
    Seconds.
  """
  wire = sum(ROUNDS.get(kind, 1.0) * count for kind, count in sent.items())
  return Roofline(flops / chip.flops, moved / chip.memory_bandwidth, wire / chip.link_bandwidth)
