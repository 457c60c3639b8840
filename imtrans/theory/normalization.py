"""What instance normalisation forgets: mean, contrast, and regions without any.

Whatever comes in, the output of a normalised layer with scale a and shift b has mean b and
variance a²: the layer erases two numbers per channel, the style of Huang and Belongie (2017,
"Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization", Sec. 4,
https://arxiv.org/abs/1703.06868). The sign of a channel it keeps. Closed forms hold with the
epsilon that is added to the variance; the functions that measure take the layer as an argument.
"""

from collections.abc import Callable

import jax.numpy as jnp
from jax import Array

Normalize = Callable[[Array], Array]  # [batch, height, width, channels] to the same shape.


def variance_kept(variance: Array | float, *, epsilon: float) -> Array | float:
  """Variance after normalisation, σ² / (σ² + ε): one, but for channels of almost no contrast.

  Half is left at σ² = ε: with ε = 1e-5 a standard deviation of 0.0032, 0.4 levels of an 8-bit
  image in [-1, 1].

  Args:
    variance: σ² of a channel over the pixels.
    epsilon: ε, added to the variance (squared units of the input).

  Returns:
    The shape of `variance`, in [0, 1).
  """
  return variance / (variance + epsilon)


def output_statistics(
  variance: Array, scale: Array, shift: Array, *, epsilon: float
) -> tuple[Array, Array]:
  """Mean and variance after the normalisation and its learned scale and shift.

  Args:
    variance: [channels], of the input over the pixels; its mean does not matter.
    scale: a, [channels].
    shift: b, [channels].
    epsilon: ε, added to the variance.

  Returns:
    The mean b and the variance a² σ² / (σ² + ε), [channels] each.
  """
  return shift, jnp.square(scale) * variance_kept(variance, epsilon=epsilon)


def recolouring_response(
  gain: Array | float, variance: Array | float, *, epsilon: float
) -> Array | float:
  """The factor r in norm(g x + s) = r norm(x), r = g √((σ² + ε) / (g² σ² + ε)).

  At ε = 0 it is the sign of the gain: a recolouring of any gain and offset is erased, an inversion
  passes as a change of sign. Instance normalisation does not protect against colour inversion.

  Args:
    gain: g, contrast of the recoloured channel over that of the channel.
    variance: σ² of the channel over the pixels.
    epsilon: ε, added to the variance.

  Returns:
    The factor, near -1 or 1; the shape of the arguments.
  """
  return gain * jnp.sqrt((variance + epsilon) / (jnp.square(gain) * variance + epsilon))


def label_response(fraction: Array | float, *, epsilon: float) -> tuple[Array, Array]:
  """Values of a one-hot label channel after normalisation, inside and outside its region.

  With area fraction f: (1 - f) / √(f (1 - f) + ε) inside and -f / √(f (1 - f) + ε) outside. A
  label that fills the image, f = 1, becomes the same zero as one that is absent: the argument for
  spatially adaptive normalisation (Park et al., 2019, Sec. 3, https://arxiv.org/abs/1903.07291),
  and the reason why a 1 x 1 map must not be normalised (every channel of it has f = 0 or 1).

  Args:
    fraction: f, share of the pixels with the label, in [0, 1].
    epsilon: ε > 0, added to the variance.

  Returns:
    The two values, in standard deviations of the channel.
  """
  deviation = jnp.sqrt(fraction * (1.0 - fraction) + epsilon)
  return (1.0 - fraction) / deviation, -fraction / deviation


def measured_statistics(images: Array) -> tuple[Array, Array]:
  """The style of images: mean and variance of every channel over the pixels.

  Args:
    images: [batch, height, width, channels].

  Returns:
    [batch, channels] each.
  """
  return jnp.mean(images, axis=(1, 2)), jnp.var(images, axis=(1, 2))


def recolour(images: Array, gains: Array, shifts: Array) -> Array:
  """Gives every channel another contrast and offset.

  Args:
    images: [batch, height, width, channels].
    gains: [channels].
    shifts: [channels], in the unit of the images.

  Returns:
    gains * images + shifts, the same shape.
  """
  return images * gains[None, None, None, :] + shifts[None, None, None, :]


def recolouring_leak(normalize: Normalize, images: Array, gains: Array, shifts: Array) -> Array:
  """How much of a recolouring a layer lets through, signs aside.

  Args:
    normalize: the layer, or a network that begins with one.
    images: [batch, height, width, channels].
    gains: [channels], not zero.
    shifts: [channels], in the unit of the images.

  Returns:
    Scalar: root mean square of normalize(gains * x + shifts) - normalize(sign(gains) * x) over
    that of normalize(x). Zero means that the style is erased; without normalisation it is the
    size of the recolouring.
  """
  changed = normalize(recolour(images, gains, shifts))
  kept = normalize(recolour(images, jnp.sign(gains), jnp.zeros_like(shifts)))
  size = jnp.mean(jnp.square(normalize(images)))
  return jnp.sqrt(jnp.mean(jnp.square(changed - kept)) / size)
