"""One input, several right answers: how different a generator's outputs for one input are.

`pairwise_diversity` measures spread where the truth is unknown, `mode_coverage` counts the right
answers that are found where all of them are known, such as the skin tones of an OpenMoji drawing.
"""

import math
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np


class Diversity(NamedTuple):
  """Mean distance between outputs of one input, and its standard error over the inputs.

  mean, error: in units of the distance; the error is NaN for a single input.
  sources: inputs.
  pairs: pairs of outputs per input.
  """

  mean: float
  error: float
  sources: int
  pairs: int


def pairwise_diversity(
  distance: Callable[[Any, Any], Any],
  samples: Iterable[np.ndarray],
  *,
  pairs_per_source: int = 20,
  seed: int = 0,
) -> Diversity:
  """Mean distance between random pairs of outputs that a generator gives for one input.

  Zhu et al., 2017, "Toward Multimodal Image-to-Image Translation", Sec. 5.2,
  https://arxiv.org/abs/1711.11586: LPIPS between pairs of random outputs, on average over pairs and
  over inputs; they take 2000 pairs of 100 inputs, so 20 of each. A generator that adds noise is
  diverse too: read it beside a figure of quality.

  Args:
    distance: (images, targets) -> [batch], such as `metrics.lpips.lpips_distance`.
    samples: for each input its outputs, [outputs, height, width, channels] in [-1, 1].
    pairs_per_source: pairs of different outputs, drawn without replacement; all pairs where an
      input has fewer.
    seed: of the draws.

  Returns:
    Mean and standard error; `pairs` is the largest number that an input had.

  Raises:
    ValueError: if there is no input, or one has fewer than two outputs.
  """
  random = np.random.default_rng(seed)
  means, most = [], 0
  for index, outputs in enumerate(samples):
    count = len(outputs)
    if count < 2:
      raise ValueError(
        f"diversity compares the outputs of one input: input {index} needs at least 2, got {count}."
      )
    first, second = np.triu_indices(count, 1)
    chosen = random.permutation(len(first))[:pairs_per_source]
    values = distance(outputs[first[chosen]], outputs[second[chosen]])
    means.append(float(np.mean(np.asarray(values, np.float64))))
    most = max(most, len(chosen))
  if not means:
    raise ValueError("there are no outputs to compare: check the folder or the split.")
  spread = np.std(means, ddof=1) if len(means) > 1 else math.nan
  return Diversity(float(np.mean(means)), float(spread / math.sqrt(len(means))), len(means), most)


class ModeCoverage(NamedTuple):
  """How many of the right answers are found, as means over the inputs.

  fraction: share of the variants that at least one output is nearest to.
  ideal_fraction: what outputs drawn evenly from the variants would reach on average.
  entropy: of the outputs' distribution over the variants, divided by that of an even one: 0 where
    all outputs are one variant, 1 where all are hit equally often.
  error: distance to the nearest variant, root mean square over pixels, black 0 and white 1.
  counts: [variants] outputs nearest to each, over all inputs with the most common number of
    variants.
  sources: inputs.
  """

  fraction: float
  ideal_fraction: float
  entropy: float
  error: float
  counts: np.ndarray
  sources: int


def nearest_variants(outputs: np.ndarray, variants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Assigns each output to the variant that it is closest to, by mean squared error.

  Args:
    outputs: [outputs, height, width, channels] in [-1, 1].
    variants: [variants, height, width, channels], the right answers for the same input.

  Returns:
    int [outputs], the nearest variant; and [outputs], the root mean squared error to it on the
    scale where black is 0 and white is 1.

  Raises:
    ValueError: if the pictures differ in shape, or there are none.
  """
  if outputs.ndim != 4 or outputs.shape[1:] != variants.shape[1:] or not len(outputs):
    raise ValueError(
      "outputs and variants must be [pictures, height, width, channels] of one size, got shapes "
      f"{outputs.shape} and {variants.shape}."
    )
  x = np.reshape(outputs, (len(outputs), -1)).astype(np.float64)
  y = np.reshape(variants, (len(variants), -1)).astype(np.float64)
  errors = np.stack([np.mean(np.square(x - target[None]), axis=1) for target in y], axis=1)
  nearest = np.argmin(errors, axis=1)
  return nearest, 0.5 * np.sqrt(errors[np.arange(len(x)), nearest])


def mode_coverage(groups: Iterable[tuple[np.ndarray, np.ndarray]]) -> ModeCoverage:
  """Which of the right answers a generator gives, where all of them are known.

  Args:
    groups: for each input (outputs, variants): [outputs, height, width, channels] and
      [variants, height, width, channels] in [-1, 1], at least two variants each.

  Returns:
    Means over the inputs.

  Raises:
    ValueError: if there is no input, one has fewer than two variants, or the pictures differ in
      size.
  """
  fractions, ideals, entropies, errors, histograms = [], [], [], [], []
  for outputs, variants in groups:
    modes = len(variants)
    if modes < 2:
      raise ValueError(f"mode coverage needs at least 2 true variants of an input, got {modes}.")
    nearest, distances = nearest_variants(outputs, variants)
    counts = np.bincount(nearest, minlength=modes)
    shares = counts[counts > 0] / len(outputs)
    fractions.append(np.mean(counts > 0))
    ideals.append(expected_fraction(modes, len(outputs)))
    entropies.append(-np.sum(shares * np.log(shares)) / math.log(modes))
    errors.append(np.mean(distances))
    histograms.append(counts)
  if not fractions:
    raise ValueError("there are no inputs with known variants: check the folder or the split.")
  sizes = [len(counts) for counts in histograms]
  common = max(set(sizes), key=lambda size: (sizes.count(size), size))
  return ModeCoverage(
    fraction=float(np.mean(fractions)),
    ideal_fraction=float(np.mean(ideals)),
    entropy=float(np.mean(entropies)),
    error=float(np.mean(errors)),
    counts=np.sum([counts for counts in histograms if len(counts) == common], axis=0),
    sources=len(fractions),
  )


def expected_fraction(num_modes: int, num_outputs: int) -> float:
  """Share of the modes that independent even draws hit on average.

  Args:
    num_modes: modes, each of probability 1 / num_modes.
    num_outputs: draws.

  Returns:
    1 - (1 - 1 / num_modes)^num_outputs.
  """
  return 1.0 - (1.0 - 1.0 / num_modes) ** num_outputs
