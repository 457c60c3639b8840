"""Singular values of convolutions, exactly: strided, multi-channel, periodic.

Kernels are [height, width, in, out] as in `imtrans.networks.convolution`, where images are padded
with zeros; the singular values with zero padding are a little smaller than those of the periodic
convolution and have no closed form, see `imtrans.theory.lipschitz.operator_norm`.
"""

import math

import jax.numpy as jnp
from jax import Array


def kernel_matrix(kernel: Array) -> Array:
  """The matrix that spectral normalisation divides by the norm of.

  Args:
    kernel: [height, width, in, out].

  Returns:
    [out, height * width * in]: a patch of the image to one pixel of the output.

  Raises:
    ValueError: if the kernel has another number of axes.
  """
  _check(kernel)
  return kernel.reshape(-1, kernel.shape[-1]).T


def convolution_norm_bounds(kernel: Array, *, stride: int = 1) -> tuple[Array, Array]:
  """Bounds of a convolution's norm by that of its reshaped kernel W.

  |W| <= |convolution| <= sqrt(ceil(height / stride) ceil(width / stride)) |W|: an image with one
  patch in it attains the first, and each pixel lies in at most that many windows. See also
  Delattre et al., 2024, https://arxiv.org/abs/2402.00240.

  Args:
    kernel: [height, width, in, out].
    stride: pixels between outputs.

  Returns:
    The lower bound (for images larger than the kernel) and the upper one.
  """
  norm = jnp.linalg.norm(kernel_matrix(kernel), 2)
  windows = math.ceil(kernel.shape[0] / stride) * math.ceil(kernel.shape[1] / stride)
  return norm, math.sqrt(windows) * norm


def convolution_singular_values(kernel: Array, size: tuple[int, int], *, stride: int = 1) -> Array:
  """All singular values of a periodic convolution, from the Fourier transform of its kernel.

  Sedghi et al., 2019, "The Singular Values of Convolutional Layers", Theorem 6,
  https://arxiv.org/abs/1805.10408: the convolution acts on each frequency by its own matrix
  [out, in]. A stride folds the frequencies that differ by size / stride onto one, so their stride^2
  matrices stand side by side, divided by the stride.

  Args:
    kernel: [height, width, in, out].
    size: (height, width) of the image in pixels, at least those of the kernel.
    stride: pixels between outputs; divides the size.

  Returns:
    [height / stride, width / stride, min(out, stride^2 in)], descending along the last axis.

  Raises:
    ValueError: if the image is smaller than the kernel or not a multiple of the stride, or the
      kernel has another number of axes.
  """
  _check(kernel)
  height, width = size
  if height < kernel.shape[0] or width < kernel.shape[1]:
    raise ValueError(f"size {size} must be at least that of the kernel, {kernel.shape[:2]}.")
  if height % stride or width % stride:
    raise ValueError(f"size {size} must be a multiple of the stride {stride}.")
  inputs, outputs = kernel.shape[2:]
  tall, wide = height // stride, width // stride
  transfer = jnp.fft.fft2(kernel, size, axes=(0, 1))
  aliased = transfer.reshape(stride, tall, stride, wide, inputs, outputs)
  blocks = jnp.transpose(aliased, (1, 3, 5, 0, 2, 4)).reshape(tall, wide, outputs, -1)
  return jnp.linalg.svd(blocks, compute_uv=False) / stride


def convolution_norm(kernel: Array, size: tuple[int, int], *, stride: int = 1) -> Array:
  """Spectral norm of a periodic convolution; arguments as `convolution_singular_values`.

  Returns:
    Scalar, its largest singular value.
  """
  return jnp.max(convolution_singular_values(kernel, size, stride=stride))


def _check(kernel: Array) -> None:
  if kernel.ndim != 4:
    raise ValueError(f"kernel must be [height, width, in, out], got shape {kernel.shape}.")
