"""Normalisation layers by name: instance, batch or none, with the biases that go with each."""

import functools
import math

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

from imtrans.networks.derivatives import with_derivative
from imtrans.networks.halo import num_row_shards
from imtrans.networks.platforms import by_platform

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
  values, axes = _values(images.astype(jnp.float32), (1, 2))
  normalized, _, _ = _normalize(values, axes, epsilon)
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
  values, axes = _values(images.astype(jnp.float32), (0, 1, 2))
  normalized, mean, variance = _normalize(values, axes, epsilon)
  count = math.prod(images.shape[:3])
  unbiased = variance.ravel() * (count / max(count - 1, 1))
  return normalized.reshape(images.shape), mean.ravel(), unbiased


def _values(images: Array, axes: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
  """Makes one axis of some neighbouring ones before the last, and returns which it is.

  Where rows are split over devices the pixels cannot be one axis: all is left as it is.
  """
  if num_row_shards() > 1:
    return images, axes
  return images.reshape(math.prod(images.shape[: axes[0]]), -1, images.shape[-1]), (1,)


def _normalize(values: Array, axes: tuple[int, ...], epsilon: float) -> tuple[Array, Array, Array]:
  """Normalises over some axes; also returns mean and variance, with those axes of length one."""
  count = math.prod(values.shape[axis] for axis in axes)
  mean = _sum(values, axes) / count
  centred = values - mean
  variance = _sum(jnp.square(centred), axes) / count
  return centred * lax.rsqrt(variance + epsilon), mean, variance


def _sum(values: Array, axes: tuple[int, ...]) -> Array:
  """Sums over some axes, which stay with length one.

  A product with ones on CPU: XLA's own sums over anything but the last axis compute once more
  whatever made the values there, and over the pixels of one image take twice as long by themselves.
  """
  direct = functools.partial(jnp.sum, axis=axes, keepdims=True)
  if axes != (1,):
    return direct(values)

  def product(values: Array) -> Array:
    return (_ones(values, values.shape[1]) @ values)[:, :1]

  # Transposed, the sum is a broadcast; the product would be one more.
  return by_platform(cpu=with_derivative(product, direct), default=direct)(values)


def _spread(values: Array, shape: tuple[int, ...]) -> Array:
  """Broadcasts [channels] to images; the derivative, which is a sum, as `_sum` computes it."""
  direct = functools.partial(jnp.broadcast_to, shape=shape)
  if num_row_shards() > 1:
    return direct(values)

  def product(values: Array) -> Array:
    ones = _ones(values[None], math.prod(shape[:3]))
    rows = jnp.zeros((ones.shape[1], len(values)), values.dtype).at[0].set(values)
    return (ones[0].T @ rows).reshape(shape)

  return by_platform(cpu=with_derivative(direct, product), default=direct)(values)


def _ones(values: Array, count: int) -> Array:
  """What values [n, ...] are multiplied with: [n, rows, count], of which the first row counts.

  Of a single row and matrix XLA would make the sum again.
  """
  return jnp.ones((len(values), 2 if len(values) == 1 else 1, count), values.dtype)


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
    return normalized * _spread(scale, images.shape) + _spread(shift, images.shape)


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
