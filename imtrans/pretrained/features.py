"""AlexNet and VGG16 as functions of their weights: what LPIPS looks at, and features to compare.

Only the convolutions are here; the weights come from `pretrained/weights.py`.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

Convolutions = Sequence[tuple[Array | np.ndarray, Array | np.ndarray]]

# ImageNet's mean and standard deviation, for images in [-1, 1], as LPIPS rounds them.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)

FLOAT32 = jnp.dtype(jnp.float32)
VGG_STAGES = (2, 2, 3, 3, 3)  # Convolutions between two poolings.


def alexnet(convolutions: Convolutions, images: Array) -> list[Array]:
  """AlexNet in torchvision's form, up to its last convolution.

  Krizhevsky, 2014, "One weird trick for parallelizing convolutional neural networks",
  https://arxiv.org/abs/1404.5997.

  Args:
    convolutions: five pairs (kernel [height, width, in, out], bias [out]).
    images: [batch, height, width, 3] in [-1, 1], at least 31 pixels high and wide.

  Returns:
    The five activations after ReLU, [batch, height', width', 64, 192, 384, 256 and 256 channels].

  Raises:
    ValueError: for other channels or too small images.
  """
  hidden = _standardized(images, least=31)
  maps = []
  for index, (kernel, bias) in enumerate(convolutions):
    stride, padding = (4, 2) if index == 0 else (1, kernel.shape[0] // 2)
    hidden = jnp.maximum(convolve(hidden, kernel, bias, stride=stride, padding=padding), 0.0)
    maps.append(hidden)
    if index < 2:
      hidden = max_pool(hidden, side=3, stride=2)
  return maps


def vgg16(convolutions: Convolutions, images: Array) -> list[Array]:
  """VGG16 (configuration D) up to its last convolution.

  Simonyan and Zisserman, 2015, "Very Deep Convolutional Networks for Large-Scale Image
  Recognition", Table 1, https://arxiv.org/abs/1409.1556.

  Args:
    convolutions: thirteen pairs (kernel [3, 3, in, out], bias [out]).
    images: [batch, height, width, 3] in [-1, 1], at least 16 pixels high and wide.

  Returns:
    The activations after ReLU of the last convolution of each of the five stages,
    [batch, height', width', 64, 128, 256, 512 and 512 channels].

  Raises:
    ValueError: for other channels or too small images.
  """
  return [stage[-1] for stage in _vgg16_stages(convolutions, images, FLOAT32)]


def vgg16_onsets(
  convolutions: Convolutions, images: Array, *, dtype: jnp.dtype = FLOAT32
) -> list[Array]:
  """VGG16 as perceptual losses look at it: what begins each stage rather than what ends it.

  Args:
    convolutions: as for `vgg16`.
    images: likewise.
    dtype: of the computation.

  Returns:
    The activations after ReLU of the first convolution of each of the five stages, relu1_1 to
    relu5_1, [batch, height', width', 64, 128, 256, 512 and 512 channels] of that dtype.

  Raises:
    ValueError: as `vgg16`.
  """
  return [stage[0] for stage in _vgg16_stages(convolutions, images, dtype)]


def vgg16_last(convolutions: Convolutions, images: Array, *, dtype: jnp.dtype = FLOAT32) -> Array:
  """VGG16 as content is compared by: its last activation, relu5_3.

  Args:
    convolutions: as for `vgg16`.
    images: likewise.
    dtype: of the computation.

  Returns:
    [batch, height', width', 512 channels] of that dtype.

  Raises:
    ValueError: as `vgg16`.
  """
  return _vgg16_stages(convolutions, images, dtype)[-1][-1]


def _vgg16_stages(convolutions: Convolutions, images: Array, dtype: jnp.dtype) -> list[list[Array]]:
  """Returns every activation after ReLU, stage by stage."""
  hidden = _standardized(images, least=16).astype(dtype)
  remaining = iter(convolutions)
  stages: list[list[Array]] = []
  for index, count in enumerate(VGG_STAGES):
    if index > 0:
      hidden = max_pool(hidden, side=2, stride=2)
    stages.append([])
    for _ in range(count):
      kernel, bias = next(remaining)
      hidden = jnp.maximum(convolve(hidden, kernel, bias, padding=1), 0)
      stages[-1].append(hidden)
  return stages


FEATURE_MAPS: dict[str, Callable[[Convolutions, Array], list[Array]]] = {
  "alex": alexnet,
  "vgg": vgg16,
}


def convolve(
  images: Array,
  kernel: Array | np.ndarray,
  bias: Array | np.ndarray | None = None,
  *,
  stride: int = 1,
  padding: int | tuple[int, int] = 0,
) -> Array:
  """Ordinary convolution, float32 in full precision: a figure does not depend on the device.

  Args:
    images: [batch, height, width, in].
    kernel: [kernel height, kernel width, in, out].
    bias: [out].
    stride: pixels.
    padding: zeros on each side, of both axes or of (height, width), in pixels.

  Returns:
    [batch, height', width', out].
  """
  rows, columns = (padding, padding) if isinstance(padding, int) else padding
  outputs = lax.conv_general_dilated(
    images,
    jnp.asarray(kernel, images.dtype),
    (stride, stride),
    ((rows, rows), (columns, columns)),
    dimension_numbers=("NHWC", "HWIO", "NHWC"),
    precision=lax.Precision.HIGHEST,
  )
  return outputs if bias is None else outputs + jnp.asarray(bias, images.dtype)[None, None, None, :]


def max_pool(images: Array, *, side: int, stride: int, padding: int = 0) -> Array:
  """Maximum over windows of `side` x `side` pixels.

  Args:
    images: [batch, height, width, channels].
    side: of the window, in pixels.
    stride: pixels.
    padding: pixels on each side that never win.

  Returns:
    [batch, height', width', channels].
  """
  window, strides = (1, side, side, 1), (1, stride, stride, 1)
  widths = ((0, 0), (padding, padding), (padding, padding), (0, 0))
  return lax.reduce_window(images, -jnp.inf, lax.max, window, strides, widths)


def _standardized(images: Array, *, least: int) -> Array:
  """Scales images as the networks were trained; refuses what they cannot look at."""
  check_color(images, least)
  shift, scale = np.asarray(SHIFT, np.float32), np.asarray(SCALE, np.float32)
  return (images - shift[None, None, None, :]) / scale[None, None, None, :]


def check_color(images: Array | np.ndarray, least: int) -> None:
  """Raises ValueError unless images are [batch, height, width, 3] and not smaller than `least`.

  Args:
    images: the images.
    least: smallest height and width in pixels.
  """
  if images.ndim != 4 or images.shape[-1] != 3:
    raise ValueError(
      f"images must have shape [batch, height, width, 3], got {images.shape}: repeat the channel "
      "of grey pictures three times."
    )
  if min(images.shape[1:3]) < least:
    raise ValueError(
      f"this network needs images of at least {least} x {least} pixels, got "
      f"{images.shape[1]} x {images.shape[2]}: evaluate at a larger size."
    )
