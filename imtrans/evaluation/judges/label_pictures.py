"""Label pictures as classes: what their colours are, and which pictures do not have them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from imtrans.data.palette import Palette
from imtrans.evaluation.evaluation_set import EvaluationSet

TOLERANCE = 0.4  # Root mean square over channels, in [-1, 1]: 51 levels of 255.
NAME_THEM = "name all of them with --palette (config.palette in training)"
WORTH_SAYING = 0.001  # Share of all pixels that are of other colours.
COMMON = 0.1  # Share of these that one of their colours has.
STEPS = 16  # Of a channel: colours that differ by less than 16 levels of 255 count as one.


def find_label_palette(
  pictures: EvaluationSet, direction: str, palette: Palette | None
) -> Palette | None:
  """The colours of the label pictures that a direction starts from.

  Args:
    pictures: the test set.
    direction: "ab" or "ba".
    palette: what the user says they are.

  Returns:
    The palette; None where the direction leads to labels, or the colours are unknown.
  """
  source, target = pictures.domains(direction)
  if target is None or target.spec.palette is not None:
    return None
  return source.spec.palette or palette


def class_colors(pictures: EvaluationSet, direction: str, palette: Palette | None) -> np.ndarray:
  """The colours of the classes.

  Args:
    pictures: the test set.
    direction: from labels to photographs.
    palette: what the user says they are.

  Returns:
    [classes, 3] in [-1, 1].

  Raises:
    ValueError: if they are unknown, or the label pictures are not RGB.
  """
  found = find_label_palette(pictures, direction, palette)
  if found is None:
    raise ValueError(f"the colours of the label pictures are unknown: {NAME_THEM}.")
  channels = pictures.domains(direction)[0].spec.channels
  if channels != 3:
    raise ValueError(
      f"segmentation is for label pictures of 3 channels, these have {channels}: leave it out, or "
      "save them as RGB."
    )
  return np.asarray(found, np.float32) / 127.5 - 1.0


def unfit_labels(
  names: Sequence[str], pictures: np.ndarray, distances: np.ndarray, *, split: str
) -> dict[str, str]:
  """Finds label pictures whose colours are mostly not those of a palette.

  JPEG and resizing mix colours at the borders of labels, so a part of the pixels may be far off;
  `OffPalette` counts them. Its limit, which is lower where two colours of the palette are near each
  other, would be too strict here: fine labels that were made small can have more than half of their
  pixels beyond it, and are usable all the same.

  Args:
    names: of the pictures.
    pictures: float32 [at least as many pictures, height, width, channels] in [-1, 1]; those beyond
      the names fill up a batch.
    distances: to the palette, of `labels_from_colors`.
    split: what to call the pictures: "training".

  Returns:
    {name: why it cannot be used}, in one sentence.
  """
  unfit = {}
  for name, picture, far in zip(names, pictures, distances > TOLERANCE, strict=False):
    if np.mean(far) > 0.5:
      row, column = np.argwhere(far)[0]
      listed = "#{:02x}{:02x}{:02x}".format(*as_bytes(picture[row, column]))
      unfit[name] = (
        f"{100 * np.mean(far):.0f} % of the {split} label picture {name!r} are of other colours "
        f"than the palette, for one {listed}: {NAME_THEM}."
      )
  return unfit


class OffPalette:
  """Counts the pixels of label pictures that are of none of the colours of the palette.

  They count as the nearest class all the same, which is right at the borders of labels, where JPEG
  and resizing mix colours. But a class that the palette lacks is taken for another one, and shows
  here as many pixels of one colour, unless its colour is within the limit of one of the palette.
  """

  def __init__(self, colors: np.ndarray):
    """Starts with no picture.

    Args:
      colors: the palette, [classes, 3] in [-1, 1].
    """
    apart = np.sqrt(np.mean(np.square(colors[:, None] - colors[None]), axis=-1))
    np.fill_diagonal(apart, np.inf)
    # A colour in the middle between two of the palette is none of them.
    self._limit = min(TOLERANCE, 0.5 * float(apart.min()))
    self._pixels = 0
    self._sums = np.zeros((STEPS**3, 4))  # Of ones and of red, green and blue, by coarse colour.

  def add(self, pictures: np.ndarray, distances: np.ndarray) -> None:
    """Takes label pictures.

    Args:
      pictures: float32 [..., 3] in [-1, 1].
      distances: to the palette, of `labels_from_colors`.
    """
    self._pixels += distances.size
    colors = as_bytes(pictures[distances > self._limit])
    red, green, blue = (colors * STEPS // 256).T
    code = (red * STEPS + green) * STEPS + blue
    for column, weights in enumerate((np.ones(len(colors)), *colors.T)):
      self._sums[:, column] += np.bincount(code, weights, minlength=STEPS**3)

  def settings(self) -> dict[str, float | str]:
    """How many there were, for a protocol.

    Returns:
      "off_palette", their share of all pixels; "off_palette_color", the commonest colour among
      them, and "off_palette_color_share", its share of all pixels. Empty if there were none.
    """
    if not self._sums.any():
      return {}
    # Cells of two steps, at every step: no colour is divided for lying where one ends.
    grid = self._sums.reshape(STEPS, STEPS, STEPS, 4)
    for axis in range(3):
      lower, upper = (np.delete(grid, end, axis) for end in (-1, 0))
      grid = lower + upper
    count, *color = grid.reshape(-1, 4)[np.argmax(grid[..., 0])]
    return {
      "off_palette": round(float(self._sums[:, 0].sum() / self._pixels), 6),
      "off_palette_color": "#{:02x}{:02x}{:02x}".format(
        *np.rint(np.array(color) / count).astype(int)
      ),
      "off_palette_color_share": round(float(count / self._pixels), 6),
    }


def off_palette_remark(settings: Mapping[str, Any], *, split: str) -> str:
  """Says how many pixels a segmentation score takes for the nearest class.

  Args:
    settings: of `OffPalette.settings`.
    split: what to call the pictures: "test".

  Returns:
    A sentence; "" for less than `WORTH_SAYING`.
  """
  share = settings.get("off_palette", 0.0)
  if share < WORTH_SAYING:
    return ""
  color, common = settings["off_palette_color"], settings["off_palette_color_share"]
  if common < COMMON * share:
    why = "none of their colours is common, as where JPEG or resizing mixes those at borders"
  else:
    why = (
      f"{100 * common:.1f} % of all pixels are about {color}: if that is a class, name it too with "
      "--palette (config.palette in training)"
    )
  return (
    f"{100 * share:.1f} % of the pixels of the {split} label pictures are of no colour of the "
    f"palette and count as the nearest class; {why}."
  )


def as_bytes(colors: np.ndarray) -> np.ndarray:
  """Returns values in [-1, 1] as those of an 8-bit file."""
  return np.rint(127.5 * (colors + 1.0)).astype(int)
