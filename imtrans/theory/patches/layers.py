"""What a patch discriminator can see: receptive fields, output sizes, numbers of patches."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array


class Layer(NamedTuple):
  """The geometry of one convolution, in pixels of its input."""

  kernel_size: int
  stride: int
  padding: int


def receptive_field(layers: Sequence[Layer]) -> int:
  """Side of the square of input pixels that one output of a chain of convolutions depends on.

  Backwards through the chain, r <- r * stride + (kernel_size - stride), starting from r = 1
  (Isola et al., 2017, Appendix 6.1.2 speaks of 1, 16, 70 and 286; https://arxiv.org/abs/1611.07004).

  Args:
    layers: the chain, first layer first.

  Returns:
    The side in pixels; padding does not change it.
  """
  side = 1
  for layer in reversed(layers):
    side = side * layer.stride + (layer.kernel_size - layer.stride)
  return side


def output_size(layers: Sequence[Layer], input_size: int) -> int:
  """Side of the output map of a chain of convolutions.

  Args:
    layers: the chain, first layer first.
    input_size: side of the input in pixels.

  Returns:
    The number of outputs along one side.

  Raises:
    ValueError: if the input is too small for one of the layers.
  """
  size = input_size
  for layer in layers:
    size = (size + 2 * layer.padding - layer.kernel_size) // layer.stride + 1
    if size < 1:
      raise ValueError(
        f"input_size {input_size} is too small for these layers: "
        f"a {layer.kernel_size}x{layer.kernel_size} convolution has nothing left to see."
      )
  return size


def patch_stride(layers: Sequence[Layer]) -> int:
  """By how many input pixels the patches of neighbouring outputs lie apart.

  Args:
    layers: the chain, first layer first.

  Returns:
    The product of the strides, in pixels.
  """
  return math.prod(layer.stride for layer in layers)


def path_weights(layers: Sequence[Layer]) -> Array:
  """How much each pixel of a patch counts, by the number of ways from it to the output.

  With all weights equal this is the gradient of one output along one axis (Luo et al., 2016,
  "Understanding the Effective Receptive Field", Sec. 2, https://arxiv.org/abs/1701.04128): close
  to a Gaussian, so that most of a patch counts little.

  Args:
    layers: the chain, first layer first.

  Returns:
    [receptive_field], positive, sum to one.
  """
  weights = jnp.ones(1)
  for layer in reversed(layers):
    # Outputs of this layer lie one stride apart in its input, each spread over one kernel.
    spaced = jnp.zeros((len(weights) - 1) * layer.stride + 1).at[:: layer.stride].set(weights)
    weights = jnp.convolve(spaced, jnp.ones(layer.kernel_size) / layer.kernel_size)
  return weights


def path_deviation(layers: Sequence[Layer]) -> float:
  """Standard deviation of `path_weights` about the patch's middle, in closed form.

  The variances of the kernels add, each in input pixels: Σ jump² (kernel_size² - 1) / 12. The
  70 x 70 discriminator has 13.6 pixels, where a patch that counts evenly would have 20.2.

  Args:
    layers: the chain, first layer first.

  Returns:
    The deviation in pixels.
  """
  variance, jump = 0.0, 1
  for layer in layers:
    variance += jump**2 * (layer.kernel_size**2 - 1) / 12.0
    jump *= layer.stride
  return math.sqrt(variance)


def effective_number(
  patch_size: Array | float, num_patches: Array | float, *, stride: Array | float = 1.0
) -> Array:
  """How many independent patches say as much as a row of overlapping ones.

  n / (1 + 2 Σ_k (1 - k / n) ρ_k) with ρ_k = max(0, 1 - k stride / patch_size)², the correlation
  between the energies of two overlapping patches of white noise (Welch, 1967, "The use of fast
  Fourier transform for the estimation of power spectra"). At stride one and many patches it tends
  to 3 / 2 of the patches that fit side by side.

  Args:
    patch_size: side of a patch in pixels.
    num_patches: n, the number of patches in the row, at least one.
    stride: distance between neighbouring patches in pixels.

  Returns:
    The number along one axis, between one and n; its square for a square of patches.
  """
  step = stride / patch_size
  number = num_patches + jnp.zeros_like(step)
  # The last lag that overlaps, and the sums of its first three powers.
  last = jnp.minimum(number - 1.0, jnp.ceil(1.0 / step) - 1.0)
  first = 0.5 * last * (last + 1.0)
  second = first * (2.0 * last + 1.0) / 3.0
  third = jnp.square(first)
  overlap = last - first * (1.0 / number + 2.0 * step)
  overlap = overlap + second * step * (2.0 / number + step)
  overlap = overlap - third * jnp.square(step) / number
  return number / (1.0 + 2.0 * overlap)


def effective_patches(layers: Sequence[Layer], input_size: int) -> float:
  """How many independent patches a discriminator judges in one square image.

  The 900 logits of the 70 x 70 discriminator on 256 pixels say as much as 30 independent ones.
  All pixels of a patch count alike here, and padding as if there were pixels.

  Args:
    layers: the chain, first layer first.
    input_size: side of the image in pixels.

  Returns:
    The effective number of patches of the whole image, not above its number of logits.

  Raises:
    ValueError: if the image is too small for the layers.
  """
  side = effective_number(
    float(receptive_field(layers)),
    float(output_size(layers, input_size)),
    stride=float(patch_stride(layers)),
  )
  return float(side) ** 2
