"""TPU slices that are only described: their devices, and what one of their chips can do."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from jax.experimental import topologies


class Chip(NamedTuple):
  """One chip of a generation.

  flops: peak bfloat16 operations per second.
  memory: bytes of HBM.
  memory_bandwidth: bytes per second between HBM and the chip.
  link_bandwidth: bytes per second that a chip can send, over all its links, in one direction.
  axes: of its torus.
  accelerator: what libtpu calls a machine of four chips.
  """

  flops: float
  memory: float
  memory_bandwidth: float
  link_bandwidth: float
  axes: int
  accelerator: str


# Peak, HBM and its bandwidth: https://docs.cloud.google.com/tpu/docs/v4, v5e, v5p-training and v6e.
# Links: the same pages give both directions of a v5e (400 GB/s) and v6e (800 GB/s) and 4800 Gbit/s
# for a v5p; a v4 has six links of 50 GB/s (Jouppi et al., 2023, https://arxiv.org/abs/2304.01433).
CHIPS = {
  "v4": Chip(275e12, 32 * 2**30, 1200e9, 300e9, 3, "v4-8"),
  "v5e": Chip(197e12, 16e9, 819e9, 200e9, 2, "v5litepod-4"),
  "v5p": Chip(459e12, 95e9, 2765e9, 600e9, 3, "v5p-8"),
  "v6e": Chip(918e12, 32e9, 1638e9, 400e9, 2, "v6e-4"),
}
_NAME = re.compile(r"(\w+):(\d+(?:x\d+)+)")
EXAMPLES = {2: "16x16", 3: "4x8x8"}


def parse_topology(name: str) -> tuple[str, tuple[int, ...]]:
  """Reads the name of a slice.

  Args:
    name: generation and chips along each axis of its torus, such as "v5e:16x16".

  Returns:
    The generation, a key of `CHIPS`, and the chips along each axis.

  Raises:
    ValueError: if there is no such generation, or its torus has another number of axes.
  """
  match = _NAME.fullmatch(name)
  sides = tuple(int(side) for side in match[2].split("x")) if match else ()
  generation = match[1] if match else name
  if generation not in CHIPS or len(sides) != CHIPS[generation].axes or 0 in sides:
    known = ", ".join(f"{each}:{EXAMPLES[chip.axes]}" for each, chip in CHIPS.items())
    raise ValueError(
      f"unknown topology {name!r}: name a generation and the chips along each axis of its torus, "
      f"such as {known}."
    )
  return generation, sides


def chip_of(topology: str) -> Chip:
  """Returns what a chip of a slice can do."""
  return CHIPS[parse_topology(topology)[0]]


def describe_devices(topology: str) -> Sequence[Any]:
  """The devices of a slice, to compile for; no TPU is needed, but its compiler is.

  Args:
    topology: such as "v5e:16x16".

  Returns:
    One device per chip.

  Raises:
    ValueError: if the topology is unknown, if the compiler has no such slice, or without libtpu.
  """
  generation, sides = parse_topology(topology)
  for key, value in _without_tpu(CHIPS[generation]).items():
    os.environ.setdefault(key, value)
  options: dict[str, Any] = {}
  if math.prod(sides) == 1:  # A slice that is less than one machine must say so.
    options["chips_per_host_bounds"] = (*sides, 1)[:3]
  if generation == "v4":  # The two cores of its chips compute as one device, as JAX has them.
    options["chip_config_name"] = "megacore"
  try:
    return topologies.get_topology_desc(topology, platform="tpu", **options).devices
  except Exception as error:  # Whatever libtpu raises, it is about the name or about itself.
    first = str(error).splitlines()[0] if str(error) else type(error).__name__
    raise ValueError(
      f"{topology} cannot be compiled for ({first}): install libtpu with pip install "
      f"'imtrans[tpu]', and name a slice that exists, such as {generation}:"
      f"{EXAMPLES[len(sides)]}."
    ) from None


def _without_tpu(chip: Chip) -> Mapping[str, str]:
  # Without these libtpu asks a server of Google's cloud what machine this is, and has no other
  # process beside it, as if there were a chip to share.
  return {
    "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    "TPU_SKIP_MDS_QUERY": "1",
    "TPU_ACCELERATOR_TYPE": chip.accelerator,
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_WORKER_ID": "0",
  }
