"""What goes in comes out: type, size, range; and what is refused, in which words."""

import jax
import numpy as np
import pytest

from imtrans.data import ImageSpec
from imtrans.evaluation.translation.translator import Translator
from imtrans.training.assembly import build_method

GREY = ImageSpec(1, "uint8", 0.0, 255.0)
RGB = ImageSpec(3, "uint8", 0.0, 255.0)


@pytest.fixture
def translator(make_run):
  return Translator(make_run())


def _image(*shape, dtype=np.uint8, top=255):
  values = np.random.default_rng(0).uniform(0, 1, shape)
  return (values * top).astype(dtype)


@pytest.mark.parametrize("shape", [(257, 301, 3), (2, 13, 7, 3), (1, 1, 3), (16, 16, 3)])
def test_any_size_keeps_its_size(translator, shape):
  image = _image(*shape)
  result = translator.translate(image)
  assert result.shape == shape
  assert result.dtype == np.uint8
  np.testing.assert_allclose(result, image / 2, atol=0.5)


@pytest.mark.parametrize(
  "dtype,top", [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1), (np.float64, 1)]
)
def test_the_type_comes_back(translator, dtype, top):
  image = _image(5, 9, 3, dtype=dtype, top=top)
  result = translator.translate(image)
  assert result.dtype == dtype
  np.testing.assert_allclose(result / top, image / top / 2, atol=0.5 / 255 if top == 255 else 1e-4)


def test_grey_pictures(make_run):
  translator = Translator(make_run(specs={"a": GREY, "b": GREY}))
  assert translator.translate(_image(6, 7)).shape == (6, 7)
  assert translator.translate(_image(6, 7, 1)).shape == (6, 7, 1)


def test_grey_is_taken_as_rgb(translator):
  image = _image(6, 7)
  result = translator.translate(image)
  assert result.shape == (6, 7, 3)
  np.testing.assert_array_equal(result, translator.translate(np.stack([image] * 3, axis=-1)))


def test_recorded_ranges_are_used(make_run):
  twelve_bits = ImageSpec(3, "uint16", 0.0, 4095.0)
  translator = Translator(make_run(specs={"a": twelve_bits, "b": twelve_bits}))
  image = _image(4, 4, 3, dtype=np.uint16, top=4095)
  np.testing.assert_allclose(translator.translate(image), image / 2, atol=0.51)
  with pytest.raises(ValueError, match=r"must lie in \[0, 4095\]"):
    translator.translate(image * 8)


def test_translate_to_target_writes_the_recorded_type(make_run):
  translator = Translator(make_run(specs={"a": RGB, "b": ImageSpec(3, "uint16", 0.0, 65535.0)}))
  result = translator.translate_to_target(np.full((4, 4, 3), 255, np.uint8))
  assert result.dtype == np.uint16
  np.testing.assert_allclose(result, 32768, atol=1)


def test_both_directions_undo_each_other(make_run):
  translator = Translator(make_run(method="cyclegan"))
  assert translator.directions == ("ab", "ba")
  image = _image(8, 8, 3, dtype=np.float32, top=1)
  back = translator.translate(translator.translate(image), direction="ba")
  np.testing.assert_allclose(back, image, atol=1e-6)


def test_mode_and_seed(translator):
  image = _image(8, 8, 3, dtype=np.float32, top=1)
  noisy = translator.translate(image, mode="train", seed=1)
  np.testing.assert_array_equal(noisy, translator.translate(image, mode="train", seed=1))
  assert np.abs(noisy - translator.translate(image, mode="train", seed=2)).max() > 0.01
  assert np.abs(noisy - translator.translate(image)).max() > 0.01


@pytest.mark.parametrize(
  "image,options,message",
  [
    (np.zeros((4, 4, 4), np.uint8), {}, "drop the alpha channel"),
    (np.zeros((4, 4, 2), np.uint8), {}, r"3 channel\(s\), this one has 2"),
    (np.zeros(4, np.uint8), {}, r"got shape \(4,\)"),
    (np.zeros((0, 4, 3), np.uint8), {}, "not empty"),
    (np.zeros((4, 4, 3), np.int64), {}, "got int64: convert it"),
    (np.zeros((4, 4, 3), bool), {}, "got bool"),
    (np.full((4, 4, 3), 200.0), {}, r"lie in \[0, 1\], this one runs from 200 to 200"),
    (np.full((4, 4, 3), np.nan), {}, "lie in"),
    (np.zeros((4, 4, 3), np.uint8), {"direction": "ba"}, "direction ab, not 'ba'"),
    (np.zeros((4, 4, 3), np.uint8), {"mode": "exam"}, "mode must be"),
  ],
)
def test_what_is_refused(translator, image, options, message):
  with pytest.raises(ValueError, match=message):
    translator.translate(image, **options)


def test_rgb_for_a_grey_run(make_run):
  with pytest.raises(ValueError, match="convert it to grey"):
    Translator(make_run(specs={"a": GREY, "b": RGB})).translate(_image(4, 4, 3))


def test_overshoot_of_a_resize_is_clipped(translator):
  result = translator.translate(np.full((4, 4, 3), 1.05, np.float32))
  np.testing.assert_allclose(result, 0.5, atol=1e-6)


def test_a_stream_is_in_order_and_equal_to_one_by_one(translator):
  shapes = [(9, 6, 3), (16, 16, 3), (8, 8), (9, 6, 3), (40, 3, 3), (12, 7, 1), (9, 7, 3)]
  images = [_image(*shape) for shape in shapes]
  images.insert(2, _image(4, 4, 3, dtype=np.float32, top=1))
  streamed = list(translator.translate_stream(iter(images), mode="train", seed=5))
  for image, result in zip(images, streamed, strict=True):
    alone = translator.translate_to_target(image, mode="train", seed=5)
    assert result.dtype == alone.dtype and result.shape == alone.shape
    # Rounded alike, but for what lies between two values.
    assert np.abs(result.astype(int) - alone.astype(int)).max() <= 1


