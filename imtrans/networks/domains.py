"""Networks with one output for each of several domains, of which a label picks one.

Of StarGAN v2 (Choi et al., 2020, Appendix F, https://arxiv.org/abs/1912.01865). How many domains
there are is told by the labels: they are one-hot, [batch, num_domains].
"""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.adain import ResidualBlock
from imtrans.networks.content_style import KERNEL_INIT
from imtrans.networks.convolution import Convolution
from imtrans.networks.latent import check_code
from imtrans.networks.latent_encoder import check_images

LEAST = 4  # Height and width, in pixels, of what the last convolution looks at.


class MappingNetwork(nn.Module):
  """A random code to a style of a domain: four dense layers for all, four for each (Table 6)."""

  latent_size: int = 16
  style_size: int = 64
  features: int = 512

  @nn.compact
  def __call__(self, latent: Array, labels: Array, *, train: bool) -> Array:
    """Maps codes [batch, latent_size] and labels to styles [batch, style_size]."""
    del train
    check_code(latent)
    check_code(labels)
    if latent.shape[1] != self.latent_size:
      raise ValueError(
        f"a code z must have {self.latent_size} numbers, got {latent.shape[1]}: draw it anew, or "
        "set method.latent_size and train again."
      )
    hidden = latent
    for index in range(4):
      layer = nn.Dense(self.features, kernel_init=KERNEL_INIT, name=f"shared_{index}")
      hidden = nn.relu(layer(hidden))
    count = labels.shape[1]
    hidden = jnp.broadcast_to(hidden[:, None], (len(hidden), count, self.features))
    for index, width in enumerate((self.features,) * 3 + (self.style_size,)):
      shape = (count, self.features, width)
      kernel = self.param(
        f"own_{index}_kernel", nn.initializers.he_normal(batch_axis=0), shape, jnp.float32
      )
      bias = self.param(f"own_{index}_bias", nn.initializers.zeros, (count, width), jnp.float32)
      hidden = jnp.einsum("bki,kio->bko", nn.relu(hidden) if index else hidden, kernel)
      hidden = hidden + bias[None]
    return picked(hidden, labels)


class DomainEncoder(nn.Module):
  """The style of an image, as a member of a domain (Table 7)."""

  style_size: int = 64
  num_levels: int = 6  # Halvings, down to 4x4 pixels: six for 256.
  features: int = 64  # Before the first halving; doubled by each.
  max_features: int = 512
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, labels: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] and labels to [batch, style_size]."""
    del train
    labels = _checked(labels, "encoder")
    hidden = Trunk(self.num_levels, self.features, self.max_features, self.dtype, name="trunk")(
      images
    )
    pooled = jnp.mean(hidden.astype(jnp.float32), axis=(1, 2))
    styles = nn.Dense(labels.shape[1] * self.style_size, kernel_init=KERNEL_INIT, name="styles")(
      pooled
    )
    return picked(styles.reshape(-1, labels.shape[1], self.style_size), labels)


class DomainDiscriminator(nn.Module):
  """Whether an image is a real one of a domain: a logit for each (Table 7)."""

  num_levels: int = 6  # Halvings, down to 4x4 pixels: six for 256.
  features: int = 64  # Before the first halving; doubled by each.
  max_features: int = 512
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, labels: Array | None = None, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] in [-1, 1] and labels to logits [batch, 1]."""
    del train
    labels = _checked(labels, "discriminator")
    hidden = Trunk(self.num_levels, self.features, self.max_features, self.dtype, name="trunk")(
      images
    )
    logits = Convolution(
      labels.shape[1], 1, dtype=self.dtype, kernel_init=KERNEL_INIT, name="logits"
    )(hidden)
    pooled = jnp.mean(logits.astype(jnp.float32), axis=(1, 2))
    return picked(pooled[:, :, None], labels)


class Trunk(nn.Module):
  """Residual blocks that halve, without normalisation, then a convolution of 4x4 pixels.

  Of images that end at 4x4 pixels, as in the paper, it leaves one pixel; of larger ones more, whose
  mean is taken by the caller.
  """

  num_levels: int
  features: int
  max_features: int
  dtype: jnp.dtype

  @nn.compact
  def __call__(self, images: Array) -> Array:
    """Maps [batch, height, width, channels] to [batch, height', width', features']."""
    check_images(images, self.num_levels)
    tall, wide = (side // 2**self.num_levels for side in images.shape[1:3])
    if min(tall, wide) < LEAST:
      raise ValueError(
        f"images of {images.shape[1]}x{images.shape[2]} pixels, halved {self.num_levels} times, "
        f"are {tall}x{wide}, and at least {LEAST}x{LEAST} are needed: set num_levels of encoder "
        "and discriminator to less, or choose another crop size."
      )
    width = self.features
    hidden = Convolution(
      width, 3, padding=1, dtype=self.dtype, kernel_init=KERNEL_INIT, name="input"
    )(images)
    for level in range(self.num_levels):
      width = min(2 * width, self.max_features)
      hidden = ResidualBlock(width, "none", True, self.dtype, name=f"down_{level}")(hidden)
    hidden = Convolution(width, LEAST, dtype=self.dtype, kernel_init=KERNEL_INIT, name="output")(
      nn.leaky_relu(hidden, 0.2)
    )
    return nn.leaky_relu(hidden, 0.2)


def picked(outputs: Array, labels: Array) -> Array:
  """The outputs of the domains that labels name.

  Args:
    outputs: [batch, num_domains, numbers].
    labels: one-hot, [batch, num_domains].

  Returns:
    [batch, numbers].
  """
  return jnp.sum(outputs * labels[:, :, None], axis=1)


def _checked(labels: Array | None, title: str) -> Array:
  """The labels; ValueError where a method gives none."""
  if labels is None:
    raise ValueError(
      f"the {title} domain needs the domain of every image: train stargan2 with it, or choose "
      f"another {title}.name."
    )
  check_code(labels)
  return labels
