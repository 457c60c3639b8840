"""Colour statistics in CIELAB: does a generator use the colours that photographs have?

A generator trained with an L1 loss alone averages over what it does not know and comes out grey;
the marginal histograms of L, a and b show it where pixel errors do not (Isola et al., 2017, Sec.
4.2 and Figure 7, https://arxiv.org/abs/1611.07004).
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from imtrans.data.color import RGB_TO_XYZ, WHITE
from imtrans.evaluation.batching import PictureBatches

CHANNELS = ("L", "a", "b")
# The paper does not say its bins. Ours are 2 units wide, about the smallest difference one sees,
# and reach over all colours of sRGB: a within [-86.2, 98.3], b within [-107.9, 94.5]. Grey is the
# middle of a bin, so that rounding does not scatter it over two.
BIN_WIDTH = 2.0
LOWEST = (0.0, -111.0, -111.0)
HIGHEST = (100.0, 111.0, 111.0)
NUM_BINS = tuple(round((h - low) / BIN_WIDTH) for low, h in zip(LOWEST, HIGHEST, strict=True))
BATCH_SIZE = 8  # Few, as a shape that is rare fills its batch with copies.


class LabHistograms(NamedTuple):
  """Shares of pixels per bin, each summing to 1, and how many pixels were counted.

  lightness: [50] over L in [0, 100].
  a: [111] from green to red in [-111, 111].
  b: [111] from blue to yellow in [-111, 111].
  pixels: a number.
  """

  lightness: np.ndarray
  a: np.ndarray
  b: np.ndarray
  pixels: int


def srgb_to_lab(images: Array) -> Array:
  """Converts sRGB to CIELAB with the white D65.

  CIE 15:2004, Sec. 8.2.1, after the transfer function of IEC 61966-2-1; equal to scikit-image's
  `rgb2lab`. The derivative is finite everywhere, also at black.

  Args:
    images: [..., 3] in [-1, 1]; values outside are clipped.

  Returns:
    [..., 3]: L in [0, 100], a and b in about [-110, 110].

  Raises:
    ValueError: for another number of channels.
  """
  _check_channels(images)
  values = jnp.clip(0.5 * (images + 1.0), 0.0, 1.0)
  dark = values <= 0.04045
  bright = jnp.power(jnp.where(dark, 1.0, (values + 0.055) / 1.055), 2.4)
  linear = jnp.where(dark, values / 12.92, bright)
  matrix = jnp.asarray(np.asarray(RGB_TO_XYZ) / np.asarray(WHITE)[:, None], jnp.float32)
  # Written out: a matrix product would be rounded to bfloat16 on a TPU.
  xyz = sum((linear[..., i, None] * _last(matrix[:, i], linear.ndim) for i in range(3)), start=0.0)
  linear_part = 7.787 * xyz + 16.0 / 116.0
  small = xyz <= 0.008856
  f = jnp.where(small, linear_part, jnp.cbrt(jnp.where(small, 1.0, xyz)))
  x, y, z = f[..., 0], f[..., 1], f[..., 2]
  return jnp.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def _check_channels(images: Array | np.ndarray) -> None:
  if images.shape[-1] != 3:
    raise ValueError(
      f"Lab colours are those of three channels, red, green and blue; got shape {images.shape}."
    )


def _last(vector: Array, ndim: int) -> Array:
  return vector.reshape((1,) * (ndim - 1) + (-1,))


@jax.jit
def lab_counts(images: Array) -> tuple[Array, Array, Array]:
  """Counts the pixels of each picture per bin of L, a and b.

  Args:
    images: [batch, height, width, 3] in [-1, 1].

  Returns:
    int32 [batch, 50], [batch, 111] and [batch, 111]; the sum of a row is the number of pixels.
  """
  lab = srgb_to_lab(images)
  counts = []
  for channel, (lowest, bins) in enumerate(zip(LOWEST, NUM_BINS, strict=True)):
    index = jnp.floor((lab[..., channel] - lowest) / BIN_WIDTH).astype(jnp.int32)
    index = jnp.clip(index, 0, bins - 1).reshape(len(images), -1)
    counts.append(jax.vmap(functools.partial(jnp.bincount, length=bins))(index))
  return counts[0], counts[1], counts[2]


class LabCollector:
  """Counts the colours of pictures that come one by one, in batches."""

  def __init__(self, *, batch_size: int = BATCH_SIZE, mesh: Mesh | None = None) -> None:
    """Starts with no picture.

    Args:
      batch_size: pictures per call; more if the mesh cannot divide so many evenly.
      mesh: devices over which batches are divided; the default device if None.
    """
    self._totals = [np.zeros(bins, np.int64) for bins in NUM_BINS]
    self._batches = PictureBatches(self._count, batch_size=batch_size, mesh=mesh)

  def add(self, picture: np.ndarray) -> None:
    """Takes a picture.

    Args:
      picture: float32 [height, width, 3] in [-1, 1]; a change of size compiles the function again.

    Raises:
      ValueError: for another number of channels.
    """
    _check_channels(picture)
    self._batches.add(picture)

  def add_batch(self, images: np.ndarray) -> None:
    """Takes pictures that are a batch already, [batch, height, width, 3] in [-1, 1]."""
    self._count(len(images), images)

  def _count(self, count: int, images: Any) -> None:
    for total, counts in zip(self._totals, lab_counts(images), strict=True):
      total += np.sum(np.asarray(counts)[:count], axis=0, dtype=np.int64)

  def finish(self) -> LabHistograms:
    """Returns the histograms over all pixels so far; ValueError if there are none."""
    self._batches.flush()
    pixels = int(self._totals[0].sum())
    if pixels == 0:
      raise ValueError(
        "there are no pictures to count the colours of: check the folder or the split."
      )
    lightness, a, b = (total / pixels for total in self._totals)
    return LabHistograms(lightness, a, b, pixels)


def lab_histograms(batches: Iterable[np.ndarray]) -> LabHistograms:
  """The marginal histograms of a whole set of pictures.

  Args:
    batches: arrays [batch, height, width, 3] in [-1, 1], of any sizes; each is one call.

  Returns:
    The histograms over all pixels of all pictures.

  Raises:
    ValueError: if there are no pictures, or for another number of channels.
  """
  collector = LabCollector()
  for images in batches:
    collector.add_batch(images)
  return collector.finish()


def histogram_intersection(p: np.ndarray, q: np.ndarray) -> float:
  """The mass that two histograms share: the sum over bins of the smaller share.

  Swain and Ballard, 1991, "Color Indexing", Sec. 3.1, https://doi.org/10.1007/BF00130487, for
  shares. It is 1 minus half the L1 distance of the two.

  Args:
    p: shares [bins] that sum to 1.
    q: the same shape.

  Returns:
    In [0, 1]; 1 for equal histograms.

  Raises:
    ValueError: if the shapes differ.
  """
  if p.shape != q.shape:
    raise ValueError(f"histograms must have the same bins, got shapes {p.shape} and {q.shape}.")
  return float(np.sum(np.minimum(p, q)))


def lab_intersections(real: LabHistograms, fake: LabHistograms) -> dict[str, float]:
  """Histogram intersection per channel, as in the colour table of the pix2pix paper.

  Args:
    real: of the true pictures.
    fake: of the generated ones.

  Returns:
    {"L": ..., "a": ..., "b": ...}, each in [0, 1].
  """
  pairs = zip(CHANNELS, real[:3], fake[:3], strict=True)
  return {name: histogram_intersection(p, q) for name, p, q in pairs}
