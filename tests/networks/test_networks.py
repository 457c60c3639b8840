import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import PatchDiscriminator, PixelDiscriminator, ResNet, UNet
from imtrans.theory.patches import output_size, receptive_field


def _init(module, shape):
  keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
  return module.init(keys, jnp.zeros(shape), train=True)


def _count(module, channels, side=256):
  variables = jax.eval_shape(lambda: _init(module, (1, side, side, channels)))
  return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))


# From the PyTorch reference code's networks.
@pytest.mark.parametrize(
  ("module", "channels", "count"),
  [
    (ResNet(), 3, 11_378_179),
    (ResNet(norm="batch"), 3, 11_383_427),
    (ResNet(num_blocks=6), 3, 7_837_699),
    (ResNet(num_blocks=6, norm="batch"), 3, 7_841_411),
    (UNet.for_size(256), 3, 54_413_955),
    (UNet(norm="instance"), 3, 54_409_603),
    (UNet.for_size(128), 3, 41_828_995),
    (UNet(num_levels=7, norm="instance"), 3, 41_825_667),
    (PatchDiscriminator(norm="instance"), 3, 2_764_737),
    (PatchDiscriminator(), 3, 2_765_633),
    (PatchDiscriminator(norm="instance"), 6, 2_767_809),
    (PatchDiscriminator(), 6, 2_768_705),
    (PatchDiscriminator(num_layers=1, norm="instance"), 3, 136_385),
    (PatchDiscriminator(num_layers=1), 6, 139_585),
    (PatchDiscriminator(num_layers=5, norm="instance"), 3, 11_154_369),
    (PatchDiscriminator(num_layers=5), 6, 11_159_361),
    (PixelDiscriminator(norm="instance"), 3, 8_705),
    (PixelDiscriminator(), 3, 8_832),
    (PixelDiscriminator(norm="instance"), 6, 8_897),
    (PixelDiscriminator(), 6, 9_024),
  ],
)
def test_parameter_counts_of_the_reference(module, channels, count):
  assert _count(module, channels) == count


def test_unet_of_a_size_ends_in_one_pixel():
  assert [UNet.for_size(side).num_levels for side in (64, 128, 256)] == [6, 7, 8]
  with pytest.raises(ValueError, match="power of two of at least 4 pixels, got 96"):
    UNet.for_size(96)


def test_encoder_decoder_has_fewer_parameters_than_the_unet():
  # Each of the seven decoder levels but the innermost reads half as many channels.
  widths = [64, 128, 256, 512, 512, 512, 512]
  outputs = [3, 64, 128, 256, 512, 512, 512]
  saved = sum(16 * a * b for a, b in zip(widths, outputs, strict=True))
  assert _count(UNet(), 3) - _count(UNet(skips=False), 3) == saved


@pytest.mark.parametrize(("num_layers", "side"), list(enumerate([7, 16, 34, 70, 142, 286, 574])))
def test_receptive_field_of_the_patch_discriminator(num_layers, side):
  assert receptive_field(PatchDiscriminator(num_layers=num_layers).layers) == side


@pytest.mark.parametrize(
  ("module", "side"),
  [(PatchDiscriminator(num_layers=n, features=2, norm="none"), s) for n, s in ((0, 7), (3, 70))]
  + [(PixelDiscriminator(features=2, norm="none"), 1)],
)  # fmt: skip
def test_receptive_field_by_gradient_support(module, side):
  images = jax.random.normal(jax.random.key(0), (1, 160, 160, 3))
  variables = _init(module, images.shape)
  # Large weights, so that no gradient underflows on its way.
  variables = jax.tree.map(lambda leaf: 30.0 * leaf, variables)

  def middle(images):
    logits = module.apply(variables, images, train=True)
    return logits[0, logits.shape[1] // 2, logits.shape[2] // 2, 0]

  support = np.abs(jax.grad(middle)(images)).sum(axis=(0, 3)) > 0
  assert support.any(axis=1).sum() == support.any(axis=0).sum() == side


@pytest.mark.parametrize(("num_layers", "side"), [(1, 126), (2, 62), (3, 30), (4, 14), (5, 6)])
def test_logits_per_256_pixel_image(num_layers, side):
  module = PatchDiscriminator(num_layers=num_layers)
  assert output_size(module.layers, 256) == side
  shape = jax.eval_shape(
    lambda: module.init_with_output(jax.random.key(0), jnp.zeros((2, 256, 256, 3)), train=True)[0]
  ).shape
  assert shape == (2, side, side, 1)


@pytest.mark.parametrize(
  "module",
  [
    UNet(out_channels=5, num_levels=4, features=4),
    UNet(out_channels=5, num_levels=2, features=4, norm="instance", skips=False),
    ResNet(out_channels=5, num_blocks=1, features=4),
  ],
)
def test_generators_keep_the_size_and_stay_in_range(module):
  images = jax.random.uniform(jax.random.key(0), (2, 16, 32, 3), minval=-1.0)
  variables = _init(module, images.shape)
  outputs = module.apply(
    variables, images, train=True, rngs={"dropout": jax.random.key(1)}, mutable=["batch_stats"]
  )[0]
  assert outputs.shape == (2, 16, 32, 5)
  assert outputs.dtype == jnp.float32
  assert np.abs(outputs).max() <= 1.0
  assert np.std(outputs) > 1e-4


@pytest.mark.parametrize(
  "module", [UNet(num_levels=4, features=4), ResNet(num_blocks=1, features=4)]
)
def test_generators_refuse_other_sizes_with_the_remedy(module):
  with pytest.raises(ValueError, match=r"multiples of .* got 18x18: choose another crop size"):
    _init(module, (1, 18, 18, 3))
  with pytest.raises(ValueError, match="shape"):
    _init(module, (16, 16, 3))


def test_bfloat16_activations_keep_float32_parameters_and_outputs():
  module = ResNet(num_blocks=1, features=4, dtype=jnp.bfloat16)
  variables = _init(module, (1, 16, 16, 3))
  assert {leaf.dtype for leaf in jax.tree.leaves(variables)} == {jnp.dtype("float32")}
  assert module.apply(variables, jnp.zeros((1, 16, 16, 3)), train=False).dtype == jnp.float32
