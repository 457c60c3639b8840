"""Residual generator."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.antialiasing import blur_double, blur_halve
from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.latent import CodeReader, Modulation, append_latent
from imtrans.networks.normalization import Normalization, convolution_bias

LATENT_PLACES = ("input", "blocks")


class ResNet(nn.Module):
  """ResNet generator (Zhu et al., 2017, Appendix 7.2, https://arxiv.org/abs/1703.10593).

  c7s1-64, d128, d256, R256 x num_blocks, u128, u64, c7s1-out, with reflection padding in the
  7x7 convolutions and the residual blocks. With four levels it is the global generator of pix2pixHD
  (Wang et al., 2018, Sec. 3.2, https://arxiv.org/abs/1711.11585). Height and width must be
  multiples of 2 ** num_levels.

  What its encoder makes of an image is noted by layer, for `imtrans.methods.features`: "image"
  itself, "down_1" and "down_2" (the convolutions, before they are normalised), and the residual
  blocks "block_0", "block_1", ...
  """

  out_channels: int = 3  # 0 for what comes before the last convolution, see `LocalEnhancer`.
  num_blocks: int = 9  # Nine for 256 pixels and more, six below.
  num_levels: int = 2  # How often the size is halved before the residual blocks.
  features: int = 64  # Of the first layer; doubled per level.
  norm: str = "instance"
  dropout: float = 0.0  # Inside the residual blocks.
  antialiased: bool = False  # Sizes change by blurs and not by strides, as in CUT.
  latent_at: str = "input"  # Instance normalisation takes a code away there; "blocks" keeps it.
  remat: bool = False  # Residual blocks are computed again on the way back: slower, less memory.
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  @nn.compact
  def __call__(self, images: Array, latent: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to [batch, height, width, out_channels].

    `latent`, [batch, latent_size], is the code z of a stochastic generator G(x, z); it enters with
    the image, or scales and shifts what is normalised in the residual blocks.
    """
    if images.ndim != 4:
      raise ValueError(
        f"images must have shape [batch, height, width, channels], got {images.shape}."
      )
    if images.shape[1] % self.size_multiple or images.shape[2] % self.size_multiple:
      raise ValueError(
        f"height and width must be multiples of {self.size_multiple} for the ResNet generator, got "
        f"{images.shape[1]}x{images.shape[2]}: choose another crop size."
      )
    if self.latent_at not in LATENT_PLACES:
      raise ValueError(
        f"latent_at must be one of {', '.join(LATENT_PLACES)} for the ResNet generator, got "
        f"{self.latent_at!r}."
      )
    code = None
    if latent is not None and self.latent_at == "blocks":
      code, latent = CodeReader(4 * self.features, name="code")(latent), None
    bias = convolution_bias(self.norm)

    def normalize(hidden: Array, name: str) -> Array:
      return Normalization(self.norm, self.dtype, name=f"{name}_norm")(hidden, train=train)

    def reflected(features: int, size: int, name: str, hidden: Array) -> Array:
      return Convolution(
        features,
        size,
        padding=size // 2,
        padding_mode="reflect",
        bias=bias,
        dtype=self.dtype,
        name=name,
      )(hidden)

    hidden = nn.relu(
      normalize(reflected(self.features, 7, "input", append_latent(images, latent)), "input")
    )
    layers = {"image": images}
    stride = 1 if self.antialiased else 2
    for index in range(1, self.num_levels + 1):
      name = f"down_{index}"
      hidden = Convolution(
        self.features * 2**index, 3, stride, 1, bias=bias, dtype=self.dtype, name=name
      )(hidden)
      layers[name] = hidden
      hidden = nn.relu(normalize(hidden, name))
      if self.antialiased:
        hidden = blur_halve(hidden)
    width = self.features * 2**self.num_levels

    def residual_block(index: int) -> Callable[[nn.Module, Array], Array]:
      name = f"block_{index}"

      def block(_: nn.Module, hidden: Array) -> Array:
        residual = reflected(width, 3, f"{name}_first", hidden)
        residual = normalize(residual, f"{name}_first")
        if code is not None:
          residual = Modulation(name=f"{name}_modulation")(residual, code)
        residual = nn.relu(residual)
        dropout = nn.Dropout(self.dropout, deterministic=not train, name=f"Dropout_{index}")
        residual = dropout(residual)
        residual = normalize(reflected(width, 3, f"{name}_second", residual), f"{name}_second")
        return hidden + residual

      return nn.remat(block) if self.remat else block

    for index in range(self.num_blocks):
      hidden = residual_block(index)(self, hidden)
      layers[f"block_{index}"] = hidden
    # Kept by who asks for it; nothing is computed or stored for anyone else.
    self.sow("intermediates", "layers", layers)
    for index in reversed(range(self.num_levels)):
      name, size = f"up_{index}", self.features * 2**index
      if self.antialiased:
        hidden = Convolution(size, 3, padding=1, bias=bias, dtype=self.dtype, name=name)(
          blur_double(hidden)
        )
      else:
        hidden = TransposedConvolution(size, 3, 1, 1, bias=bias, dtype=self.dtype, name=name)(
          hidden
        )
      hidden = nn.relu(normalize(hidden, name))
    if not self.out_channels:
      return hidden
    outputs = Convolution(
      self.out_channels, 7, padding=3, padding_mode="reflect", dtype=self.dtype, name="output"
    )(hidden)
    return jnp.tanh(outputs.astype(jnp.float32))
