"""Discriminators that look at an image in several sizes."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.networks.augmentation import augmented
from imtrans.networks.patch_discriminator import PatchDiscriminator
from imtrans.networks.resampling import halve


class MultiScaleDiscriminator(nn.Module):
  """PatchGANs on an image and on its halved copies (Wang et al., 2018, Sec. 3.2).

  https://arxiv.org/abs/1711.11585. The coarsest sees a patch 2 ** (num_scales - 1) times as wide
  and judges the whole, the finest judges details. SPADE uses the same with spectral normalisation.
  """

  num_scales: int = 2  # Three for pictures of 1024 pixels and more.
  num_layers: int = 3
  features: int = 64
  norm: str = "instance"
  spectral_norm: bool = False
  padding: int = 2  # One in BicycleGAN.
  shrink: int = 1  # What the features are divided by from scale to scale; two in BicycleGAN.
  augment: tuple[str, ...] = ()  # What is done to images first, see `Augmentation`.
  augment_probability: float = 1.0
  augment_ramp: int = 0
  color_channels: int = 0
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> list[list[Array]]:
    """Maps [batch, height, width, channels] in [-1, 1] to the activations of every scale.

    Returns:
      Per scale, finest first, what each layer makes of it; the last are logits [batch, height',
      width', 1].
    """
    outputs, images = [], augmented(self)(images, train=train)
    for scale in range(self.num_scales):
      if scale > 0:
        images = halve(images)
      patches = PatchDiscriminator(
        self.num_layers,
        max(self.features // self.shrink**scale, 1),
        self.norm,
        self.spectral_norm,
        padding=self.padding,
        dtype=self.dtype,
        name=f"scale_{scale}",
      )
      outputs.append(patches.activations(images, train=train))
    return outputs
