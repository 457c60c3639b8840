"""Lab colours against scikit-image, histograms by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from skimage.color import rgb2lab

from imtrans.evaluation.metrics import histograms
from imtrans.evaluation.metrics.histograms import (
  LabCollector,
  histogram_intersection,
  lab_counts,
  lab_histograms,
  lab_intersections,
  srgb_to_lab,
)
from imtrans.training.mesh import divide, make_mesh

LEVELS = np.linspace(0, 1, 18)
COLORS = np.stack(np.meshgrid(LEVELS, LEVELS, LEVELS), -1).reshape(1, -1, 18, 3)


def _plain(*colors, side=4):
  """A picture of one colour each, [-1, 1]."""
  return np.float32(2 * np.array(colors) - 1)[:, None, None] * np.ones(
    (1, side, side, 1), np.float32
  )


def test_lab_equals_scikit_image():
  lab = jax.jit(srgb_to_lab)(np.float32(2 * COLORS - 1))
  np.testing.assert_allclose(lab, rgb2lab(COLORS), atol=2e-4)


def test_all_colours_lie_inside_the_bins():
  lab = rgb2lab(COLORS).reshape(-1, 3)
  assert np.all(lab >= histograms.LOWEST) and np.all(lab <= np.array(histograms.HIGHEST) + 1e-9)


def test_values_outside_the_range_are_clipped():
  # The usual matrix is rounded, so that white is not quite grey: b = 0.0046.
  np.testing.assert_allclose(srgb_to_lab(jnp.full((1, 3), 1.2)), [[100.0, 0.0, 0.0]], atol=6e-3)


def test_the_derivative_is_finite():
  corners = jnp.array([[-1.0, -1.0, -1.0], [1.0, 1.0, 1.0], [-0.91, 0.0, 1.0]])
  gradient = jax.grad(lambda x: srgb_to_lab(x).sum())(corners)
  assert bool(jnp.all(jnp.isfinite(gradient)))


def test_counts_by_hand():
  grey, red = (0.5, 0.5, 0.5), (1.0, 0.0, 0.0)
  counts = [np.asarray(x) for x in lab_counts(_plain(grey, grey, red))]
  assert [x.shape for x in counts] == [(3, 50), (3, 111), (3, 111)]
  assert all(np.all(x.sum(axis=1) == 16) for x in counts)
  lightness, a, b = (x.sum(axis=0) for x in counts)
  assert lightness.sum() == a.sum() == b.sum() == 48
  # Lab of red is 53.24, 80.09, 67.20; that of the grey 53.39, 0, 0.
  assert lightness[26] == 48
  assert a[55] == 32 and a[(80 + 111) // 2] == 16
  assert b[55] == 32 and b[(67 + 111) // 2] == 16


def test_greys_fall_into_one_bin_of_a_and_b():
  greys = _plain(*([[level] * 3 for level in np.linspace(0, 1, 40)]))
  lightness, a, b = (np.asarray(x).sum(axis=0) for x in lab_counts(greys))
  assert a[55] == b[55] == a.sum() and np.all(lightness <= 32) and lightness[[0, -1]].all()


def test_histograms_of_many_batches():
  random = np.random.default_rng(0)
  batches = [random.uniform(-1, 1, (2, 6, side, 3)).astype(np.float32) for side in (5, 5, 9)]
  found = lab_histograms(batches)
  assert found.pixels == 2 * 6 * (5 + 5 + 9)
  lab = np.concatenate([rgb2lab(0.5 * (x.astype(np.float64) + 1)).reshape(-1, 3) for x in batches])
  expected, _ = np.histogram(lab[:, 0], bins=50, range=(0, 100))
  np.testing.assert_allclose(found.lightness, expected / found.pixels, atol=1.1 / found.pixels)
  for shares in found[:3]:
    np.testing.assert_allclose(shares.sum(), 1.0)
  with pytest.raises(ValueError, match="no pictures"):
    lab_histograms([])
  with pytest.raises(ValueError, match="three channels"):
    lab_histograms([np.zeros((1, 4, 4, 1), np.float32)])


@pytest.mark.parametrize("devices", [1, 4])
def test_pictures_one_by_one_are_counted_in_batches(devices):
  random = np.random.default_rng(0)
  pictures = [random.uniform(-1, 1, (6, side, 3)).astype(np.float32) for side in (5, 5, 5, 9, 5)]
  collector = LabCollector(batch_size=2, mesh=make_mesh() if devices > 1 else None)
  for picture in pictures:
    collector.add(picture)
  found, expected = collector.finish(), lab_histograms([picture[None] for picture in pictures])
  assert found.pixels == expected.pixels == 6 * (4 * 5 + 9)
  for one, other in zip(found[:3], expected[:3], strict=True):
    np.testing.assert_array_equal(one, other)
  if devices > 1:  # Every device counts its own pictures.
    counts = lab_counts(divide(np.stack(pictures[:3] + pictures[4:]), make_mesh()))
    assert {shard.data.shape for shard in counts[0].addressable_shards} == {(1, 50)}
  with pytest.raises(ValueError, match="three channels"):
    collector.add(np.zeros((4, 4, 1), np.float32))


def test_intersection_by_hand():
  p, q = np.array([0.5, 0.5, 0.0]), np.array([0.2, 0.3, 0.5])
  np.testing.assert_allclose(histogram_intersection(p, q), 0.5)
  np.testing.assert_allclose(histogram_intersection(p, q), 1 - 0.5 * np.abs(p - q).sum())
  np.testing.assert_allclose(histogram_intersection(p, p), 1.0)
  with pytest.raises(ValueError, match="same bins"):
    histogram_intersection(p, q[:2])


def test_a_grey_generator_misses_the_colours():
  colors = np.random.default_rng(1).uniform(-1, 1, (4, 16, 16, 3)).astype(np.float32)
  grey = np.repeat(colors.mean(-1, keepdims=True), 3, axis=-1)
  scores = lab_intersections(lab_histograms([colors]), lab_histograms([grey]))
  assert set(scores) == {"L", "a", "b"}
  assert scores["L"] > 0.5 and max(scores["a"], scores["b"]) < 0.1
