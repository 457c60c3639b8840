"""A generator for large pictures: another one at half the size, and what refines it."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.normalization import Normalization, convolution_bias
from imtrans.networks.resampling import halve
from imtrans.networks.resnet import ResNet

GLOBAL = "global"  # The part of the parameters that is trained first, at half the size.


class LocalEnhancer(nn.Module):
  """Local enhancer of pix2pixHD (Wang et al., 2018, Sec. 3.2, https://arxiv.org/abs/1711.11585).

  The global generator sees the image at half the size. What it makes before its last convolution
  is added to what the enhancer makes of the image itself by c7s1-32, d64; R64 x num_local_blocks,
  u32 and c7s1-out follow. Height and width must be multiples of 2 ** (num_levels + 1).
  """

  out_channels: int = 3
  num_blocks: int = 9  # Of the global generator.
  num_levels: int = 4  # Of the global generator.
  num_local_blocks: int = 3
  features: int = 32  # Of the first layer; the global generator has twice as many.
  norm: str = "instance"
  remat: bool = False  # Residual blocks are computed again on the way back: slower, less memory.
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2 ** (self.num_levels + 1)

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to [batch, height, width, out_channels]."""
    if images.ndim != 4:
      raise ValueError(
        f"images must have shape [batch, height, width, channels], got {images.shape}."
      )
    if images.shape[1] % self.size_multiple or images.shape[2] % self.size_multiple:
      raise ValueError(
        f"height and width must be multiples of {self.size_multiple} for this local enhancer, got "
        f"{images.shape[1]}x{images.shape[2]}: choose another crop size."
      )
    bias, width = convolution_bias(self.norm), 2 * self.features

    def normalize(hidden: Array, name: str) -> Array:
      return Normalization(self.norm, self.dtype, name=f"{name}_norm")(hidden, train=train)

    def reflected(features: int, size: int, name: str, hidden: Array) -> Array:
      hidden = Convolution(
        features,
        size,
        padding=size // 2,
        padding_mode="reflect",
        bias=bias,
        dtype=self.dtype,
        name=name,
      )(hidden)
      return normalize(hidden, name)

    def residual_block(name: str) -> Callable[[nn.Module, Array], Array]:
      def block(_: nn.Module, hidden: Array) -> Array:
        residual = nn.relu(reflected(width, 3, f"{name}_first", hidden))
        return hidden + reflected(width, 3, f"{name}_second", residual)

      return nn.remat(block) if self.remat else block

    coarse = ResNet(
      out_channels=0,
      num_blocks=self.num_blocks,
      num_levels=self.num_levels,
      features=width,
      norm=self.norm,
      remat=self.remat,
      dtype=self.dtype,
      name=GLOBAL,
    )(halve(images), train=train)
    hidden = nn.relu(reflected(self.features, 7, "input", images))
    hidden = Convolution(width, 3, 2, 1, bias=bias, dtype=self.dtype, name="down")(hidden)
    hidden = nn.relu(normalize(hidden, "down")) + coarse
    for index in range(self.num_local_blocks):
      hidden = residual_block(f"block_{index}")(self, hidden)
    hidden = TransposedConvolution(self.features, 3, 1, 1, bias=bias, dtype=self.dtype, name="up")(
      hidden
    )
    hidden = nn.relu(normalize(hidden, "up"))
    outputs = Convolution(
      self.out_channels, 7, padding=3, padding_mode="reflect", dtype=self.dtype, name="output"
    )(hidden)
    return jnp.tanh(outputs.astype(jnp.float32))
