"""Spectral norms: of matrices, of a chain of convolutions, and of a network where it stands."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.theory.patches.layers import Layer


def power_iteration(
  matrix: Array, vector: Array, *, num_steps: int = 1, epsilon: float = 1e-12
) -> tuple[Array, Array]:
  """Estimates the largest singular value of a matrix by power iteration, state in and state out.

  Miyato et al., 2018, "Spectral Normalization for Generative Adversarial Networks", Algorithm 1,
  https://arxiv.org/abs/1802.05957. The iterated vectors are constants for differentiation: the
  gradient of the estimate with respect to the matrix is the outer product of the two.

  Args:
    matrix: [rows, columns].
    vector: [rows], the left singular vector's estimate from the step before.
    num_steps: iterations; one per training step is enough because the matrix moves slowly.
    epsilon: added to the norms that divide.

  Returns:
    The estimate (a scalar, never above the true norm) and the new left vector of norm one.

  Raises:
    ValueError: if the shapes do not fit.
  """
  if matrix.ndim != 2 or vector.shape != matrix.shape[:1]:
    raise ValueError(
      "matrix must be [rows, columns] and vector [rows], got shapes "
      f"{matrix.shape} and {vector.shape}."
    )
  fixed = jax.lax.stop_gradient(matrix)
  left = vector
  right = fixed.T @ left
  for _ in range(num_steps):
    right = fixed.T @ left
    right = right / (jnp.linalg.norm(right) + epsilon)
    left = fixed @ right
    left = left / (jnp.linalg.norm(left) + epsilon)
  left, right = jax.lax.stop_gradient((left, right))
  return left @ (matrix @ right), left


def amplification(layer: Layer) -> float:
  """How far a convolution's norm can be above that of its reshaped kernel: ceil(size / stride).

  A pixel is seen by at most ceil(size / stride) windows along each axis, and the square root of
  their number in two axes is what a kernel of norm one can multiply an image by. All-ones kernels
  attain it.

  Args:
    layer: the convolution's geometry; padding with zeros changes nothing.

  Returns:
    At least one.
  """
  return float(math.ceil(layer.kernel_size / layer.stride))


def lipschitz_bound(layers: Sequence[Layer], norms: Sequence[float] | None = None) -> float:
  """Upper bound of the Lipschitz constant of a chain of convolutions and leaky rectifiers.

  The product of each layer's `amplification` and the spectral norm of its reshaped kernel, which
  spectral normalisation (Miyato et al., 2018, https://arxiv.org/abs/1802.05957) makes one. So a
  spectrally normalised discriminator is bounded, but not by one: the 70 x 70 PatchGAN by 2^3 4^2 =
  128, in the Euclidean norms of the image and of the map of logits. (In training the norms are a
  little above one, as power iteration never overestimates what it divides by.) Normalisation layers
  divide by a standard deviation and have no such bound; they are not counted.

  Args:
    layers: the chain's geometry, such as `PatchDiscriminator.layers`.
    norms: spectral norm of each kernel as a matrix [out, height * width * in]; ones if absent.

  Returns:
    The bound.

  Raises:
    ValueError: if there is not one norm per layer.
  """
  norms = [1.0] * len(layers) if norms is None else norms
  if len(norms) != len(layers):
    raise ValueError(f"norms must hold one number per layer, got {len(norms)} for {len(layers)}.")
  return math.prod(amplification(layer) * norm for layer, norm in zip(layers, norms, strict=True))


def operator_norm(
  function: Callable[[Array], Array], point: Array, key: Array, *, num_steps: int = 50
) -> Array:
  """Spectral norm of a function's Jacobian at a point: of the function itself if it is linear.

  Power iteration with products from both sides, so the matrix is never built. No Lipschitz
  constant of the function is below it.

  Args:
    function: arrays to arrays.
    point: where; any shape.
    key: of the random start.
    num_steps: iterations.

  Returns:
    Scalar, never above the true norm.
  """
  _, push = jax.linearize(function, point)
  pull = jax.linear_transpose(push, point)

  def step(_, direction):
    (back,) = pull(push(direction))
    return back / (jnp.linalg.norm(back) + jnp.finfo(back.dtype).tiny)

  start = jax.random.normal(key, point.shape, point.dtype)
  direction = jax.lax.fori_loop(0, num_steps, step, start / jnp.linalg.norm(start))
  return jnp.linalg.norm(push(direction))


def gradient_norms(function: Callable[[Array], Array], points: Array) -> Array:
  """Euclidean norms of a scalar function's gradients: how steep a discriminator really is.

  The mean of N logits of a network with Lipschitz constant L is at most L / sqrt(N) steep.

  Args:
    function: one point to a scalar, such as an image to its mean logit.
    points: [count, ...], such as images [batch, height, width, channels].

  Returns:
    [count].
  """
  gradients = jax.vmap(jax.grad(function))(points)
  return jnp.linalg.norm(gradients.reshape(points.shape[0], -1), axis=1)


def normalized_bilinear_loss(generator: Array, discriminator: Array) -> Array:
  """The bilinear game whose discriminator is spectrally normalised: <g, d> / |d|.

  The norm is that of the matrix [1, size], as `power_iteration` finds it for a network's layer.

  Args:
    generator: g, [size].
    discriminator: d, [size], not zero.

  Returns:
    Scalar, which the generator minimizes and the discriminator maximizes.
  """
  norm, _ = power_iteration(discriminator[None, :], jnp.ones_like(discriminator[:1]))
  return jnp.vdot(generator, discriminator) / norm


def normalized_bilinear_invariant(generator: Array, discriminator: Array) -> Array:
  """What gradient flow of `normalized_bilinear_loss` conserves, besides |d|, in the plane.

  With u = d / |d|, a = <g, u> and b the length of g across u, a' = -1 + b^2 / |d|^2 and b' =
  -a b / |d|^2, so (a^2 + b^2) / 2 - |d|^2 log b stays as it is. The level sets are closed curves
  around a = 0, b = |d|, where g circles for ever with speed one: it moves no faster than one,
  however large the game has become, and it does not converge.

  Args:
    generator: g, [2].
    discriminator: d, [2], not parallel to g.

  Returns:
    Scalar.
  """
  square = jnp.vdot(discriminator, discriminator)
  across = generator[0] * discriminator[1] - generator[1] * discriminator[0]
  across = jnp.abs(across) / jnp.sqrt(square)
  return 0.5 * jnp.vdot(generator, generator) - square * jnp.log(across)
