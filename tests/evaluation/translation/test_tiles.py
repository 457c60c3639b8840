"""Tiles: where they lie, that they add up, and that the result is that of the whole image."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.evaluation.translation.tiles import Tiling, cut, plan_tiles, translate_tiled
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.methods.locality import Locality
from imtrans.methods.method import initialize, translate_each
from imtrans.networks import ResNet, UNet


@pytest.mark.parametrize("blend", [0, 7, 16])
@pytest.mark.parametrize("length", [32, 36, 40, 48, 52, 100, 236])
def test_tiles_cover_an_axis_and_their_weights_add_up(length, blend):
  tiling = Tiling(32, 16, 4, blend)
  total = np.zeros(length)
  spans = cut(length, tiling)
  for span in spans:
    assert span.start % 4 == 0 and span.stop - span.start == 32
    assert span.start <= span.first < span.last <= span.stop
    assert (span.weights > 0).all()
    total[span.first : span.last] += span.weights
  np.testing.assert_allclose(total, 1.0, atol=1e-6)
  assert spans[0].first == 0 and spans[-1].stop == length
  for before, after in itertools.pairwise(spans):
    assert before.stop - after.start >= 16
    # Half of what they share, less half of the blending, is left out on both sides.
    assert after.first - after.start >= (16 - blend) // 2
    assert before.stop - before.last >= (16 - blend) // 2


def test_blending_is_linear():
  first, second = cut(12, Tiling(8, 4, 1, 4))
  np.testing.assert_allclose(first.weights[4:], [0.875, 0.625, 0.375, 0.125])
  np.testing.assert_allclose(second.weights[:4], [0.125, 0.375, 0.625, 0.875])


def test_an_axis_no_longer_than_a_tile_is_one_tile():
  (span,) = cut(24, Tiling(32, 16, 4))
  assert span[:4] == (0, 24, 0, 24)


LOCAL, WHOLE = Locality(21, ()), Locality(21, ("it sees everything",))


def test_the_overlap_is_what_the_generator_needs():
  assert plan_tiles(64, LOCAL, multiple=8) == Tiling(64, 48, 8)
  assert plan_tiles(128, LOCAL, multiple=8, overlap=50) == Tiling(128, 64, 8)
  assert plan_tiles(64, LOCAL, multiple=8, approximate=True) == Tiling(64, 48, 8)


def test_approximate_tiles_are_blended_over_all_of_the_overlap():
  tiling = plan_tiles(64, WHOLE, multiple=8, approximate=True)
  assert tiling == Tiling(64, 32, 8, 32, ("it sees everything",))
  assert plan_tiles(64, WHOLE, multiple=8, overlap=5, approximate=True)[:4] == (64, 5, 8, 5)
  small = plan_tiles(16, LOCAL, multiple=8, approximate=True)
  assert small == Tiling(16, 8, 8, 8, ("it sees 21 pixels around",))
  assert plan_tiles(64, LOCAL, multiple=8, overlap=0, approximate=True).reasons


@pytest.mark.parametrize(
  "size,locality,options,message",
  [
    (60, LOCAL, {}, "multiple of 8 pixels .* got 60: use 64"),
    (0, LOCAL, {}, "got 0: use 8"),
    (64, LOCAL, {"overlap": -1}, "at least 0 and less than .* 64 pixels, got -1"),
    (64, LOCAL, {"overlap": 64}, "less than .* 64 pixels, got 64"),
    (48, LOCAL, {}, "48 pixels are too small .* sees 21 pixels around: use tiles of 96"),
    (64, LOCAL, {"overlap": 32}, "sees 21 pixels around: use an overlap of 48, or accept"),
    (64, WHOLE, {}, "because it sees everything: accept .* --tile-approximate"),
    (64, WHOLE, {"remedy": "choose B, "}, "because it sees everything: choose B, or accept"),
  ],
)
def test_what_is_refused(size, locality, options, message):
  with pytest.raises(ValueError, match=message):
    plan_tiles(size, locality, multiple=8, **options)


class _Translate:
  """`Method.translate` of one network, that counts its compilations."""

  def __init__(self, module):
    self.module, self.traces = module, []

  def __call__(self, params, extras, images, key, *, direction, mode):
    self.traces.append(images.shape)
    return translate_each(self.module, params, extras, images, key, mode=mode)


def _generator(module, multiple, mode="test"):
  images = jnp.zeros((1, 4 * multiple, 4 * multiple, 3))
  params, extras = initialize(module, jax.random.key(0), images)
  # As after training: weights and running statistics that matter.
  params = jax.tree.map(lambda leaf: 8.0 * leaf if leaf.ndim == 4 else leaf + 0.1, params)
  extras = jax.tree.map(lambda leaf: leaf + 0.3, extras)
  translate = _Translate(module)
  return TrainedGenerator(translate, params, extras, mode=mode, size_multiple=multiple), translate


EXACT = {
  "resnet": (ResNet(num_blocks=2, features=4, norm="none"), 4, 72),
  "resnet-batch": (ResNet(num_blocks=1, features=4, norm="batch"), 4, 60),
  "unet": (UNet(num_levels=3, features=4, norm="none"), 8, 64),
  "unet-batch": (UNet(num_levels=2, features=4, norm="batch"), 4, 40),
}


@pytest.mark.parametrize("name", EXACT)
def test_tiles_equal_the_whole_image_at_seams_and_borders_too(name):
  module, multiple, size = EXACT[name]
  generator, translate = _generator(module, multiple)
  tiling = plan_tiles(size, generator.locality(3), multiple=multiple)
  assert tiling.blend == 0 and not tiling.reasons
  image = np.random.default_rng(0).uniform(-1, 1, (2 * size + 3, 2 * size - 9, 3))
  image = image.astype(np.float32)
  whole = generator(image[None])[0]
  assert np.std(whole) > 0.01
  translate.traces.clear()
  tiled = translate_tiled(generator, image, 3, tiling)
  assert translate.traces == [(1, size, size, 3)]
  np.testing.assert_allclose(tiled, whole, atol=1e-5)


def test_a_smaller_overlap_is_not_enough():
  """The overlap is no overestimate: one scale less on both sides, and seams show."""
  module, multiple, size = EXACT["unet"]
  generator, _ = _generator(module, multiple)
  needed = plan_tiles(size, generator.locality(3), multiple=multiple).overlap
  image = np.random.default_rng(0).uniform(-1, 1, (size, 2 * size, 3)).astype(np.float32)
  whole = generator(image[None])[0]
  tiled = translate_tiled(generator, image, 3, Tiling(size, needed - 2 * multiple, multiple))
  assert np.abs(tiled - whole).max() > 1e-5


def test_approximate_tiles_are_near_the_whole_image():
  generator, _ = _generator(ResNet(num_blocks=1, features=4), 4)
  locality = generator.locality(3)
  with pytest.raises(ValueError, match="instance normalisation takes its statistics"):
    plan_tiles(64, locality, multiple=4)
  tiling = plan_tiles(64, locality, multiple=4, approximate=True)
  image = np.random.default_rng(0).uniform(-1, 1, (100, 130, 3)).astype(np.float32)
  whole, tiled = generator(image[None])[0], translate_tiled(generator, image, 3, tiling)
  assert tiled.shape == whole.shape
  assert 1e-4 < np.abs(tiled - whole).mean() < 0.1


def test_an_image_that_fits_into_a_tile_is_translated_whole():
  generator, _ = _generator(ResNet(num_blocks=1, features=4), 4)
  tiling = plan_tiles(64, generator.locality(3), multiple=4, approximate=True)
  image = np.random.default_rng(0).uniform(-1, 1, (33, 64, 3)).astype(np.float32)
  np.testing.assert_array_equal(
    translate_tiled(generator, image, 3, tiling), generator(image[None])[0]
  )


class _Halve:
  """Halves brightness, and remembers the shapes that it is given."""

  def __init__(self):
    self.shapes = []

  def __call__(self, tiles):
    self.shapes.append(tiles.shape)
    return np.float32(0.5) * tiles


@pytest.mark.parametrize("blend", [0, 8])
@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
def test_batches_of_tiles_give_the_same_picture(blend, batch_size):
  image = np.random.default_rng(0).uniform(-1, 1, (61, 83, 2)).astype(np.float32)
  translate, tiling = _Halve(), Tiling(32, 8, 4, blend)
  result = translate_tiled(translate, image, 2, tiling, batch_size=batch_size)
  np.testing.assert_allclose(result, image / 2, atol=1e-6)
  # 3 x 4 tiles, and one shape alone, so that the generator is compiled once.
  size = min(batch_size, 12)
  assert translate.shapes == [(size, 32, 32, 2)] * -(-12 // size)
  with pytest.raises(ValueError, match="batch size must be at least 1, got 0"):
    translate_tiled(translate, image, 2, tiling, batch_size=0)


def test_the_result_is_stored_piece_by_piece():
  """What is held in float is a few rows of tiles, however high the picture is."""
  stored = []

  def store(rows):
    stored.append(rows.shape)
    return np.rint(255 * rows).astype(np.uint8)

  image = np.random.default_rng(0).uniform(0, 1, (1003, 40, 1)).astype(np.float32)
  tiling = Tiling(16, 4, 4)
  result = translate_tiled(_Halve(), image, 1, tiling, batch_size=5, store=store)
  assert result.dtype == np.uint8
  np.testing.assert_allclose(result, np.rint(255 * image / 2), atol=0)
  assert stored[0] == (0, 0, 1)  # Asked for the type of the result.
  rows = [shape[0] for shape in stored[1:]]
  assert sum(rows) == 1003 and max(rows) <= 3 * 16
