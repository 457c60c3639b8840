"""Geometry of pictures as NumPy arrays [height, width, channels], of any dtype and channel count.

Random transforms take a `np.random.Generator` and any number of pictures, which share the draw:
what belongs together stays together.
"""

from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from imtrans.data.specs import ImageSpec

Resizer = Callable[[np.ndarray, int, int], np.ndarray]

RESIZES = ("square", "scale_width", "none")


def check_sizes(resize: str, load_size: int, crop_size: int) -> None:
  """Raises ValueError if the arguments of the preprocessing do not fit together."""
  if resize not in RESIZES:
    raise ValueError(f"resize must be one of {', '.join(RESIZES)}, got {resize!r}.")
  if crop_size < 1:
    raise ValueError(f"crop_size must be at least 1 pixel, got {crop_size}.")
  if resize != "none" and load_size < crop_size:
    raise ValueError(
      f"load_size must be at least crop_size, got load_size={load_size} and crop_size={crop_size}."
    )


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
  """Resizes by bicubic interpolation, antialiased when it shrinks.

  8-bit pictures go through Pillow's 8-bit filter, as in the reference implementations; others
  channel by channel in float32, rounded and clipped to the dtype's range when it is an integer.

  Args:
    array: [height, width, channels] of dtype uint8, uint16 or float32.
    height: rows of the result, in pixels.
    width: columns of the result, in pixels.

  Returns:
    Array [height, width, channels] of the same dtype; the same array if the size is right.
  """
  if array.shape[:2] == (height, width):
    return array
  size = (width, height)
  if array.dtype == np.uint8 and array.shape[2] == 3:
    return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BICUBIC))
  exact = np.uint8 if array.dtype == np.uint8 else np.float32
  planes = [
    np.asarray(
      Image.fromarray(np.ascontiguousarray(array[:, :, channel], exact)).resize(
        size, Image.Resampling.BICUBIC
      )
    )
    for channel in range(array.shape[2])
  ]
  resized = np.stack(planes, axis=2)
  if array.dtype == np.uint16:
    resized = np.clip(np.rint(resized), 0, 65535)
  return resized.astype(array.dtype, copy=False)


