"""What is compiled: a method, the size of its images, a batch, a slice and the mesh on it."""

import math
from typing import NamedTuple

from ml_collections import ConfigDict

from configs import (
  bicyclegan_facades,
  cgan_openmoji,
  cut_horse2zebra,
  cyclegan_facades,
  gan_openmoji,
  munit_openmoji,
  neural_transport_openmoji,
  pix2pix_facades,
  pix2pixhd_facades,
  sinkhorn_openmoji,
  spade_facades,
  stargan2_afhq,
  unit_openmoji,
  unsb_horse2zebra,
)
from imtrans.training.step import num_rounds

METHODS = {
  "pix2pix": pix2pix_facades,
  "cyclegan": cyclegan_facades,
  "bicyclegan": bicyclegan_facades,
  "cgan": cgan_openmoji,
  "cut": cut_horse2zebra,
  "gan": gan_openmoji,
  "munit": munit_openmoji,
  "neural_transport": neural_transport_openmoji,
  "pix2pixhd": pix2pixhd_facades,
  "sinkhorn": sinkhorn_openmoji,
  "spade": spade_facades,
  "stargan2": stargan2_afhq,
  "unit": unit_openmoji,
  "unsb": unsb_horse2zebra,
}
# Static and a class, a picture and its domain; of every other method a picture.
SOURCE_CHANNELS = {"cgan": 2, "stargan2": 4}


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

  @property
  def channels(self) -> dict[str, int]:
    """Channels of the domains."""
    return {"a": SOURCE_CHANNELS.get(self.method, 3), "b": 3}

  def config(self) -> ConfigDict:
    """Returns the config that is compiled."""
    config = METHODS[self.method].get_config().unlock()
    config.update(batch_size=self.batch, precision="bfloat16")
    config.data.update(load_size=self.side, crop_size=self.side)
    if "pool_size" in config.method:
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
  whole, two, four = ("v5e:4x4", (16, 1)), ("v5e:4x8", (16, 2)), ("v5e:8x8", (16, 4))
  return [
    Case(topology, mesh, method, side, 16)
    for side, slices in (
      (512, (("v5e:2x2", (4, 1)), whole, two, four)),
      (1024, (whole, two, four)),
    )
    for topology, mesh in slices
  ]


def split() -> list[Case]:
  """Returns a case of every method, its images as its config has them, rows over two chips."""
  cases = []
  for method, module in METHODS.items():
    config = module.get_config()
    # A method with several updates in a step divides its batch among them.
    batch = max(8, 2 * num_rounds(config.updates.to_dict()))
    cases.append(Case("v5e:2x2", (2, 2), method, config.data.crop_size, batch))
  return cases


# The same sixteen chips' worth of work on slices of other generations.
SLICES = [Case(topology, (16, 1), batch=64) for topology in ("v4:2x2x4", "v5p:2x2x4", "v6e:4x4")]

# The chosen set, the first things to know first; each takes minutes to compile.
STUDY = [*weak(), *strong(), *weak("cyclegan"), *SLICES, *split()]
