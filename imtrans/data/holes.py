"""Holes for inpainting: bool [height, width], True where the picture is to be invented.

Every function takes the height and width in pixels, a generator, and `area`, the part of the
picture that is missing.
"""

import functools
import math
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageDraw

from imtrans.data.images import ImageError, read_image
from imtrans.data.layouts import list_images
from imtrans.data.specs import DEFAULT_HIGH

Generator = np.random.Generator

_ASPECT = 2.0  # Boxes are at most twice as high as wide, or as wide as high.
_NUM_PIECES = (4, 12)  # Straight ones, of a stroke.


def center_hole(area: float, height: int, width: int, generator: Generator) -> np.ndarray:
  """Returns a hole in the middle (Pathak et al., 2016, https://arxiv.org/abs/1604.07379)."""
  del generator
  rows, columns = _pixels(math.sqrt(area), height), _pixels(math.sqrt(area), width)
  return _box(height, width, (height - rows) // 2, (width - columns) // 2, rows, columns)


def box_hole(area: float, height: int, width: int, generator: Generator) -> np.ndarray:
  """Returns a box of random place and shape; its sides are rounded to pixels."""
  # No narrower than a box of this area within the picture can be.
  stretch = min(_ASPECT, 1.0 / area)
  tall = stretch ** generator.uniform(-0.5, 0.5)
  rows, columns = _pixels(math.sqrt(area) * tall, height), _pixels(math.sqrt(area) / tall, width)
  top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
  return _box(height, width, int(top), int(left), rows, columns)


def stroke_hole(area: float, height: int, width: int, generator: Generator) -> np.ndarray:
  """Returns brush strokes, drawn until the area is reached: at most one stroke more.

  Each is a chain of straight pieces, round where they meet, that turns now left and now right: in
  the manner of Yu et al., 2019, "Free-Form Image Inpainting with Gated Convolution", Algorithm 1,
  https://arxiv.org/abs/1806.03589.
  """
  side = math.sqrt(height * width)
  canvas = Image.new("L", (width, height))
  draw = ImageDraw.Draw(canvas)
  hole = np.zeros((height, width), bool)
  while hole.mean() < area:
    thickness = max(1, round(side * generator.uniform(0.04, 0.1)))
    x, y = generator.uniform(0, width), generator.uniform(0, height)
    heading = generator.uniform(0, 2 * math.pi)
    for _ in range(generator.integers(*_NUM_PIECES, endpoint=True)):
      length = side * generator.uniform(0.04, 0.15)
      before = x, y
      x = float(np.clip(x + length * math.cos(heading), 0, width))
      y = float(np.clip(y + length * math.sin(heading), 0, height))
      draw.line([before, (x, y)], fill=255, width=thickness)
      radius = thickness / 2
      for middle_x, middle_y in (before, (x, y)):
        box = (middle_x - radius, middle_y - radius, middle_x + radius, middle_y + radius)
        draw.ellipse(box, fill=255)
      heading += math.pi * generator.uniform(0.1, 0.45) * (1 if generator.random() < 0.5 else -1)
    hole = np.asarray(canvas) > 0
  return hole


class FolderHoles:
  """Holes that are pictures of a folder, white where something is missing; drawn evenly."""

  def __init__(self, folder: str):
    if not folder:
      raise ValueError('hole="folder" needs the folder of the masks: set data.options.masks.')
    if not Path(folder).is_dir():
      raise ValueError(f"{folder} is no folder: set data.options.masks to the folder of the masks.")
    self._paths = [str(path) for path in list_images(Path(folder))]

  def check(self, side: int | None) -> None:
    """Compares the sizes of all masks, as their headers say them.

    Args:
      side: height and width of the pictures, pixels; None where that is not known: then all masks
        must have the size of the first.

    Raises:
      ImageError: for the first mask of another size, or that cannot be read.
    """
    first = self._paths[0]
    if side is None:
      size, other, wanted = _header_size(first), f"{first} is", "that of all masks"
    else:
      size, other, wanted = (side, side), "the pictures are", "data.crop_size"
    for path in self._paths:
      _check_size(path, _header_size(path), size, other, wanted)

  def __call__(self, height: int, width: int, generator: Generator) -> np.ndarray:
    """Returns one of the masks; raises ImageError if it cannot be read or has another size."""
    path = self._paths[int(generator.integers(len(self._paths)))]
    mask = _read_mask(path)
    ours = "that of the pictures (data.crop_size when they are made square)"
    _check_size(path, mask.shape, (height, width), "the picture is", ours)
    return mask


def _check_size(
  path: str, found: tuple[int, ...], size: tuple[int, ...], other: str, wanted: str
) -> None:
  if found != size:
    raise ImageError(
      f"the mask {path} is {found[1]} x {found[0]} pixels, {other} {size[1]} x {size[0]}: "
      f"resize the mask to this size, {wanted}."
    )


def _header_size(path: str) -> tuple[int, ...]:
  """Returns (height, width) of what `read_image` makes of a file; the pixels are seldom read."""
  try:
    with Image.open(path) as picture:
      turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in (5, 6, 7, 8)
      return picture.size if turned else picture.size[::-1]
  except Exception:  # Pillow does not know all TIFF files; and a damaged file is named there.
    return _read_mask(path).shape


@functools.lru_cache(maxsize=64)
def _read_mask(path: str) -> np.ndarray:
  """Returns bool [height, width]: what is brighter than the middle of its type is missing."""
  array = read_image(path)
  return array.mean(axis=2) > 0.5 * DEFAULT_HIGH[array.dtype.name]


def _pixels(part: float, side: int) -> int:
  """Returns a length of at least one pixel that leaves at least one, where there are two."""
  return min(max(1, round(part * side)), max(1, side - 1))


def _box(height: int, width: int, top: int, left: int, rows: int, columns: int) -> np.ndarray:
  hole = np.zeros((height, width), bool)
  hole[top : top + rows, left : left + columns] = True
  return hole
