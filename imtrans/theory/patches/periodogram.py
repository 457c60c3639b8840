"""What patches of a Gaussian line measure: simulated, and its exact mean and variance.

The simulation and the finite-sample law beside the closed forms of `texture`.
"""

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.theory.patches.texture import Texture, covariance, spectrum


def draw_lines(key: Array, texture: Texture, *, num_lines: int, num_values: int) -> Array:
  """Draws lines of the texture on a ring: white noise shaped by the square root of the spectrum.

  Args:
    key: random key.
    texture: the components; the ring should be many correlation lengths long.
    num_lines: how many lines.
    num_values: pixels around the ring.

  Returns:
    [num_lines, num_values].
  """
  frequencies = 2.0 * jnp.pi * jnp.fft.rfftfreq(num_values)
  noise = jnp.fft.rfft(jax.random.normal(key, (num_lines, num_values)))
  gains = jnp.sqrt(spectrum(texture, frequencies))[None, :]
  shaped = jax.lax.complex(jnp.real(noise) * gains, jnp.imag(noise) * gains)
  return jnp.fft.irfft(shaped, num_values)


def averaged_periodogram(
  lines: Array, frequencies: Array, patch_size: int, *, stride: int = 1
) -> Array:
  """The simulation beside `patch_spectrum`: |Σ x_k exp(-i ω k)|² / p, averaged over patches.

  Args:
    lines: [lines, values].
    frequencies: [frequencies].
    patch_size: p in pixels.
    stride: distance between neighbouring patches in pixels.

  Returns:
    [lines, frequencies].

  Raises:
    ValueError: if a line is shorter than a patch.
  """
  num_values = lines.shape[-1]
  if not 1 <= patch_size <= num_values:
    raise ValueError(f"patch_size must be between 1 and {num_values}, got {patch_size}.")
  starts = jnp.arange(0, num_values - patch_size + 1, stride)
  pixels = jnp.arange(patch_size)
  patches = lines[:, starts[:, None] + pixels[None, :]]
  angles = pixels.astype(frequencies.dtype)[:, None] * frequencies[None, :]
  power = jnp.square(patches @ jnp.cos(angles)) + jnp.square(patches @ jnp.sin(angles))
  return jnp.mean(power, axis=1) / patch_size


def periodogram_moments(
  texture: Texture,
  frequencies: Array,
  patch_size: Array | float,
  *,
  num_values: int,
  stride: Array | float = 1.0,
) -> tuple[Array, Array]:
  """Mean and variance of the averaged periodogram of one line, without approximation.

  It is a quadratic form xᵀ A x of the line x ~ N(0, R), with A_jk the share of patches that hold
  both pixels times cos(ω (j - k)); so its mean is tr A R and its variance 2 tr (A R)².

  Args:
    texture: the components.
    frequencies: [frequencies].
    patch_size: p in whole pixels, at most `num_values`; `jax.vmap` takes arrays.
    num_values: pixels of the line; the work grows with its cube.
    stride: distance between neighbouring patches in whole pixels.

  Returns:
    [frequencies] each; the mean is `imtrans.theory.patches.patch_spectrum`.
  """
  pixels = jnp.arange(num_values, dtype=frequencies.dtype)
  lags = pixels[None, :] - pixels[:, None]
  starts = (pixels <= num_values - patch_size) & (pixels % stride == 0.0)
  inside = (lags >= 0.0) & (lags < patch_size)
  members = jnp.where(starts[:, None] & inside, 1.0, 0.0)
  pairs = members.T @ members / jnp.sum(members)
  covariances = covariance(texture, lags)

  def moments(frequency: Array) -> tuple[Array, Array]:
    product = (pairs * jnp.cos(frequency * lags)) @ covariances
    return jnp.trace(product), 2.0 * jnp.sum(product * product.T)

  return jax.lax.map(moments, frequencies)
