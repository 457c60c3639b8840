"""Encoders of content and of style, and the decoder that makes an image of both."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.networks.convolution import Convolution
from imtrans.networks.normalization import EPSILON, instance_norm
from imtrans.networks.resampling import double

KERNEL_INIT = nn.initializers.he_normal()


class ContentEncoder(nn.Module):
  """What is where: c7s1-64, two halvings, residual blocks, all with instance normalisation.

  Huang et al., 2018, Appendix B.1, https://arxiv.org/abs/1804.04732. Instance normalisation takes
  away the means and variances of the channels, which carry the style.
  """

  num_blocks: int = 4
  num_levels: int = 2
  features: int = 64
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, channels] to [batch, height / 4, width / 4, 4 features]."""
    hidden = images
    for level in range(self.num_levels + 1):
      size, stride, padding = (7, 1, 3) if level == 0 else (4, 2, 1)
      hidden = reflected(self.features * 2**level, size, stride, padding, self.dtype, "idle")(
        hidden
      )
      hidden = nn.relu(instance_norm(hidden))
    for _ in range(self.num_blocks):
      width = hidden.shape[-1]
      residual = reflected(width, 3, 1, 1, self.dtype, "idle")(hidden)
      residual = reflected(width, 3, 1, 1, self.dtype, "idle")(nn.relu(instance_norm(residual)))
      hidden = hidden + instance_norm(residual)
    return hidden


class StyleEncoder(nn.Module):
  """How it looks: strided convolutions without normalisation, a mean over pixels, a dense layer.

  Huang et al., 2018, Appendix B.1. Height and width must be multiples of 2 ** num_levels.
  """

  style_size: int = 8
  num_levels: int = 4
  features: int = 64
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, channels] to [batch, style_size]."""
    hidden = images
    for level in range(self.num_levels + 1):
      size, stride, padding = (7, 1, 3) if level == 0 else (4, 2, 1)
      width = self.features * 2 ** min(level, 2)
      hidden = nn.relu(reflected(width, size, stride, padding, self.dtype)(hidden))
    pooled = jnp.mean(hidden.astype(jnp.float32), axis=(1, 2))
    return nn.Dense(self.style_size, kernel_init=KERNEL_INIT)(pooled)


class StyleDecoder(nn.Module):
  """Content and style to an image: the style sets the statistics of the residual blocks (AdaIN).

  Huang et al., 2018, Sec. 4.2 and Appendix B.1; adaptive instance normalisation is Huang and
  Belongie, 2017, Eq. 8, https://arxiv.org/abs/1703.06868.
  """

  out_channels: int = 3
  num_blocks: int = 4
  num_levels: int = 2
  style_features: int = 256  # Of the two hidden layers that read the style.
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, content: Array, style: Array | None) -> Array:
    """Maps content [batch, height, width, channels] and style [batch, style_size] to an image.

    Without a style (UNIT) the blocks are instance normalised.

    Returns:
      [batch, 2 ** num_levels height, likewise, out_channels] in [-1, 1].
    """
    hidden, width = content, content.shape[-1]
    statistics = None
    if style is not None:
      code = style
      for _ in range(2):
        code = nn.relu(nn.Dense(self.style_features, kernel_init=KERNEL_INIT)(code))
      count = 4 * self.num_blocks * width  # Scale and shift after both convolutions of a block.
      statistics = nn.Dense(count, kernel_init=KERNEL_INIT)(code)
      statistics = statistics.reshape(-1, self.num_blocks, 2, 2, width)
    for block in range(self.num_blocks):
      residual = hidden
      for index in range(2):
        residual = reflected(width, 3, 1, 1, self.dtype, "idle")(residual)
        residual = instance_norm(residual)
        if statistics is not None:
          residual = modulate(residual, statistics[:, block, index])
        residual = nn.relu(residual) if index == 0 else residual
      hidden = hidden + residual
    for _ in range(self.num_levels):
      width //= 2
      hidden = reflected(width, 5, 1, 2, self.dtype)(double(hidden))
      hidden = nn.relu(LayerNormalization()(hidden))
    outputs = reflected(self.out_channels, 7, 1, 3, self.dtype)(hidden)
    return jnp.tanh(outputs.astype(jnp.float32))


class LayerNormalization(nn.Module):
  """Normalises every image by the mean and variance of all its values, scales and shifts channels.

  Ba et al., 2016, Eq. 3, https://arxiv.org/abs/1607.06450, with a scale that starts uniform in
  [0, 1], as in MUNIT's code. Unlike instance normalisation it keeps what the style has set.
  """

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, channels] to the same shape."""
    shape = (images.shape[-1],)
    scale = self.param("scale", nn.initializers.uniform(1.0), shape, jnp.float32)
    shift = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
    values = images.astype(jnp.float32)
    centred = values - jnp.mean(values, axis=(1, 2, 3), keepdims=True)
    variance = jnp.mean(jnp.square(centred), axis=(1, 2, 3), keepdims=True)
    normalized = centred * jax.lax.rsqrt(variance + EPSILON)
    outputs = normalized * scale[None, None, None, :] + shift[None, None, None, :]
    return outputs.astype(images.dtype)


def modulate(images: Array, statistics: Array) -> Array:
  """Gives every channel a standard deviation and a mean.

  Args:
    images: [batch, height, width, channels], normalised.
    statistics: [batch, 2, channels], scale and shift.

  Returns:
    The shape of the images.
  """
  scale, shift = (statistics[:, index, None, None, :].astype(images.dtype) for index in range(2))
  return images * scale + shift


def reflected(
  features: int, size: int, stride: int, padding: int, dtype: jnp.dtype, bias: str = "added"
) -> Convolution:
  """A convolution with reflection padding and He initialisation, to be made inside a module.

  Args:
    features: output channels.
    size: of the kernel, in pixels.
    stride: pixels between outputs.
    padding: reflected pixels on each side.
    dtype: of the activations.
    bias: see `Convolution`.

  Returns:
    The layer.
  """
  return Convolution(
    features,
    size,
    stride,
    padding,
    padding_mode="reflect",
    bias=bias,
    dtype=dtype,
    kernel_init=KERNEL_INIT,
  )
