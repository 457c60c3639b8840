"""The task "labels": one domain of a paired or unpaired data set are label pictures of a palette.

They are snapped to the palette when they are read, resized without mixing colours, and what a
network draws is snapped when it is stored, so the figures are those of true label pictures. Leave
them out of `imtrans data prepare`, which resizes as for photographs and mixes colours at borders.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from imtrans.data.dataset import Dataset, Domain, file_paths
from imtrans.data.images import ImageError
from imtrans.data.palette import (
  Palette,
  find_palette,
  indices_to_labels,
  labels_to_indices,
  parse_palette,
)
from imtrans.data.task import check_number

AUTO = "auto"


class LabelDomain:
  """Label pictures, every pixel of which has a colour of the palette.

  Attributes:
    limits: {"tolerance", "outliers"} of `with_palette`: which other colours were snapped to it.
  """

  def __init__(self, domain: Domain, palette: Palette, *, tolerance: float, outliers: float):
    self.spec = domain.spec._replace(palette=palette)
    self.names = list(domain.names)
    self.paths = file_paths(domain)
    self.limits = {"tolerance": tolerance, "outliers": outliers}
    self._domain = domain
    self._palette = palette

  def __len__(self) -> int:
    """Returns the number of pictures."""
    return len(self.names)

  def __getitem__(self, index: int) -> np.ndarray:
    """Returns uint8 [height, width, 3]; raises ImageError for colours that are not labels."""
    name = _file_name(self._domain, index)
    try:
      indices = labels_to_indices(self._domain[index], self._palette, name=name, **self.limits)
    except ImageError:
      raise
    except ValueError as error:
      raise ImageError(str(error)) from error
    return indices_to_labels(indices, self._palette)


def with_palette(
  dataset: Dataset,
  training: Dataset,
  *,
  domain: str = "b",
  palette: str | Sequence[Any] = AUTO,
  max_colors: int = 32,
  tolerance: float = 0.0,
  outliers: float = 0.0,
) -> Dataset:
  """Gives the label pictures of a data set their palette.

  Args:
    dataset: both domains, paired or not.
    training: the training split of the same pictures; "auto" finds the palette there.
    domain: "a" or "b": which pictures are labels, 8-bit RGB.
    palette: colours as for `palette.parse_palette`, or "auto": all that the label pictures of the
      training split have, each of which is read once.
    max_colors: how many "auto" may find.
    tolerance: distance in RGB, 0..441, up to which a pixel has a colour of the palette.
    outliers: part of the pixels of a picture that may be farther; they too get the nearest colour.

  Returns:
    The dataset, with one domain snapped.

  Raises:
    ValueError: if an option does not fit, there is no second domain, or the labels have too many
      colours.
  """
  check_number("tolerance", tolerance, 0.0, 442.0)
  check_number("outliers", outliers, 0.0, 1.0)
  check_number("max_colors", max_colors, 2, 256)
  if domain not in ("a", "b"):
    raise ValueError(f"data.options.domain must be one of a, b, got {domain!r}.")
  if dataset.b is None or training.b is None:
    raise ValueError(
      'the task "labels" needs pictures and their labels, but this is a single folder: give a '
      "folder with A/ and B/."
    )
  labels = {"a": training.a, "b": training.b}[domain]
  if labels.spec.channels != 3 or labels.spec.dtype != "uint8":
    raise ValueError(
      f"label pictures must be 8-bit RGB, those of domain {domain} are {labels.spec.dtype} of "
      f"{labels.spec.channels} channel(s): convert them, or set data.options.channels=3 to read "
      "grey as RGB."
    )
  if palette == AUTO:
    pictures = ((_file_name(labels, i), labels[i]) for i in range(len(labels)))
    colors = find_palette(pictures, max_colors=max_colors)
  else:
    colors = parse_palette(palette)
  limits = {"tolerance": tolerance, "outliers": outliers}
  if domain == "a":
    return dataset._replace(a=LabelDomain(dataset.a, colors, **limits))
  return dataset._replace(b=LabelDomain(dataset.b, colors, **limits))


def _file_name(domain: Domain, index: int) -> str:
  """Returns the path of a picture if it has one, else its name."""
  paths = file_paths(domain)
  return paths[index] if paths else f"picture {domain.names[index]}"
