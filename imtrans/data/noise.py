"""The task "noise": the source is static, the target a picture that it has nothing to do with.

So noise becomes a domain like any other, and a network that makes pictures of noise is trained,
evaluated and used as one that translates. Static is 16-bit grey, every value equally likely, drawn
anew whenever a training picture is shown, and by the name of the picture elsewhere.
"""

import math

import numpy as np

from imtrans.data.specs import ImageSpec, image_spec
from imtrans.data.task import Task

STATIC = image_spec(1, "uint16")
_LEVELS = 65536


def noise(clean: ImageSpec) -> Task:
  """Returns the task whose source is static of the size of the picture, and whose target it is."""
  return Task(clean, STATIC, clean, _static, related=False)


def static(height: int, width: int, generator: np.random.Generator) -> np.ndarray:
  """Returns uint16 static [height, width, 1]."""
  return generator.integers(0, _LEVELS, (height, width, 1), np.uint16)


def static_of(codes: np.ndarray, height: int, width: int) -> np.ndarray:
  """Static whose first pixels stand for given numbers.

  A network reads a standard normal number from each pixel, row by row: of level k of 65,536 the
  quantile (k + 1/2) / 65,536.

  Args:
    codes: float [count, latent_size].
    height: pixels.
    width: pixels.

  Returns:
    uint16 [count, height, width, 1]; pixels beyond the code are in the middle of the range.

  Raises:
    ValueError: if there are fewer pixels than numbers, or a code is no vector.
  """
  if codes.ndim != 2 or codes.shape[1] > height * width:
    raise ValueError(
      f"codes must have shape [count, latent_size] with at most {height * width} numbers for "
      f"{height}x{width} pixels, got {codes.shape}."
    )
  share = np.vectorize(lambda value: 0.5 * math.erfc(-value / math.sqrt(2.0)))(codes)
  levels = np.clip(np.floor(_LEVELS * share), 0, _LEVELS - 1).astype(np.uint16)
  pixels = np.full((len(codes), height * width), _LEVELS // 2, np.uint16)
  pixels[:, : codes.shape[1]] = levels
  return pixels.reshape(len(codes), height, width, 1)


def _static(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Static as a task makes it, [height, width, 1] in [0, 1], of the levels of the file."""
  height, width = image.shape[:2]
  return static(height, width, generator).astype(np.float64) / (_LEVELS - 1)
