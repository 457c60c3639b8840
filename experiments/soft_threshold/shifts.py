"""The colour shifts that a generator makes, beside those that were wanted of it."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from imtrans.theory.identity import fit_threshold, soft_threshold

BINS = np.linspace(-1.0, 1.0, 21)
FEWEST = 50  # Values in a bin whose mean is told.
LEAST = 0.02  # Pixels of which no channel is to move by more are white, black or grey.
CELLS = 8  # Of the colour histograms, along each channel.
# Ratios of the densities of a colour in the target and in the source domain.
OVERLAPS = {"rare": (0.0, 0.5), "as common": (0.5, 2.0), "common": (2.0, np.inf)}


def shifts(sources: np.ndarray, targets: np.ndarray, outputs: np.ndarray) -> dict[str, Any]:
  """Compares the colour shifts that were made with those that were wanted, channel by channel.

  Args:
    sources: [pictures, height, width, 3] in [-1, 1].
    targets: what they should become, the same shape.
    outputs: what the generator made of them, the same shape.

  Returns:
    All on the scale of black 0 and white 1. "centers" and "made": the mean shift made per bin of
    wanted shifts, None in a bin of few. "threshold" and "factor": the best soft threshold and the
    best common factor, with the root mean square errors that they leave. "bystanders": the mean
    absolute shift of colourless pixels. "overlaps": for source colours that are rare, as common or
    common in the target domain, their share of the coloured pixels, the common factor and the soft
    threshold of theirs alone.
  """
  wanted = 0.5 * (targets - sources).reshape(-1, 3)
  made = 0.5 * (outputs - sources).reshape(-1, 3)
  colored = np.max(np.abs(wanted), axis=1) > LEAST
  bystanders = float(np.mean(np.abs(made[~colored])))
  ratios = density_ratio(sources, targets)[colored]
  wanted, made = wanted[colored], made[colored]
  overlaps = {}
  for name, (low, high) in OVERLAPS.items():
    chosen = (ratios >= low) & (ratios < high)
    overlaps[name] = {
      "pixels": float(np.mean(chosen)),
      **(_fits(wanted[chosen].ravel(), made[chosen].ravel()) if np.any(chosen) else {}),
    }
  places = np.digitize(wanted.ravel(), BINS) - 1
  bins = [made.ravel()[places == index] for index in range(len(BINS) - 1)]
  return {
    "centers": [round(float(c), 4) for c in 0.5 * (BINS[1:] + BINS[:-1])],
    "made": [round(float(np.mean(m)), 5) if len(m) >= FEWEST else None for m in bins],
    **_fits(wanted.ravel(), made.ravel()),
    "bystanders": bystanders,
    "overlaps": overlaps,
  }


def density_ratio(sources: np.ndarray, targets: np.ndarray) -> np.ndarray:
  """Density of each source pixel's colour in the target domain, over that in its own.

  Args:
    sources: [pictures, height, width, 3] in [-1, 1].
    targets: the same shape.

  Returns:
    [pixels], by histograms of CELLS³ cells: 0 for a colour that the target domain lacks.
  """
  own, other = _cells(sources), _cells(targets)
  counts = [np.bincount(cells, minlength=CELLS**3) for cells in (own, other)]
  return counts[1][own] / counts[0][own]


def _cells(images: np.ndarray) -> np.ndarray:
  levels = np.floor(0.5 * (images.reshape(-1, 3) + 1.0) * CELLS).astype(int)
  return np.clip(levels, 0, CELLS - 1) @ np.array([CELLS**2, CELLS, 1])


def _fits(wanted: np.ndarray, made: np.ndarray) -> dict[str, float]:
  """The best soft threshold and the best common factor, and what they leave."""
  threshold = float(fit_threshold(jnp.asarray(wanted), jnp.asarray(made)))
  factor = float(np.dot(wanted, made) / np.dot(wanted, wanted))
  soft = np.asarray(soft_threshold(jnp.asarray(wanted), threshold))
  return {
    "threshold": threshold,
    "threshold_error": float(np.sqrt(np.mean(np.square(soft - made)))),
    "factor": factor,
    "factor_error": float(np.sqrt(np.mean(np.square(factor * wanted - made)))),
  }
