import numpy as np
import pytest
from PIL import Image

from imtrans.data.transforms import (
  center_crop,
  fit,
  jitter,
  pad,
  random_crop,
  random_flip,
  resize,
  resize_nearest,
  scale_width,
)


def picture(shape, dtype, seed=0):
  generator = np.random.default_rng(seed)
  if dtype == "float32":
    return generator.random(shape, np.float32)
  return generator.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", [(9, 7), (50, 41)])
def test_resize_of_8_bits_is_pillows_channel_by_channel(channels, size):
  array = picture((24, 30, channels), "uint8")
  resized = resize(array, *size)
  assert resized.shape == (*size, channels) and resized.dtype == np.uint8
  for c in range(channels):
    plane = Image.fromarray(array[:, :, c]).resize(size[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(resized[:, :, c], np.asarray(plane))


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_resize_of_other_types_agrees_with_8_bits(dtype):
  array = picture((24, 30, 4), "uint8")
  scale = {"uint16": 257, "float32": 1 / 255}[dtype]
  resized = resize((array * np.float64(scale)).astype(dtype), 13, 11)
  assert resized.dtype == np.dtype(dtype)
  np.testing.assert_allclose(np.clip(resized / scale, 0, 255), resize(array, 13, 11), atol=1.01)


def test_resize_antialiases_and_keeps_constants():
  checkers = np.indices((64, 64)).sum(0)[..., None].astype(np.uint8) % 2 * 255
  assert np.abs(resize(checkers, 8, 8)[2:6, 2:6].astype(int) - 127).max() <= 2  # No moire.
  constant = np.full((5, 5, 2), 40_000, np.uint16)
  assert (resize(constant, 17, 3) == 40_000).all()
  edge = np.zeros((8, 8, 1), np.uint16)
  edge[:, 4:] = 65535
  assert resize(edge, 32, 32).max() == 65535 and resize(edge, 32, 32).min() == 0  # No wrapping.
  assert resize(edge, 8, 8) is edge


@pytest.mark.parametrize("size", [(10, 7), (24, 30), (50, 41), (1, 1)])
def test_the_nearest_pixel_is_pillows(size):
  array = picture((24, 30, 3), "uint8")
  expected = Image.fromarray(array).resize(size[::-1], Image.Resampling.NEAREST)
  np.testing.assert_array_equal(resize_nearest(array, *size), np.asarray(expected))
  assert resize_nearest(picture((4, 4, 5), "uint16"), 2, 8).shape == (2, 8, 5)


def test_scale_width_keeps_the_aspect_ratio():
  assert scale_width(np.zeros((30, 60, 1), np.uint8), 20).shape == (10, 20, 1)
  assert scale_width(np.zeros((30, 60, 1), np.uint8), 20, min_height=16).shape == (16, 20, 1)


def test_pad_mirrors_at_the_bottom_and_right():
  array = np.arange(3).reshape(1, 3, 1)
  assert pad(array, 2, 7)[:, :, 0].tolist() == [[0, 1, 2, 1, 0, 1, 2]] * 2
  assert pad(array, 1, 2) is array


def test_random_crop_is_shared_and_reaches_every_place():
  array = np.arange(5 * 4).reshape(5, 4, 1)
  generator = np.random.default_rng(0)
  corners = set()
  for _ in range(200):
    a, b = random_crop((array, -array), 3, generator)
    assert a.shape == (3, 3, 1)
    np.testing.assert_array_equal(a, -b)
    np.testing.assert_array_equal(a[0], np.arange(3)[:, None] + a[0, 0])
    corners.add(int(a[0, 0, 0]))
  assert corners == {0, 1, 4, 5, 8, 9}


def test_random_crop_refuses_pairs_of_different_sizes():
  with pytest.raises(ValueError, match=r'4 x 5 and 5 x 5 pixels: set resize="square"'):
    random_crop((np.zeros((5, 4, 1)), np.zeros((5, 5, 1))), 3, np.random.default_rng(0))


def test_random_flip_flips_half_of_the_time_and_all_pictures_alike():
  array = np.arange(4).reshape(1, 4, 1)
  generator = np.random.default_rng(0)
  flips = 0
  for _ in range(400):
    a, b = random_flip((array, array), generator)
    np.testing.assert_array_equal(a, b)
    flips += int(a[0, 0, 0] == 3)
  assert abs(flips - 200) < 50  # Five standard deviations.


def test_jitter_is_resize_then_crop():
  array = picture((20, 30, 3), "uint8")
  big = resize(array, 12, 12)
  (result,) = jitter(
    (array,), np.random.default_rng(3), resize_to="square", load_size=12, crop_size=8, flip=False
  )
  windows = np.lib.stride_tricks.sliding_window_view(big, (8, 8, 3)).reshape(-1, 8, 8, 3)
  assert (windows == result).all(axis=(1, 2, 3)).sum() == 1


@pytest.mark.parametrize("resize_to", ["square", "scale_width", "none"])
@pytest.mark.parametrize("shape", [(40, 20, 3), (5, 30, 3), (9, 9, 3)])
def test_jitter_always_gives_the_crop_size(resize_to, shape):
  (result,) = jitter(
    (picture(shape, "uint16"),),
    np.random.default_rng(0),
    resize_to=resize_to,
    load_size=14,
    crop_size=11,
    flip=True,
  )
  assert result.shape == (11, 11, 3) and result.dtype == np.uint16


def test_fit_for_evaluation():
  array = picture((50, 70, 3), "uint8")
  square = fit(array, resize_to="square", crop_size=16)
  np.testing.assert_array_equal(square, resize(array, 16, 16))
  assert fit(array, resize_to="scale_width", crop_size=35).shape == (25, 35, 3)
  assert fit(array, resize_to="none", crop_size=1) is not None
  np.testing.assert_array_equal(
    fit(array, resize_to="none", crop_size=1, multiple=16), array[1:49, 3:67]
  )
  assert fit(array, resize_to="none", crop_size=1, multiple=64).shape == (64, 64, 3)
  np.testing.assert_array_equal(center_crop(array, 50, 70), array)
