"""Normalisation layers by name: instance, batch or none, with the biases that go with each."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

EPSILON = 1e-5


def instance_norm(images: Array, *, epsilon: float = EPSILON) -> Array:
  """Normalises every channel of every image by its own mean and variance over the pixels.

  Ulyanov et al., 2016, "Instance Normalization", Eq. 1, https://arxiv.org/abs/1607.08022, without
  learned scale and shift, as CycleGAN uses it. Statistics are float32 whatever comes in.

  Args:
    images: [batch, height, width, channels].
    epsilon: added to the variance (squared units of the input).

  Returns:
    The same shape and dtype; a constant channel becomes zero.
  """
  values = images.astype(jnp.float32)
  centred = values - jnp.mean(values, axis=(1, 2), keepdims=True)
  variance = jnp.mean(jnp.square(centred), axis=(1, 2), keepdims=True)
  return (centred * lax.rsqrt(variance + epsilon)).astype(images.dtype)


class Normalization(nn.Module):
  """The layer that a network calls after a convolution.

  "batch" has a learned scale drawn from N(1, 0.02) and shift, and running statistics with
  momentum 0.9 (0.1 in PyTorch's convention) in the collection "batch_stats"; "instance" and
  "none" have no parameters.
  """

  kind: str
  dtype: jnp.dtype = jnp.float32

  @nn.compact
  def __call__(self, images: Array, *, train: bool) -> Array:
    """Maps [batch, height, width, channels] to the same shape; `train` is for "batch" alone."""
    if self.kind == "instance":
      return instance_norm(images)
    if self.kind == "batch":
      normalized = nn.BatchNorm(
        use_running_average=not train,
        momentum=0.9,
        epsilon=EPSILON,
        dtype=jnp.float32,
        scale_init=_scale_init,
        name="batch_norm",
      )(images.astype(jnp.float32))
      return normalized.astype(self.dtype)
    if self.kind == "none":
      return images
    raise ValueError(f"norm must be 'instance', 'batch' or 'none', got {self.kind!r}.")


def needs_bias(kind: str) -> bool:
  """Whether a convolution before this normalisation carries a bias, as in the reference code.

  Batch normalisation has its own shift; the reference networks keep the (idle) bias before
  instance normalisation, and parameter counts follow from it.
  """
  return kind != "batch"


def _scale_init(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
  return jnp.ones(shape, dtype) + nn.initializers.normal(0.02)(key, shape, dtype)
