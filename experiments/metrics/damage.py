"""Damages: a picture spoiled by a known amount, and the amount that costs a known error.

At equal mean squared error the pixel error of all damages is the same by construction, so that
whatever else a metric says there is what it adds to the pixel error.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.interpolate import PchipInterpolator

from imtrans.data import degradations
from imtrans.data.color import grey_from_rgb, rotate_hue
from imtrans.data.dataset import stable_generator
from imtrans.data.specs import image_spec
from imtrans.evaluation.translation.pictures import as_stored

STORED = image_spec(3)  # Damaged pictures are rounded to 8 bits, as files are.
TOLERANCE = 0.7  # Decibels by which whole qualities of JPEG may miss what was asked for.
STEPS = 14  # Halvings of the range in which a strength is looked for.

Apply = Callable[[float, np.ndarray, np.random.Generator], np.ndarray]


class Damage(NamedTuple):
  """A way to spoil pictures, with a strength.

  title: what it is called.
  unit: the strength in words, {} standing for the number.
  apply: (strength, picture float32 [height, width, 3] in [0, 1], generator) -> the same shape.
  mild, harsh: the ends of the strengths among which one is looked for.
  natural: a weak and a strong one of those that one meets.
  whole: whether only whole numbers are strengths.
  """

  title: str
  unit: str
  apply: Apply
  mild: float
  harsh: float
  natural: tuple[float, float]
  whole: bool = False


class Level(NamedTuple):
  """A damage at a strength; `asked` is the PSNR that it was chosen for, None for a natural one."""

  damage: str
  strength: float
  asked: float | None


def compress(quality: float, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Returns the picture after a JPEG file of a quality from 1 to 95, chroma subsampled 4:2:0."""
  return degradations.jpeg_artefacts((int(quality), int(quality)), image, generator)


