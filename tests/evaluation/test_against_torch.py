"""Inception with its files, and LPIPS, against PyTorch; all with made-up weights."""

import functools
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from experiments.metrics import narrow_inception, others
from experiments.metrics.torch_inception import TorchInception
from imtrans.evaluation.features import inception
from imtrans.evaluation.metrics.lpips import lpips
from imtrans.pretrained.features import VGG_STAGES
from imtrans.pretrained.state_dicts import read_state_dict
from imtrans.pretrained.weights import PerceptualWeights


def _channels_first(images):
  return torch.tensor(np.asarray(images).transpose(0, 3, 1, 2))


def _channels_last(tensor):
  return tensor.numpy().transpose(0, 2, 3, 1)


ARRAYS = narrow_inception.state_dict()


@pytest.mark.parametrize("block", list(inception.BLOCKS))
def test_inception_block_by_block(block):
  peer = TorchInception(ARRAYS)
  channels = ARRAYS[
    f"{block}.branch3x3.conv.weight" if block == "Mixed_6a" else _first(block)
  ].shape[1]
  hidden = narrow_inception.wave((2, 9, 9, channels), 1.0)
  expected = _channels_last(peer.blocks()[block](block, _channels_first(hidden)))
  weights = inception.fold(ARRAYS)
  if block in inception.REDUCTIONS:
    ours = inception.reduction(weights, block, jnp.asarray(hidden))
  elif block == "Mixed_7c":
    pooled = inception.max_pool(jnp.asarray(hidden), side=3, stride=1, padding=1)
    ours = inception.mixed(weights, block, jnp.asarray(hidden), pooled)
  else:
    pooled = inception.average_pool(jnp.asarray(hidden))
    ours = inception.mixed(weights, block, jnp.asarray(hidden), pooled)
  np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


def _first(block):
  layer = "branch3x3_1" if block == "Mixed_7a" else "branch1x1"
  return f"{block}.{layer}.conv.weight"


def test_inception_as_a_whole():
  images = narrow_inception.wave((2, 80, 75, 3), 2.0)
  expected = TorchInception(ARRAYS)(_channels_first(images))
  ours = jax.jit(inception.inception_v3)(inception.fold(ARRAYS), images)
  for one, other in zip(ours, expected, strict=True):
    np.testing.assert_allclose(one, other.numpy(), rtol=2e-5, atol=1e-5)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_that_torch_saves(zipped, tmp_path):
  arrays = {name: np.asarray(array) for name, array in ARRAYS.items()}
  tensors = {name: torch.tensor(array) for name, array in arrays.items()}
  path = tmp_path / "net.pth"
  torch.save(tensors, path, _use_new_zipfile_serialization=zipped)
  read = read_state_dict(path.read_bytes())
  assert set(read) == set(arrays)
  for name, array in arrays.items():
    np.testing.assert_array_equal(read[name], array, strict=True)


# Sides of the kernels of each network, with few channels: the functions take any number of them.
NARROW = {"alex": (11, 5, 3, 3, 3), "vgg": (3,) * sum(VGG_STAGES)}
LOOKED_AT = {"alex": range(5), "vgg": np.cumsum(VGG_STAGES) - 1}


@pytest.mark.parametrize("network", list(NARROW))
def test_lpips(network, monkeypatch):
  random = np.random.default_rng(0)
  channels = (3, *(5 + index for index in range(len(NARROW[network]))))
  convolutions = []
  for side, inputs, outputs in zip(NARROW[network], channels[:-1], channels[1:], strict=True):
    kernel = random.normal(size=(side, side, inputs, outputs)) * np.sqrt(2 / (side**2 * inputs))
    convolutions.append((np.float32(kernel), np.float32(0.1 * random.normal(size=outputs))))
  sizes = [channels[index + 1] for index in LOOKED_AT[network]]
  heads = tuple(np.float32(random.uniform(size=size)) for size in sizes)
  weights = PerceptualWeights(tuple(convolutions), heads)
  images, targets = np.float32(random.uniform(-1.0, 1.0, (2, 3, 37, 40, 3)))
  monkeypatch.setattr(others, "perceptual_weights", lambda name: weights)
  material = SimpleNamespace(spoiled=images, images=targets)
  expected = others.torch_lpips(network)(material)
  ours = jax.jit(functools.partial(lpips, network=network))(weights, images, targets)
  np.testing.assert_allclose(ours, expected, rtol=1e-5)
  # The pictures differ, and so do what is said of them: nothing is compared with zero.
  assert expected.min() > 0.01 and np.ptp(expected) > 1e-4
