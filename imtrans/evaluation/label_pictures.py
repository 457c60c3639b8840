"""Label pictures as classes: what their colours are, and which pictures do not have them."""

from collections.abc import Sequence

import numpy as np

from imtrans.data.palette import Palette
from imtrans.evaluation.confusion import labels_from_colors
from imtrans.evaluation.evaluation_set import EvaluationSet

TOLERANCE = 0.4  # Root mean square over channels, in [-1, 1]: 50 levels of 255.
NAME_THEM = "name all of them with --palette (config.palette in training)"


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
  names: Sequence[str], labels: np.ndarray, colors: np.ndarray, *, split: str
) -> dict[str, str]:
  """Finds label pictures whose colours are mostly not those of a palette.

  JPEG and resizing mix colours at the borders of labels, so a part of the pixels may be far off.

  Args:
    names: of the pictures.
    labels: float32 [at least as many pictures, height, width, channels] in [-1, 1]; those beyond
      the names fill up a batch.
    colors: [classes, channels] in [-1, 1].
    split: what to call the pictures: "training".

  Returns:
    {name: why it cannot be used}, in one sentence.
  """
  near = np.asarray(labels_from_colors(labels, colors, tolerance=TOLERANCE)) >= 0
  unfit = {}
  for name, picture, fits in zip(names, labels, near, strict=False):
    if np.mean(fits) < 0.5:
      row, column = np.argwhere(~fits)[0]
      listed = "#{:02x}{:02x}{:02x}".format(*as_bytes(picture[row, column]))
      unfit[name] = (
        f"{100 * np.mean(~fits):.0f} % of the {split} label picture {name!r} are of other colours "
        f"than the palette, for one {listed}: {NAME_THEM}."
      )
  return unfit


def as_bytes(colors: np.ndarray) -> np.ndarray:
  """Returns values in [-1, 1] as those of an 8-bit file."""
  return np.rint(127.5 * (colors + 1.0)).astype(int)
