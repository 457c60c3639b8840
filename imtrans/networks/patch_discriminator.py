"""Discriminators that judge an image patch by patch."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.augmentation import augmented
from imtrans.networks.convolution import Convolution
from imtrans.networks.normalization import Normalization, convolution_bias
from imtrans.theory.patches import Layer, output_size


class PatchDiscriminator(nn.Module):
  """PatchGAN discriminator (Isola et al., 2017, Sec. 3.2.2, https://arxiv.org/abs/1611.07004).

  `num_layers` strided 4x4 convolutions, then two of stride one. With `num_layers=3` each logit
  sees a 70x70 pixel patch; 0 to 6 give 7, 16, 34, 70, 142, 286 and 574.
  """

  num_layers: int = 3
  features: int = 64  # Channels of the first layer; doubled per layer, at most 8 times.
  norm: str = "batch"
  spectral_norm: bool = False
  padding: int = 1  # Two in pix2pixHD and SPADE, whose maps are larger for it.
  augment: tuple[str, ...] = ()  # What is done to images first, see `Augmentation`.
  augment_probability: float = 1.0
  augment_ramp: int = 0
  color_channels: int = 0
  dtype: jnp.dtype = jnp.float32

  @property
  def layers(self) -> tuple[Layer, ...]:
    """The geometry of the convolutions, first to last."""
    return (Layer(4, 2, self.padding),) * self.num_layers + (Layer(4, 1, self.padding),) * 2

  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to logits [batch, height', width', 1]."""
    return self.activations(images, train=train)[-1]

  @nn.compact
  def activations(self, images: Array, *, train: bool) -> list[Array]:
    """Returns what every layer makes of the images, the logits last, for feature matching."""
    _check_images(images)
    if not 0 <= self.num_layers <= 6:
      raise ValueError(f"num_layers must be between 0 and 6, got {self.num_layers}.")
    _check_size(images, self.layers)
    hidden, outputs = augmented(self)(images, train=train), []
    *hidden_layers, last = self.layers
    for index, layer in enumerate(hidden_layers):
      hidden = Convolution(
        self.features * min(2**index, 8),
        *layer,
        bias="added" if index == 0 else convolution_bias(self.norm),
        spectral_norm=self.spectral_norm,
        dtype=self.dtype,
        name=f"layer_{index}",
      )(hidden)
      norm = "none" if index == 0 else self.norm
      hidden = Normalization(norm, self.dtype, name=f"norm_{index}")(hidden, train=train)
      hidden = nn.leaky_relu(hidden, 0.2)
      outputs.append(hidden)
    logits = Convolution(
      1, *last, spectral_norm=self.spectral_norm, dtype=self.dtype, name="logits"
    )(hidden)
    return [*outputs, logits.astype(jnp.float32)]


class PixelDiscriminator(nn.Module):
  """1x1 PixelGAN discriminator (Isola et al., 2017, Sec. 4.4): it sees colours and no texture."""

  features: int = 64
  norm: str = "batch"
  spectral_norm: bool = False
  augment: tuple[str, ...] = ()  # What is done to images first, see `Augmentation`.
  augment_probability: float = 1.0
  augment_ramp: int = 0
  color_channels: int = 0
  dtype: jnp.dtype = jnp.float32

  @property
  def layers(self) -> tuple[Layer, ...]:
    """The geometry of the convolutions, first to last."""
    return (Layer(1, 1, 0),) * 3

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] to logits [batch, height, width, 1]."""
    _check_images(images)

    def convolution(features: int, name: str, bias: str, hidden: Array) -> Array:
      return Convolution(
        features,
        1,
        bias=bias,
        spectral_norm=self.spectral_norm,
        dtype=self.dtype,
        name=name,
      )(hidden)

    bias = convolution_bias(self.norm)
    images = augmented(self)(images, train=train)
    hidden = nn.leaky_relu(convolution(self.features, "layer_0", "added", images), 0.2)
    hidden = convolution(2 * self.features, "layer_1", bias, hidden)
    hidden = Normalization(self.norm, self.dtype, name="norm_1")(hidden, train=train)
    last = convolution_bias(self.norm, normalized=False)
    logits = convolution(1, "logits", last, nn.leaky_relu(hidden, 0.2))
    return logits.astype(jnp.float32)


def _check_size(images: Array, layers: tuple[Layer, ...]) -> None:
  height, width = images.shape[1:3]
  try:
    output_size(layers, min(height, width))
  except ValueError:
    raise ValueError(
      f"images of {height}x{width} pixels are too small for a patch discriminator of "
      f"{len(layers)} convolutions: choose larger images, a smaller discriminator.num_layers, or "
      "fewer scales."
    ) from None


def _check_images(images: Array) -> None:
  if images.ndim != 4:
    raise ValueError(
      f"images must have shape [batch, height, width, channels], got {images.shape}."
    )
