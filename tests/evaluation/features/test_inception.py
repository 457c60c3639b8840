"""Inception: recorded values, the resize, and reading its weights; see test_against_torch.py."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from experiments.metrics import narrow_inception
from imtrans.evaluation.features import inception
from imtrans.evaluation.features.extraction import extract
from tests.pretrained.test_state_dicts import safetensors

ARRAYS = narrow_inception.state_dict()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
  """A narrow network with the classes of the original, as a file."""
  arrays = ARRAYS | {"fc.weight": narrow_inception.wave((1008, ARRAYS["fc.weight"].shape[1]), 0.5)}
  path = tmp_path_factory.mktemp("weights") / "inception.safetensors"
  path.write_bytes(safetensors({name: np.asarray(array) for name, array in arrays.items()}))
  return path


def test_recorded_values():
  # Of the same blocks written in PyTorch 2.13, with the same made-up weights.
  images = narrow_inception.wave((2, 80, 75, 3), 2.0)
  features, logits = jax.jit(inception.inception_v3)(inception.fold(ARRAYS), images)
  expected = [
    [0.0, 0.7675132, 0.19010985, 0.400696, 0.3695682, 0.17094652, 0.23492078, 0.0],
    [0.0, 0.75297815, 0.18101071, 0.384177, 0.35288405, 0.17351547, 0.24066456, 0.0],
  ]
  np.testing.assert_allclose(features[:, ::4], expected, rtol=2e-5, atol=1e-6)
  expected = [
    [1.5310465, -1.7322052, 1.0267642, 0.36982822, -0.8268672, 0.08285064],
    [1.4446671, -1.6534396, 1.0499955, 0.36969024, -0.787694, 0.1361202],
  ]
  np.testing.assert_allclose(logits, expected, rtol=2e-5, atol=1e-5)


def test_there_are_94_layers():
  # As in the original graph without its auxiliary classifier.
  assert len(inception.LAYERS) == len(set(inception.LAYERS)) == 94


def test_normalisation_is_folded_into_the_kernel():
  name = "Conv2d_1a_3x3"
  folded = inception.fold(ARRAYS)
  images = jnp.asarray(narrow_inception.wave((1, 5, 5, 3), 0.0))
  plain = inception.convolve(images, ARRAYS[f"{name}.conv.weight"].transpose(2, 3, 1, 0))
  mean, variance = (ARRAYS[f"{name}.bn.running_{part}"] for part in ("mean", "var"))
  scale, shift = ARRAYS[f"{name}.bn.weight"], ARRAYS[f"{name}.bn.bias"]
  expected = (np.asarray(plain) - mean) / np.sqrt(variance + 1e-3) * scale + shift
  ours = inception.convolve(images, folded[f"{name}/kernel"], folded[f"{name}/bias"])
  np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("height,width", [(20, 31), (330, 305)])
def test_the_resize_is_that_of_clean_fid(height, width):
  stored = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
  ours = inception.resize(np.float32(stored[None]) / np.float32(127.5) - np.float32(1.0))[0]
  for channel in range(3):
    picture = Image.fromarray(stored[..., channel].astype(np.float32))
    theirs = np.asarray(picture.resize((299, 299), Image.Resampling.BICUBIC))
    assert theirs.max() > 255.0 and theirs.min() < 0.0  # It overshoots, and is clipped then.
    np.testing.assert_allclose(ours[..., channel], theirs.clip(0, 255), atol=0.01)  # Of 255.


def test_values_are_rounded_to_eight_bits_first():
  images = jnp.full((1, 4, 4, 3), 0.1231)
  np.testing.assert_allclose(inception.resize(images), round(127.5 * 1.1231), atol=1e-3)
  np.testing.assert_allclose(inception.resize(3.0 * jnp.ones((1, 4, 4, 3))), 255.0, atol=1e-3)


def test_padding_does_not_count_in_an_average():
  images = jnp.ones((1, 4, 5, 2))
  np.testing.assert_allclose(inception.average_pool(images), images, rtol=1e-6)
  ramp = jnp.arange(3.0).reshape(1, 1, 3, 1)
  np.testing.assert_allclose(inception.average_pool(ramp).ravel(), [0.5, 1.0, 1.5], rtol=1e-6)


def test_a_file_becomes_features(saved):
  network = inception.inception(saved, sha256=None)
  sha256 = hashlib.sha256(saved.read_bytes()).hexdigest()
  assert network.name == "inception" and network.sha256 == sha256
  assert inception.inception(saved, sha256=sha256).sha256 == sha256
  pictures = [np.full((8, 8, 3), value, np.float32) for value in (-1.0, 0.5)]
  found = extract(network, pictures, batch_size=2)
  assert found.logits.shape == (2, 1008) and found.resize == inception.RESIZE
  black = np.full((1, 299, 299, 3), -1.0, np.float32)  # (0 - 128) / 128
  expected, _ = jax.jit(inception.inception_v3)(inception.fold(ARRAYS), black)
  np.testing.assert_allclose(found.values[0], expected[0], rtol=1e-4, atol=1e-5)


def test_only_the_original_file_is_taken_by_default(saved):
  with pytest.raises(ValueError, match=r"instead of 6726825d0af5\.\.\.\): download it again"):
    inception.inception(saved)


@pytest.mark.parametrize(
  "changes,problem",
  [
    ({"Mixed_6a.branch3x3.conv.weight": None}, "no array 'Mixed_6a.branch3x3.conv.weight' with 4"),
    ({"Conv2d_1a_3x3.bn.bias": np.ones((2, 2))}, "no array 'Conv2d_1a_3x3.bn.bias' with 1 axes"),
    ({"Conv2d_2a_3x3.conv.weight": np.ones((6, 9, 3, 3))}, "channels of its layers do not fit"),
    ({"fc.weight": np.ones((1000, 32))}, "tells 1000 classes apart instead of 1008"),
  ],
)
def test_other_networks_are_refused(changes, problem, tmp_path):
  arrays = {name: np.asarray(array) for name, array in (ARRAYS | changes).items()}
  arrays = {name: array for name, array in arrays.items() if array.dtype != object}
  path = tmp_path / "other.safetensors"
  path.write_bytes(safetensors(arrays))
  with pytest.raises(ValueError, match=problem):
    inception.inception(path, sha256=None)
