"""Convolutions: padding, strided and transposed, and how each is lowered on this platform.

Networks convolve through this module; XLA's operator itself is called in `networks.direct` alone.
Layouts are NHWC for images and HWIO for kernels; a transposed convolution has the kernel of the
convolution that it transposes, [height, width, out, in].
"""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.networks.derivatives import with_derivatives
from imtrans.networks.direct import (
  dilated_transposed,
  direct_convolve,
  halved_convolve,
  phased_transposed,
  zero_pad,
)
from imtrans.networks.halo import apply_padded, apply_with_neighbours, num_row_shards
from imtrans.networks.platforms import by_platform
from imtrans.networks.products import gather_convolve, scatter_convolve, scatter_transposed
from imtrans.networks.winograd import winograd_convolve
from imtrans.theory.lipschitz import power_iteration

BIASES = ("added", "idle", "none")
FEW, MANY = 4, 16  # Channels up to which, and from which, a lowering on CPU pays.
WIDE = 4096  # Positions from which XLA's operator reads its kernel fast enough on CPU.
SEVERAL = 4  # Images from which its weight gradient, whose sum runs over them, is fast on CPU.


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
  if num_row_shards() == 1:
    on_cpu = functools.partial(_convolve_on_cpu, stride=stride, padding=padding)
    return by_platform(cpu=on_cpu, default=direct)(images, kernel)
  if not padding and kernel.shape[:2] == images.shape[1:3]:
    # One output, the sum of what every device makes of its rows.
    return jnp.einsum("bhwi,hwio->bo", images, kernel)[:, None, None]
  if kernel.shape[0] == stride == 1 and not padding:
    return direct(images, kernel)  # No output sees two rows.
  return _convolve_own_rows(images, kernel, stride=stride, padding=padding)


def _convolve_own_rows(images: Array, kernel: Array, *, stride: int, padding: int) -> Array:
  """`convolve` on every device of its own rows and those of its neighbours that it sees.

  All need the same number of outputs, which there may not be: at the end of a patch discriminator a
  kernel of four makes a row less, or one more if padded by two. Then images are lengthened by rows
  of zeros, which padding puts there anyway, and outputs that see nothing else are dropped. Left to
  itself XLA would gather such images, or send them around whole; as it still does with those of so
  few rows that a kernel sees beyond the next device's.
  """
  height, size, shards = images.shape[1], kernel.shape[0], num_row_shards()
  outputs = (height + 2 * padding - size) // stride + 1
  above, below = padding, size - stride - padding  # Rows that are seen beyond a device's own.
  reach = max(above, below)
  per_device = max(-(-outputs // shards), -(-height // (shards * stride)), -(-reach // stride))
  rows = per_device * stride
  images = jnp.pad(images, ((0, 0), (0, shards * rows - height), (0, 0), (0, 0)))

  def on_own_rows(images: Array, kernel: Array) -> Array:
    seen = images[:, reach - above : reach + rows + below]
    return direct_convolve(seen, kernel, stride=stride, padding=(0, padding))

  made = apply_with_neighbours(on_own_rows, images, kernel, padding=reach, mode="constant")
  return made[:, :outputs]


def _convolve_on_cpu(images: Array, kernel: Array, *, stride: int, padding: int) -> Array:
  """Picks a lowering by shape; experiments/benchmark/README.md has what each is worth in a step."""
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
    return winograd_convolve(zero_pad(images, padding), kernel)
  direct = functools.partial(direct_convolve, stride=stride, padding=padding)
  gather = functools.partial(gather_convolve, stride=stride, padding=padding)
  if positions < WIDE:
    return gather(images, kernel)
  by_kernel = direct if images.shape[0] >= SEVERAL else gather
  return with_derivatives(direct, images=direct, kernel=by_kernel)(images, kernel)


def transposed_convolve(
  images: Array, kernel: Array, *, padding: int, output_padding: int = 0
) -> Array:
  """Transposed convolution of stride two: y[2 i - padding + k] += x[i] w[k].

  On GPU it is written as phases: outputs of even and odd row and column are four small ordinary
  convolutions, interleaved. Equal to the textbook operator to rounding; the weight gradient avoids
  the slow paths that XLA takes there for dilated inputs. On TPU interleaving is what costs, so that
  there it is one convolution of dilated images; on CPU the shape decides. Where rows are split,
  each device sees a row of its neighbours on each side, and doubles its own.

  Args:
    images: [batch, height, width, in].
    kernel: [size, size, out, in], of the convolution that this one transposes.
    padding: outputs dropped on each side, as in that convolution.
    output_padding: outputs added below and to the right.

  Returns:
    [batch, 2 height, 2 width, out]: 2 (height - 1) - 2 padding + size + output_padding rows, as for
    (size, padding, output_padding) of (4, 1, 0) and (3, 1, 1).

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
  if num_row_shards() == 1:
    on_cpu = functools.partial(_transposed_on_cpu, padding=padding)
    on_tpu = functools.partial(dilated_transposed, padding=padding)
    return by_platform(cpu=on_cpu, tpu=on_tpu, default=phased)(images, kernel)
  height, missing = images.shape[1], -images.shape[1] % num_row_shards()
  images = jnp.pad(images, ((0, 0), (0, missing), (0, 0), (0, 0)))
  on_own_rows = functools.partial(phased, borders=1)
  doubled = apply_with_neighbours(on_own_rows, images, kernel, padding=1, mode="constant")
  return doubled[:, : 2 * height]


def _transposed_on_cpu(images: Array, kernel: Array, *, padding: int) -> Array:
  """Picks a lowering for value and derivatives by shape, each product having been timed alone."""
  scatter = functools.partial(scatter_transposed, padding=padding)
  phased = functools.partial(phased_transposed, padding=padding)
  batch, height, width, _ = images.shape
  if batch * height * width < WIDE or kernel.shape[2] <= FEW:
    return scatter(images, kernel)
  by_kernel = phased if batch >= SEVERAL else scatter
  return with_derivatives(phased, images=phased, kernel=by_kernel)(images, kernel)


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
      # Where rows are split, what is padded are a device's own.
      valid = convolve if num_row_shards() == 1 else direct_convolve
      function = functools.partial(valid, stride=self.stride, padding=0)
      outputs = apply_padded(function, images, kernel, padding=self.padding)
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
