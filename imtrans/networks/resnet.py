"""Residual generator."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.latent import append_latent
from imtrans.networks.normalization import Normalization, convolution_bias


class ResNet(nn.Module):
  """ResNet generator (Zhu et al., 2017, Appendix 7.2, https://arxiv.org/abs/1703.10593).

  c7s1-64, d128, d256, R256 x num_blocks, u128, u64, c7s1-out, with reflection padding in the
  7x7 convolutions and the residual blocks. Height and width must be multiples of four.
  """

  out_channels: int = 3
  num_blocks: int = 9  # Nine for 256 pixels and more, six below.
  features: int = 64
  norm: str = "instance"
  dropout: float = 0.0  # Inside the residual blocks.
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, latent: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to [batch, height, width, out_channels].

    `latent`, [batch, latent_size], is the code z of a stochastic generator G(x, z); it enters with
    the image.
    """
    if images.ndim != 4:
      raise ValueError(
        f"images must have shape [batch, height, width, channels], got {images.shape}."
      )
    if images.shape[1] % 4 or images.shape[2] % 4:
      raise ValueError(
        "height and width must be multiples of 4 for the ResNet generator, got "
        f"{images.shape[1]}x{images.shape[2]}: choose another crop size."
      )
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
    for index in (1, 2):
      name = f"down_{index}"
      hidden = Convolution(
        self.features * 2**index, 3, 2, 1, bias=bias, dtype=self.dtype, name=name
      )(hidden)
      hidden = nn.relu(normalize(hidden, name))
    width = self.features * 4
    for index in range(self.num_blocks):
      name = f"block_{index}"
      residual = reflected(width, 3, f"{name}_first", hidden)
      residual = nn.relu(normalize(residual, f"{name}_first"))
      residual = nn.Dropout(self.dropout, deterministic=not train)(residual)
      residual = normalize(reflected(width, 3, f"{name}_second", residual), f"{name}_second")
      hidden = hidden + residual
    for index in (1, 0):
      name = f"up_{index}"
      hidden = TransposedConvolution(
        self.features * 2**index, 3, 1, 1, bias=bias, dtype=self.dtype, name=name
      )(hidden)
      hidden = nn.relu(normalize(hidden, name))
    outputs = Convolution(
      self.out_channels, 7, padding=3, padding_mode="reflect", dtype=self.dtype, name="output"
    )(hidden)
    return jnp.tanh(outputs.astype(jnp.float32))
