"""The generator of StarGAN v2: what is where is kept, a style sets every normalisation after it."""

import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.content_style import KERNEL_INIT, modulate
from imtrans.networks.convolution import Convolution
from imtrans.networks.latent import check_code
from imtrans.networks.latent_encoder import mean_halve
from imtrans.networks.normalization import instance_norm
from imtrans.networks.resampling import double

HALF_VARIANCE = math.sqrt(0.5)  # Keeps the variance of a sum of two.


class AdaINGenerator(nn.Module):
  """Residual blocks that halve, blocks that keep the size, and blocks that double.

  Choi et al., 2020, Table 5, https://arxiv.org/abs/1912.01865, without the filtered connections
  that their model of faces has. The first half is instance normalised, in the second the style sets
  the statistics (AdaIN). As in the paper nothing bounds the output. Height and width must be
  multiples of 2 ** num_levels.
  """

  out_channels: int = 3
  num_levels: int = 4  # Halvings: four for 256 pixels.
  num_blocks: int = 2  # Of one size in the middle, before the style and again after it.
  features: int = 64  # Before the first halving; doubled by each.
  max_features: int = 512
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  @nn.compact
  def __call__(self, images: Array, style: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] and a style to an image of that size.

    `style` is [batch, style_size]. Returns [batch, height, width, out_channels].
    """
    del train  # Neither dropout nor batch statistics.
    if style is None:
      raise ValueError(
        "the generator adain needs a style for every image: train stargan2 with it, or choose "
        "another generator.name."
      )
    check_code(style)
    multiple = self.size_multiple
    if images.shape[1] % multiple or images.shape[2] % multiple:
      raise ValueError(
        f"height and width must be multiples of {multiple} for this generator, got "
        f"{images.shape[1]}x{images.shape[2]}: choose another crop size or generator.num_levels."
      )
    widths = [min(self.features * 2**n, self.max_features) for n in range(self.num_levels + 1)]
    hidden = Convolution(
      widths[0], 3, padding=1, dtype=self.dtype, kernel_init=KERNEL_INIT, name="input"
    )(images)
    for level, width in enumerate(widths[1:]):
      hidden = ResidualBlock(width, "instance", True, self.dtype, name=f"down_{level}")(hidden)
    for index in range(self.num_blocks):
      hidden = ResidualBlock(widths[-1], "instance", False, self.dtype, name=f"block_{index}")(
        hidden
      )
    for index in range(self.num_blocks):
      hidden = StyledBlock(widths[-1], False, self.dtype, name=f"styled_{index}")(hidden, style)
    for level, width in enumerate(reversed(widths[:-1])):
      hidden = StyledBlock(width, True, self.dtype, name=f"up_{level}")(hidden, style)
    hidden = nn.leaky_relu(AffineInstanceNorm(name="output_norm")(hidden), 0.2)
    outputs = Convolution(
      self.out_channels, 1, dtype=self.dtype, kernel_init=KERNEL_INIT, name="output"
    )(hidden)
    return outputs.astype(jnp.float32)


class ResidualBlock(nn.Module):
  """Activation, convolution, twice, beside a shortcut; the sum has the variance of its parts."""

  features: int
  norm: str  # "instance", with learned scale and shift, or "none".
  halved: bool  # Whether height and width are halved, by averaging.
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, in] to [batch, height, width, features], or half the size."""

    def activate(hidden: Array, name: str) -> Array:
      if self.norm == "instance":
        hidden = AffineInstanceNorm(name=f"{name}_norm")(hidden)
      return nn.leaky_relu(hidden, 0.2)

    def convolve(features: int, name: str, bias: str, hidden: Array) -> Array:
      return Convolution(
        features,
        3,
        padding=1,
        bias=bias,
        dtype=self.dtype,
        kernel_init=KERNEL_INIT,
        name=name,
      )(hidden)

    inputs = images.shape[-1]
    bias = "idle" if self.norm == "instance" else "added"
    residual = convolve(inputs, "first", bias, activate(images, "first"))
    residual = mean_halve(residual) if self.halved else residual
    residual = convolve(self.features, "second", "added", activate(residual, "second"))
    # A mean and a convolution of one pixel may change places.
    hidden = mean_halve(images) if self.halved else images
    return HALF_VARIANCE * (residual + shortcut(hidden, self.features, self.dtype))


class StyledBlock(nn.Module):
  """Residual block whose two normalisations are set by a style (Choi et al., 2020, Table 5)."""

  features: int
  doubled: bool  # Whether height and width are doubled, by repeating pixels.
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, style: Array) -> Array:
    """Maps [batch, height, width, in] to [batch, height, width, features], or twice the size.

    `style` is [batch, style_size].
    """

    def activate(hidden: Array, name: str) -> Array:
      width = hidden.shape[-1]
      code = nn.Dense(2 * width, kernel_init=KERNEL_INIT, name=f"{name}_style")(style)
      # The code is how far scales are from one, and shifts from zero.
      statistics = code.reshape(-1, 2, width) + jnp.asarray([1.0, 0.0])[None, :, None]
      return nn.leaky_relu(modulate(instance_norm(hidden), statistics), 0.2)

    def convolve(name: str, bias: str, hidden: Array) -> Array:
      return Convolution(
        self.features,
        3,
        padding=1,
        bias=bias,
        dtype=self.dtype,
        kernel_init=KERNEL_INIT,
        name=name,
      )(hidden)

    hidden = activate(images, "first")
    residual = convolve("first", "idle", double(hidden) if self.doubled else hidden)
    residual = convolve("second", "added", activate(residual, "second"))
    kept = shortcut(images, self.features, self.dtype)
    return HALF_VARIANCE * (residual + (double(kept) if self.doubled else kept))


class AffineInstanceNorm(nn.Module):
  """Instance normalisation with a learned scale and shift of every channel, one and zero first."""

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, channels] to the same shape."""
    shape = (images.shape[-1],)
    scale = self.param("scale", nn.initializers.ones, shape, jnp.float32)
    shift = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
    return modulate(instance_norm(images), jnp.stack([scale, shift])[None])


def shortcut(images: Array, features: int, dtype: jnp.dtype) -> Array:
  """What a residual block adds to its result; to be called inside a module.

  Args:
    images: [batch, height, width, in].
    features: channels of the result.
    dtype: of the activations.

  Returns:
    The images if they have that many channels, else a convolution of one pixel, without bias.
  """
  if images.shape[-1] == features:
    return images
  layer = Convolution(
    features, 1, bias="none", dtype=dtype, kernel_init=KERNEL_INIT, name="shortcut"
  )
  return layer(images)
