"""Tasks that restore: the source is the picture, spoiled; the target is the picture.

Each is a function from what the clean pictures are, and options, to a `Task`; what it does to a
picture is in `degradations` and `holes`.
"""

import functools
from collections.abc import Callable, Sequence

import numpy as np

from imtrans.data import degradations, holes
from imtrans.data.specs import ImageSpec
from imtrans.data.task import Task, check_number, check_one_of

NOISES = ("gauss", "laplace", "poisson")
BLURS = ("gauss", "motion")
HOLES = ("center", "box", "strokes", "folder")
FILLS = ("grey", "mean")


def super_resolution(clean: ImageSpec, *, factor: int = 4) -> Task:
  """Sharpening what was enlarged: returns a task whose source has fewer pixels, at its old size.

  Each side is shrunk by `factor`, antialiased, and enlarged again, both bicubic.
  """
  check_number("factor", factor, 1.0, 64.0)
  if factor == 1:
    raise ValueError(
      "data.options.factor=1 leaves every picture as it is, so that there is nothing to learn: "
      "choose a larger one, such as 4."
    )
  return Task(clean, clean, clean, functools.partial(degradations.fewer_pixels, factor))


def inpainting(
  clean: ImageSpec,
  *,
  hole: str = "center",
  area: float = 0.25,
  fill: str = "grey",
  mask_channel: bool = False,
  masks: str = "",
) -> Task:
  """Filling holes.

  Args:
    clean: any channels.
    hole: "center", "box" (of random place and shape), "strokes" (of a brush), or "folder".
    area: part of the picture that is missing, above 0 and below 1; not used by "folder".
    fill: what is in the hole: "grey" (the middle of the range), or "mean" (of the rest).
    mask_channel: whether the source has one channel more, white in the hole; files of it are TIFF.
    masks: for "folder": pictures of the training size, white where something is missing.

  Returns:
    The task.
  """
  check_one_of("hole", hole, HOLES)
  check_one_of("fill", fill, FILLS)
  check_number("area", area, 0.0, 1.0, inside=True)
  makers = {
    "center": functools.partial(holes.center_hole, area),
    "box": functools.partial(holes.box_hole, area),
    "strokes": functools.partial(holes.stroke_hole, area),
  }
  folder = holes.FolderHoles(masks) if hole == "folder" else None
  degrade = functools.partial(_cut, folder or makers[hole], fill, mask_channel)
  source = clean._replace(channels=clean.channels + 1) if mask_channel else clean
  return Task(clean, source, clean, degrade, check_side=folder.check if folder else None)


def denoise(
  clean: ImageSpec, *, noise: str = "gauss", sigma: float = 0.1, peak: float = 30.0
) -> Task:
  """Taking noise away.

  Args:
    clean: any channels.
    noise: "gauss", "laplace" or "poisson".
    sigma: standard deviation of "gauss" and "laplace", above 0, where black is 0 and white 1: 25
      of 255 is 0.098. What leaves that range is clipped, as in files.
    peak: photons in a white pixel, for "poisson": its variance there is 1 / peak.

  Returns:
    The task.
  """
  check_one_of("noise", noise, NOISES)
  check_number("sigma", sigma, 0.0, 1.0)
  check_number("peak", peak, 0.0, 1e9, inside=True)
  if noise != "poisson" and sigma == 0:
    raise ValueError(
      "data.options.sigma=0 adds no noise, so that there is nothing to learn: choose a larger one, "
      "such as 0.1."
    )
  degrade = {
    "gauss": functools.partial(degradations.gauss_noise, sigma),
    "laplace": functools.partial(degradations.laplace_noise, sigma),
    "poisson": functools.partial(degradations.poisson_noise, peak),
  }
  return Task(clean, clean, clean, degrade[noise])


def deblur(
  clean: ImageSpec,
  *,
  blur: str = "gauss",
  sigma: float = 2.0,
  length: float = 9.0,
  angle: float | None = None,
) -> Task:
  """Sharpening what was blurred.

  Args:
    clean: any channels.
    blur: "gauss" or "motion".
    sigma: standard deviation of "gauss", pixels.
    length: of the line of "motion", pixels.
    angle: of that line, degrees from the horizontal; None draws one for each picture.

  Returns:
    The task.
  """
  check_one_of("blur", blur, BLURS)
  check_number("sigma", sigma, 0.0, 100.0, inside=True)
  check_number("length", length, 1.0, 500.0)
  if angle is not None:
    check_number("angle", angle, -360.0, 360.0)
  degrade = {
    "gauss": functools.partial(degradations.gauss_blur, sigma),
    "motion": functools.partial(degradations.motion_blur, length, angle),
  }
  return Task(clean, clean, clean, degrade[blur])


def jpeg(clean: ImageSpec, *, quality: int | Sequence[int] = (10, 30)) -> Task:
  """Removing JPEG artefacts: returns a task whose source went through a JPEG file.

  Args:
    clean: 1 or 3 channels.
    quality: 1 to 95, or (lowest, highest) to draw between; (q,), which is what a command line makes
      of one number, is q.
  """
  if clean.channels not in (1, 3):
    raise ValueError(
      f"the task jpeg needs pictures of 1 or 3 channels, these have {clean.channels}: choose "
      "another data.task."
    )
  bounds = tuple(quality) if isinstance(quality, Sequence) else (quality, quality)
  bounds = bounds * 2 if len(bounds) == 1 else bounds
  whole = all(isinstance(bound, int) and 1 <= bound <= 95 for bound in bounds)
  if len(bounds) != 2 or not whole or bounds[0] > bounds[1]:
    raise ValueError(
      f"data.options.quality must be an integer from 1 to 95, or (lowest, highest), got {quality}."
    )
  return Task(clean, clean, clean, functools.partial(degradations.jpeg_artefacts, bounds))


def _cut(
  maker: Callable[[int, int, np.random.Generator], np.ndarray],
  fill: str,
  mask_channel: bool,
  image: np.ndarray,
  generator: np.random.Generator,
) -> np.ndarray:
  """Cuts a hole into a picture [height, width, channels] in [0, 1]."""
  height, width = image.shape[:2]
  hole = maker(height, width, generator)
  rest = image[~hole]
  filling = rest.mean(axis=0) if fill == "mean" and len(rest) else np.float32(0.5)
  cut = np.where(hole[:, :, None], filling, image)
  if mask_channel:
    cut = np.concatenate([cut, hole[:, :, None]], axis=2)
  return cut.astype(np.float32)
