"""What is compiled: a method, the size of its images, a batch, a slice and the mesh on it."""

import math
from typing import NamedTuple

from ml_collections import ConfigDict

from configs import cyclegan_facades, pix2pix_facades

METHODS = {"pix2pix": pix2pix_facades, "cyclegan": cyclegan_facades}
CHANNELS = {"a": 3, "b": 3}


class Case(NamedTuple):
  """One train step of the paper's networks, in bfloat16.

  topology: of the slice, such as "v5e:16x16".
  mesh: chips along batch and height.
  method: a key of `METHODS`.
  side: of the square images, in pixels.
  batch: images of the whole mesh.
  lowering: "chosen", what the networks take on this platform, or a key of
    `experiments.mesh_shape.lowerings.EARLIER`.
  """

  topology: str
  mesh: tuple[int, int]
  method: str = "pix2pix"
  side: int = 256
  batch: int = 1
  lowering: str = "chosen"

  @property
  def chips(self) -> int:
    """Chips of the mesh."""
    return math.prod(self.mesh)

  def key(self) -> str:
    """Returns a name, unique among the cases, in the order of which they are listed."""
    mesh = "x".join(map(str, self.mesh))
    name = f"{self.method} {self.side} {self.topology} {mesh} batch {self.batch}"
    return name if self.lowering == "chosen" else f"{name} {self.lowering}"

  def config(self) -> ConfigDict:
    """Returns the config that is compiled."""
    config = METHODS[self.method].get_config().unlock()
    config.update(batch_size=self.batch, precision="bfloat16")
    config.data.update(load_size=self.side, crop_size=self.side)
    if self.method == "cyclegan":
      # Pools are split as batches are: each place of a batch has as many slots as with one chip.
      config.method.pool_size = -(-config.method.pool_size // self.batch) * self.batch
    return config.lock()


def weak(method: str = "pix2pix", *, per_chip: int = 4) -> list[Case]:
  """Returns the cases of weak scaling: the same number of images on each of more and more chips."""
  return [
    Case(topology, (chips, 1), method, 256, per_chip * chips)
    for topology, chips in (("v5e:1x1", 1), ("v5e:4x4", 16), ("v5e:16x16", 256))
  ]


def strong(method: str = "pix2pix") -> list[Case]:
  """Returns the cases of strong scaling: the same batch, of large images, on more and more chips.

  Where there are more chips than images, images are split.
  """
  return [
    Case(topology, mesh, method, side, 16)
    for side, slices in (
      (512, (("v5e:2x2", (4, 1)), ("v5e:4x4", (16, 1)), ("v5e:4x8", (16, 2)))),
      (1024, (("v5e:4x4", (16, 1)), ("v5e:4x8", (16, 2)), ("v5e:8x8", (16, 4)))),
    )
    for topology, mesh in slices
  ]


# The same sixteen chips' worth of work on slices of other generations.
SLICES = [Case(topology, (16, 1), batch=64) for topology in ("v4:2x2x4", "v5p:2x2x4", "v6e:4x4")]

# The chosen set, the first things to know first; each takes minutes to compile.
STUDY = [*weak(), *strong(), *weak("cyclegan"), *SLICES]
