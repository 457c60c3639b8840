"""Pictures for people: 8-bit RGB views of any image, and sheets of many of them.

Nothing here measures; files of the model's own values are written by `imtrans.data.write_image`.
"""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

LOSSLESS_SIDE = 128  # Pixels; small pictures are embedded exactly, larger ones as lossy WebP.


def preview(image: np.ndarray) -> np.ndarray:
  """An 8-bit RGB view of an image.

  One channel becomes grey, two become red and green, of more than three the first three are shown.

  Args:
    image: float [height, width, channels] in [-1, 1]; values outside are clipped.

  Returns:
    uint8 [height, width, 3].

  Raises:
    ValueError: the image does not have three axes.
  """
  image = np.asarray(image)
  if image.ndim != 3:
    raise ValueError(f"image must have shape [height, width, channels], got {image.shape}.")
  channels = image.shape[-1]
  if channels == 1:
    image = np.repeat(image, 3, axis=-1)
  elif channels == 2:
    image = np.concatenate([image, np.full_like(image[..., :1], -1.0)], axis=-1)
  view = np.clip(np.nan_to_num(image[..., :3], nan=-1.0), -1.0, 1.0)
  return np.round((view + 1.0) * 127.5).astype(np.uint8)


def contact_sheet(
  rows: Sequence[Sequence[np.ndarray]], *, gap: int = 4, sheet_columns: int = 1
) -> np.ndarray:
  """Many pictures as one: a row per example, such as source | output | target.

  Args:
    rows: for each example its pictures, float [height, width, channels] in [-1, 1]. Channels may
      differ (see `preview`), and so may sizes: a cell is as large as the largest picture.
    gap: pixels of white between the pictures of an example; twice that between examples.
    sheet_columns: how many examples stand side by side.

  Returns:
    uint8 [height, width, 3].

  Raises:
    ValueError: there is nothing to show.
  """
  views = [[preview(image) for image in row] for row in rows]
  if not views or not all(views):
    raise ValueError("rows must hold at least one example of at least one picture.")
  height = max(view.shape[0] for row in views for view in row)
  width = max(view.shape[1] for row in views for view in row)
  columns = max(len(row) for row in views)
  lines = -(-len(views) // sheet_columns)
  line_height = height + 2 * gap
  block_width = columns * (width + gap) + gap
  sheet = np.full(
    (lines * line_height + 2 * gap, sheet_columns * block_width + 2 * gap, 3), 255, np.uint8
  )
  for index, row in enumerate(views):
    line, block = divmod(index, sheet_columns)
    for column, view in enumerate(row):
      top = 2 * gap + line * line_height + (height - view.shape[0]) // 2
      left = 2 * gap + block * block_width + column * (width + gap) + (width - view.shape[1]) // 2
      sheet[top : top + view.shape[0], left : left + view.shape[1]] = view
  return sheet


def data_uri(view: np.ndarray, *, longest_side: int = 512) -> str:
  """A picture as text that a web page can hold.

  Args:
    view: uint8 [height, width, 3].
    longest_side: pixels; larger pictures are shrunk to it.

  Returns:
    A `data:` URI: PNG where both sides are at most 128 pixels, WebP of quality 90 above.
  """
  picture = Image.fromarray(view)
  picture.thumbnail((longest_side, longest_side), Image.Resampling.LANCZOS)
  buffer = io.BytesIO()
  if max(picture.size) <= LOSSLESS_SIDE:
    kind = "png"
    picture.save(buffer, "PNG", optimize=True)
  else:
    kind = "webp"
    picture.save(buffer, "WEBP", quality=90, method=4)
  return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
