"""Convolutions: padding, strided and transposed, and how each is lowered on this platform.

Nothing else in the package calls `lax.conv`. Layouts are NHWC for images and HWIO for kernels; a
transposed convolution has the kernel of the convolution that it transposes, [height, width, out,
in].
"""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks.halo import apply_padded, num_row_shards
from imtrans.networks.products import gather_convolve, scatter_convolve, scatter_transposed
from imtrans.networks.winograd import winograd_convolve
from imtrans.theory.lipschitz import power_iteration

DIMENSIONS = ("NHWC", "HWIO", "NHWC")
BIASES = ("added", "idle", "none")
FEW, MANY = 4, 16  # Channels below and above which a lowering on CPU pays.


def convolve(images: Array, kernel: Array, *, stride: int = 1, padding: int = 0) -> Array:
  """Cross-correlation with zero padding, as every deep-learning library calls a convolution.

  Args:
    images: [batch, height, width, in].
    kernel: [kernel_height, kernel_width, in, out].
    stride: pixels between outputs.
    padding: zeros on each side.

  Returns:
    [batch, (height + 2 padding - kernel_height) // stride + 1, likewise, out].
  """
  direct = functools.partial(direct_convolve, stride=stride, padding=padding)
  if num_row_shards() > 1:  # The one lowering whose rows XLA can split.
    return direct(images, kernel)
  on_cpu = functools.partial(_convolve_on_cpu, stride=stride, padding=padding)
  return lax.platform_dependent(images, kernel, cpu=on_cpu, default=direct)


def direct_convolve(images: Array, kernel: Array, *, stride: int, padding: int) -> Array:
  """`convolve` as XLA's own operator: what every other lowering equals.

  Returns:
    As `convolve`, whose arguments these are.
  """
  return lax.conv_general_dilated(
    images, kernel, (stride, stride), ((padding, padding),) * 2, dimension_numbers=DIMENSIONS
  )


def _convolve_on_cpu(images: Array, kernel: Array, *, stride: int, padding: int) -> Array:
  """Picks the fastest lowering, by measurement: experiments/benchmark/README.md says which."""
  size, width, inputs, outputs = kernel.shape
  if images.dtype != jnp.float32 or size != width or size == 1:
    return direct_convolve(images, kernel, stride=stride, padding=padding)
  positions = images.shape[0]
  for side in images.shape[1:3]:
    positions *= (side + 2 * padding - size) // stride + 1
  if stride == 1 and outputs <= FEW:
    return scatter_convolve(images, kernel, padding=padding)
  if 2 * positions <= outputs:
    return gather_convolve(images, kernel, stride=stride, padding=padding)
  if inputs < MANY or outputs < MANY or size > 4:
    return direct_convolve(images, kernel, stride=stride, padding=padding)
  if stride == 2 and size == 4:
    return halved_convolve(images, kernel, padding=padding)
  if stride == 1 and size > 2:
    return winograd_convolve(_zero_pad(images, padding), kernel)
  return gather_convolve(images, kernel, stride=stride, padding=padding)


def halved_convolve(images: Array, kernel: Array, *, padding: int) -> Array:
  """`convolve` of stride two and even kernel size as one of stride one and half the size.

  Two by two pixels become one with four times the channels, in images and kernel alike, and the
  weight gradient is no longer that of a strided convolution.

  Returns:
    As `convolve`, whose arguments these are.
  """
  images = _zero_pad(images, padding)
  batch, height, width, inputs = images.shape
  half, features = kernel.shape[0] // 2, kernel.shape[3]
  tall, wide = height // 2, width // 2
  pixels = images[:, : 2 * tall, : 2 * wide].reshape(batch, tall, 2, wide, 2, inputs)
  pixels = jnp.transpose(pixels, (0, 1, 3, 2, 4, 5)).reshape(batch, tall, wide, 4 * inputs)
  taps = kernel.reshape(half, 2, half, 2, inputs, features)
  taps = jnp.transpose(taps, (0, 2, 1, 3, 4, 5)).reshape(half, half, 4 * inputs, features)
  return direct_convolve(pixels, taps, stride=1, padding=0)


def _zero_pad(images: Array, padding: int) -> Array:
  return jnp.pad(images, ((0, 0), (padding, padding), (padding, padding), (0, 0)))


def transposed_convolve(
  images: Array, kernel: Array, *, padding: int, output_padding: int = 0
) -> Array:
  """Transposed convolution of stride two: y[2 i - padding + k] += x[i] w[k].

  Elsewhere than on CPU it is written as phases: outputs of even and odd row and column are four
  small ordinary convolutions, interleaved. Equal to the textbook operator to rounding; the weight
  gradient avoids the slow paths that XLA takes for dilated inputs, and a height-sharded image
  needs one halo exchange.

  Args:
    images: [batch, height, width, in].
    kernel: [size, size, out, in], of the convolution that this one transposes.
    padding: outputs dropped on each side, as in that convolution.
    output_padding: outputs added below and to the right.

  Returns:
    [batch, 2 height', 2 width', out] where 2 height' = 2 (height - 1) - 2 padding + size +
    output_padding, which must be even and is 2 height for (size, padding, output_padding) of
    (4, 1, 0) and (3, 1, 1).

  Raises:
    ValueError: if the output would not be twice the input.
  """
  size = kernel.shape[0]
  if kernel.shape[1] != size or size - 2 * padding + output_padding != 2:
    raise ValueError(
      "transposed_convolve doubles its input: size - 2 padding + output_padding must be 2, "
      f"got kernel {kernel.shape[:2]}, padding {padding}, output_padding {output_padding}."
    )
  phased = functools.partial(phased_transposed, padding=padding)
  if num_row_shards() > 1:
    return phased(images, kernel)
  on_cpu = functools.partial(scatter_transposed, padding=padding)
  return lax.platform_dependent(images, kernel, cpu=on_cpu, default=phased)


