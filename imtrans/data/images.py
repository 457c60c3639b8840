"""Image files: reading and writing.

Nothing here knows of data sets or randomness. TIFF lives in `tiff`, the meaning of the values in
`specs`, geometry in `transforms`.

Files are data from strangers: the kind is decided by the first bytes, only the four kinds named
in `EXTENSIONS` are opened, the size in the header is checked before a pixel is decoded, and
whatever a decoder raises becomes an `ImageError` that names the file.
"""

import io
import os
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from PIL import Image, ImageColor, JpegImagePlugin, PngImagePlugin, WebPImagePlugin

from imtrans.data import tiff
from imtrans.data.specs import DEFAULT_HIGH, DTYPES, ImageSpec

EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
# 134 million pixels, about 11,600 x 11,600. A file of a few kilobytes can claim far more.
MAX_PIXELS = 2**27
_ORIENTATION_TAG = 0x0112


class ImageError(ValueError):
  """An image that cannot be used; the message names the file and the remedy in one sentence."""


def parse_color(color: str) -> tuple[int, int, int]:
  """Returns the (red, green, blue) in 0..255 of a colour such as "white" or "#ff8000".

  Raises:
    ValueError: if the colour is not one that CSS names.
  """
  try:
    red, green, blue = ImageColor.getrgb(color)[:3]
  except (ValueError, AttributeError) as error:
    raise ValueError(
      f'background must be a colour such as "white" or "#ff8000", got {color!r}.'
    ) from error
  return red, green, blue


def read_image(path: str | os.PathLike[str], *, background: str = "white") -> np.ndarray:
  """Reads a PNG, JPEG, WebP or TIFF file.

  Palettes are expanded to RGB, alpha is flattened on `background`, the EXIF orientation is
  applied. Only the first picture of an animation or a multi-page file of pictures is read.

  Args:
    path: the file; its first bytes decide its kind, not its extension.
    background: a CSS colour, shown where the picture is transparent.

  Returns:
    Array [height, width, channels] of dtype uint8, uint16 or float32.

  Raises:
    ImageError: if the file is missing, empty, not an image of these kinds, damaged, too large,
      or holds values of another type.
    ValueError: if `background` is no colour.
  """
  parse_color(background)  # First, or the user would hear that the file is at fault.
  try:
    with Path(path).open("rb") as file:
      return decode_image(file, str(path), background=background)
  except FileNotFoundError as error:
    raise ImageError(f"{path} does not exist.") from error
  except IsADirectoryError as error:
    raise ImageError(f"{path} is a folder, not an image file.") from error
  except OSError as error:
    raise ImageError(f"{path} cannot be read: {error.strerror or error}.") from error


def decode_image(file: BinaryIO, name: str, *, background: str = "white") -> np.ndarray:
  """Returns what `read_image` does, of a file open at its beginning; `name` is for errors."""
  color = parse_color(background)
  try:
    array, alpha, orientation = _decode(file)
  except Exception as error:
    # Decoders raise nearly anything on hostile bytes (struct.error, KeyError, MemoryError, ...).
    reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
    raise ImageError(
      f"{name} cannot be read as an image: {reason}. Replace the file or take it away."
    ) from error
  array = _orient(array, orientation)
  return flatten_alpha(array, color) if alpha else np.ascontiguousarray(array)


def write_image(path: str | os.PathLike[str], array: np.ndarray) -> None:
  """Writes an image in the format of the extension, atomically.

  Args:
    path: ends in .png (uint8 or uint16, 1 or 3 channels), .jpg or .webp (uint8, 1 or 3 channels),
      or .tif (everything). JPEG is written at quality 95 without chroma subsampling, WebP and
      TIFF without loss.
    array: [height, width, channels] or [height, width], dtype uint8, uint16 or float32.

  Raises:
    ValueError: if the format cannot hold the array; the message names one that can.
  """
  path = Path(path)
  array = np.asarray(array)
  if array.ndim == 2:
    array = array[:, :, np.newaxis]
  if array.ndim != 3 or array.dtype.name not in DTYPES:
    raise ValueError(
      f"an image must be [height, width, channels] of {', '.join(DTYPES)}, "
      f"got shape {array.shape} of {array.dtype.name}."
    )
  encoded = _encode(path, array)
  temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
  try:
    temporary.write_bytes(encoded)
    os.replace(temporary, path)
  finally:
    temporary.unlink(missing_ok=True)


def lossless_suffix(spec: ImageSpec) -> str:
  """Returns ".png" if PNG can hold the pictures of a domain, else ".tif"."""
  return ".png" if spec.channels in (1, 3) and spec.dtype != "float32" else ".tif"


