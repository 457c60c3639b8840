import math

import numpy as np
import pytest

from imtrans.data.degradations import (
  encode_jpeg,
  fewer_pixels,
  gauss_blur,
  gauss_noise,
  jpeg_artefacts,
  laplace_noise,
  motion_blur,
  poisson_noise,
)
from imtrans.data.filters import correlate, gaussian_blur, gaussian_taps, line_kernel


def grey(value=0.5, size=256, channels=3):
  return np.full((size, size, channels), value, np.float32)


def textured(size=96):
  """A picture with all frequencies."""
  return np.random.default_rng(0).random((size, size, 3), np.float32)


def seeded(seed=0):
  return np.random.default_rng(seed)


@pytest.mark.parametrize("sigma", [0.02, 0.1, 0.3])
@pytest.mark.parametrize("noise", [gauss_noise, laplace_noise])
def test_the_standard_deviation_of_noise_is_sigma(noise, sigma):
  difference = noise(sigma, grey(), seeded()) - 0.5
  count = difference.size
  assert difference.dtype == np.float32
  assert (
    abs(difference.std() / sigma - 1) < 0.02 and abs(difference.mean()) < 5 * sigma / count**0.5
  )
  # The mean absolute deviation tells them apart: of a normal one it is sqrt(2 / pi).
  expected = math.sqrt(2 / math.pi) if noise is gauss_noise else math.sqrt(0.5)
  assert abs(np.abs(difference).mean() / sigma - expected) < 0.01


def test_poisson_variance_is_the_signal_over_the_peak():
  for peak in (10.0, 100.0):
    for value in (0.1, 0.4, 0.9):
      counted = poisson_noise(peak, grey(value), seeded())
      assert abs(counted.var() / (value / peak) - 1) < 0.02
      assert abs(counted.mean() - value) < 0.005
      np.testing.assert_allclose(counted * peak, np.rint(counted * peak), atol=1e-4)
  assert (poisson_noise(30.0, grey(0.0), seeded()) == 0).all()


@pytest.mark.parametrize("factor", [2, 4])
def test_fewer_pixels_keep_what_is_coarse_alone(factor):
  rows = np.arange(64)
  for cycles, kept in ((2, True), (28, False)):  # Of 64 pixels; Nyquist is 16 for 2, 8 for 4.
    wave = 0.5 + 0.4 * np.sin(2 * np.pi * (rows + 0.5) * cycles / 64)
    image = np.broadcast_to(wave[:, None, None], (64, 64, 3)).astype(np.float32)
    small = fewer_pixels(factor, image, seeded())
    assert small.shape == image.shape and small.dtype == np.float32
    contrast = np.std(small[8:-8]) / np.std(image[8:-8])
    assert contrast > 0.95 if kept else contrast < 0.1  # Antialiased: no moire.
  np.testing.assert_allclose(fewer_pixels(factor, grey(0.3), seeded()), 0.3, atol=1e-6)
  assert fewer_pixels(factor, textured(33), seeded()).shape == (33, 33, 3)
  assert fewer_pixels(4, textured(1), seeded()).shape == (1, 1, 3)


def test_gauss_blur_has_its_kernel():
  dot = np.zeros((41, 41, 1), np.float32)
  dot[20, 20] = 1.0
  blurred = gauss_blur(2.0, dot, seeded())[:, :, 0]
  places = np.arange(41) - 20.0
  assert abs(blurred.sum() - 1) < 1e-5
  for axis in (0, 1):
    assert abs((blurred.sum(axis) * places**2).sum() - 4.0) < 0.01  # The variance, pixels².
  np.testing.assert_allclose(blurred[20, 20], 1 / (2 * np.pi * 4), rtol=0.01)
  assert len(gaussian_taps(2.0)) == 17


@pytest.mark.parametrize("angle", [0.0, 30.0, 90.0, 135.0])
@pytest.mark.parametrize("length", [1.0, 4.0, 9.5])
def test_motion_blur_has_its_length_and_direction(length, angle):
  kernel = line_kernel(length, angle).astype(np.float64)
  assert kernel.shape[0] == kernel.shape[1] and kernel.shape[0] % 2 == 1
  np.testing.assert_allclose(kernel, kernel[::-1, ::-1], atol=1e-6)
  assert abs(kernel.sum() - 1) < 1e-6
  places = np.arange(len(kernel)) - len(kernel) // 2
  x, y = np.meshgrid(places, -places)
  cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
  along = (kernel * (x * cosine + y * sine) ** 2).sum()
  across = (kernel * (x * sine - y * cosine) ** 2).sum()
  # An even line has variance length² / 12; sharing among neighbours adds less than 1/4 each way.
  assert -0.01 < along - length**2 / 12 < 0.26 and -1e-9 < across < 0.26
  image = textured()
  np.testing.assert_allclose(
    motion_blur(length, angle, image, seeded()).mean(), image.mean(), atol=0.01
  )


def test_an_angle_that_is_not_given_is_drawn():
  image = textured()
  first, again, other = (motion_blur(9.0, None, image, seeded(s)) for s in (0, 0, 1))
  np.testing.assert_array_equal(first, again)
  assert np.abs(first - other).max() > 0.05


def test_correlate_is_the_sum_over_a_mirrored_window():
  image = textured(7)[:, :5]
  kernel = seeded(1).random((3, 5)).astype(np.float32)
  padded = np.pad(image, [(1, 1), (2, 2), (0, 0)], mode="reflect")
  expected = [
    [(kernel[:, :, None] * padded[i : i + 3, j : j + 5]).sum((0, 1)) for j in range(5)]
    for i in range(7)
  ]
  np.testing.assert_allclose(correlate(image, kernel), expected, atol=1e-5)
  for shape in ((1, 1, 1), (1, 9, 2), (3, 1, 1)):  # Smaller than the kernel.
    np.testing.assert_allclose(gaussian_blur(np.full(shape, 0.3, np.float32), 3.0), 0.3, atol=1e-5)


def test_jpeg_gets_smaller_and_worse_with_its_quality():
  image = gaussian_blur(textured(), 1.5)
  sizes, errors = [], []
  for quality in (5, 20, 50, 80, 95):
    sizes.append(len(encode_jpeg(image, quality)))
    decoded = jpeg_artefacts((quality, quality), image, seeded())
    errors.append(np.abs(decoded - image).mean())
    assert decoded.shape == image.shape and decoded.dtype == np.float32
  assert sizes == sorted(sizes) and len(set(sizes)) == 5
  assert errors == sorted(errors, reverse=True) and errors[-1] < 0.02
  np.testing.assert_allclose(jpeg_artefacts((95, 95), grey(0.2), seeded()), 51 / 255, atol=1e-6)


def test_jpeg_draws_its_quality_and_takes_grey():
  image = textured()
  drawn = {jpeg_artefacts((10, 12), image, seeded(s)).tobytes() for s in range(20)}
  fixed = {jpeg_artefacts((q, q), image, seeded()).tobytes() for q in (10, 11, 12)}
  assert drawn == fixed
  assert jpeg_artefacts((50, 50), image[:, :, :1], seeded()).shape == (96, 96, 1)
