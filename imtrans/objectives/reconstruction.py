"""Losses between a generated image and the one that it should be.

The cycle loss is `mean_absolute_error(reconstructed, real)` and the identity loss
`mean_absolute_error(identity, real)`; they differ in what is compared, not in the function.
"""

import jax.numpy as jnp
from jax import Array


def mean_absolute_error(images: Array, targets: Array) -> Array:
  """L1 loss: the negative log-likelihood of Laplace noise up to scale and constant.

  Isola et al., 2017, Eq. 3, https://arxiv.org/abs/1611.07004, as a mean.

  Args:
    images: any shape.
    targets: the same shape.

  Returns:
    Scalar, the mean of |images - targets| over all entries.

  Raises:
    ValueError: if the shapes differ.
  """
  _check_shapes(images, targets)
  return jnp.mean(jnp.abs(images - targets))


def mean_squared_error(images: Array, targets: Array) -> Array:
  """L2 loss: the negative log-likelihood of Gaussian noise up to scale and constant.

  Args:
    images: any shape.
    targets: the same shape.

  Returns:
    Scalar, the mean of (images - targets)^2 over all entries.

  Raises:
    ValueError: if the shapes differ.
  """
  _check_shapes(images, targets)
  return jnp.mean(jnp.square(images - targets))


def _check_shapes(images: Array, targets: Array) -> None:
  if images.shape != targets.shape:
    raise ValueError(
      f"images and targets must have the same shape, got {images.shape} and {targets.shape}."
    )