def resize_nearest(array: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns a picture of any dtype resized by taking the nearest pixel: no new colours arise."""
  if array.shape[:2] == (height, width):
    return array
  rows, columns = (
    np.minimum((np.arange(new) + 0.5) * old / new, old - 1).astype(int)
    for new, old in zip((height, width), array.shape[:2], strict=True)
  )
  return array[rows[:, None], columns]


def resizer(spec: ImageSpec) -> Resizer:
  """Returns how pictures are resized: `resize`, or `resize_nearest` if they have a palette."""
  return resize if spec.palette is None else resize_nearest


def scale_width(
  array: np.ndarray, width: int, *, min_height: int = 1, resampled: Resizer = resize
) -> np.ndarray:
  """Returns a picture resized to a width; its height follows, but is at least `min_height`."""
  height = max(min_height, round(array.shape[0] * width / array.shape[1]))
  return resampled(array, height, width)


def pad(array: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns a picture padded at the bottom and right to at least (height, width), mirrored.

  The edge pixel is not repeated; a picture of one row or column is repeated instead.
  """
  for axis, wanted in ((0, height), (1, width)):
    missing = wanted - array.shape[axis]
    if missing > 0:
      widths = [(0, missing) if i == axis else (0, 0) for i in range(3)]
      array = np.pad(array, widths, mode="reflect" if array.shape[axis] > 1 else "edge")
  return array


def center_crop(array: np.ndarray, height: int, width: int) -> np.ndarray:
  """Returns the middle (height, width) of a picture that is at least as large."""
  top, left = (array.shape[0] - height) // 2, (array.shape[1] - width) // 2
  return array[top : top + height, left : left + width]


def random_crop(
  arrays: tuple[np.ndarray, ...], size: int, generator: np.random.Generator
) -> tuple[np.ndarray, ...]:
  """Crops the same random square out of pictures of the same height and width.

  Args:
    arrays: pictures [height, width, channels], all at least `size` high and wide.
    size: side of the square, in pixels.
    generator: the source of the position, uniform over all that fit.

  Returns:
    Pictures [size, size, channels].

  Raises:
    ValueError: if the pictures differ in height or width.
  """
  height, width = arrays[0].shape[:2]
  if any(array.shape[:2] != (height, width) for array in arrays):
    sizes = " and ".join(f"{a.shape[1]} x {a.shape[0]}" for a in arrays)
    raise ValueError(
      f'the pictures of a pair must have the same size, got {sizes} pixels: set resize="square".'
    )
  top = int(generator.integers(height - size + 1))
  left = int(generator.integers(width - size + 1))
  return tuple(array[top : top + size, left : left + size] for array in arrays)


def random_flip(
  arrays: tuple[np.ndarray, ...], generator: np.random.Generator
) -> tuple[np.ndarray, ...]:
  """Returns all pictures mirrored left to right, or none, with equal chance."""
  if generator.random() < 0.5:
    return tuple(array[:, ::-1] for array in arrays)
  return arrays


def resize_for_training(
  array: np.ndarray,
  *,
  resize_to: str,
  load_size: int,
  crop_size: int,
  resampled: Resizer = resize,
) -> np.ndarray:
  """Returns a picture after the first step of `jitter`, whose arguments these are."""
  if resize_to == "square":
    return resampled(array, load_size, load_size)
  if resize_to == "scale_width":
    return scale_width(array, load_size, min_height=crop_size, resampled=resampled)
  return array


def jitter(
  arrays: tuple[np.ndarray, ...],
  generator: np.random.Generator,
  *,
  resize_to: str,
  load_size: int,
  crop_size: int,
  flip: bool,
  resizers: Sequence[Resizer] | None = None,
) -> tuple[np.ndarray, ...]:
  """Resize, random crop, random flip: the jitter of pix2pix (Isola et al., 2017, Sec. 6.2).

  Args:
    arrays: pictures [height, width, channels] that share the randomness.
    generator: the source of the crop and the flip.
    resize_to: "square" (load_size x load_size), "scale_width" (load_size wide) or "none".
      Pictures that are then smaller than the crop are padded by mirroring.
    load_size: size after resizing, in pixels; not used by "none".
    crop_size: side of the result, in pixels.
    flip: whether to mirror half of the pictures.
    resizers: how each of the pictures is resized, see `resizer`; by `resize` by default.

  Returns:
    Pictures [crop_size, crop_size, channels].
  """
  sizes = {"resize_to": resize_to, "load_size": load_size, "crop_size": crop_size}
  arrays = tuple(
    resize_for_training(array, **sizes, resampled=resampled)
    for array, resampled in zip(arrays, resizers or [resize] * len(arrays), strict=True)
  )
  arrays = tuple(pad(array, crop_size, crop_size) for array in arrays)
  arrays = random_crop(arrays, crop_size, generator)
  return random_flip(arrays, generator) if flip else arrays


def fit(
  array: np.ndarray,
  *,
  resize_to: str,
  crop_size: int,
  multiple: int = 1,
  resampled: Resizer = resize,
) -> np.ndarray:
  """The deterministic counterpart of `jitter`, for evaluation.

  Args:
    array: picture [height, width, channels].
    resize_to: "square" (crop_size x crop_size), "scale_width" (crop_size wide) or "none" (the
      whole picture).
    crop_size: size in pixels.
    multiple: height and width are cropped about the middle to multiples of this, so that only
      real pixels are scored; a side below it is padded by mirroring instead.
    resampled: how it is resized, see `resizer`.

  Returns:
    Picture [height, width, channels].
  """
  if resize_to == "square":
    array = resampled(array, crop_size, crop_size)
  elif resize_to == "scale_width":
    array = scale_width(array, crop_size, resampled=resampled)
  height, width = (max(multiple, side // multiple * multiple) for side in array.shape[:2])
  return center_crop(pad(array, height, width), height, width)