def phased_transposed(images: Array, kernel: Array, *, padding: int) -> Array:
  """`transposed_convolve` as four convolutions whose outputs are interleaved.

  Returns:
    As `transposed_convolve`, whose arguments these are.
  """
  batch, height, width, _ = images.shape
  size, _, outputs, _ = kernel.shape
  rows = []
  for row in range(2):
    columns = []
    for column in range(2):
      taps_h, pad_h = _phase(size, padding, row)
      taps_w, pad_w = _phase(size, padding, column)
      part = kernel[taps_h][:, taps_w]
      columns.append(
        lax.conv_general_dilated(
          images, part, (1, 1), (pad_h, pad_w), dimension_numbers=("NHWC", "HWOI", "NHWC")
        )
      )
    rows.append(jnp.stack(columns, axis=3))
  interleaved = jnp.stack(rows, axis=2)
  return interleaved.reshape(batch, 2 * height, 2 * width, outputs)


def _phase(size: int, padding: int, offset: int) -> tuple[slice, tuple[int, int]]:
  """Kernel taps (as a reversed slice) and zero padding of the outputs at `offset` modulo two.

  Output o = 2 m + offset takes the taps k = 2 j + first with first = (offset + padding) mod 2,
  each from input m + (offset + padding) // 2 - j.
  """
  first = (offset + padding) % 2
  count = (size - first + 1) // 2
  ahead = (offset + padding) // 2
  last = first + 2 * (count - 1)
  stop = first - 1 if first > 0 else None
  return slice(last, stop, -2), (count - 1 - ahead, ahead)


class Convolution(nn.Module):
  """Convolution with zero or reflect padding, bias and spectral normalisation as options.

  The bias is "added", "none", or "idle": a parameter that counts and can be imported, but that the
  instance normalisation after this layer would take away, so that it is not added.

  With `spectral_norm` the kernel is divided by its spectral norm as a matrix of shape
  [out, in * height * width], estimated by one power iteration per training pass whose vector
  lives in the collection "spectral" (Miyato et al., 2018, https://arxiv.org/abs/1802.05957).
  """

  features: int
  kernel_size: int
  stride: int = 1
  padding: int = 0
  padding_mode: str = "zero"
  bias: str = "added"
  spectral_norm: bool = False
  dtype: jnp.dtype = jnp.float32
  kernel_init: Callable = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, in] to [batch, height', width', features] in `dtype`."""
    shape = (self.kernel_size, self.kernel_size, images.shape[-1], self.features)
    kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
    if self.spectral_norm:
      kernel = self._normalized(kernel)
    images, kernel = images.astype(self.dtype), kernel.astype(self.dtype)
    if self.padding_mode == "reflect":
      valid = functools.partial(convolve, stride=self.stride)
      outputs = apply_padded(valid, images, kernel, padding=self.padding)
    elif self.padding_mode == "zero":
      outputs = convolve(images, kernel, stride=self.stride, padding=self.padding)
    else:
      raise ValueError(f"padding_mode must be 'zero' or 'reflect', got {self.padding_mode!r}.")
    return _add_bias(self, outputs)

  def _normalized(self, kernel: Array) -> Array:
    def start() -> Array:
      vector = jax.random.normal(self.make_rng("params"), (self.features,))
      return vector / jnp.linalg.norm(vector)

    vector = self.variable("spectral", "left_vector", start)
    matrix = kernel.reshape(-1, self.features).T
    norm, updated = power_iteration(matrix, vector.value)
    if self.is_mutable_collection("spectral") and not self.is_initializing():
      vector.value = updated
    return kernel / norm


class TransposedConvolution(nn.Module):
  """Transposed convolution of stride two that doubles height and width."""

  features: int
  kernel_size: int = 4
  padding: int = 1
  output_padding: int = 0
  bias: str = "added"
  dtype: jnp.dtype = jnp.float32
  kernel_init: Callable = nn.initializers.normal(0.02)

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, in] to [batch, 2 height, 2 width, features] in `dtype`."""
    shape = (self.kernel_size, self.kernel_size, self.features, images.shape[-1])
    kernel = self.param("kernel", self.kernel_init, shape, jnp.float32)
    outputs = transposed_convolve(
      images.astype(self.dtype),
      kernel.astype(self.dtype),
      padding=self.padding,
      output_padding=self.output_padding,
    )
    return _add_bias(self, outputs)


def _add_bias(module: Convolution | TransposedConvolution, outputs: Array) -> Array:
  if module.bias not in BIASES:
    raise ValueError(f"bias must be one of {', '.join(BIASES)}, got {module.bias!r}.")
  if module.bias == "none":
    return outputs
  bias = module.param("bias", nn.initializers.zeros, (module.features,), jnp.float32)
  if module.bias == "idle":
    return outputs
  return outputs + bias.astype(outputs.dtype)[None, None, None, :]
