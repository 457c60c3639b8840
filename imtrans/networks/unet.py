"""U-Net and encoder-decoder generators."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.latent import LATENT_PLACES, append_latent
from imtrans.networks.normalization import Normalization, convolution_bias


class UNet(nn.Module):
  """U-Net generator (Isola et al., 2017, Appendix 6.1.1, https://arxiv.org/abs/1611.07004).

  Every level halves height and width with a 4x4 convolution, down to a bottleneck that sees the
  whole image when `num_levels` is log2 of its side, and doubles them again, each decoder level
  reading its mirror encoder level too. Without `skips` it is the encoder-decoder of Sec. 4.2.
  Height and width must be multiples of 2 ** num_levels.
  """

  out_channels: int = 3
  num_levels: int = 8  # 6, 7 and 8 for images of 64, 128 and 256 pixels.
  features: int = 64  # Channels of the first level; doubled per level, at most 8 times.
  norm: str = "batch"
  dropout: float = 0.5  # In the first three decoder levels, as in the authors' Torch code.
  skips: bool = True
  latent_at: str = "input"  # Where a latent code enters: "input", or "all" encoder levels.
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  @classmethod
  def for_size(cls, side: int, **fields: Any) -> "UNet":
    """Returns the U-Net whose bottleneck is one pixel for square images of `side` pixels.

    Args:
      side: a power of two of at least 4: 64, 128 and 256 give 6, 7 and 8 levels.
      **fields: the other fields.

    Raises:
      ValueError: for another side.
    """
    if side < 4 or side & (side - 1):
      raise ValueError(f"side must be a power of two of at least 4 pixels, got {side}.")
    return cls(num_levels=side.bit_length() - 1, **fields)

  @nn.compact
  def __call__(self, images: Array, latent: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to [batch, height, width, out_channels].

    `latent`, [batch, latent_size], is the code z of a stochastic generator G(x, z).
    """
    _check_images(images, self.size_multiple)
    if self.latent_at not in LATENT_PLACES:
      raise ValueError(
        f"latent_at must be one of {', '.join(LATENT_PLACES)}, got {self.latent_at!r}."
      )
    widths = [self.features * min(2**level, 8) for level in range(self.num_levels)]
    innermost = self.num_levels - 1

    hidden, encoded = images, []
    for level, width in enumerate(widths):
      if level > 0:
        hidden = nn.leaky_relu(hidden, 0.2)
      # Neither the first level nor the bottleneck is normalised: a 1x1 map has no variance.
      norm = "none" if level in (0, innermost) else self.norm
      if level == 0 or self.latent_at == "all":
        hidden = append_latent(hidden, latent)
      hidden = Convolution(
        width,
        4,
        2,
        1,
        bias=convolution_bias(self.norm, normalized=norm != "none"),
        dtype=self.dtype,
        name=f"encoder_{level}",
      )(hidden)
      hidden = Normalization(norm, self.dtype, name=f"encoder_norm_{level}")(hidden, train=train)
      encoded.append(hidden)

    for level in reversed(range(1, self.num_levels)):
      hidden = TransposedConvolution(
        widths[level - 1],
        bias=convolution_bias(self.norm),
        dtype=self.dtype,
        name=f"decoder_{level}",
      )(nn.relu(hidden))
      hidden = Normalization(self.norm, self.dtype, name=f"decoder_norm_{level}")(
        hidden, train=train
      )
      if level > innermost - 3:
        hidden = nn.Dropout(self.dropout, deterministic=not train)(hidden)
      if self.skips:
        hidden = jnp.concatenate([hidden, encoded[level - 1]], axis=-1)

    outputs = TransposedConvolution(self.out_channels, dtype=self.dtype, name="decoder_0")(
      nn.relu(hidden)
    )
    return jnp.tanh(outputs.astype(jnp.float32))


def _check_images(images: Array, multiple: int) -> None:
  if images.ndim != 4:
    raise ValueError(
      f"images must have shape [batch, height, width, channels], got {images.shape}."
    )
  if images.shape[1] % multiple or images.shape[2] % multiple:
    raise ValueError(
      f"height and width must be multiples of {multiple} for this U-Net, got "
      f"{images.shape[1]}x{images.shape[2]}: choose another crop size or num_levels."
    )
