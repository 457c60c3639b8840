"""Features do not depend on batches, and say how they were made."""

import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.evaluation.features import extraction
from imtrans.evaluation.features.extraction import FeatureCollector, FeatureNetwork, extract
from imtrans.pretrained.weights import BACKBONES
from imtrans.training.mesh import make_mesh, place

SHAPES = []  # Those for which the tiny network was traced.


def _mean_colors(weights, images):
  SHAPES.append(images.shape)
  colors = jnp.mean(images, axis=(1, 2))
  return colors * weights, colors[:, :2]


TINY = FeatureNetwork("colors", _mean_colors, np.float32(2.0), "none", "abc")


def _pictures(*sizes, channels=3):
  random = np.random.default_rng(0)
  return [random.uniform(-1, 1, (size, size, channels)).astype(np.float32) for size in sizes]


def test_features_of_any_sizes_in_order():
  SHAPES.clear()
  pictures = _pictures(8, 8, 8, 8, 8, 6, 8)
  found = extract(TINY, iter(pictures), batch_size=2)
  expected = [2.0 * picture.mean((0, 1)) for picture in pictures]
  np.testing.assert_allclose(found.values, expected, rtol=1e-5)
  np.testing.assert_allclose(found.logits, found.values[:, :2] / 2.0, rtol=1e-5)
  assert found.values.dtype == np.float64
  assert (found.features, found.resize, found.sha256) == ("colors", "none", "abc")
  assert SHAPES == [(2, 8, 8, 3), (2, 6, 6, 3)]  # The short last batches are padded.


def test_batches_are_divided_over_the_devices_of_the_weights():
  SHAPES.clear()
  pictures = _pictures(*[7] * 6)
  placed = TINY._replace(weights=place(TINY.weights, make_mesh()))
  collector = FeatureCollector(placed, batch_size=5)  # 8 are as many as 4 devices can divide.
  seen = []
  function = collector._function
  collector._function = lambda weights, batch: seen.append(batch) or function(weights, batch)
  for picture in pictures:
    collector.add(picture)
  found = collector.finish()
  (batch,) = seen
  assert {shard.data.shape for shard in batch.addressable_shards} == {(2, 7, 7, 3)}
  assert SHAPES == [(8, 7, 7, 3)]
  np.testing.assert_allclose(found.values, extract(TINY, pictures).values, rtol=1e-6)


def test_grey_pictures_become_three_channels():
  (picture,) = _pictures(5, channels=1)
  found = extract(TINY, [picture])
  np.testing.assert_allclose(found.values, [[2.0 * picture.mean()] * 3], rtol=1e-5)


def test_refusals():
  with pytest.raises(ValueError, match="no pictures"):
    extract(TINY, [])
  with pytest.raises(ValueError, match=r"1 or 3.* choose three of its channels"):
    extract(TINY, _pictures(8, channels=5))
  with pytest.raises(FloatingPointError, match="not finite"):
    extract(TINY, [np.full((4, 4, 3), np.nan, np.float32)])


@pytest.mark.parametrize("network,dimension", [("alexnet", 256), ("vgg16", 512)])
def test_pooled_networks(network, dimension):
  made = getattr(extraction, f"pooled_{network}")()
  found = extract(made, _pictures(32, 32, 32), batch_size=2)
  assert found.values.shape == (3, dimension) and found.logits is None
  assert found.features == network and found.resize == extraction.OWN_SIZE
  assert found.sha256 == BACKBONES[{"alexnet": "alex", "vgg16": "vgg"}[network]].sha256
  assert np.all(found.values >= 0) and np.all(found.values.std(axis=0).max() > 0)
