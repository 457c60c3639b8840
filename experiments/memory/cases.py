"""What is compiled: methods, sizes of images, meshes, and what saves memory."""

from typing import NamedTuple

from ml_collections import ConfigDict

from configs import cyclegan_facades, pix2pix_facades

CONFIGS = {"pix2pix": pix2pix_facades, "cyclegan": cyclegan_facades}
CHANNELS = {"a": 3, "b": 3}
BATCH = 4  # Of the whole mesh, in every case.


class Case(NamedTuple):
  """One train step of the paper's networks.

  mesh: devices along batch and height.
  precision: of activations.
  remat: whether residual blocks are computed again on the way back.
  accumulate: parts of the batch.
  """

  method: str
  mesh: tuple[int, int] = (1, 1)
  precision: str = "bfloat16"
  remat: bool = False
  accumulate: int = 1

  def title(self) -> str:
    """Returns what makes the case, in words."""
    saving = [self.precision]
    saving += ["remat"] if self.remat else []
    saving += [f"accumulate {self.accumulate}"] if self.accumulate > 1 else []
    return ", ".join(saving)

  def name(self) -> str:
    """Returns a short name, unique among the cases."""
    mesh = "x".join(map(str, self.mesh))
    return f"{self.method} {mesh} {self.title().replace(', ', '+').replace(' ', '-')}"

  def config(self, side: int) -> ConfigDict:
    """Returns the config of the case for square images of `side` pixels."""
    config = CONFIGS[self.method].get_config().unlock()
    config.update(batch_size=BATCH, precision=self.precision, accumulate=self.accumulate)
    config.data.update(load_size=side, crop_size=side)
    if self.method == "cyclegan":
      config.method.pool_size = 48  # A multiple of the batch: pools are split as it is.
    if self.remat:
      config.generator.remat = True
    return config.lock()


# One thing after the other on one device, then all of them over more devices.
CASES = [
  Case("pix2pix", precision="float32"),
  Case("pix2pix"),
  Case("pix2pix", accumulate=4),
  Case("pix2pix", mesh=(4, 1)),
  Case("pix2pix", mesh=(2, 2)),
  Case("pix2pix", mesh=(1, 4)),
  Case("cyclegan", precision="float32"),
  Case("cyclegan"),
  Case("cyclegan", remat=True),
  Case("cyclegan", accumulate=4),
  Case("cyclegan", remat=True, accumulate=4),
  Case("cyclegan", mesh=(4, 1), remat=True),
  Case("cyclegan", mesh=(2, 2), remat=True),
  Case("cyclegan", mesh=(1, 4), remat=True),
]
