"""The semantic generator of SPADE: labels steer every normalisation."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks.convolution import Convolution
from imtrans.networks.normalization import EPSILON, MOMENTUM, batch_norm
from imtrans.networks.resampling import double


class SPADEGenerator(nn.Module):
  """Labels to a picture (Park et al., 2019, Appendix A, https://arxiv.org/abs/1903.07291).

  Residual blocks, seven in the paper, between which the size doubles, whose normalisations are
  scaled and shifted by what small convolutions make of the label map, resized to their place.
  Without a code the first block starts from the label map at the smallest size; with one, from the
  code. Height and width must be multiples of 2 ** num_levels.
  """

  out_channels: int = 3
  widths: tuple[int, ...] = (16, 16, 16, 8, 4, 2, 1)  # Of the blocks, in units of the features.
  num_levels: int = 5  # Doublings: "normal" of the authors' code; 6 is "more", for 512 pixels.
  features: int = 64
  hidden_features: int = 128  # Of the convolutions that read the labels.
  size: int = 256  # Height and width that a code's first map is made for; resized for others.
  spectral_norm: bool = True
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels."""
    return 2**self.num_levels

  @nn.compact
  def __call__(self, labels: Array, latent: Array | None = None, *, train: bool) -> Array:
    """Maps one-hot labels [batch, height, width, classes] to [batch, height, width, out_channels].

    `latent`, [batch, latent_size], is the style; see `imtrans.methods.spade`.
    """
    batch, height, width, _ = labels.shape
    scale = self.size_multiple
    least = len(self.widths) - 3
    if not 0 <= self.num_levels - least <= 2:
      raise ValueError(
        f"num_levels must be one of {least}, {least + 1} and {least + 2} for {len(self.widths)} "
        f"blocks, got {self.num_levels}."
      )
    if height % scale or width % scale:
      raise ValueError(
        f"height and width must be multiples of {scale} for this SPADE generator, got "
        f"{height}x{width}: choose another crop size or generator.num_levels."
      )
    widths = [self.features * width for width in self.widths]
    tall, wide = height // scale, width // scale
    if latent is None:
      hidden = Convolution(widths[0], 3, padding=1, dtype=self.dtype, name="start")(
        resize_labels(labels, tall, wide)
      )
    else:
      side = self.size // scale
      hidden = nn.Dense(widths[0] * side * side, name="start")(latent)
      hidden = hidden.reshape(batch, side, side, widths[0])
      if (tall, wide) != (side, side):
        hidden = jax.image.resize(hidden, (batch, tall, wide, widths[0]), "linear")
      hidden = hidden.astype(self.dtype)
    for index, features in enumerate(widths):
      # Of the two middle blocks, as many follow a doubling as there are levels for.
      if index > 2 or 0 < index <= self.num_levels - least:
        hidden = double(hidden)
      hidden = SPADEBlock(
        features,
        self.hidden_features,
        self.spectral_norm,
        self.dtype,
        name=f"block_{index}",
      )(hidden, labels, train=train)
    outputs = Convolution(self.out_channels, 3, padding=1, dtype=self.dtype, name="output")(
      nn.leaky_relu(hidden, 0.2)
    )
    return jnp.tanh(outputs.astype(jnp.float32))


class SPADEBlock(nn.Module):
  """Residual block with spatially adaptive normalisation (Park et al., 2019, Fig. 4)."""

  features: int
  hidden_features: int
  spectral_norm: bool
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, images: Array, labels: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, in] to [batch, height, width, features]."""

    def normalize(hidden: Array, name: str) -> Array:
      norm = SpatiallyAdaptiveNorm(self.hidden_features, self.dtype, name=f"{name}_norm")
      return norm(hidden, labels, train=train)

    def convolve(features: int, size: int, name: str, hidden: Array) -> Array:
      return Convolution(
        features,
        size,
        padding=size // 2,
        bias="added" if size > 1 else "none",
        spectral_norm=self.spectral_norm,
        dtype=self.dtype,
        name=name,
      )(hidden)

    inputs = images.shape[-1]
    residual = nn.leaky_relu(normalize(images, "first"), 0.2)
    residual = convolve(min(inputs, self.features), 3, "first", residual)
    residual = nn.leaky_relu(normalize(residual, "second"), 0.2)
    residual = convolve(self.features, 3, "second", residual)
    if inputs == self.features:
      return images + residual
    return convolve(self.features, 1, "shortcut", normalize(images, "shortcut")) + residual


class SpatiallyAdaptiveNorm(nn.Module):
  """Batch normalisation with scale and shift that the labels give to every pixel.

  Park et al., 2019, Eq. 1: instance normalisation would erase a uniform label, which this keeps.
  The statistics are those of the whole batch, over all devices.
  """

  hidden_features: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, images: Array, labels: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] to the same shape."""
    channels = images.shape[-1]
    mean = self.variable("batch_stats", "mean", jnp.zeros, (channels,), jnp.float32)
    variance = self.variable("batch_stats", "var", jnp.ones, (channels,), jnp.float32)
    if train:
      normalized, batch_mean, batch_variance = batch_norm(images)
      if self.is_mutable_collection("batch_stats") and not self.is_initializing():
        mean.value = MOMENTUM * mean.value + (1.0 - MOMENTUM) * batch_mean
        variance.value = MOMENTUM * variance.value + (1.0 - MOMENTUM) * batch_variance
    else:
      centred = images.astype(jnp.float32) - mean.value[None, None, None, :]
      normalized = centred * lax.rsqrt(variance.value + EPSILON)[None, None, None, :]

    def convolve(features: int, name: str, hidden: Array) -> Array:
      return Convolution(features, 3, padding=1, dtype=self.dtype, name=name)(hidden)

    seen = resize_labels(labels, *images.shape[1:3])
    seen = nn.relu(convolve(self.hidden_features, "labels", seen))
    scale, shift = convolve(channels, "scale", seen), convolve(channels, "shift", seen)
    return normalized.astype(self.dtype) * (1.0 + scale) + shift


def resize_labels(labels: Array, height: int, width: int) -> Array:
  """Picks one pixel of every block: the nearest-neighbour resize of PyTorch, for whole factors.

  Args:
    labels: [batch, tall, wide, classes], multiples of the new size.
    height: in pixels.
    width: in pixels.

  Returns:
    [batch, height, width, classes].
  """
  rows, columns = labels.shape[1] // height, labels.shape[2] // width
  return lax.slice(labels, (0, 0, 0, 0), labels.shape, (1, rows, columns, 1))
