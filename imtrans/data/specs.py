"""What the values of a picture mean: the map between stored values and [-1, 1]."""

from typing import Any, NamedTuple

import numpy as np

from imtrans.data.palette import Palette, nearest_color

DTYPES = ("uint8", "uint16", "float32")
DEFAULT_HIGH = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0}


class ImageSpec(NamedTuple):
  """What the pictures of a domain are, recorded so that outputs are written the same way.

  Attributes:
    channels: number of channels, at least 1.
    dtype: "uint8", "uint16" or "float32".
    low: stored value that becomes -1.
    high: stored value that becomes 1.
    palette: the only colours that there are, for label pictures of 8-bit RGB; None for all others.
    classes: the names of the classes that the last channel tells apart, see `classes`; None where
      no channel does.
  """

  channels: int
  dtype: str
  low: float
  high: float
  palette: Palette | None = None
  classes: tuple[str, ...] | None = None

  def to_dict(self) -> dict[str, Any]:
    """Returns the fields as a dict that JSON can hold."""
    fields = self._asdict()
    return {name: value for name, value in fields.items() if value is not None}

  @classmethod
  def from_dict(cls, fields: dict[str, Any]) -> "ImageSpec":
    """Returns the spec that `to_dict` wrote."""
    spec = cls(**fields)
    if spec.classes is not None:
      spec = spec._replace(classes=tuple(str(name) for name in spec.classes))
    if spec.palette is None:
      return spec
    colors = tuple((int(red), int(green), int(blue)) for red, green, blue in spec.palette)
    return spec._replace(palette=colors)


def image_spec(
  channels: int, dtype: str = "uint8", *, low: float | None = None, high: float | None = None
) -> ImageSpec:
  """Makes a checked spec.

  Args:
    channels: number of channels, at least 1.
    dtype: "uint8", "uint16" or "float32".
    low: stored value that becomes -1; 0 by default.
    high: stored value that becomes 1; by default 255, 65535 or 1.0 according to dtype.

  Returns:
    An `ImageSpec`.

  Raises:
    ValueError: for an unknown dtype, no channels, or low not below high.
  """
  if dtype not in DTYPES:
    raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, got {dtype!r}.")
  if channels < 1:
    raise ValueError(f"channels must be at least 1, got {channels}.")
  low = 0.0 if low is None else float(low)
  high = DEFAULT_HIGH[dtype] if high is None else float(high)
  if not low < high:
    raise ValueError(f"low must be below high, got low={low:g} and high={high:g}.")
  return ImageSpec(channels, dtype, low, high)


def normalize(array: np.ndarray, spec: ImageSpec) -> np.ndarray:
  """Returns stored values [spec.low, spec.high], any shape, as float32 in [-1, 1].

  Values outside (the overshoot of a bicubic resize) are clipped.
  """
  scale = np.float32(2.0 / (spec.high - spec.low))
  scaled = (np.asarray(array, np.float32) - np.float32(spec.low)) * scale - np.float32(1.0)
  return np.clip(scaled, np.float32(-1.0), np.float32(1.0))


def denormalize(array: np.ndarray, spec: ImageSpec) -> np.ndarray:
  """Returns values in [-1, 1], any shape, as stored ones.

  They are clipped, rounded for integers, and for a palette replaced by its nearest colours.
  """
  unit = (np.clip(np.asarray(array, np.float64), -1.0, 1.0) + 1.0) / 2.0
  stored = spec.low + unit * (spec.high - spec.low)
  if spec.palette is not None:
    return nearest_color(stored, spec.palette)
  return (stored if spec.dtype == "float32" else np.rint(stored)).astype(spec.dtype)