def flatten_alpha(array: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
  """Shows a picture whose last channel is its opacity on a plain background.

  Args:
    array: [height, width, 2 or 4]; opacity is full at the dtype's largest value (1.0 for float).
    color: the background, (red, green, blue) in 0..255; its luma is used for grey pictures.

  Returns:
    Array [height, width, 1 or 3] of the same dtype.
  """
  full = DEFAULT_HIGH[array.dtype.name]
  channels = array.shape[2] - 1
  red, green, blue = color
  behind = color if channels == 3 else (0.299 * red + 0.587 * green + 0.114 * blue,)
  opacity = array[:, :, -1:].astype(np.float64) / full
  mixed = array[:, :, :-1] * opacity + np.asarray(behind) * (full / 255.0) * (1.0 - opacity)
  return (mixed if full == 1.0 else np.rint(mixed)).astype(array.dtype)


def check_size(height: int, width: int) -> None:
  """Raises ValueError if a picture would decode to more than `MAX_PIXELS` pixels, or none."""
  if height * width > MAX_PIXELS:
    raise ValueError(
      f"it claims {width} x {height} pixels, more than the {MAX_PIXELS:,} that are allowed"
    )
  if height < 1 or width < 1:
    raise ValueError(f"it claims {width} x {height} pixels")


def _decode(file: BinaryIO) -> tuple[np.ndarray, bool, int]:
  """Returns (array [height, width, channels], whether the last channel is alpha, orientation)."""
  head = file.read(32)
  file.seek(0)
  if not head:
    raise ValueError("it is empty (0 bytes)")
  if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
    return tiff.decode(file, check_size)
  if head.startswith(b"\x89PNG\r\n\x1a\n"):
    opened = PngImagePlugin.PngImageFile(file)
  elif head.startswith(b"\xff\xd8\xff"):
    opened = JpegImagePlugin.JpegImageFile(file)
  elif head[:4] == b"RIFF" and head[8:12] == b"WEBP":
    opened = WebPImagePlugin.WebPImageFile(file)
  else:
    raise ValueError("it is no PNG, JPEG, WebP or TIFF file, whatever its name says")
  # The plugins are opened directly: Image.open would only warn of a decompression bomb.
  with opened as picture:
    check_size(picture.height, picture.width)
    orientation = _exif_orientation(picture)
    if head.startswith(b"\x89PNG") and head[24] == 16:
      return *_decode_png16(file), orientation
    if picture.mode in ("RGBA", "LA", "PA") or picture.has_transparency_data:
      array = np.asarray(picture.convert("LA" if picture.mode in ("L", "LA", "1") else "RGBA"))
      return array, True, orientation
    array = np.asarray(picture.convert("L" if picture.mode in ("L", "1") else "RGB"))
    return array.reshape(*array.shape[:2], -1), False, orientation


def _decode_png16(file: BinaryIO) -> tuple[np.ndarray, bool]:
  """Decodes a PNG of 16 bits a channel, which Pillow would cut to 8."""
  import imagecodecs  # Rarely needed.

  file.seek(0)
  array = imagecodecs.png_decode(file.read())
  array = array.reshape(*array.shape[:2], -1)
  return array, array.shape[2] in (2, 4)


def _exif_orientation(picture: Image.Image) -> int:
  """Returns the EXIF orientation, 1 if there is none or the EXIF block is damaged."""
  try:
    return int(picture.getexif().get(_ORIENTATION_TAG, 1))
  except Exception:  # A damaged camera note is no reason to refuse the picture.
    return 1


def _orient(array: np.ndarray, orientation: int) -> np.ndarray:
  """Turns and mirrors a stored array [height, width, channels] the way EXIF asks."""
  if orientation in (5, 6, 7, 8):
    array = array.swapaxes(0, 1)
  if orientation in (3, 4, 7, 8):
    array = array[::-1]
  if orientation in (2, 3, 6, 7):
    array = array[:, ::-1]
  return array


def _encode(path: Path, array: np.ndarray) -> bytes:
  """Returns the bytes of the file."""
  kind = path.suffix.lower()
  if kind in (".tif", ".tiff"):
    return tiff.encode(array)
  if kind not in EXTENSIONS:
    raise ValueError(f"{path} must end in one of {', '.join(EXTENSIONS)}.")
  dtypes = ("uint8", "uint16") if kind == ".png" else ("uint8",)
  if array.shape[2] not in (1, 3) or array.dtype.name not in dtypes:
    raise ValueError(
      f"{path} cannot hold {array.shape[2]} channels of {array.dtype.name}: write a .tif file."
    )
  if array.dtype == np.uint16:
    import imagecodecs  # Rarely needed.

    return bytes(imagecodecs.png_encode(np.ascontiguousarray(array)))
  options: dict[str, dict[str, Any]] = {
    ".png": {"format": "PNG"},
    ".webp": {"format": "WEBP", "lossless": True},
  }
  default = {"format": "JPEG", "quality": 95, "subsampling": 0}
  buffer = io.BytesIO()
  pixels = array[:, :, 0] if array.shape[2] == 1 else array
  Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, **options.get(kind, default))
  return buffer.getvalue()
