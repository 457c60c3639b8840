"""What is timed: one case is a method at one size, batch and precision, on one device.

Every contender of a case runs in a process of its own; this file imports neither jax nor torch.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

OURS = "imtrans"
METHODS = ("pix2pix", "cyclegan")
PRECISIONS = ("float32", "bfloat16")
VARIANTS = (
  "eager",
  "channels_last",
  "compile",
  "compile_channels_last",
  "compile_graphs",
  "autocast",
  "autocast_channels_last",
)
WEIGHTS: dict[str, dict[str, Any]] = {
  "pix2pix": {"l1_weight": 100.0, "discriminator_weight": 0.5},
  "cyclegan": {"cycle_weight": 10.0, "identity_weight": 5.0, "pool_size": 50},
}
LEARNING_RATE, BETAS = 2e-4, (0.5, 0.999)
NUM_BATCHES = 4  # Different batches that wait on the device, used in turn.


@dataclasses.dataclass(frozen=True)
class Case:
  """One line of the benchmark, small enough to travel as JSON.

  Attributes:
    method: "pix2pix" (U-Net whose bottleneck is one pixel, BN, dropout) or "cyclegan" (ResNet, IN).
    size: height and width in pixels, a power of two.
    batch: pairs per step.
    precision: "float32", or "bfloat16" for convolutions (autocast in PyTorch).
    device: "cpu" or "gpu".
    features: channels of the first layer of every network.
    num_blocks: residual blocks of the ResNet.
    num_layers: strided layers of the discriminator.
  """

  method: str
  size: int
  batch: int
  precision: str
  device: str
  features: int = 64
  num_blocks: int = 9
  num_layers: int = 3

  @property
  def num_levels(self) -> int:
    """Levels of the U-Net: 7 and 8 for 128 and 256 pixels."""
    return self.size.bit_length() - 1

  @property
  def key(self) -> str:
    """Name of the case in results.json."""
    return f"{self.device}-{self.method}-{self.size}-{self.batch:03d}-{self.precision}"

  def to_dict(self) -> dict[str, Any]:
    """Returns the fields, to be read back with `Case(**fields)`."""
    return dataclasses.asdict(self)


class Contender(NamedTuple):
  """A training run that can be timed.

  run: (steps) -> None; makes so many steps and returns when the last one is done.
  report: () -> what it knows about itself: versions, parameters, memory, traces, losses.
  matmul: (side) -> a function that multiplies two square matrices of the case's precision and
    returns when it is done.
  copy: (bytes) -> a function that reads and writes so many bytes and returns when it is done.
  """

  run: Callable[[int], None]
  report: Callable[[], dict[str, Any]]
  matmul: Callable[[int], Callable[[], None]]
  copy: Callable[[int], Callable[[], None]]


def tiny(case: Case) -> Case:
  """Returns the case at 16 pixels and four features: seconds, for tests of the benchmark."""
  return dataclasses.replace(case, size=16, features=4, num_blocks=1, num_layers=1)


def narrowed(variant: str, precision: str) -> bool:
  """Whether a variant computes in bfloat16 beside a step of ours that does not."""
  return variant.startswith("autocast") and precision == "float32"


def supported(variant: str, case: Case) -> bool:
  """Whether a variant of the peer exists for a case.

  CUDA graphs need a GPU; in a bfloat16 case every variant is autocast already.
  """
  if variant.startswith("autocast"):
    return case.precision == "float32"
  return variant != "compile_graphs" or case.device == "gpu"
