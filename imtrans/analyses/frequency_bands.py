"""Pictures by bands of spatial frequency: how fine a generator's error is, or its outputs."""

import math

import numpy as np

from imtrans.analyses.finding import BLACK, COLORS, Rows, comparison
from imtrans.analyses.trained import TrainedRun

NUM_PICTURES = 64
NO_BAND = {"power": math.nan, "real_power": math.nan}  # Of the rows of other quantities.


def draw_bands(axes, run: TrainedRun, side: int) -> tuple[Rows, str]:
  """Draws the error (with answers) or the power of a generator's outputs by bands of frequency.

  Args:
    axes: to draw on.
    run: its first direction is meant.
    side: of a patch that the discriminator sees, pixels; marked as a frequency.

  Returns:
    The rows of the table and a sentence. No row compares with a closed form: beside the "power" of
    what is named stands that of real pictures, the answers where there are some.
  """
  generator = run.generators[0]
  sources, answers = run.test_pictures(generator.direction, NUM_PICTURES)
  outputs = generator(sources)
  real = answers
  if real is None:
    real, _ = run.test_pictures(generator.direction[::-1], NUM_PICTURES)
  edges = octaves(min(*outputs.shape[1:3], *real.shape[1:3]))
  middles = np.sqrt(np.maximum(edges[:-1], 0.5 * edges[1]) * edges[1:])
  powers = {"real pictures": band_power(real, edges), "outputs": band_power(outputs, edges)}
  if answers is not None:
    powers["error"] = band_power(outputs - answers, edges)
  for index, (name, power) in enumerate(powers.items()):
    axes.plot(middles, power, "o-", color=COLORS[index], linewidth=0.8, label=name)
  axes.axvline(1.0 / side, color=BLACK, linestyle="--", linewidth=1)
  axes.text(
    1.04 / side,
    0.02,
    f"one wave per patch ({side} px)",
    fontsize=7,
    rotation=90,
    va="bottom",
    transform=axes.get_xaxis_transform(),
  )
  axes.set(xscale="log", yscale="log", xlabel="spatial frequency (cycles per pixel)")
  axes.set_ylabel("power in the band (squared values in [-1, 1])")
  axes.set_xticks(middles, [f"{place:.2g}" for place in middles])
  axes.minorticks_off()
  axes.legend(loc="best")
  rows = [
    comparison(f"power of {name}", "squared values", float(place), math.nan, math.nan)
    | {"power": float(power[i]), "real_power": float(powers["real pictures"][i])}
    for name, power in powers.items()
    for i, place in enumerate(middles)
  ]
  low = middles < 1.0 / side
  total = np.maximum(powers["real pictures"], 1e-12)
  if answers is None:
    axes.set_title("outputs against real pictures")
    ratio = powers["outputs"] / total
    return rows, (
      f"The outputs have {ratio[-1]:.2f} times the power of real pictures in the finest band and "
      f"{ratio[0]:.2f} times in the coarsest."
    )
  axes.set_title("error of the outputs by fineness")
  fine = powers["error"][~low].sum() / total[~low].sum()
  coarse = powers["error"][low].sum() / total[low].sum() if low.any() else float("nan")
  return rows, (
    f"On {len(sources)} test pictures the squared error is {coarse:.0%} of the answers' power in "
    f"waves longer than the patch and {fine:.0%} in shorter ones; the outputs have "
    f"{powers['outputs'][-1] / total[-1]:.2f} times the answers' power in the finest band."
  )


def band_power(images: np.ndarray, edges: np.ndarray) -> np.ndarray:
  """Power of pictures by bands of spatial frequency, by the discrete cosine transform.

  The transform continues a picture by its mirror image, so that opposite borders make no edge. Its
  basis is orthonormal: the sum over all bands is the mean square.

  Args:
    images: [batch, height, width, channels].
    edges: [bands + 1], ascending, cycles per pixel; frequencies f with edge <= f < next edge.

  Returns:
    [bands], mean over pictures, pixels and channels, squared units of the images.
  """
  height, width = images.shape[1:3]
  rows, columns = _cosines(height), _cosines(width)
  coefficients = np.einsum("ij,bjkc,lk->bilc", rows, images, columns, optimize=True)
  power = np.mean(np.square(coefficients), axis=(0, 3)) / (height * width)
  vertical, horizontal = np.arange(height) / (2 * height), np.arange(width) / (2 * width)
  frequencies = np.hypot(vertical[:, None], horizontal[None, :])
  return np.histogram(frequencies, edges, weights=power)[0]


def octaves(size: int) -> np.ndarray:
  """Edges of bands an octave wide, the first from zero, the last with all that is finer.

  Args:
    size: of a picture, pixels.

  Returns:
    [bands + 1], ascending, cycles per pixel.
  """
  lowest = 0.75 / size
  edges = [0.5]
  while edges[0] > 2.0 * lowest:
    edges.insert(0, 0.5 * edges[0])
  return np.array([0.0, *edges[:-1], 0.75])


def _cosines(size: int) -> np.ndarray:
  """The orthonormal discrete cosine transform (II), [frequencies, pixels]."""
  numbers = np.arange(size)
  basis = np.cos(np.pi * numbers[:, None] * (numbers[None, :] + 0.5) / size)
  return basis * np.where(numbers[:, None] == 0, np.sqrt(1.0 / size), np.sqrt(2.0 / size))
