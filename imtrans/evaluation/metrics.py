"""Distances between a translated image and its target: one number per image.

Images are [batch, height, width, channels] in [-1, 1]. Functions are pure `jax.numpy`: they can be
jitted, vmapped and differentiated. Rounding to the values of a picture file is the business of the
caller (`evaluation/pairs.py`), so that these functions stay the plain formulas.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SSIM_SIGMA = 1.5  # Pixels; the Gaussian window of Wang et al.
SSIM_RADIUS = 5  # Pixels: the window is cut off at 3.5 sigma, which leaves 11 x 11 taps.
SSIM_WINDOW = 2 * SSIM_RADIUS + 1

PSNR_CEILING = 100.0  # Decibels given to identical images, whose error has no logarithm.


def _check(images: Array, targets: Array) -> None:
  """Refuses anything but two equal shapes [batch, height, width, channels]."""
  if images.ndim != 4 or images.shape != targets.shape:
    raise ValueError(
      "images and targets must have the same shape [batch, height, width, channels], "
      f"got {images.shape} and {targets.shape}."
    )


def l1(images: Array, targets: Array) -> Array:
  """Mean absolute error on the scale where black is 0 and white is 1.

  Args:
    images: [batch, height, width, channels] in [-1, 1].
    targets: the same shape and range.

  Returns:
    [batch]: 0 for equal images, 1 for black against white.

  Raises:
    ValueError: the shapes differ or do not have four axes.
  """
  _check(images, targets)
  return 0.5 * jnp.mean(jnp.abs(images - targets), axis=(1, 2, 3))


def psnr(
  images: Array, targets: Array, *, data_range: float = 2.0, ceiling: float = PSNR_CEILING
) -> Array:
  """Peak signal-to-noise ratio, 10 log10(data_range² / mean squared error), in decibels.

  Args:
    images: [batch, height, width, channels].
    targets: the same shape and range.
    data_range: largest minus smallest possible value; 2 for images in [-1, 1].
    ceiling: value given to identical images (and never exceeded), so that means stay finite.

  Returns:
    [batch], in decibels; larger is closer.

  Raises:
    ValueError: the shapes differ or do not have four axes.
  """
  _check(images, targets)
  error = jnp.mean(jnp.square(images - targets), axis=(1, 2, 3)) / data_range**2
  return -10.0 * jnp.log10(jnp.maximum(error, 10.0 ** (-ceiling / 10.0)))


def ssim(images: Array, targets: Array) -> Array:
  """Structural similarity with a Gaussian window.

  Wang et al., 2004, "Image Quality Assessment: From Error Visibility to Structural Similarity",
  Eq. 13, https://doi.org/10.1109/TIP.2003.819861, with K1 = 0.01 and K2 = 0.03 on the scale where
  black is 0 and white is 1. Equal to scikit-image's `structural_similarity` with
  `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=-1`:
  the map is averaged over the pixels whose 11 x 11 window lies inside the image, and over channels.

  Args:
    images: [batch, height, width, channels] in [-1, 1].
    targets: the same shape and range.

  Returns:
    [batch] in [-1, 1]; 1 for equal images.

  Raises:
    ValueError: the shapes differ, or the images are smaller than the window.
  """
  _check(images, targets)
  height, width = images.shape[1:3]
  if min(height, width) < SSIM_WINDOW:
    raise ValueError(
      f"SSIM looks through a window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels: the images must be at "
      f"least that large, got {height} x {width}; evaluate at a larger size."
    )
  x, y = 0.5 * (images + 1.0), 0.5 * (targets + 1.0)
  mean_x, mean_y, var_x, var_y, cov = _windowed_moments(x, y)
  c1, c2 = 0.01**2, 0.03**2
  luminance = (2.0 * mean_x * mean_y + c1) / (jnp.square(mean_x) + jnp.square(mean_y) + c1)
  structure = (2.0 * cov + c2) / (var_x + var_y + c2)
  # Short sums of short sums: one long float32 sum may be off by more than 1e-6.
  columns = jnp.mean(luminance * structure, axis=1)
  return jnp.mean(jnp.mean(columns, axis=1), axis=1)


def _windowed_moments(x: Array, y: Array) -> tuple[Array, Array, Array, Array, Array]:
  """Gaussian-windowed means, variances and covariance at every pixel with a whole window.

  E[x²] - E[x]² cancels in float32 where an image is flat, and c2 is too small to hide it. So the
  second moments are those of deviations: first along the rows, then along the columns with the law
  of total covariance, cov = E[cov of rows] + cov(means of rows).
  """
  zero = jnp.zeros_like(x)
  moments = (x, y, zero, zero, zero)
  for axis in (2, 1):
    moments = _window_along(moments, axis)
  return moments


def _window_along(
  moments: tuple[Array, Array, Array, Array, Array], axis: int
) -> tuple[Array, Array, Array, Array, Array]:
  """One axis of `_windowed_moments`: the moments of a mixture of 11 neighbours."""
  taps = np.exp(-0.5 * np.square(np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / SSIM_SIGMA))
  taps = [float(tap) for tap in taps / taps.sum()]
  length = moments[0].shape[axis] - SSIM_WINDOW + 1

  def neighbours(values: Array) -> list[Array]:
    return [
      jax.lax.slice_in_dim(values, offset, offset + length, axis=axis)
      for offset in range(SSIM_WINDOW)
    ]

  def average(values: list[Array]) -> Array:
    return sum((tap * value for tap, value in zip(taps, values, strict=True)), start=jnp.array(0.0))

  x, y, var_x, var_y, cov = (neighbours(values) for values in moments)
  mean_x, mean_y = average(x), average(y)
  dx, dy = [value - mean_x for value in x], [value - mean_y for value in y]
  return (
    mean_x,
    mean_y,
    average([v + jnp.square(d) for v, d in zip(var_x, dx, strict=True)]),
    average([v + jnp.square(d) for v, d in zip(var_y, dy, strict=True)]),
    average([c + d * e for c, d, e in zip(cov, dx, dy, strict=True)]),
  )