def test_a_stream_names_what_it_cannot_translate_and_goes_on(translator):
  broken = ValueError("broken file")
  images = [broken, _image(4, 4, 4), _image(4, 4, 3), _image(2, 4, 4, 3), np.zeros((4, 4), bool)]
  results = list(translator.translate_stream(images))
  assert results[0] is broken
  assert "drop the alpha channel" in str(results[1])
  assert results[2].shape == (4, 4, 3)
  assert "one by one, got a batch of 2" in str(results[3])
  assert "got bool" in str(results[4])
  tiling = translator.plan_tiles(8, approximate=True)
  tiled = list(translator.translate_stream(images, tiling=tiling))
  assert [isinstance(result, ValueError) for result in tiled] == [True, True, False, False, True]
  with pytest.raises(ValueError, match="batch size must be at least 1, got 0"):
    translator.translate_stream(images, batch_size=0)


@pytest.fixture
def unet(make_run):
  """A small U-Net with batch normalisation and dropout."""
  run = make_run()
  config = run.config.copy_and_resolve_references().unlock()
  config.generator = {"name": "unet", "num_levels": 2, "features": 4}
  config.discriminator.num_layers = 1
  method = build_method(config, {"a": 3, "b": 3})
  images = np.zeros((1, 16, 16, 3), np.float32)
  params, extras = method.init(jax.random.key(0), {"source": images, "target": images})
  params = jax.tree.map(lambda leaf: 6 * leaf if leaf.ndim == 4 else leaf, params["generator"])
  run = run._replace(
    config=config.lock(), method=method, generator_params=params, extras=extras, size_multiple=4
  )
  return Translator(run)


def test_tiles_give_the_same_picture(unet):
  tiling = unet.plan_tiles(32)
  assert not tiling.reasons
  image = _image(3, 75, 50, 3, dtype=np.float32, top=1)
  whole, tiled = unet.translate(image), unet.translate(image, tiling=tiling)
  assert tiled.shape == whole.shape and np.std(whole) > 0.02
  np.testing.assert_allclose(tiled, whole, atol=1e-5)
  byte_image = _image(75, 50, 3)
  (streamed,) = unet.translate_stream([byte_image], tiling=tiling)
  np.testing.assert_allclose(streamed, unet.translate(byte_image), atol=1)


def test_tiles_that_would_differ_are_refused(unet, translator):
  with pytest.raises(ValueError, match=r"normalisation in mode 'train' .* choose mode 'test'"):
    unet.plan_tiles(32, mode="train")
  tiling = unet.plan_tiles(32, mode="train", approximate=True)
  assert len(tiling.reasons) == 2
  image = _image(75, 50, 3)
  assert unet.translate(image, mode="train", tiling=tiling).shape == image.shape
  with pytest.raises(ValueError, match="multiple of 4 pixels"):
    unet.plan_tiles(30)
  with pytest.raises(ValueError, match="how far it sees is not known: accept"):
    translator.plan_tiles(32)


def test_tiles_go_in_batches_and_into_the_type_that_is_wanted(unet):
  tiling = unet.plan_tiles(32)
  image = _image(75, 50, 3)
  once = unet.translate_to_target(image, tiling=tiling, batch_size=1)
  assert once.dtype == np.uint8 and once.shape == image.shape
  assert np.abs(once.astype(int) - unet.translate_to_target(image)).max() <= 1
  for batch_size in (3, None):
    batched = unet.translate_to_target(image, tiling=tiling, batch_size=batch_size)
    assert np.abs(batched.astype(int) - once).max() <= 1
  wide = unet.translate(image.astype(np.uint16) * 257, tiling=tiling)
  assert wide.dtype == np.uint16
  np.testing.assert_allclose(wide / 257, once, atol=0.51)


LAB = ImageSpec(2, "float32", -110.0, 110.0)


def test_colours_alone_become_rgb_pictures(make_run):
  """A run with target=lab makes a and b; here they are zero, so grey pictures stay grey."""
  run = make_run(specs={"a": GREY, "b": LAB})
  config = run.config.copy_and_resolve_references().unlock()
  config.data.task = "grayscale"
  config.data.options = {"target": "lab", "layout": "auto"}
  method = run.method._replace(translate=_no_colours)
  translator = Translator(run._replace(config=config.lock(), method=method))
  assert translator.target_spec() == RGB
  images = [_image(9, 6), _image(16, 16, 1), ValueError("broken file"), _image(9, 6)]
  tiling = translator.plan_tiles(8, approximate=True)
  for options in ({}, {"tiling": tiling}):
    results = list(translator.translate_stream(images, **options))
    assert str(results[2]) == "broken file"
    for image, result in zip(images, results, strict=True):
      if not isinstance(image, ValueError):
        assert result.dtype == np.uint8 and result.shape == (*image.shape[:2], 3)
        grey = np.broadcast_to(image.reshape(*image.shape[:2], 1), result.shape)
        np.testing.assert_allclose(result.astype(int), grey, atol=1)
  whole = translator.translate(images[1].astype(np.float32) / 255)
  assert whole.dtype == np.float32 and whole.shape == (16, 16, 3)
  np.testing.assert_allclose(whole, np.repeat(images[1] / 255, 3, axis=2), atol=2e-3)


def _no_colours(generator_params, extras, source, key, *, direction, mode):
  return 0.0 * jax.numpy.repeat(source, 2, axis=-1)
