"""Label pictures: pictures of few colours, each of which stands for a class.

A palette is a tuple of RGB colours (0..255); the index of a class is its place there. What a
network draws is snapped to the nearest colour when it is stored (`specs.denormalize`).
"""

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import ImageColor

Color = tuple[int, int, int]
Palette = tuple[Color, ...]

MAX_COLORS = 256


def parse_palette(colors: str | Sequence[str | Sequence[int]]) -> Palette:
  """Returns a palette of what a config can hold.

  Args:
    colors: names or codes of CSS between spaces, such as "black white #ff8000"; or a sequence of
      such names, or of (red, green, blue) in 0..255.

  Raises:
    ValueError: for something that is no colour, a colour that is there twice, less than two colours
      or more than 256.
  """
  if not isinstance(colors, Sequence):
    raise ValueError(f'a palette must be colours such as "black white #ff8000", got {colors!r}.')
  listed = colors.split() if isinstance(colors, str) else list(colors)
  palette = tuple(_parse_color(color) for color in listed)
  if not 2 <= len(palette) <= MAX_COLORS:
    raise ValueError(f"a palette must have 2 to {MAX_COLORS} colours, got {len(palette)}.")
  if len(set(palette)) < len(palette):
    twice = next(color for color in palette if palette.count(color) > 1)
    raise ValueError(f"the palette has the colour {twice} twice: every class needs its own.")
  return palette


def find_palette(pictures: Iterable[tuple[str, np.ndarray]], *, max_colors: int) -> Palette:
  """Returns all colours of label pictures, sorted, so that the order of files does not matter.

  Args:
    pictures: (name, uint8 [height, width, 3]).
    max_colors: how many classes there may be.

  Raises:
    ValueError: if there are more: photographs, or label pictures saved as JPEG.
  """
  found: set[int] = set()
  for name, picture in pictures:
    found.update(np.unique(_codes(picture)).tolist())
    if len(found) > max_colors:
      raise ValueError(
        f"up to {name} the label pictures hold {len(found)} colours, more than max_colors="
        f"{max_colors}: list those of the classes in data.options.palette, or save labels as PNG."
      )
  return parse_palette([(code >> 16, code >> 8 & 255, code & 255) for code in sorted(found)])


def labels_to_indices(
  labels: np.ndarray,
  palette: Palette,
  *,
  tolerance: float = 0.0,
  outliers: float = 0.0,
  name: str = "the picture",
) -> np.ndarray:
  """Returns the class of every pixel: the index of the nearest colour.

  Args:
    labels: uint8 [height, width, 3].
    palette: the classes' colours.
    tolerance: distance in RGB, 0..441, up to which a pixel has a colour of the palette.
    outliers: part of the pixels, in [0, 1], that may be farther from all colours, such as those
      that JPEG has mixed at the borders between classes.
    name: the file, for the message.

  Returns:
    uint8 [height, width].

  Raises:
    ValueError: if the picture has other channels or too many pixels of other colours; it names one.
  """
  if labels.ndim != 3 or labels.shape[2] != 3 or labels.dtype != np.uint8:
    raise ValueError(
      f"{name} must be 8-bit RGB to have a palette, got {labels.dtype.name} {labels.shape}: save "
      "it so, or set data.options.channels=3 to read grey as RGB."
    )
  indices, squares = nearest(labels, palette)
  distances = np.sqrt(squares)
  other = distances > tolerance
  if other.mean() > outliers:
    row, column = np.unravel_index(int(distances.argmax()), distances.shape)
    color = tuple(int(value) for value in labels[row, column])
    closest = palette[indices[row, column]]
    raise ValueError(
      f"{name} has the colour {color} at column {column}, row {row}, {distances[row, column]:.0f} "
      f"from {closest}, the nearest of the palette, and {100 * other.mean():.0f} % of its pixels "
      f"are farther than {tolerance:g}: complete data.options.palette, or raise "
      f"data.options.tolerance or data.options.outliers (now {outliers:g})."
    )
  return indices.astype(np.uint8)


def indices_to_labels(indices: np.ndarray, palette: Palette) -> np.ndarray:
  """Returns the colours uint8 [..., 3] of classes, integers of any shape.

  Raises:
    ValueError: if there is an index that the palette does not have.
  """
  indices = np.asarray(indices)
  if indices.size and not (indices.min() >= 0 and indices.max() < len(palette)):
    raise ValueError(
      f"indices must be 0 to {len(palette) - 1}, the colours of the palette, got {indices.min()} "
      f"to {indices.max()}."
    )
  return np.asarray(palette, np.uint8)[indices]


def nearest_color(colors: np.ndarray, palette: Palette) -> np.ndarray:
  """Returns the nearest colours of a palette, uint8 [..., 3], to any colours [..., 3], 0..255."""
  return indices_to_labels(nearest(colors, palette)[0], palette)


def nearest(colors: np.ndarray, palette: Palette | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Finds the nearest of a few colours, the first of those that are equally near.

  Args:
    colors: [..., channels], in any units.
    palette: [classes, channels], in the same units.

  Returns:
    Its index, int32 [...], and the squared distance, float32 [...]: the sum over channels.

  Raises:
    ValueError: if channels differ.
  """
  entries = np.asarray(palette, np.float32)
  if entries.ndim != 2 or colors.shape[-1:] != entries.shape[1:]:
    raise ValueError(
      f"colours must be [..., {entries.shape[-1]}] to have a palette of so many channels, got "
      f"shape {colors.shape}."
    )
  # Channel by channel and class by class: whole arrays at once would be many times the pictures.
  planes = np.ascontiguousarray(np.moveaxis(np.asarray(colors, np.float32), -1, 0))
  indices = np.zeros(planes.shape[1:], np.int32)
  least = np.full(planes.shape[1:], np.inf, np.float32)
  for index, entry in enumerate(entries):
    square = np.zeros_like(least)
    for plane, value in zip(planes, entry, strict=True):
      square += np.square(plane - value)
    nearer = square < least
    indices[nearer] = index
    np.minimum(least, square, out=least)
  return indices, least


def _codes(picture: np.ndarray) -> np.ndarray:
  """Returns the colours of a picture as integers [height, width], 0xRRGGBB."""
  red, green, blue = np.moveaxis(picture.astype(np.int64), -1, 0)
  return red << 16 | green << 8 | blue


def _parse_color(color: str | Sequence[int]) -> Color:
  try:
    parts = ImageColor.getrgb(color)[:3] if isinstance(color, str) else tuple(color)
    red, green, blue = (int(part) for part in parts)
  except (ValueError, TypeError, AttributeError) as error:
    raise ValueError(
      f'a palette holds colours such as "white", "#ff8000" or (255, 128, 0), not {color!r}.'
    ) from error
  if not all(0 <= value <= 255 for value in (red, green, blue)):
    raise ValueError(f"the values of a palette's colours must be 0 to 255, got {color!r}.")
  return red, green, blue
