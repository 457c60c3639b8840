"""What patches hide of OpenMoji on paper: a texture fitted to its lines, in closed form.

The lines of the pictures, rows and columns, are taken for a stationary Gaussian process of several
correlation lengths, as `imtrans.theory.patches.texture` has it.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import nnls

from imtrans.theory.patches import Texture, patch_spectrum, spectrum

LENGTHS = np.geomspace(1.0, 64.0, 13)  # Pixels; the fit chooses among them.
NUM_FREQUENCIES = 512


def line_covariance(images: np.ndarray) -> np.ndarray:
  """Covariance of two pixels of a row or a column, by their distance.

  Args:
    images: [pictures, side, side, channels].

  Returns:
    [side // 2], from distance zero; about the mean of each channel over all pictures.
  """
  centred = images - images.mean(axis=(0, 1, 2), keepdims=True)
  side = images.shape[1]
  found = []
  for lag in range(side // 2):
    columns = np.mean(centred[:, : side - lag] * centred[:, lag:])
    rows = np.mean(centred[:, :, : side - lag] * centred[:, :, lag:])
    found.append(0.5 * (columns + rows))
  return np.array(found)


def fit_texture(covariances: np.ndarray) -> Texture:
  """The texture of decaying correlations that is nearest to given covariances.

  Args:
    covariances: by distance in pixels, from zero.

  Returns:
    Components without oscillation, variances by non-negative least squares.
  """
  decays = np.exp(-np.arange(len(covariances))[:, None] / LENGTHS)
  variances, _ = nnls(decays, covariances)
  used = variances > 1e-6 * variances.sum()
  return Texture(*(jnp.asarray(v[used], jnp.float32) for v in (variances, LENGTHS, 0.0 * LENGTHS)))


def power_ratios(
  texture: Texture, sides: Sequence[float], bands: Sequence[tuple[float, float]]
) -> np.ndarray:
  """Power of lines laid out of real patches over that of real lines, by bands of frequency.

  Args:
    texture: of the lines.
    sides: of the patches, pixels.
    bands: lowest and highest frequency of each, cycles per pixel.

  Returns:
    [sides, bands]; 1 where patches of that size hide nothing.
  """
  frequencies = (np.arange(NUM_FREQUENCIES) + 0.5) / (2.0 * NUM_FREQUENCIES)
  angles = jnp.asarray(2.0 * np.pi * frequencies, texture.lengths.dtype)
  seen = jax.vmap(lambda side: patch_spectrum(texture, angles, side))(
    jnp.asarray(sides, angles.dtype)
  )
  true = spectrum(texture, angles)
  ratios = []
  for low, high in bands:
    inside = (frequencies >= low) & (frequencies < high)
    ratios.append(np.asarray(seen)[:, inside].sum(axis=1) / np.asarray(true)[inside].sum())
  return np.stack(ratios, axis=1)
