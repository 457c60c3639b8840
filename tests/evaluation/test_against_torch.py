"""Inception and its files against PyTorch; LPIPS is compared by experiments/metrics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")

from experiments.metrics import narrow_inception
from experiments.metrics.torch_inception import TorchInception
from imtrans.evaluation.features import inception
from imtrans.pretrained.state_dicts import read_state_dict


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
