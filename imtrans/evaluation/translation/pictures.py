"""Pictures as users have them: how values and channels are read and stored, and what is refused."""

import numpy as np

from imtrans.data import ImageSpec, denormalize, normalize

RANGE_TOLERANCE = 0.1  # Of the range: what bicubic resizing overshoots is clipped, not refused.


def prepared(array: np.ndarray, spec: ImageSpec) -> tuple[np.ndarray, ImageSpec]:
  """Checks what a user calls an image, and brings it into the shape that a generator takes.

  Args:
    array: [height, width], [height, width, channels] or [batch, height, width, channels].
    spec: of the pictures that the run was trained on. Grey is repeated where it has three channels.

  Returns:
    [batch, height, width, channels], and how its values are read.

  Raises:
    ValueError: for another shape, number of channels, type or range, naming the remedy.
  """
  stored = stored_spec(array.dtype, spec)
  batch = _as_batch(array, spec.channels)
  _check_range(batch, stored, array.dtype)
  return batch, stored


def stored_spec(dtype: np.dtype, spec: ImageSpec) -> ImageSpec:
  """How values of a type are read: as recorded if it is the recorded type, else the whole range.

  Args:
    dtype: of a picture.
    spec: of the pictures that the run was trained on.

  Returns:
    The picture's own spec.

  Raises:
    ValueError: for a type that no picture has.
  """
  if dtype.name == spec.dtype:
    return spec
  if dtype in (np.uint8, np.uint16):
    return ImageSpec(spec.channels, dtype.name, 0.0, float(np.iinfo(dtype).max))
  if np.issubdtype(dtype, np.floating):
    return ImageSpec(spec.channels, "float32", 0.0, 1.0)
  raise ValueError(
    f"image must hold uint8, uint16 or float values, got {dtype.name}: convert it, such as with "
    "image.astype('uint8')."
  )


def _as_batch(array: np.ndarray, channels: int) -> np.ndarray:
  """[batch, height, width, channels] of what a user calls an image."""
  if array.ndim not in (2, 3, 4) or array.size == 0:
    raise ValueError(
      "image must be [height, width], [height, width, channels] or [batch, height, width, "
      f"channels] and not empty, got shape {array.shape}."
    )
  batch = array[None, :, :, None] if array.ndim == 2 else array if array.ndim == 4 else array[None]
  found = batch.shape[-1]
  if found == 1 and channels == 3:
    return np.repeat(batch, 3, axis=-1)
  if found != channels:
    if array.ndim == 2:
      remedy = "give [height, width, channels]"
    elif found == 4 and channels == 3:
      remedy = "drop the alpha channel, image[..., :3]"
    elif found == 3 and channels == 1:
      remedy = "convert it to grey, such as image.mean(-1, keepdims=True).astype(image.dtype)"
    else:
      wanted = "1 channel" if channels == 1 else f"{channels} channels"
      remedy = f"give pictures of {wanted}, as in training; in arrays the channels come last"
    raise ValueError(
      f"the run was trained on pictures of {channels} channel(s), this one has {found}: {remedy}."
    )
  return batch


def _check_range(batch: np.ndarray, spec: ImageSpec, dtype: np.dtype) -> None:
  if dtype == np.uint8:
    return
  low, high = float(np.min(batch)), float(np.max(batch))
  slack = RANGE_TOLERANCE * (spec.high - spec.low)
  if not (spec.low - slack <= low and high <= spec.high + slack):
    raise ValueError(
      f"a {dtype.name} image must lie in [{spec.low:g}, {spec.high:g}], this one runs from {low:g} "
      f"to {high:g}: scale it, or pass 8-bit values as uint8."
    )


def as_stored(images: np.ndarray, spec: ImageSpec) -> np.ndarray:
  """Images as a picture file gives them back.

  Args:
    images: any shape, in [-1, 1].
    spec: of their domain.

  Returns:
    float32, the same shape in [-1, 1]: rounded to values that the domain has.
  """
  return normalize(denormalize(images, spec), spec)


def suffix_can_hold(suffix: str, spec: ImageSpec) -> bool:
  """Whether files of an extension can hold a domain's pictures; TIFF can hold everything."""
  suffix = suffix.lower()
  if suffix in (".tif", ".tiff"):
    return True
  dtypes = ("uint8", "uint16") if suffix == ".png" else ("uint8",)
  return spec.channels in (1, 3) and spec.dtype in dtypes


def image_suffix(spec: ImageSpec) -> str:
  """The extension of a format that holds a domain's pictures without loss: ".png" or ".tif"."""
  return ".png" if suffix_can_hold(".png", spec) else ".tif"
