"""Colours as numbers: sRGB, CIELAB, the grey of a colour, its hue.

Arrays are [..., channels] of float; sRGB and grey values lie in [0, 1], L in [0, 100], a and b
in [-128, 128]. The primaries are those of ITU-R BT.709, the white is D65 (0.95047, 1, 1.08883), as
in IEC 61966-2-1 and in scikit-image.
"""

import numpy as np

AB_LIMIT = 110.0  # No sRGB colour has |a| or |b| above 107.9.

# IEC 61966-2-1: linear sRGB to XYZ, and the XYZ of its white (D65, 2 degrees).
RGB_TO_XYZ = (
  (0.412453, 0.357580, 0.180423),
  (0.212671, 0.715160, 0.072169),
  (0.019334, 0.119193, 0.950227),
)
WHITE = (0.95047, 1.0, 1.08883)

_XYZ_OF_RGB = np.array(RGB_TO_XYZ, np.float32)
_RGB_OF_XYZ = np.linalg.inv(_XYZ_OF_RGB.astype(np.float64)).astype(np.float32)
_WHITE = np.array(WHITE, np.float32)
_LUMINANCE = _XYZ_OF_RGB[1]
_BEND = (6.0 / 29.0) ** 3  # Below it the cube root of CIELAB is a straight line.


def linear_from_srgb(values: np.ndarray) -> np.ndarray:
  """Returns the light of sRGB values (IEC 61966-2-1), both in [0, 1], float32 of any shape."""
  values = np.asarray(values, np.float32)
  return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def srgb_from_linear(light: np.ndarray) -> np.ndarray:
  """Returns the sRGB values of light, the inverse of `linear_from_srgb`; light is clipped."""
  light = np.clip(np.asarray(light, np.float32), 0.0, 1.0)
  return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1.0 / 2.4) - 0.055)


def lab_from_rgb(rgb: np.ndarray) -> np.ndarray:
  """Returns CIELAB (L, a, b), float32 [..., 3], of sRGB colours [..., 3] in [0, 1].

  CIE 15:2004, Eq. 8.3 to 8.5.
  """
  xyz = linear_from_srgb(rgb) @ _XYZ_OF_RGB.T / _WHITE
  roots = _root(xyz)
  x, y, z = np.moveaxis(roots, -1, 0)
  return np.stack([116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)], axis=-1)


def rgb_from_lab(lab: np.ndarray) -> np.ndarray:
  """Returns sRGB colours, float32 [..., 3] in [0, 1], of CIELAB ones.

  What sRGB cannot show is clipped channel by channel.
  """
  lightness, a, b = np.moveaxis(np.asarray(lab, np.float32), -1, 0)
  y = (lightness + 16.0) / 116.0
  roots = np.stack([y + a / 500.0, y, y - b / 200.0], axis=-1)
  xyz = _cube(roots) * _WHITE
  return srgb_from_linear(xyz @ _RGB_OF_XYZ.T)


def grey_from_rgb(rgb: np.ndarray) -> np.ndarray:
  """Returns the grey of the same lightness L, [..., 1] in [0, 1], of sRGB colours [..., 3].

  A grey photograph holds such values: L and they are functions of each other.
  """
  luminance = np.asarray(linear_from_srgb(rgb) @ _LUMINANCE)
  return srgb_from_linear(luminance[..., None])


def lightness_from_grey(grey: np.ndarray) -> np.ndarray:
  """Returns L in [0, 100] of greys in [0, 1], float32 of the same shape."""
  return 116.0 * _root(linear_from_srgb(grey)) - 16.0


def colorize(grey: np.ndarray, ab: np.ndarray) -> np.ndarray:
  """Joins a grey picture and its colours.

  Args:
    grey: [..., 1] in [0, 1], which decides the lightness.
    ab: [..., 2], a and b of CIELAB.

  Returns:
    sRGB, float32 [..., 3] in [0, 1].
  """
  return rgb_from_lab(np.concatenate([lightness_from_grey(grey), np.asarray(ab)], axis=-1))


def rotate_hue(rgb: np.ndarray, degrees: float) -> np.ndarray:
  """Turns the hue of HSV (Smith, 1978, https://doi.org/10.1145/965139.807361).

  Value and saturation stay as they are, so nothing is ever clipped, greys do not change, and the
  rotation by -degrees undoes it. 120 degrees make red of what was blue, green of red, blue of
  green.

  Args:
    rgb: float [..., 3] in [0, 1].
    degrees: any; 360 is once around.

  Returns:
    float32 [..., 3] in [0, 1].
  """
  rgb = np.asarray(rgb, np.float32)
  red, green, blue = np.moveaxis(rgb, -1, 0)
  value, least = rgb.max(axis=-1), rgb.min(axis=-1)
  chroma = value - least
  divisor = np.where(chroma > 0, chroma, 1.0)
  # In sixths of the circle, from red.
  hue = np.select(
    [value == red, value == green],
    [(green - blue) / divisor, (blue - red) / divisor + 2.0],
    (red - green) / divisor + 4.0,
  )
  channels = []
  for offset in (5.0, 3.0, 1.0):
    place = np.mod(hue + degrees / 60.0 + offset, 6.0)
    channels.append(value - chroma * np.clip(np.minimum(place, 4.0 - place), 0.0, 1.0))
  return np.stack(channels, axis=-1).astype(np.float32)


def luma(image: np.ndarray) -> np.ndarray:
  """Returns the luma of ITU-R BT.601 of an RGB picture, or the mean of other channels.

  Args:
    image: float [height, width, channels].

  Returns:
    float32 [height, width, 1].
  """
  weights = np.full(image.shape[-1], 1.0 / image.shape[-1], np.float32)
  if image.shape[-1] == 3:
    weights = np.array([0.299, 0.587, 0.114], np.float32)
  return (np.asarray(image, np.float32) @ weights)[..., None]


def _root(light: np.ndarray) -> np.ndarray:
  """The cube root of CIELAB, straight near black."""
  slope = (29.0 / 6.0) ** 2 / 3.0
  return np.where(light > _BEND, np.cbrt(light), slope * light + 4.0 / 29.0)


def _cube(roots: np.ndarray) -> np.ndarray:
  """The inverse of `_root`."""
  slope = 3.0 * (6.0 / 29.0) ** 2
  return np.where(roots > 6.0 / 29.0, roots**3, slope * (roots - 4.0 / 29.0))
