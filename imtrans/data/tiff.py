"""TIFF: the one format here that holds any number of channels, 16 bits and floats.

`images` calls `decode` and `encode`; everybody else calls `images`.
"""

import io
import logging
from collections.abc import Callable
from typing import BinaryIO

import numpy as np
import tifffile

# What is wrong with a file is said once, in the error that names it.
logging.getLogger("tifffile").disabled = True

_ALPHA = (tifffile.EXTRASAMPLE.ASSOCALPHA, tifffile.EXTRASAMPLE.UNASSALPHA)
_PLAIN = (
  tifffile.PHOTOMETRIC.MINISBLACK,
  tifffile.PHOTOMETRIC.MINISWHITE,
  tifffile.PHOTOMETRIC.RGB,
  tifffile.PHOTOMETRIC.YCBCR,
  tifffile.PHOTOMETRIC.PALETTE,
)
_STORED = {"bool": "uint8", "float16": "float32", "float32": "float32", "float64": "float32"}


def decode(file: BinaryIO, check_size: Callable[[int, int], None]) -> tuple[np.ndarray, bool, int]:
  """Reads the first picture of a TIFF file.

  Args:
    file: open at its beginning.
    check_size: called with (height, width) before anything is decoded; raises to refuse.

  Returns:
    (array [height, width, channels] of uint8, uint16 or float32, whether the last channel is
    alpha, the EXIF orientation).

  Raises:
    ValueError: for values, colours or axes that are not those of one ordinary picture.
  """
  with tifffile.TiffFile(file) as opened:
    series = opened.series[0]
    page = series.keyframe
    rows, columns, channels, order = _axes(series.axes, series.shape)
    # A small file can claim many channels as well as many pixels.
    check_size(rows * max(1, channels // 4), columns)
    if page.photometric not in _PLAIN:
      raise ValueError(
        f"its colours are {tifffile.PHOTOMETRIC(page.photometric).name}; save it as RGB or grey"
      )
    if series.dtype.name not in ("uint8", "uint16", *_STORED):
      raise ValueError(f"its values are {series.dtype.name}; save them as uint8, uint16 or float32")
    orientation = page.tags.valueof("Orientation", 1)
    array = series.asarray().reshape(series.shape).transpose(order)
    array = array.reshape(rows, columns, channels)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
      # A colour map holds 16-bit values [3, entries].
      array = (page.colormap[:, array[:, :, 0]].transpose(1, 2, 0) >> 8).astype(np.uint8)
    if array.dtype == np.bool_:
      array = array.astype(np.uint8) * 255
    array = array.astype(_STORED.get(array.dtype.name, array.dtype.name))
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE:
      array = (1.0 if array.dtype == np.float32 else np.iinfo(array.dtype).max) - array
    samples = page.extrasamples
    alpha = len(samples) == 1 and samples[0] in _ALPHA and array.shape[2] in (2, 4)
    if alpha and samples[0] == tifffile.EXTRASAMPLE.ASSOCALPHA:
      array = _unmultiply(array)
    return array, alpha, int(orientation)


def end_of_data(file: BinaryIO) -> int:
  """Says where the values of the first picture end, for files that were cut short.

  Args:
    file: open at its beginning.

  Returns:
    Bytes from the beginning of the file.

  Raises:
    Exception: of nearly any kind, if the header is damaged.
  """
  with tifffile.TiffFile(file) as opened:
    page = opened.pages.first
    parts = zip(page.dataoffsets, page.databytecounts, strict=True)
    return max(offset + count for offset, count in parts)


def encode(array: np.ndarray) -> bytes:
  """Returns a losslessly compressed TIFF file of an array [height, width, channels]."""
  buffer = io.BytesIO()
  photometric = "rgb" if array.shape[2] == 3 else "minisblack"
  # Said aloud where there is a choice: tifffile would take five channels for five columns.
  planes = "contig" if array.shape[2] > 1 else None
  tifffile.imwrite(buffer, array, photometric=photometric, planarconfig=planes, compression="zlib")
  return buffer.getvalue()


def _axes(axes: str, shape: tuple[int, ...]) -> tuple[int, int, int, tuple[int, ...]]:
  """Finds rows, columns and channels among the named axes of a TIFF series.

  Returns:
    (height, width, channels, the permutation that puts height and width first).
  """
  others = [i for i, axis in enumerate(axes) if axis not in "YX"]
  if "Y" not in axes or "X" not in axes or sum(shape[i] > 1 for i in others) > 1:
    raise ValueError(f"its axes are {axes} {tuple(shape)}, not those of one picture")
  row, column = axes.index("Y"), axes.index("X")
  # An array [height, width, channels] saved without telling which axis is which comes back as
  # a stack of `height` slim pages.
  unlabelled = [i for i in others if axes[i] == "Q"]
  if unlabelled and column == len(axes) - 1 and shape[column] < min(shape[row], shape[others[0]]):
    others, row, column = [column], others[0], row
  channels = int(np.prod([shape[i] for i in others], dtype=np.int64))
  return shape[row], shape[column], channels, (row, column, *others)


def _unmultiply(array: np.ndarray) -> np.ndarray:
  """Undoes the multiplication of the colours by alpha, so that alpha is applied once."""
  full = 1.0 if array.dtype == np.float32 else float(np.iinfo(array.dtype).max)
  alpha = array[:, :, -1:].astype(np.float64) / full
  colors = array[:, :, :-1] / np.where(alpha > 0, alpha, 1.0)
  colors = np.clip(colors if full == 1.0 else np.rint(colors), 0, full)
  return np.concatenate([colors.astype(array.dtype), array[:, :, -1:]], axis=2)
