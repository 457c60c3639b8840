"""The networks of the metrics against the same layers written in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional

from imtrans.evaluation.features import inception
from imtrans.evaluation.metrics.lpips import lpips_distance
from imtrans.pretrained.state_dicts import read_state_dict
from imtrans.pretrained.weights import perceptual_weights
from tests.evaluation import narrow_inception


def _channels_first(images):
  return torch.tensor(np.asarray(images).transpose(0, 3, 1, 2))


def _channels_last(tensor):
  return tensor.numpy().transpose(0, 2, 3, 1)


class _Torch:
  """The FID variant of Inception-v3, block by block as its PyTorch port has it."""

  def __init__(self, arrays):
    self.tensors = {name: torch.tensor(array) for name, array in arrays.items()}

  def layer(self, name, x, stride=1, padding=0):
    norm = [self.tensors[f"{name}.bn.{part}"] for part in ("running_mean", "running_var")]
    norm += [self.tensors[f"{name}.bn.{part}"] for part in ("weight", "bias")]
    x = functional.conv2d(x, self.tensors[f"{name}.conv.weight"], None, stride, padding)
    return functional.relu(functional.batch_norm(x, *norm, training=False, eps=0.001))

  def average(self, x):
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)

  def stem(self, x):
    x = self.layer("Conv2d_1a_3x3", x, 2)
    x = self.layer("Conv2d_2b_3x3", self.layer("Conv2d_2a_3x3", x), padding=1)
    x = self.layer("Conv2d_3b_1x1", functional.max_pool2d(x, 3, 2))
    return functional.max_pool2d(self.layer("Conv2d_4a_3x3", x), 3, 2)

  def a(self, m, x):
    five = self.layer(f"{m}.branch5x5_2", self.layer(f"{m}.branch5x5_1", x), padding=2)
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = self.layer(f"{m}.branch3x3dbl_3", double, padding=1)
    pool = self.layer(f"{m}.branch_pool", self.average(x))
    return torch.cat([self.layer(f"{m}.branch1x1", x), five, double, pool], 1)

  def b(self, m, x):
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = self.layer(f"{m}.branch3x3dbl_3", double, 2)
    return torch.cat(
      [self.layer(f"{m}.branch3x3", x, 2), double, functional.max_pool2d(x, 3, 2)], 1
    )

  def c(self, m, x):
    seven = self.layer(f"{m}.branch7x7_2", self.layer(f"{m}.branch7x7_1", x), padding=(0, 3))
    seven = self.layer(f"{m}.branch7x7_3", seven, padding=(3, 0))
    double = self.layer(f"{m}.branch7x7dbl_1", x)
    for index, padding in ((2, (3, 0)), (3, (0, 3)), (4, (3, 0)), (5, (0, 3))):
      double = self.layer(f"{m}.branch7x7dbl_{index}", double, padding=padding)
    pool = self.layer(f"{m}.branch_pool", self.average(x))
    return torch.cat([self.layer(f"{m}.branch1x1", x), seven, double, pool], 1)

  def d(self, m, x):
    three = self.layer(f"{m}.branch3x3_2", self.layer(f"{m}.branch3x3_1", x), 2)
    seven = self.layer(f"{m}.branch7x7x3_2", self.layer(f"{m}.branch7x7x3_1", x), padding=(0, 3))
    seven = self.layer(f"{m}.branch7x7x3_3", seven, padding=(3, 0))
    seven = self.layer(f"{m}.branch7x7x3_4", seven, 2)
    return torch.cat([three, seven, functional.max_pool2d(x, 3, 2)], 1)

  def e(self, m, x):
    def both(name, y):
      one = self.layer(f"{m}.{name}a", y, padding=(0, 1))
      return torch.cat([one, self.layer(f"{m}.{name}b", y, padding=(1, 0))], 1)

    three = both("branch3x3_2", self.layer(f"{m}.branch3x3_1", x))
    double = self.layer(f"{m}.branch3x3dbl_2", self.layer(f"{m}.branch3x3dbl_1", x), padding=1)
    double = both("branch3x3dbl_3", double)
    last = m == "Mixed_7c"
    pool = functional.max_pool2d(x, 3, stride=1, padding=1) if last else self.average(x)
    pool = self.layer(f"{m}.branch_pool", pool)
    return torch.cat([self.layer(f"{m}.branch1x1", x), three, double, pool], 1)

  def blocks(self):
    kinds = {"Mixed_6a": self.b, "Mixed_7a": self.d, "Mixed_7b": self.e, "Mixed_7c": self.e}
    kinds |= dict.fromkeys(("Mixed_5b", "Mixed_5c", "Mixed_5d"), self.a)
    kinds |= dict.fromkeys(("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"), self.c)
    return {name: kinds[name] for name in sorted(kinds)}

  def __call__(self, x):
    x = self.stem(x)
    for name, block in self.blocks().items():
      x = block(name, x)
    features = x.mean((2, 3))
    return features, features @ self.tensors["fc.weight"].T


ARRAYS = narrow_inception.state_dict()


@pytest.mark.parametrize("block", list(inception.BLOCKS))
def test_inception_block_by_block(block):
  peer = _Torch(ARRAYS)
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
  expected = _Torch(ARRAYS)(_channels_first(images))
  ours = jax.jit(inception.inception_v3)(inception.fold(ARRAYS), images)
  for one, other in zip(ours, expected, strict=True):
    np.testing.assert_allclose(one, other.numpy(), rtol=2e-5, atol=1e-5)


def _lpips(weights, images, targets, network):
  """LPIPS as its authors compute it, on the same weights."""
  shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
  scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)

  def maps(pictures):
    hidden, found = (_channels_first(pictures) - shift) / scale, []
    for index, (kernel, bias) in enumerate(weights.convolutions):
      kernel, bias = torch.tensor(kernel.transpose(3, 2, 0, 1)), torch.tensor(bias)
      if network == "alex":
        stride, padding = (4, 2) if index == 0 else (1, 2 if index == 1 else 1)
        hidden = functional.relu(functional.conv2d(hidden, kernel, bias, stride, padding))
        found.append(hidden)
        hidden = functional.max_pool2d(hidden, 3, 2) if index < 2 else hidden
      else:
        hidden = functional.max_pool2d(hidden, 2, 2) if index in (2, 4, 7, 10) else hidden
        hidden = functional.relu(functional.conv2d(hidden, kernel, bias, 1, 1))
        found += [hidden] if index in (1, 3, 6, 9, 12) else []
    return found

  total = torch.zeros(len(images))
  for x, y, head in zip(maps(images), maps(targets), weights.heads, strict=True):
    x, y = (z / (z.square().sum(1, keepdim=True).sqrt() + 1e-10) for z in (x, y))
    total += ((x - y).square() * torch.tensor(head).view(1, -1, 1, 1)).sum(1).mean((1, 2))
  return total.numpy()


@pytest.mark.parametrize("network", ["alex", "vgg"])
def test_lpips(network):
  random = np.random.default_rng(0)
  images = np.float32(random.uniform(-1, 1, (2, 37, 33, 3)))
  targets = np.float32(
    np.clip(images + random.normal(0, [[[[0.1]]], [[[1.0]]]], images.shape), -1, 1)
  )
  expected = _lpips(perceptual_weights(network), images, targets, network)
  np.testing.assert_allclose(lpips_distance(network)(images, targets), expected, rtol=1e-5)


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