def shift(pixels: float, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Moves the picture to the right; what enters is mirrored.

  Whole pixels are moved as they are. Parts of one are monotone cubic interpolation (Fritsch and
  Carlson, 1980, https://doi.org/10.1137/0717021): no value lies outside its two neighbours, so that
  nothing rings, as a shift of the Fourier transform does at every edge of a drawing.

  Args:
    pixels: how far, less than the width; need not be whole.
    image: float32 [height, width, channels].
    generator: not used: nothing here is random.

  Returns:
    The same shape.
  """
  del generator
  width, margin = image.shape[1], math.ceil(pixels) + 1
  mirrored = np.pad(image, ((0, 0), (margin, 1), (0, 0)), mode="symmetric")
  curve = PchipInterpolator(np.arange(-margin, width + 1), mirrored, axis=1)
  return curve(np.arange(width) - pixels).astype(np.float32)


def turn_hue(degrees: float, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Returns the picture with its hue turned around the circle of HSV."""
  del generator
  return rotate_hue(image, degrees)


def saturate(factor: float, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Returns a mixture of the picture and the grey of its lightness: 1 is the picture, 0 grey."""
  del generator
  grey = grey_from_rgb(image)
  return grey + np.float32(factor) * (image - grey)


def darken(factor: float, image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
  """Returns the picture's values multiplied by a factor in [0, 1]."""
  del generator
  return np.float32(factor) * image


DAMAGES = {
  "noise": Damage(
    "Gaussian noise", "σ = {:.3f}", degradations.gauss_noise, 0.0, 1.0, natural=(0.05, 0.2)
  ),
  "blur": Damage(
    "Gaussian blur", "σ = {:.2f} px", degradations.gauss_blur, 0.1, 10.0, natural=(1.0, 4.0)
  ),
  "jpeg": Damage("JPEG", "quality {:.0f}", compress, 95.0, 1.0, natural=(50.0, 10.0), whole=True),
  "shift": Damage("shift", "{:.2f} px", shift, 0.0, 16.0, natural=(1.0, 8.0)),
  "hue": Damage("hue", "{:.0f}°", turn_hue, 0.0, 180.0, natural=(30.0, 180.0)),
  "saturation": Damage("saturation", "× {:.2f}", saturate, 1.0, 0.0, natural=(0.5, 0.0)),
  "brightness": Damage("brightness", "× {:.2f}", darken, 1.0, 0.0, natural=(0.9, 0.6)),
}


def spoil(damage: str, strength: float, images: np.ndarray, names: Sequence[str]) -> np.ndarray:
  """Damages pictures as files would hold them.

  Args:
    damage: a key of `DAMAGES`.
    strength: its strength.
    images: float32 [pictures, height, width, 3] in [-1, 1].
    names: of the pictures, from which all that is random is drawn.

  Returns:
    The same shape, clipped and rounded to 8 bits.
  """
  return as_stored(spoil_values(damage, strength, images, names), STORED)


def spoil_values(
  damage: str, strength: float, images: np.ndarray, names: Sequence[str]
) -> np.ndarray:
  """Damages pictures as a network's outputs are damaged: see `spoil`, but nothing is rounded."""
  apply = DAMAGES[damage].apply
  spoiled = [
    apply(strength, 0.5 * (image + 1.0), stable_generator(name, damage))
    for image, name in zip(images, names, strict=True)
  ]
  return 2.0 * np.stack(spoiled) - 1.0


def decibels(images: np.ndarray, spoiled: np.ndarray) -> float:
  """Returns the PSNR of the mean squared error over all pictures; infinite if there is none."""
  error = 0.25 * np.mean(np.square(np.asarray(images, np.float64) - spoiled))
  return -10.0 * math.log10(error) if error > 0.0 else math.inf


def find_strength(
  damage: str, asked: float, images: np.ndarray, names: Sequence[str]
) -> float | None:
  """Finds how strong a damage must be for a PSNR, by halving its range.

  Args:
    damage: a key of `DAMAGES`; the stronger it is, the larger the error.
    asked: decibels, see `decibels`.
    images: float32 [pictures, height, width, 3] in [-1, 1].
    names: of the pictures.

  Returns:
    The strength, the same for all pictures; None if none comes within `TOLERANCE`.
  """
  spec = DAMAGES[damage]
  mild, harsh = spec.mild, spec.harsh
  for _ in range(STEPS):
    middle = 0.5 * (mild + harsh)
    if spec.whole:
      middle = float(round(middle))
      if middle in (mild, harsh):
        break
    if decibels(images, spoil(damage, middle, images, names)) > asked:
      mild = middle
    else:
      harsh = middle
  misses = {
    strength: abs(decibels(images, spoil(damage, strength, images, names)) - asked)
    for strength in (mild, harsh)
  }
  best = min(misses, key=lambda strength: misses[strength])
  return best if misses[best] <= TOLERANCE else None


def levels(
  images: np.ndarray,
  names: Sequence[str],
  psnrs: Sequence[float],
  *,
  num_natural: int,
  damages: Sequence[str] = tuple(DAMAGES),
) -> list[Level]:
  """Lists the levels at which pictures are spoiled.

  Args:
    images: float32 [pictures, height, width, 3] in [-1, 1], by which strengths are chosen.
    names: of the pictures.
    psnrs: decibels that every damage shall cost, where it can.
    num_natural: how many of the natural strengths to add, the strongest first.
    damages: keys of `DAMAGES`.

  Returns:
    Levels, damage by damage.
  """
  found = []
  for name in damages:
    for asked in psnrs:
      strength = find_strength(name, asked, images, names)
      if strength is not None:
        found.append(Level(name, strength, asked))
    found += [Level(name, strength, None) for strength in DAMAGES[name].natural[::-1][:num_natural]]
  return found


def compared(psnrs: Sequence[float]) -> float:
  """Returns the one of the PSNRs asked for at which tables and maps compare damages."""
  return psnrs[len(psnrs) // 2]
