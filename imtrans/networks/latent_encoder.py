"""Encoders from an image to the Gaussian that its latent code is drawn from."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.convolution import Convolution
from imtrans.networks.normalization import Normalization, convolution_bias


class ResNetEncoder(nn.Module):
  """Residual encoder (Zhu et al., 2017, Sec. 4, https://arxiv.org/abs/1711.11586).

  A strided 4x4 convolution, then residual blocks that each halve height and width by averaging,
  then the mean over all pixels. Height and width must be multiples of 2 ** num_levels.
  """

  latent_size: int = 8
  num_levels: int = 5  # 3, 4 and 5 for images of 64, 128 and 256 pixels.
  features: int = 64  # Of the first level; two, three and four times as many in the next ones.
  norm: str = "instance"
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> tuple[Array, Array]:
    """Maps [batch, height, width, channels] in [-1, 1] to mean and log variance of the code.

    Returns:
      Two arrays [batch, latent_size].
    """
    check_images(images, self.num_levels)
    bias = convolution_bias(self.norm)

    def activate(hidden: Array, name: str) -> Array:
      normalized = Normalization(self.norm, self.dtype, name=name)(hidden, train=train)
      return nn.leaky_relu(normalized, 0.2)

    def convolve(features: int, size: int, name: str, hidden: Array, bias: str = "added") -> Array:
      padding = size // 2
      return Convolution(features, size, padding=padding, bias=bias, dtype=self.dtype, name=name)(
        hidden
      )

    hidden = Convolution(self.features, 4, 2, 1, dtype=self.dtype, name="input")(images)
    for level in range(1, self.num_levels):
      name, width = f"block_{level}", self.features * min(level + 1, 4)
      residual = activate(hidden, f"{name}_norm_first")
      residual = convolve(hidden.shape[-1], 3, f"{name}_first", residual, bias)
      residual = activate(residual, f"{name}_norm_second")
      residual = convolve(width, 3, f"{name}_second", residual)
      shortcut = convolve(width, 1, f"{name}_shortcut", mean_halve(hidden))
      hidden = mean_halve(residual) + shortcut
    return gaussian(nn.leaky_relu(hidden, 0.2), self.latent_size)


class ConvEncoder(nn.Module):
  """Plain encoder: strided 4x4 convolutions, then the mean over all pixels.

  Zhu et al., 2017, the authors' code. Height and width must be multiples of 2 ** num_levels.
  """

  latent_size: int = 8
  num_levels: int = 5
  features: int = 64  # Of the first level; doubled per level, at most four times.
  norm: str = "instance"
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> tuple[Array, Array]:
    """Maps [batch, height, width, channels] in [-1, 1] to mean and log variance of the code.

    Returns:
      Two arrays [batch, latent_size].
    """
    check_images(images, self.num_levels)
    hidden = images
    for level in range(self.num_levels):
      norm = "none" if level == 0 else self.norm
      hidden = Convolution(
        self.features * min(2**level, 4),
        4,
        2,
        1,
        bias=convolution_bias(norm),
        dtype=self.dtype,
        name=f"level_{level}",
      )(hidden)
      hidden = Normalization(norm, self.dtype, name=f"norm_{level}")(hidden, train=train)
      hidden = nn.leaky_relu(hidden, 0.2)
    return gaussian(hidden, self.latent_size)


def gaussian(features: Array, latent_size: int) -> tuple[Array, Array]:
  """Maps features [batch, height, width, channels] to mean and log variance, by two dense layers.

  To be called inside a module.

  Args:
    features: of the whole image.
    latent_size: numbers in the code.

  Returns:
    Two arrays [batch, latent_size], float32.
  """
  pooled = jnp.mean(features.astype(jnp.float32), axis=(1, 2))

  def dense(name: str) -> Array:
    return nn.Dense(latent_size, kernel_init=nn.initializers.normal(0.02), name=name)(pooled)

  return dense("mean"), dense("log_variance")


def mean_halve(images: Array) -> Array:
  """Returns means over blocks of 2x2 pixels, [batch, height / 2, width / 2, channels]."""
  rows = images[:, 0::2] + images[:, 1::2]
  return 0.25 * (rows[:, :, 0::2] + rows[:, :, 1::2])


def check_images(images: Array, num_levels: int) -> None:
  """Raises ValueError for images that an encoder of so many levels cannot halve so often."""
  if images.ndim != 4:
    raise ValueError(
      f"images must have shape [batch, height, width, channels], got {images.shape}."
    )
  multiple = 2**num_levels
  if images.shape[1] % multiple or images.shape[2] % multiple:
    raise ValueError(
      f"height and width must be multiples of {multiple} for this encoder, got "
      f"{images.shape[1]}x{images.shape[2]}: choose another crop size or encoder.num_levels."
    )
