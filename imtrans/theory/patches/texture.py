"""The patch-size trade-off on paper: a texture over a larger structure, seen patch by patch.

A line of an image is a stationary Gaussian process, a sum of components with covariance
v exp(-|k| / ℓ) cos(ω k): a texture has a short correlation length ℓ, structure a long one. A
discriminator that sees windows of `patch_size` pixels knows nothing of how they go together, so
a generator may lay real patches side by side, independent and at a random phase: lags beyond the
patch are lost and nearer ones count by the share of pairs inside one patch, (1 - |k| / p) of them.
Its spectrum is the true one smoothed by Fejér's kernel, which is also the mean of the averaged
periodogram of Bartlett (1950, "Periodogram analysis and continuous spectra", Biometrika 37): the
bias falls as the patch grows, first that of the texture, last that of the structure. Against it
stands the variance: larger patches are fewer. Frequencies are in radians per pixel, lengths in
pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.theory.patches.layers import effective_number


class Texture(NamedTuple):
  """Components of a stationary line."""

  variances: Array  # [components], at least zero.
  lengths: Array  # [components], correlation lengths in pixels, above zero.
  frequencies: Array  # [components], of the oscillation in radians per pixel; zero for none.


def covariance(texture: Texture, lags: Array) -> Array:
  """Covariance of two pixels of the line.

  Args:
    texture: the components.
    lags: any shape, float, in pixels.

  Returns:
    The shape of `lags`.
  """

  def component(variance: Array, length: Array, frequency: Array) -> Array:
    return variance * jnp.exp(-jnp.abs(lags) / length) * jnp.cos(frequency * lags)

  return jnp.sum(jax.vmap(component)(*texture), axis=0)


def spectrum(texture: Texture, frequencies: Array) -> Array:
  """Power spectrum of the line, the sum of covariance * exp(-i ω k) over all lags k.

  Args:
    texture: the components.
    frequencies: [frequencies].

  Returns:
    [frequencies], variance per frequency; its mean over all frequencies is the variance.
  """
  return _sum_of_peaks(texture, frequencies, _geometric)


def patch_spectrum(texture: Texture, frequencies: Array, patch_size: Array | float) -> Array:
  """Spectrum of a line laid out of independent patches of the texture, in closed form.

  Each component's sum of (1 - |k| / p) z^|k| over |k| < p is
  1 + 2 Re[z / (1 - z) - z (1 - z^p) / (p (1 - z)²)] at z = exp(-1 / ℓ + i (ω' - ω)).

  Args:
    texture: the components.
    frequencies: [frequencies].
    patch_size: p in pixels, at least one; differentiable, `jax.vmap` takes arrays.

  Returns:
    [frequencies]; tends to `spectrum` as the patch grows, and is flat at p = 1.
  """
  size = jax.lax.complex(jnp.asarray(patch_size, frequencies.dtype), jnp.zeros_like(frequencies[0]))

  def half_sum(exponent: Array) -> Array:
    missed = jnp.expm1(exponent * size) / (jnp.expm1(exponent) * size)
    return _geometric(exponent) * (1.0 - missed)

  return _sum_of_peaks(texture, frequencies, half_sum)


def relative_bias(texture: Texture, frequencies: Array, patch_size: Array | float) -> Array:
  """What a patch hides of each frequency: patch spectrum over true spectrum, minus one.

  At a component's own peak it is about -(ℓ / p) (1 - exp(-p / ℓ)): all is hidden of correlations
  much longer than the patch, little of those much shorter.

  Args:
    texture: the components.
    frequencies: [frequencies].
    patch_size: p in pixels, at least one.

  Returns:
    [frequencies]: negative at peaks, which smear, positive beside them.
  """
  return patch_spectrum(texture, frequencies, patch_size) / spectrum(texture, frequencies) - 1.0


def spectral_error(
  texture: Texture,
  frequencies: Array,
  patch_size: Array | float,
  *,
  num_values: Array | float,
  stride: Array | float = 1.0,
) -> tuple[Array, Array]:
  """Squared bias and variance of the spectrum that patches show, relative to the spectrum.

  The bias is exact. The variance, `patch_spectrum`² / `effective_number`, holds where the spectrum
  changes little within the resolution 1 / p of a patch, away from frequencies zero and π: it is a
  quarter too small where a patch has three correlation lengths, and more below, for patches apart
  are then not independent. `imtrans.theory.patches.periodogram_moments` has the exact one.

  Args:
    texture: the components.
    frequencies: [frequencies], over which squares are summed: a band, or all.
    patch_size: p in pixels, at least one.
    num_values: pixels of the line that are seen, at least p.
    stride: distance between neighbouring patches in pixels.

  Returns:
    Two scalars: Σ bias² / Σ spectrum² and Σ variance / Σ spectrum². Their sum is the error.
  """
  true, seen = spectrum(texture, frequencies), patch_spectrum(texture, frequencies, patch_size)
  num_patches = jnp.floor((num_values - patch_size) / stride) + 1.0
  number = effective_number(patch_size, num_patches, stride=stride)
  power = jnp.sum(jnp.square(true))
  bias = jnp.sum(jnp.square(seen - true)) / power
  return bias, jnp.sum(jnp.square(seen)) / (number * power)


def best_patch_size(
  correlation_length: Array | float, num_values: Array | float, *, dimensions: int = 1
) -> Array | float:
  """The patch size with the least error at a peak of the spectrum, for ℓ << p << N.

  Minimizes (D ℓ / p)² + (2 p / (3 N))^D: p* = (2 D ℓ² (3 N / 2)^D)^(1 / (D + 2)), that is
  (3 N ℓ²)^(1/3) on a line and √(3 N ℓ) in an image with separable covariance. It grows with the
  correlation length and with the data.

  Args:
    correlation_length: ℓ in pixels.
    num_values: N, pixels that are seen along each axis.
    dimensions: D, one for a line, two for an image.

  Returns:
    p* in pixels.
  """
  product = 2.0 * dimensions * correlation_length**2 * (1.5 * num_values) ** dimensions
  return product ** (1.0 / (dimensions + 2))


def _geometric(exponent: Array) -> Array:
  """The sum z + z² + … = z / (1 - z) for z = exp(exponent), exact also for z close to one."""
  return jnp.exp(exponent) / -jnp.expm1(exponent)


def _sum_of_peaks(
  texture: Texture, frequencies: Array, half_sum: Callable[[Array], Array]
) -> Array:
  """Adds variance * Re(1 + 2 half_sum) over the components and the two signs of frequency."""

  def component(variance: Array, length: Array, frequency: Array) -> Array:
    decay = jnp.broadcast_to(-1.0 / length, frequencies.shape)
    sides = [
      1.0 + 2.0 * jnp.real(half_sum(jax.lax.complex(decay, sign * frequency - frequencies)))
      for sign in (1.0, -1.0)
    ]
    return variance * 0.5 * (sides[0] + sides[1])

  return jnp.sum(jax.vmap(component)(*texture), axis=0)
