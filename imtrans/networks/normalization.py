"""Normalisation layers by name: instance, batch or none, with the biases that go with each."""

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

EPSILON = 1e-5
MOMENTUM = 0.9


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
  batch, *_, channels = images.shape
  values = images.astype(jnp.float32).reshape(batch, -1, channels)
  normalized, _, _ = _normalize(values, epsilon)
  return normalized.reshape(images.shape).astype(images.dtype)


def batch_norm(images: Array, *, epsilon: float = EPSILON) -> tuple[Array, Array, Array]:
  """Normalises every channel by its mean and variance over all pixels of all images.

  Ioffe and Szegedy, 2015, "Batch Normalization", Algorithm 1, https://arxiv.org/abs/1502.03167,
  before the learned scale and shift.

  Args:
    images: [batch, height, width, channels].
    epsilon: added to the variance (squared units of the input).

  Returns:
    The same shape in float32, and the batch's mean and unbiased variance [channels].
  """
  values = images.astype(jnp.float32).reshape(1, -1, images.shape[-1])
  normalized, mean, variance = _normalize(values, epsilon)
  count = values.shape[1]
  unbiased = variance[0, 0] * (count / max(count - 1, 1))
  return normalized.reshape(images.shape), mean[0, 0], unbiased


def _normalize(values: Array, epsilon: float) -> tuple[Array, Array, Array]:
  """Normalises [groups, values, channels] over its values; also returns mean and variance."""
  mean = _sum(values) / values.shape[1]
  centred = values - mean
  variance = _sum(jnp.square(centred)) / values.shape[1]
  return centred * lax.rsqrt(variance + epsilon), mean, variance


def _sum(values: Array) -> Array:
  """Sums [groups, values, channels] over its values, to [groups, 1, channels].

  A product with ones on CPU, and so is its derivative: XLA's own sums over anything but the last
  axis take four to six times as long there.
  """
  return lax.platform_dependent(
    values,
    cpu=lambda values: jnp.ones((values.shape[0], 1, values.shape[1]), values.dtype) @ values,
    default=lambda values: jnp.sum(values, axis=1, keepdims=True),
  )


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
      return self._by_batch(images, train).astype(self.dtype)
    if self.kind == "none":
      return images
    raise ValueError(f"norm must be 'instance', 'batch' or 'none', got {self.kind!r}.")

  def _by_batch(self, images: Array, train: bool) -> Array:
    shape = (images.shape[-1],)
    scale = self.param("scale", _scale_init, shape)
    shift = self.param("bias", nn.initializers.zeros, shape, jnp.float32)
    mean = self.variable("batch_stats", "mean", jnp.zeros, shape, jnp.float32)
    variance = self.variable("batch_stats", "var", jnp.ones, shape, jnp.float32)
    if train:
      normalized, batch_mean, batch_variance = batch_norm(images)
      if self.is_mutable_collection("batch_stats") and not self.is_initializing():
        mean.value = MOMENTUM * mean.value + (1.0 - MOMENTUM) * batch_mean
        variance.value = MOMENTUM * variance.value + (1.0 - MOMENTUM) * batch_variance
    else:
      factor = lax.rsqrt(variance.value + EPSILON)
      normalized = (images.astype(jnp.float32) - _channels(mean.value)) * _channels(factor)
    return normalized * _channels(scale) + _channels(shift)


def convolution_bias(kind: str, *, normalized: bool = True) -> str:
  """Which bias (see `Convolution`) a network with this normalisation gives to a convolution.

  Batch normalisation has its own shift. The reference networks keep a bias before instance
  normalisation, which takes it away again: it stays for the parameter counts and for their
  weights, and is not computed with.

  Args:
    kind: "instance", "batch" or "none", of the network.
    normalized: whether a normalisation follows this convolution.

  Returns:
    "added", "idle" or "none".
  """
  if kind == "batch":
    return "none"
  return "idle" if kind == "instance" and normalized else "added"


def _channels(values: Array) -> Array:
  return values[None, None, None, :]


def _scale_init(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
  return jnp.ones(shape, dtype) + nn.initializers.normal(0.02)(key, shape, dtype)
