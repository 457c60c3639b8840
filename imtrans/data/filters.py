"""Linear filters of float pictures [height, width, channels], mirrored at the border.

The edge pixel is not repeated by the mirror. Sizes and standard deviations are in pixels.
"""

import math

import numpy as np

_TRUNCATE = 4.0  # Standard deviations at which a Gaussian is cut off.


def gaussian_taps(sigma: float) -> np.ndarray:
  """Returns a Gaussian as weights [2 * ceil(4 sigma) + 1], float32 of sum 1."""
  radius = math.ceil(_TRUNCATE * sigma)
  taps = np.exp(-0.5 * np.square(np.arange(-radius, radius + 1) / sigma))
  return (taps / taps.sum()).astype(np.float32)


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
  """Blurs with a Gaussian.

  Args:
    image: float32 [height, width, channels].
    sigma: standard deviation, pixels; above 0.

  Returns:
    float32 of the same shape.
  """
  taps = gaussian_taps(sigma)
  return correlate(correlate(image, taps[:, None]), taps[None, :])


def correlate(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
  """Correlates every channel with a kernel; its zeros cost nothing.

  Args:
    image: float32 [height, width, channels].
    kernel: float32 [rows, columns], both odd; its middle lies on the pixel that is computed.

  Returns:
    float32 of the image's shape.
  """
  height, width = image.shape[:2]
  rows, columns = kernel.shape
  widths = [(rows // 2, rows // 2), (columns // 2, columns // 2), (0, 0)]
  for axis in (0, 1):  # A single row or column has nothing to mirror.
    amounts = [widths[i] if i == axis else (0, 0) for i in range(3)]
    mode = "reflect" if image.shape[axis] > 1 else "edge"
    image = np.pad(image, amounts, mode=mode)
  total = np.zeros((height, width, image.shape[2]), np.float32)
  for row, column in zip(*np.nonzero(kernel), strict=True):
    total += kernel[row, column] * image[row : row + height, column : column + width]
  return total


def line_kernel(length: float, angle: float) -> np.ndarray:
  """Returns the kernel of a straight, even motion of the camera.

  The line passes through the middle; its points, eight for each pixel of its length, share their
  weight among the four pixels around them.

  Args:
    length: of the line, pixels; at least 1.
    angle: degrees from the horizontal, anticlockwise on the screen.

  Returns:
    float32 [size, size] of sum 1, size odd; symmetric about its middle.
  """
  radius = math.ceil(length / 2.0)
  count = max(1, round(8 * length))
  # Midpoints of equal pieces: the mean of the line, not of its ends.
  along = ((np.arange(count) + 0.5) / count - 0.5) * length
  x = radius + along * math.cos(math.radians(angle))
  y = radius - along * math.sin(math.radians(angle))
  kernel = np.zeros((2 * radius + 2, 2 * radius + 2))
  left, top = np.floor(x).astype(int), np.floor(y).astype(int)
  for down in (0, 1):
    for right in (0, 1):
      share = np.abs(1 - down - (y - top)) * np.abs(1 - right - (x - left))
      np.add.at(kernel, (top + down, left + right), share / count)
  return kernel[:-1, :-1].astype(np.float32)
