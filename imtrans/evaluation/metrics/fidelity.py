"""Distances between a translated image and its target: one number per image.

Images are [batch, height, width, channels] in [-1, 1]. Functions are pure `jax.numpy`: they can be
jitted, vmapped and differentiated. Rounding to the values of a picture file is the business of the
caller (`judges/pairs.py`), so that these functions stay the plain formulas.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

SSIM_SIGMA = 1.5  # Pixels; the Gaussian window of Wang et al.
SSIM_RADIUS = 5  # Pixels: the window is cut off at 3.5 sigma, which leaves 11 x 11 taps.
SSIM_WINDOW = 2 * SSIM_RADIUS + 1

# Wang et al., 2003, Sec. 3.2: how much each scale counts, the finest first.
MS_SSIM_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
MS_SSIM_LEAST = (SSIM_WINDOW - 1) * 2 ** (len(MS_SSIM_WEIGHTS) - 1) + 1  # Pixels a side.

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


def l2(images: Array, targets: Array) -> Array:
  """Mean squared error on the scale where black is 0 and white is 1.

  Args:
    images: [batch, height, width, channels] in [-1, 1].
    targets: the same shape and range.

  Returns:
    [batch]: 0 for equal images, 1 for black against white.

  Raises:
    ValueError: the shapes differ or do not have four axes.
  """
  _check(images, targets)
  return 0.25 * jnp.mean(jnp.square(images - targets), axis=(1, 2, 3))


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
  similarity, _ = _similarities(0.5 * (images + 1.0), 0.5 * (targets + 1.0))
  return jnp.mean(similarity, axis=1)


def ms_ssim(images: Array, targets: Array) -> Array:
  """Structural similarity on five scales, from fine to coarse.

  Wang et al., 2003, "Multi-Scale Structural Similarity for Image Quality Assessment", Eq. 7,
  https://doi.org/10.1109/ACSSC.2003.1292216: contrast and structure of every scale, and luminance
  of the coarsest, multiplied with the weights of Sec. 3.2. Window and constants are those of
  `ssim`. Each scale is the mean over 2 x 2 pixels of the one before, the last row or column of an
  odd size being repeated, as in the authors' code. A scale that is negative on average counts as 0
  (a root of it would not be real). The product is taken per channel, then the mean over channels.

  Args:
    images: [batch, height, width, channels] in [-1, 1], at least 161 pixels high and wide.
    targets: the same shape and range.

  Returns:
    [batch] in [0, 1]; 1 for equal images.

  Raises:
    ValueError: the shapes differ, or the images are so small that the coarsest scale is smaller
      than the window.
  """
  _check(images, targets)
  height, width = images.shape[1:3]
  if min(height, width) < MS_SSIM_LEAST:
    raise ValueError(
      f"multi-scale SSIM halves the images {len(MS_SSIM_WEIGHTS) - 1} times and then looks through "
      f"a window of {SSIM_WINDOW} x {SSIM_WINDOW} pixels: they must be at least {MS_SSIM_LEAST} x "
      f"{MS_SSIM_LEAST}, got {height} x {width}; evaluate at a larger size, or use SSIM."
    )
  x, y = 0.5 * (images + 1.0), 0.5 * (targets + 1.0)
  product = jnp.ones((images.shape[0], images.shape[3]), jnp.float32)
  last = len(MS_SSIM_WEIGHTS) - 1
  for scale, weight in enumerate(MS_SSIM_WEIGHTS):
    similarity, structure = _similarities(x, y)
    value = similarity if scale == last else structure
    positive = value > 0.0  # The derivative of a root is infinite at 0.
    product = product * jnp.where(positive, jnp.where(positive, value, 1.0) ** weight, 0.0)
    if scale < last:
      x, y = _halve(x), _halve(y)
  return jnp.mean(product, axis=1)


def _halve(images: Array) -> Array:
  """Means over 2 x 2 pixels; the last row or column of an odd size is repeated."""
  height, width = images.shape[1:3]
  padded = jnp.pad(images, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")
  rows = 0.5 * (padded[:, ::2] + padded[:, 1::2])
  return 0.5 * (rows[:, :, ::2] + rows[:, :, 1::2])


def _similarities(x: Array, y: Array) -> tuple[Array, Array]:
  """SSIM, and its factor of contrast and structure, of images in [0, 1]: [batch, channels] each."""
  mean_x, mean_y, var_x, var_y, cov = _windowed_moments(x, y)
  c1, c2 = 0.01**2, 0.03**2
  luminance = (2.0 * mean_x * mean_y + c1) / (jnp.square(mean_x) + jnp.square(mean_y) + c1)
  structure = (2.0 * cov + c2) / (var_x + var_y + c2)
  # Short sums of short sums: one long float32 sum may be off by more than 1e-6.
  similarity = jnp.mean(jnp.mean(luminance * structure, axis=1), axis=1)
  return similarity, jnp.mean(jnp.mean(structure, axis=1), axis=1)


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
  """One axis of `_windowed_moments`: the moments of a mixture of 11 neighbours.

  The window is a loop: as one expression it takes XLA ten times as long to compile and to run.
  """
  x, y, var_x, var_y, cov = moments
  taps = np.exp(-0.5 * np.square(np.arange(-SSIM_RADIUS, SSIM_RADIUS + 1) / SSIM_SIGMA))
  window = (jnp.arange(SSIM_WINDOW), jnp.asarray(taps / taps.sum(), jnp.float32))
  length = x.shape[axis] - SSIM_WINDOW + 1

  def neighbour(values: Array, offset: Array) -> Array:
    return jax.lax.dynamic_slice_in_dim(values, offset, length, axis)

  def add_means(means: Any, tap: tuple[Array, Array]) -> tuple[Any, None]:
    offset, weight = tap
    values = (neighbour(x, offset), neighbour(y, offset))
    return tuple(m + weight * v for m, v in zip(means, values, strict=True)), None

  def add_deviations(sums: Any, tap: tuple[Array, Array]) -> tuple[Any, None]:
    offset, weight = tap
    dx, dy = neighbour(x, offset) - mean_x, neighbour(y, offset) - mean_y
    values = (
      neighbour(var_x, offset) + jnp.square(dx),
      neighbour(var_y, offset) + jnp.square(dy),
      neighbour(cov, offset) + dx * dy,
    )
    return tuple(s + weight * v for s, v in zip(sums, values, strict=True)), None

  zero = jnp.zeros_like(jax.lax.slice_in_dim(x, 0, length, axis=axis))
  (mean_x, mean_y), _ = jax.lax.scan(add_means, (zero, zero), window)
  sums, _ = jax.lax.scan(add_deviations, (zero, zero, zero), window)
  return (mean_x, mean_y, *sums)
