"""AlexNet and VGG16: shapes, poolings by hand, refusals."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.pretrained import features
from imtrans.pretrained.weights import BACKBONES


def _weights(network):
  """Convolutions of the right kernels with two channels each, that add up what they see."""
  last, layers = 3, []
  for side in BACKBONES[network].kernels:
    layers.append((np.ones((side, side, last, 2), np.float32), np.zeros(2, np.float32)))
    last = 2
  return layers


@pytest.mark.parametrize(
  "network,size,sides",
  [
    ("alex", 64, (15, 7, 3, 3, 3)),  # As torchvision's AlexNet.
    ("alex", 31, (7, 3, 1, 1, 1)),
    ("vgg", 48, (48, 24, 12, 6, 3)),
    ("vgg", 16, (16, 8, 4, 2, 1)),
  ],
)
def test_sizes_of_the_maps(network, size, sides):
  maps = jax.eval_shape(
    features.FEATURE_MAPS[network],
    _weights(network),
    jax.ShapeDtypeStruct((1, size, size + 1, 3), jnp.float32),
  )
  assert tuple(one.shape[1] for one in maps) == sides


@pytest.mark.parametrize("network,least", [("alex", 31), ("vgg", 16)])
def test_smaller_images_are_refused(network, least):
  with pytest.raises(ValueError, match=f"at least {least} x {least} pixels, got {least - 1} x 40"):
    features.FEATURE_MAPS[network](_weights(network), jnp.zeros((1, least - 1, 40, 3)))
  with pytest.raises(ValueError, match="repeat the channel"):
    features.FEATURE_MAPS[network](_weights(network), jnp.zeros((1, 40, 40, 1)))


def test_a_convolution_by_hand():
  images = jnp.arange(4.0).reshape(1, 2, 2, 1)
  kernel = jnp.ones((1, 3, 1, 1))
  outputs = features.convolve(images, kernel, jnp.array([10.0]), padding=(0, 1))
  np.testing.assert_allclose(outputs[0, :, :, 0], [[11.0, 11.0], [15.0, 15.0]])
  strided = features.convolve(images, kernel, stride=2, padding=(0, 1))
  np.testing.assert_allclose(strided[0, :, :, 0], [[1.0]])


def test_the_maximum_ignores_its_padding():
  images = -1.0 - jnp.arange(9.0).reshape(1, 3, 3, 1)
  pooled = features.max_pool(images, side=3, stride=1, padding=1)[0, :, :, 0]
  np.testing.assert_allclose(pooled, [[-1, -1, -2], [-1, -1, -2], [-4, -4, -5]])


def test_grey_of_imagenet_is_zero():
  # The mean colour of ImageNet, in [-1, 1], has no features: all biases are zero here.
  image = jnp.broadcast_to(jnp.array(features.SHIFT), (1, 16, 16, 3))
  np.testing.assert_allclose(features.vgg16(_weights("vgg"), image)[0], 0.0, atol=1e-6)
