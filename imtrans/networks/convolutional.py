"""Convolutional networks for whole images: a generator of codes, a discriminator with one logit."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.augmentation import augmented
from imtrans.networks.convolution import Convolution, TransposedConvolution
from imtrans.networks.latent import check_code
from imtrans.networks.normalization import Normalization, convolution_bias


class ConvolutionalGenerator(nn.Module):
  """Generator of DCGAN (Radford et al., 2016, Fig. 1, https://arxiv.org/abs/1511.06434).

  A dense layer makes a small map of a code, and `num_levels` transposed convolutions double it to
  `size` pixels, each but the last normalised. With four levels, 64 pixels and 64 features it is
  the network of the authors' successors' code, without its biases.
  """

  out_channels: int = 3
  size: int = 64  # Height and width of the images, a multiple of 2 ** num_levels.
  num_levels: int = 4
  features: int = 64  # Channels before the last layer; doubled per level towards the code.
  norm: str = "batch"
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  @nn.compact
  def __call__(self, latent: Array, *, train: bool) -> Array:
    """Maps codes [batch, latent_size] to images [batch, size, size, out_channels] in [-1, 1]."""
    check_code(latent)
    side, rest = divmod(self.size, self.size_multiple)
    if rest or not side:
      raise ValueError(
        f"size must be a multiple of {self.size_multiple} for {self.num_levels} levels, got "
        f"{self.size}: choose another crop size or num_levels."
      )
    widths = [self.features * 2**level for level in reversed(range(self.num_levels))]
    bias = convolution_bias(self.norm)

    # A transposed convolution of one pixel is a dense layer; its bias is one of each channel.
    hidden = Convolution(side * side * widths[0], 1, bias="none", dtype=self.dtype, name="dense")(
      latent[:, None, None, :]
    )
    hidden = hidden.reshape(-1, side, side, widths[0])
    hidden = nn.relu(Normalization(self.norm, self.dtype, name="norm_0")(hidden, train=train))
    for index, width in enumerate(widths[1:], start=1):
      hidden = TransposedConvolution(width, bias=bias, dtype=self.dtype, name=f"up_{index}")(hidden)
      hidden = Normalization(self.norm, self.dtype, name=f"norm_{index}")(hidden, train=train)
      hidden = nn.relu(hidden)
    last = convolution_bias(self.norm, normalized=False)
    outputs = TransposedConvolution(
      self.out_channels, bias=last, dtype=self.dtype, name=f"up_{self.num_levels}"
    )(hidden)
    return jnp.tanh(outputs.astype(jnp.float32))


class ConvolutionalDiscriminator(nn.Module):
  """Discriminator of DCGAN (Radford et al., 2016): strided convolutions and a dense head.

  With labels it is the projection discriminator (Miyato and Koyama, 2018, Eq. 3 and Fig. 1,
  https://arxiv.org/abs/1802.05637): the logit has another term, the inner product of an embedding
  of the label with the features, summed over the pixels.
  """

  num_layers: int = 4  # Each halves height and width.
  features: int = 64  # Channels of the first layer; doubled per layer.
  norm: str = "batch"
  spectral_norm: bool = False
  augment: tuple[str, ...] = ()  # What is done to images first, see `Augmentation`.
  augment_probability: float = 1.0
  augment_ramp: int = 0
  color_channels: int = 0
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, labels: Array | None = None, *, train: bool) -> Array:
    """Maps images [batch, height, width, channels] to logits [batch, 1].

    `labels`, [batch, num_classes], are one-hot, or None for a discriminator without.
    """
    if images.ndim != 4:
      raise ValueError(
        f"images must have shape [batch, height, width, channels], got {images.shape}."
      )
    if min(images.shape[1:3]) < 2**self.num_layers:
      raise ValueError(
        f"images of {images.shape[1]}x{images.shape[2]} pixels cannot be halved {self.num_layers} "
        "times: choose another crop size or discriminator.num_layers."
      )
    options = {"spectral_norm": self.spectral_norm, "dtype": self.dtype}
    hidden = augmented(self)(images, train=train)
    for index in range(self.num_layers):
      hidden = Convolution(
        self.features * 2**index,
        4,
        2,
        1,
        bias=convolution_bias(self.norm, normalized=index > 0),
        **options,
        name=f"layer_{index}",
      )(hidden)
      norm = "none" if index == 0 else self.norm
      hidden = Normalization(norm, self.dtype, name=f"norm_{index}")(hidden, train=train)
      hidden = nn.leaky_relu(hidden, 0.2)
    batch = hidden.shape[0]
    last = convolution_bias(self.norm, normalized=False)
    flat = hidden.reshape(batch, 1, 1, -1)
    logits = Convolution(1, 1, bias=last, **options, name="logits")(flat).reshape(batch, 1)
    if labels is not None:
      check_code(labels)
      summed = jnp.sum(hidden.astype(jnp.float32), axis=(1, 2))
      embedding = Convolution(hidden.shape[-1], 1, bias="none", **options, name="label_embedding")(
        labels[:, None, None, :]
      )
      product = jnp.sum(embedding[:, 0, 0].astype(jnp.float32) * summed, axis=-1, keepdims=True)
      logits = logits.astype(jnp.float32) + product
    return logits.astype(jnp.float32)
