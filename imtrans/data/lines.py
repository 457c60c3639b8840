"""Line drawings of pictures: Canny's edges, soft edges, a pencil sketch.

Every function takes the brightness of a picture, float32 [height, width, 1] in [0, 1]; drawings
are dark on white, as OpenMoji's are. Gradients are Sobel's, unscaled: a sharp step from black to
white has 4, as in OpenCV (where it is 4 * 255) and scikit-image.
"""

import numpy as np

from imtrans.data.filters import correlate, gaussian_blur, line_kernel

_SMOOTH = np.array([1.0, 2.0, 1.0], np.float32)
_SLOPE = np.array([-1.0, 0.0, 1.0], np.float32)
# In units of a picture from 0 to 1: below, what rounding makes of a flat area is no paper grain.
_DARKEST = 1.0 / 255.0
_HATCH_LENGTH, _HATCH_ANGLE = 7.0, 50.0  # Pixels, degrees.


def canny(image: np.ndarray, *, sigma: float, low: float, high: float) -> np.ndarray:
  """Finds edges one pixel wide (Canny, 1986, https://doi.org/10.1109/TPAMI.1986.4767851).

  Gaussian smoothing, gradient, suppression of what is no maximum across the edge, hysteresis.

  Args:
    image: brightness.
    sigma: of the smoothing, pixels.
    low: gradient above which a pixel continues an edge.
    high: gradient above which a pixel begins one; at least `low`.

  Returns:
    bool [height, width]; never True on the outermost pixels.
  """
  smoothed = gaussian_blur(image, sigma)
  across = correlate(smoothed, np.outer(_SMOOTH, _SLOPE))[:, :, 0]
  down = correlate(smoothed, np.outer(_SLOPE, _SMOOTH))[:, :, 0]
  strength = np.hypot(across, down)
  ridge = _is_ridge(strength, across, down)
  return hysteresis(ridge & (strength >= low), ridge & (strength >= high))


def hysteresis(weak: np.ndarray, strong: np.ndarray) -> np.ndarray:
  """Returns the weak pixels that a chain of weak neighbours joins to a strong one, and the strong.

  Args:
    weak: bool [height, width]; its outermost pixels are False.
    strong: bool [height, width], part of `weak`.

  Returns:
    bool [height, width].
  """
  width = weak.shape[1]
  offsets = np.array([-width - 1, -width, -width + 1, -1, 1, width - 1, width, width + 1])
  waiting = (weak & ~strong).ravel()
  joined = strong.ravel().copy()
  front = np.flatnonzero(strong)
  while front.size:
    neighbours = np.unique(front[:, None] + offsets)
    front = neighbours[waiting[neighbours]]
    waiting[front] = False
    joined[front] = True
  return joined.reshape(weak.shape)


def soft_edges(image: np.ndarray, *, sigma: float, strength: float) -> np.ndarray:
  """Draws where a picture is darker than its surroundings: extended difference of Gaussians.

  Winnemoeller et al., 2012, "XDoG", Eq. 5 and 7, https://doi.org/10.1016/j.cag.2012.03.004,
  with thresholds on the difference alone, so that flat areas are white whatever their brightness.

  Args:
    image: brightness.
    sigma: of the narrow Gaussian, pixels: half the width of the lines; the other is 1.6 times it.
    strength: how quickly lines become black.

  Returns:
    float32 [height, width, 1] in [0, 1], white where there is no edge.
  """
  difference = gaussian_blur(image, sigma) - gaussian_blur(image, 1.6 * sigma)
  return 1.0 - np.tanh(strength * np.maximum(-difference, 0.0))


def pencil(
  image: np.ndarray,
  *,
  sigma: float,
  darkness: float,
  shading: float,
  grain: float,
  generator: np.random.Generator,
) -> np.ndarray:
  """Draws with a pencil: outlines, and hatching where the picture is dark.

  The outlines are the "colour dodge" of the picture by its blurred negative, which is the quotient
  of the picture and its blurred self.

  Args:
    image: brightness.
    sigma: of the blur, pixels: how far an outline reaches.
    darkness: the power to which the quotient is raised.
    shading: how dark the hatching of black is, 0 to 1; 0 draws outlines alone.
    grain: how uneven the hatching is, as a part of its darkness.
    generator: of the grain.

  Returns:
    float32 [height, width, 1] in [0, 1], white paper where the picture is flat and bright.
  """
  around = gaussian_blur(image, sigma)
  outlines = np.clip((image + _DARKEST) / (around + _DARKEST), 0.0, 1.0) ** darkness
  noise = generator.standard_normal(image.shape, np.float32)
  kernel = line_kernel(_HATCH_LENGTH, _HATCH_ANGLE)
  hatching = correlate(noise, kernel) / np.float32(np.linalg.norm(kernel))
  shade = shading * (1.0 - image) * np.clip(1.0 + grain * hatching, 0.0, None)
  return outlines * np.clip(1.0 - shade, 0.0, 1.0)


def _is_ridge(strength: np.ndarray, across: np.ndarray, down: np.ndarray) -> np.ndarray:
  """Whether the gradient is largest along its own direction, between the pixels on either side.

  The strength one pixel away is interpolated between the two neighbours that the direction passes.
  """
  height, width = strength.shape
  ridge = np.zeros((height, width), bool)
  if min(height, width) < 3:
    return ridge
  inner = (slice(1, -1), slice(1, -1))

  def shifted(rows: int, columns: int) -> np.ndarray:
    return strength[1 + rows : height - 1 + rows, 1 + columns : width - 1 + columns]

  x, y, here = across[inner], down[inner], strength[inner]
  flat = np.abs(x) >= np.abs(y)
  larger = np.maximum(np.abs(x), np.abs(y))
  share = np.minimum(np.abs(x), np.abs(y)) / np.where(larger > 0, larger, 1.0)
  falling = x * y >= 0  # Down to the right, or up to the left.
  found = here > 0
  for side in (1, -1):
    straight = np.where(flat, shifted(0, side), shifted(side, 0))
    # The diagonal neighbour on the same side of the pixel.
    diagonal = np.where(
      falling, shifted(side, side), np.where(flat, shifted(-side, side), shifted(side, -side))
    )
    beyond = (1.0 - share) * straight + share * diagonal
    # Of two equal pixels side by side one must stay.
    found &= here > beyond if side == 1 else here >= beyond
  ridge[inner] = found
  return ridge
