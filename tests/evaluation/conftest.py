"""A run without training: its generator darkens by half, and adds noise in mode "train"."""

import jax
import numpy as np
import pytest

from imtrans.data import ImageSpec, from_arrays
from imtrans.methods import Method
from imtrans.training.config import default_config
from imtrans.training.run import Run


def halve(generator_params, extras, source, key, *, direction, mode):
  """Halves the brightness on the way from a to b, and doubles it on the way back."""
  del extras
  if source.shape[1] % 4 or source.shape[2] % 4:
    raise ValueError(f"not a multiple of 4: {source.shape}")
  gain = generator_params["gain"] if direction == "ab" else 1.0 / generator_params["gain"]
  images = gain * (source + 1.0) - 1.0
  if mode == "train":
    images = images + 0.1 * jax.random.normal(key, images.shape)
  return images


@pytest.fixture
def make_run():
  def make(method="pix2pix", direction="ab", specs=None, inference="test"):
    config = default_config()
    config.method.name = method
    config.generator.name = "resnet"  # Multiples of four pixels.
    config.inference = inference
    config.eval_batch_size = 2
    config.data.update(direction=direction, resize="square", load_size=16, crop_size=16)
    spec = ImageSpec(3, "uint8", 0.0, 255.0)
    return Run(
      config=config.lock(),
      method=Method(None, None, None, None, halve),
      generator_params={"gain": np.float32(0.5)},
      extras={},
      step=7,
      checkpoint="runs/x/best/7",
      specs=specs or {"a": spec, "b": spec},
      size_multiple=4,
    )

  return make


@pytest.fixture
def make_dataset():
  """Five 16 x 16 pictures; targets are exactly half as bright as the sources."""

  def make(paired=True, count=5):
    random = np.random.default_rng(0)
    source = (2 * random.integers(0, 128, (count, 16, 16, 3))).astype(np.uint8)
    names = [f"picture{index}" for index in range(count)]
    return from_arrays(source, source // 2, paired=paired, names=names if paired else None)

  return make
