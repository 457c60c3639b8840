"""Tasks of another look: the source is a picture's greys, edges or sketch, or the hue is turned.

Each is a function from what the clean pictures are, and options, to a `Task`; what it does to a
picture is in `color` and `lines`.
"""

import functools

import numpy as np

from imtrans.data.color import (
  AB_LIMIT,
  colorize,
  grey_from_rgb,
  lab_from_rgb,
  luma,
  rotate_hue,
)
from imtrans.data.lines import canny, pencil, soft_edges
from imtrans.data.specs import ImageSpec
from imtrans.data.task import Task, View, check_number, check_one_of, check_rgb

DETECTORS = ("canny", "soft")
TARGETS = ("rgb", "lab")


def grayscale(clean: ImageSpec, *, target: str = "rgb") -> Task:
  """Colourisation: the source is the grey of the same CIELAB lightness, one channel.

  It is what a grey photograph holds, so those can be translated as they are.

  Args:
    clean: RGB.
    target: "rgb", or "lab": the a and b of CIELAB alone (two float channels from -110 to 110, in
      TIFF files), which `color.colorize` joins with the source.

  Returns:
    The task.
  """
  check_rgb("grayscale", clean)
  check_one_of("target", target, TARGETS)
  grey = clean._replace(channels=1)
  if target == "rgb":
    return Task(clean, grey, clean, _grey)
  ab = ImageSpec(2, "float32", -AB_LIMIT, AB_LIMIT)
  return Task(clean, grey, ab, _grey, _ab, View(clean, _with_ab))


def edges(
  clean: ImageSpec,
  *,
  detector: str = "canny",
  sigma: float = 1.0,
  weak: float = 0.2,
  strong: float = 0.5,
  strength: float = 20.0,
) -> Task:
  """Pictures from edges, black on white, one channel.

  Args:
    clean: any channels; RGB counts as its luma, others as their mean.
    detector: "canny" (lines one pixel wide) or "soft".
    sigma: of the smoothing, pixels.
    weak: gradient at which "canny" continues a line; a sharp step from black to white has 4.
    strong: gradient at which it begins one.
    strength: how quickly the lines of "soft" become black.

  Returns:
    The task.
  """
  check_one_of("detector", detector, DETECTORS)
  check_number("sigma", sigma, 0.0, 100.0, inside=True)
  check_number("strong", strong, 0.0, 6.0)
  check_number("weak", weak, 0.0, strong)
  check_number("strength", strength, 0.0, 1e6, inside=True)
  degrade = {
    "canny": functools.partial(_canny, sigma, weak, strong),
    "soft": functools.partial(_soft, sigma, strength),
  }
  return Task(clean, clean._replace(channels=1), clean, degrade[detector])


def sketch(
  clean: ImageSpec,
  *,
  sigma: float = 3.0,
  darkness: float = 1.5,
  shading: float = 0.4,
  grain: float = 0.4,
) -> Task:
  """Pictures from pencil sketches, one channel.

  Args:
    clean: any channels; RGB counts as its luma, others as their mean.
    sigma: how far an outline reaches, pixels.
    darkness: of the outlines, a power.
    shading: how dark the hatching of black is, 0 to 1.
    grain: how uneven the hatching is; drawn anew each time, as a pencil would.

  Returns:
    The task.
  """
  check_number("sigma", sigma, 0.0, 100.0, inside=True)
  check_number("darkness", darkness, 0.0, 100.0, inside=True)
  check_number("shading", shading, 0.0, 1.0)
  check_number("grain", grain, 0.0, 10.0)
  options = {"sigma": sigma, "darkness": darkness, "shading": shading, "grain": grain}
  degrade = functools.partial(_pencil, options)
  return Task(clean, clean._replace(channels=1), clean, degrade)


def recolor(clean: ImageSpec, *, degrees: float = 90.0) -> Task:
  """Shifting colours by a known amount: returns a task whose source is the clean picture.

  The target is the picture whose hue is turned by `degrees`, see `color.rotate_hue`.
  """
  check_rgb("recolor", clean)
  check_number("degrees", degrees, -360.0, 360.0)
  return Task(clean, clean, clean, _unchanged, functools.partial(_turned, degrees))


def _grey(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  del generator
  return grey_from_rgb(image)


def _ab(image: np.ndarray) -> np.ndarray:
  """Returns a and b, from -AB_LIMIT..AB_LIMIT to [0, 1]."""
  return lab_from_rgb(image)[..., 1:] / (2.0 * AB_LIMIT) + 0.5


def _with_ab(grey: np.ndarray, ab: np.ndarray) -> np.ndarray:
  """Returns the colours of greys with what `_ab` made."""
  return colorize(grey, (ab - 0.5) * (2.0 * AB_LIMIT))


def _canny(
  sigma: float, low: float, high: float, image: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
  del generator
  found = canny(luma(image), sigma=sigma, low=low, high=high)
  return 1.0 - found[:, :, None].astype(np.float32)


def _soft(
  sigma: float, strength: float, image: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
  del generator
  return soft_edges(luma(image), sigma=sigma, strength=strength)


def _pencil(
  options: dict[str, float], image: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
  return pencil(luma(image), **options, generator=generator)


def _unchanged(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  del generator
  return image


def _turned(degrees: float, image: np.ndarray) -> np.ndarray:
  return rotate_hue(image, degrees)
