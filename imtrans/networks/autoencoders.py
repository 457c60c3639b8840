"""Autoencoders of a domain, whose codes a method exchanges between domains."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.content_style import ContentEncoder, StyleDecoder, StyleEncoder


class ContentStyleGenerator(nn.Module):
  """The networks of one domain (Huang et al., 2018, Fig. 3): two encoders and a decoder.

  Height and width must be multiples of `size_multiple`.
  """

  out_channels: int = 3
  latent_size: int = 8  # Numbers in a style.
  num_blocks: int = 4  # Residual ones, in the content encoder and again in the decoder.
  num_levels: int = 2  # Halvings of a content.
  num_style_levels: int = 4  # Halvings before a style.
  features: int = 64
  style_features: int = 256  # Of the decoder's layers that read the style.
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2 ** max(self.num_levels, self.num_style_levels)

  def setup(self) -> None:
    """Makes the three networks."""
    self.content_encoder = ContentEncoder(
      self.num_blocks, self.num_levels, self.features, self.dtype
    )
    self.style_encoder = StyleEncoder(
      self.latent_size, self.num_style_levels, self.features, self.dtype
    )
    self.decoder = StyleDecoder(
      self.out_channels, self.num_blocks, self.num_levels, self.style_features, self.dtype
    )

  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to what their content and style make."""
    del train  # Neither dropout nor batch statistics.
    return self.decode(*self.encode(images))

  def encode(self, images: Array) -> tuple[Array, Array]:
    """Returns contents [batch, height', width', features'] and styles [batch, latent_size]."""
    return self.content_encoder(images), self.style_encoder(images)

  def decode(self, content: Array, style: Array) -> Array:
    """Returns images [batch, height, width, out_channels] in [-1, 1]."""
    return self.decoder(content, style)


class ContentGenerator(nn.Module):
  """The networks of one domain without a style (Liu et al., 2017, Fig. 1): encoder and decoder.

  "Unsupervised Image-to-Image Translation Networks", https://arxiv.org/abs/1703.00848, with the
  layers of MUNIT's code. Height and width must be multiples of 2 ** num_levels.
  """

  out_channels: int = 3
  num_blocks: int = 4  # Residual ones, in the encoder and again in the decoder.
  num_levels: int = 2
  features: int = 64
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  def setup(self) -> None:
    """Makes both networks."""
    self.encoder = ContentEncoder(self.num_blocks, self.num_levels, self.features, self.dtype)
    self.decoder = StyleDecoder(
      self.out_channels, self.num_blocks, self.num_levels, dtype=self.dtype
    )

  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to what their content makes."""
    del train  # Neither dropout nor batch statistics.
    return self.decode(self.encode(images))

  def encode(self, images: Array) -> Array:
    """Returns contents, float32 [batch, height', width', features']."""
    return self.encoder(images).astype(jnp.float32)

  def decode(self, content: Array) -> Array:
    """Returns images [batch, height, width, out_channels] in [-1, 1]."""
    return self.decoder(content.astype(self.dtype), None)
