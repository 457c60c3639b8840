"""How far generators see: computed from their layers, measured with an image that holds a NaN."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods import cyclegan
from imtrans.methods.locality import CONTAINERS, Window, find_locality, reach
from imtrans.methods.method import initialize, translate_each
from imtrans.networks import PatchDiscriminator, ResNet, UNet
from imtrans.networks.convolution import Convolution

# Few channels: their convolutions are computed pixel by pixel, not in blocks.
SMALL = {
  "resnet": (ResNet(num_blocks=2, features=2, norm="none"), 4),
  "unet": (UNet(num_levels=3, features=1, norm="batch"), 8),
  "encoder-decoder": (UNet(num_levels=2, features=1, norm="none", skips=False), 4),
}


def _find(module, size_multiple, mode="test"):
  def translate(params, extras, images, key, *, direction, mode):
    return translate_each(module, params, extras, images, key, mode=mode)

  images = jnp.zeros((1, 4 * size_multiple, 4 * size_multiple, 3))
  params, extras = jax.eval_shape(lambda: initialize(module, jax.random.key(0), images))
  return find_locality(
    translate,
    params,
    extras,
    channels=3,
    size_multiple=size_multiple,
    direction="ab",
    mode=mode,
  )


def test_windows_by_hand():
  assert reach([Window(7, 1, 3)], 1) == 3
  assert reach([Window(3, 1, 1)] * 5, 4) == 5
  # Outputs 0 and 1 need the coarse pixels -1 to 1, which need the pixels -3 to 4.
  assert reach([Window(4, 2, 1), Window(4, 2, 1, transposed=True)], 2) == 3
  # A stride without an overlap looks into no other block.
  assert reach([Window(2, 2, 0), Window(2, 2, 0, transposed=True)], 2) == 0


def test_published_generators():
  resnet = _find(ResNet(), 4)
  assert resnet.reach == 11 + 18 * 4  # 18 convolutions at a quarter of the size.
  assert len(resnet.obstacles) == 1 and "instance normalisation" in resnet.obstacles[0]
  unet = _find(UNet(), 256)
  # The bottleneck's block of 256 pixels needs its neighbours, and these see 255 pixels beyond.
  assert unet == (256 + 255, ())


@pytest.mark.parametrize("name", SMALL)
def test_computed_is_measured(name):
  module, multiple = SMALL[name]
  found = _find(module, multiple)
  assert found.obstacles == ()
  width = 20 * multiple
  images = np.zeros((1, 4 * multiple, width, 3), np.float32)
  params, extras = initialize(module, jax.random.key(0), images[:, :, : 4 * multiple])
  apply = jax.jit(lambda images: module.apply({"params": params, **extras}, images, train=False))
  measured = 0
  for column in range(width // 2, width // 2 + multiple):
    marked = images.copy()
    marked[:, :, column] = np.nan
    (touched,) = np.isnan(np.asarray(apply(marked))).any(axis=(0, 1, 3)).nonzero()
    assert touched[0] > 0 and touched[-1] < width - 1
    # From the blocks of `multiple` outputs that are touched to the column that they see.
    first, last = (int(touched[end]) // multiple * multiple for end in (0, -1))
    measured = max(measured, last - column, column - (first + multiple - 1))
  assert found.reach == measured


def test_every_network_that_counts_as_known_is_measured():
  assert {type(module) for module, _ in SMALL.values()} == set(CONTAINERS)


def test_what_sees_the_whole_image():
  module = UNet(num_levels=3, features=1)
  assert _find(module, 8).obstacles == ()
  obstacles = _find(module, 8, mode="train").obstacles
  assert len(obstacles) == 2
  assert "batch normalisation in mode 'train'" in obstacles[0]
  assert "dropout in mode 'train'" in obstacles[1]
  silent = UNet(num_levels=3, features=1, norm="none", dropout=0.0)
  assert _find(silent, 8, mode="train").obstacles == ()


def test_what_is_not_known():
  class Mixing(nn.Module):
    @nn.compact
    def __call__(self, images, *, train):
      return nn.Conv(3, (3, 3))(images)

  assert any("layer Conv" in text for text in _find(Mixing(), 4).obstacles)

  def add_mean(params, extras, images, key, *, direction, mode):
    return images + jnp.mean(images)

  found = find_locality(add_mean, {}, {}, channels=3, size_multiple=4, direction="ab", mode="test")
  assert found == (0, ("how far it sees is not known",))


def test_branches_of_different_scales_are_no_chain():
  class Branches(nn.Module):
    @nn.compact
    def __call__(self, images, *, train):
      coarse = Convolution(3, 3, 2, 1)(images)
      return Convolution(3, 3, 1, 1)(images) + jnp.repeat(jnp.repeat(coarse, 2, 1), 2, 2)

  assert "how far it sees is not known" in _find(Branches(), 4).obstacles


def test_both_directions_of_a_method():
  far, near = (ResNet(num_blocks=n, features=1, norm="none") for n in (3, 1))
  method = cyclegan(far, near, PatchDiscriminator(features=1), pool_size=0)
  images = jnp.zeros((1, 32, 32, 3))
  params, extras = jax.eval_shape(
    lambda: method.init(jax.random.key(0), {"a": images, "b": images})
  )
  reaches = [
    find_locality(
      method.translate,
      params["generator"],
      extras,
      channels=3,
      size_multiple=4,
      direction=direction,
      mode="test",
    ).reach
    for direction in ("ab", "ba")
  ]
  assert reaches == [11 + 6 * 4, 11 + 2 * 4]
