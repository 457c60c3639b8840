import numpy as np
import pytest
from skimage.color import lab2rgb, rgb2lab

from imtrans.data.color import (
  AB_LIMIT,
  colorize,
  grey_from_rgb,
  lab_from_rgb,
  lightness_from_grey,
  linear_from_srgb,
  luma,
  rgb_from_lab,
  rotate_hue,
  srgb_from_linear,
)


def cube(steps=18):
  """All colours of a grid that has the corners of the cube and dark, nearly black ones."""
  values = np.concatenate([[0.0, 0.001, 0.01, 0.04], np.linspace(0.05, 1.0, steps)])
  return np.stack(np.meshgrid(values, values, values), axis=-1).astype(np.float32)


def test_lab_is_scikit_images():
  rgb = cube()
  lab = lab_from_rgb(rgb)
  assert lab.dtype == np.float32
  np.testing.assert_allclose(lab, rgb2lab(rgb.astype(np.float64)), atol=1e-3)
  np.testing.assert_allclose(rgb_from_lab(lab), lab2rgb(lab.astype(np.float64)), atol=1e-3)
  assert np.abs(lab[..., 1:]).max() < AB_LIMIT


def test_lab_of_known_colours_and_back():
  known = {(1, 1, 1): (100, 0, 0), (0, 0, 0): (0, 0, 0), (1, 0, 0): (53.24, 80.09, 67.20)}
  for rgb, lab in known.items():
    np.testing.assert_allclose(lab_from_rgb(np.array(rgb)), lab, atol=0.02)
  np.testing.assert_allclose(rgb_from_lab(lab_from_rgb(cube())), cube(), atol=2e-4)
  # A green that no screen can show.
  shown = rgb_from_lab(np.array([90.0, -120.0, 120.0]))
  assert (shown >= 0).all() and (shown <= 1).all()


def test_srgb_and_light_are_inverse():
  values = np.linspace(0.0, 1.0, 100, dtype=np.float32)
  np.testing.assert_allclose(srgb_from_linear(linear_from_srgb(values)), values, atol=1e-6)
  np.testing.assert_allclose(
    linear_from_srgb(np.array([0.0, 0.5, 1.0])), [0, 0.21404, 1], atol=1e-5
  )


def test_the_grey_of_a_colour_has_its_lightness():
  rgb = cube(6)
  grey = grey_from_rgb(rgb)
  assert grey.shape == (*rgb.shape[:-1], 1)
  lab = lab_from_rgb(np.repeat(grey, 3, axis=-1))
  np.testing.assert_allclose(lab[..., 0], lab_from_rgb(rgb)[..., 0], atol=2e-3)
  np.testing.assert_allclose(lab[..., 1:], 0.0, atol=2e-2)
  np.testing.assert_allclose(lightness_from_grey(grey), lab_from_rgb(rgb)[..., :1], atol=2e-3)
  neutral = np.full((2, 2, 3), 0.3, np.float32)  # A grey picture is its own grey.
  np.testing.assert_allclose(grey_from_rgb(neutral), 0.3, atol=1e-6)


def test_grey_and_ab_together_are_the_picture():
  rgb = cube(6)
  np.testing.assert_allclose(
    colorize(grey_from_rgb(rgb), lab_from_rgb(rgb)[..., 1:]), rgb, atol=3e-4
  )


def test_hue_turns_by_known_angles():
  red, green, blue = np.eye(3, dtype=np.float32)
  yellow = np.array([1.0, 1.0, 0.0], np.float32)
  np.testing.assert_allclose(rotate_hue(red, 120.0), green, atol=1e-6)
  np.testing.assert_allclose(rotate_hue(green, 120.0), blue, atol=1e-6)
  np.testing.assert_allclose(rotate_hue(red, 60.0), yellow, atol=1e-6)
  rgb = cube(6)
  np.testing.assert_allclose(rotate_hue(rgb, 120.0), rgb[..., [2, 0, 1]], atol=1e-5)
  np.testing.assert_allclose(rotate_hue(rgb, 360.0), rgb, atol=1e-5)
  np.testing.assert_allclose(rotate_hue(rotate_hue(rgb, 77.0), -77.0), rgb, atol=1e-5)
  turned = rotate_hue(rgb, 77.0)
  np.testing.assert_allclose(turned.max(-1), rgb.max(-1), atol=1e-6)  # Value stays,
  np.testing.assert_allclose(turned.min(-1), rgb.min(-1), atol=1e-6)  # and saturation.


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_luma(channels):
  image = np.ones((2, 3, channels), np.float32)
  np.testing.assert_allclose(luma(image), np.ones((2, 3, 1)), atol=1e-6)
  if channels == 3:
    np.testing.assert_allclose(luma(image * [0, 1, 0])[0, 0], 0.587, atol=1e-6)
