"""Messages hidden in a translation: how much fits below what a file or an eye resolves.

A cycle through a poorer domain is closed by writing the missing part of the source into the
translation with small amplitude (Chu et al., 2017, "CycleGAN, a Master of Steganography",
https://arxiv.org/abs/1712.02950). Here the message is Gaussian with root mean square `amplitude`,
the noise that it meets is independent of it, and the reader knows the clean translation, which is
more than a generator knows. Amplitudes and noise are in levels of an 8-bit image. The same on
trained generators is in `imtrans.evaluation.metrics.honesty`.
"""

import math

import jax
import jax.numpy as jnp
from jax import Array

# Standard deviation of the error that rounding to whole levels makes, uniform in [-1/2, 1/2].
ROUNDING = 1.0 / math.sqrt(12.0)


def stored_noise(noise: Array | float) -> Array:
  """Noise of a translation with added noise that is then rounded to whole levels.

  Args:
    noise: standard deviation of the added noise, in levels.

  Returns:
    √(noise² + 1/12), in levels.
  """
  return jnp.hypot(noise, ROUNDING)


def hidden_capacity(amplitude: Array | float, noise: Array | float) -> Array:
  """Capacity of a hidden message, log2(1 + ε² / σ²) / 2 (Shannon, 1948, Theorem 17, per value).

  Exact for Gaussian noise; noise of another shape leaves more, rounding alone at most
  log2(π e / 6) / 2 = 0.25 bits.
  Rounding alone leaves 1.00, 1.85, 2.81, 3.80 and 4.79 bits to amplitudes of 1/2, 1, 2, 4 and 8
  levels; noise of 4 levels leaves 0.011, 0.044, 0.161, 0.50 and 1.16.

  Args:
    amplitude: ε, root mean square of the message, in levels.
    noise: σ > 0, standard deviation of all noise, `ROUNDING` at least for a stored image.

  Returns:
    Bits per value.
  """
  return 0.5 * jnp.log1p(jnp.square(amplitude / noise)) / math.log(2.0)


def recovery_error(amplitude: Array | float, noise: Array | float) -> Array:
  """Error of the best linear reader of a hidden message, 1 / (1 + ε² / σ²).

  In Gaussian noise no other reader has a smaller error. It equals 4^-capacity.

  Args:
    amplitude: ε, root mean square of the message, in levels.
    noise: σ > 0, standard deviation of all noise, in levels.

  Returns:
    Mean squared error over the variance of the message, in (0, 1].
  """
  return 1.0 / (1.0 + jnp.square(amplitude / noise))


def simulate_recovery(
  key: Array, amplitude: Array | float, *, noise: Array | float = 0.0, num_values: int = 100_000
) -> Array:
  """The simulation beside `recovery_error`: hide, add noise, round, read.

  Args:
    key: random key.
    amplitude: ε, root mean square of the message, in levels.
    noise: standard deviation of the noise that is added before rounding, in levels.
    num_values: how many values carry the message.

  Returns:
    Mean squared error over the variance of the message.
  """
  keys = jax.random.split(key, 3)
  carrier = jax.random.uniform(keys[0], (num_values,), minval=0.0, maxval=255.0)
  message = jax.random.normal(keys[1], (num_values,))
  disturbance = noise * jax.random.normal(keys[2], (num_values,))
  stored = jnp.round(carrier + amplitude * message + disturbance)
  gain = amplitude / (jnp.square(amplitude) + jnp.square(stored_noise(noise)))
  return jnp.mean(jnp.square(gain * (stored - carrier) - message))


def least_distortion(variances: Array, bits: Array | float) -> Array:
  """The least squared error of Gaussian sources after a number of bits: reverse water-filling.

  Cover and Thomas, 2006, "Elements of Information Theory", Theorem 10.3.3: every component is
  described to the same error θ, but those of smaller variance not at all. With the capacity of a
  hidden message as the bits it bounds what a cycle through a poor domain can reconstruct.

  Args:
    variances: [components], eigenvalues of the source's covariance, above zero.
    bits: at least zero, for all components together.

  Returns:
    Scalar, the error summed over the components.
  """
  descending = -jnp.sort(-variances)
  logs = jnp.log(descending)
  counts = jnp.arange(1, len(variances) + 1, dtype=logs.dtype)
  # The water level if exactly the k largest components are described, for each k.
  levels = (jnp.cumsum(logs) - 2.0 * math.log(2.0) * bits) / counts
  described = jnp.sum(levels <= logs)
  level = jnp.exp(levels[jnp.maximum(described, 1) - 1])
  return jnp.sum(jnp.minimum(variances, level))
