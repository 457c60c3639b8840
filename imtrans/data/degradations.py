"""Ways in which a camera, a sensor or a file spoils a picture: noise, resolution, blur, JPEG.

Every function takes a picture, float32 [height, width, channels] in [0, 1], and a generator, and
returns a picture of the same shape; values may leave [0, 1] and are clipped when they are stored.
The arguments before the picture are fixed once, by `tasks`, which has checked them.
"""

import io
import math
from collections.abc import Sequence

import numpy as np
from PIL import Image

from imtrans.data.filters import correlate, gaussian_blur, line_kernel
from imtrans.data.transforms import resize

Generator = np.random.Generator


def gauss_noise(sigma: float, image: np.ndarray, generator: Generator) -> np.ndarray:
  """Returns the sum with normal noise of deviation sigma, independent in pixels and channels."""
  return image + sigma * generator.standard_normal(image.shape, np.float32)


def laplace_noise(sigma: float, image: np.ndarray, generator: Generator) -> np.ndarray:
  """Returns the sum with Laplace noise of deviation sigma: density exp(-|x| sqrt(2) / sigma)."""
  noise = generator.laplace(0.0, sigma / math.sqrt(2.0), image.shape)
  return image + noise.astype(np.float32)


def poisson_noise(peak: float, image: np.ndarray, generator: Generator) -> np.ndarray:
  """Counts photons: where a picture has value v, Poisson(peak v) / peak.

  Its mean is v and its variance v / peak, so the standard deviation at white is peak^(-1/2).

  Args:
    peak: photons expected in a white pixel.
    image: see the top of this file.
    generator: of the counts.

  Returns:
    Multiples of 1 / peak; those above 1 are clipped when stored.
  """
  return (generator.poisson(peak * np.clip(image, 0.0, 1.0)) / peak).astype(np.float32)


def fewer_pixels(factor: int, image: np.ndarray, generator: Generator) -> np.ndarray:
  """Shrinks by an antialiased bicubic filter and enlarges to the old size by a bicubic one.

  Args:
    factor: how many pixels become one, along each side; sizes are rounded.
    image: see the top of this file.
    generator: not used: nothing here is random.

  Returns:
    What is left of the picture, at its old size.
  """
  del generator
  height, width = image.shape[:2]
  small = resize(image, max(1, round(height / factor)), max(1, round(width / factor)))
  return resize(small, height, width)


def gauss_blur(sigma: float, image: np.ndarray, generator: Generator) -> np.ndarray:
  """Returns the picture blurred with a Gaussian of standard deviation sigma, pixels."""
  del generator
  return gaussian_blur(image, sigma)


def motion_blur(
  length: float, angle: float | None, image: np.ndarray, generator: Generator
) -> np.ndarray:
  """Blurs along a line.

  Args:
    length: of the line, pixels.
    angle: degrees from the horizontal, anticlockwise; None draws one for each picture.
    image: see the top of this file.
    generator: of the angle.

  Returns:
    The blurred picture.
  """
  drawn = generator.uniform(0.0, 180.0) if angle is None else angle
  return correlate(image, line_kernel(length, drawn))


def jpeg_artefacts(quality: Sequence[int], image: np.ndarray, generator: Generator) -> np.ndarray:
  """Writes the picture as a JPEG file and reads it back.

  Args:
    quality: (lowest, highest), of the IJG scale from 1 to 95; drawn evenly for each picture.
    image: see the top of this file, 1 or 3 channels.
    generator: of the quality.

  Returns:
    The picture as decoded; RGB has 4:2:0 subsampled chroma, as most files have.
  """
  lowest, highest = quality
  encoded = encode_jpeg(image, int(generator.integers(lowest, highest + 1)))
  with Image.open(io.BytesIO(encoded), formats=("JPEG",)) as picture:
    decoded = np.asarray(picture, np.float32)
  return (decoded / 255.0).reshape(image.shape)


def encode_jpeg(image: np.ndarray, quality: int) -> bytes:
  """Returns a JPEG file of a picture [height, width, 1 or 3] in [0, 1], rounded to 8 bits."""
  pixels = np.rint(255.0 * np.clip(image, 0.0, 1.0)).astype(np.uint8)
  buffer = io.BytesIO()
  pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels)
  Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
  return buffer.getvalue()
