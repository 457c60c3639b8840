"""What the metrics of one picture and its target say to every damage."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from experiments.metrics.damage import decibels, levels, spoil
from experiments.metrics.pictures import Pictures
from imtrans.evaluation.metrics import fidelity
from imtrans.evaluation.metrics.lpips import lpips_distance

PIXELS = {
  "l1": fidelity.l1,
  "l2": fidelity.l2,
  "psnr": fidelity.psnr,
  "ssim": fidelity.ssim,
  "ms_ssim": fidelity.ms_ssim,
}
PERCEPTUAL = {"lpips_alex": "alex", "lpips_vgg": "vgg"}
BATCH = 8


def measure(
  pictures: Pictures,
  psnrs: Sequence[float],
  *,
  damages: Sequence[str],
  perceptual: Sequence[str] = tuple(PERCEPTUAL),
) -> dict[str, Any]:
  """Spoils every picture in every way and asks every metric.

  Args:
    pictures: at least 161 pixels high and wide, for the multi-scale metric.
    psnrs: decibels at which damages are compared.
    damages: keys of `damage.DAMAGES`.
    perceptual: keys of `PERCEPTUAL`.

  Returns:
    "size", "pictures", "psnrs", and "levels": a list of {"damage", "strength", "asked", "decibels",
    "figures": {name: [mean, standard deviation over pictures]}}.
  """
  distances = {name: jax.jit(function) for name, function in PIXELS.items()}
  distances |= {name: lpips_distance(PERCEPTUAL[name]) for name in perceptual}
  images, names = pictures.images, pictures.names
  rows = []
  for level in levels(images, names, psnrs, num_natural=2, damages=damages):
    spoiled = spoil(level.damage, level.strength, images, names)
    figures = {}
    for name, distance in distances.items():
      figures[name] = mean_and_deviation(of_each(distance, spoiled, images))
    rows.append(
      {**level._asdict(), "decibels": round(decibels(images, spoiled), 2), "figures": figures}
    )
  return {
    "size": images.shape[1],
    "pictures": len(images),
    "psnrs": list(psnrs),
    "levels": rows,
  }


def of_each(distance: Callable, images: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """Returns a distance of every picture from its target, float64 [pictures], batch by batch."""
  batches = [
    np.asarray(distance(images[start : start + BATCH], targets[start : start + BATCH]))
    for start in range(0, len(images), BATCH)
  ]
  return np.concatenate(batches).astype(np.float64)


def mean_and_deviation(values: np.ndarray) -> list[float]:
  """Returns [mean, standard deviation] of numbers, as records hold them."""
  return [float(np.mean(values)), float(np.std(values, ddof=1))]
