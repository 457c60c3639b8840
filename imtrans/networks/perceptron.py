"""Multilayer perceptrons for small images: the first generator and discriminator."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.latent import check_code


class PerceptronGenerator(nn.Module):
  """Multilayer perceptron from codes to images (Goodfellow et al., 2014, Sec. 5).

  https://arxiv.org/abs/1406.2661. Hidden layers widen from `features`, doubled per layer.
  """

  out_channels: int = 1
  size: int = 28  # Height and width of the images.
  num_layers: int = 3  # Hidden ones.
  features: int = 256
  dtype: jnp.dtype = jnp.float32

  @property
  def size_multiple(self) -> int:
    """What heights and widths must be multiples of, in pixels: any will do."""
    return 1

  @nn.compact
  def __call__(self, latent: Array, *, train: bool) -> Array:
    """Maps codes [batch, latent_size] to images [batch, size, size, out_channels] in [-1, 1]."""
    del train
    check_code(latent)
    hidden = latent.astype(self.dtype)
    for index in range(self.num_layers):
      layer = nn.Dense(self.features * 2**index, dtype=self.dtype, name=f"layer_{index}")
      hidden = nn.leaky_relu(layer(hidden), 0.2)
    pixels = self.size * self.size * self.out_channels
    outputs = nn.Dense(pixels, dtype=self.dtype, name="output")(hidden)
    shape = (-1, self.size, self.size, self.out_channels)
    return jnp.tanh(outputs.astype(jnp.float32)).reshape(shape)


class PerceptronDiscriminator(nn.Module):
  """Multilayer perceptron from images to one logit each; hidden layers narrow to `features`."""

  num_layers: int = 2  # Hidden ones.
  features: int = 256
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps images [batch, height, width, channels] in [-1, 1] to logits [batch, 1]."""
    del train
    if images.ndim != 4:
      raise ValueError(
        f"images must have shape [batch, height, width, channels], got {images.shape}."
      )
    hidden = images.reshape(images.shape[0], -1).astype(self.dtype)
    for index in reversed(range(self.num_layers)):
      layer = nn.Dense(self.features * 2**index, dtype=self.dtype, name=f"layer_{index}")
      hidden = nn.leaky_relu(layer(hidden), 0.2)
    return nn.Dense(1, dtype=self.dtype, name="logits")(hidden).astype(jnp.float32)
