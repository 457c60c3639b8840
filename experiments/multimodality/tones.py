"""Held-out drawings with six right answers, and how outputs lie among these.

Some answers differ in the hair too. What is looked at is the skin: the pixels where every answer
has the colour that OpenMoji gives to its tone.
"""

from typing import Any, NamedTuple

import numpy as np

from imtrans.analyses.trained import TrainedRun
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges.samples import find_variants
from imtrans.evaluation.metrics.diversity import mode_coverage, pairwise_diversity
from imtrans.evaluation.translation.generators import preprocessing

# OpenMoji's palette: the plain yellow, and the five tones of Fitzpatrick's scale.
PALETTE = np.array(
  [
    *((252, 234, 43), (250, 220, 188), (222, 187, 144)),
    *((193, 154, 101), (165, 121, 57), (106, 70, 47)),
  ]
)
NUM_TONES = len(PALETTE)
MODIFIERS = tuple(f"{code:X}" for code in range(0x1F3FB, 0x1F400))
TOLERANCE = 25.0  # 8-bit levels by which the colour of a pixel of skin may be off.
POINTS_PER_DRAWING = 3
RED, BLUE = 0, 2  # The two channels that tell the six tones apart.


class Tones(NamedTuple):
  """A drawing and its six answers.

  source: [height, width, 3] in [-1, 1].
  answers: [6, height, width, 3], from the plain one to the darkest.
  skin: bool [height, width].
  """

  source: np.ndarray
  answers: np.ndarray
  skin: np.ndarray

  def colors(self, images: np.ndarray) -> np.ndarray:
    """The skin of pictures in [-1, 1], as [pictures, pixels, 1, 3] in [0, 1]."""
    return 0.5 + 0.5 * images[:, self.skin][:, :, None]


def find_tones(trained: TrainedRun) -> list[Tones]:
  """The held-out drawings of a run on OpenMoji that have one answer for every skin tone."""
  pictures = EvaluationSet(
    trained.dataset, specs=trained.run.specs, **preprocessing(trained.run.config)
  )
  source, _ = pictures.domains("ab")
  found = []
  for group in find_variants(pictures, "ab"):
    # Codes sort the plain drawing first, then the modifiers from light to dark.
    group = sorted(group, key=lambda index: _darkness(source.names[index]))
    if [_darkness(source.names[index]) for index in group] != list(range(NUM_TONES)):
      continue
    batches = [
      (images["source"][:count], images["target"][:count])
      for _, images, count in pictures.batches(trained.generators[0], group)
    ]
    sources, answers = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    off = np.abs(127.5 * (answers + 1.0) - PALETTE[:, None, None])
    skin = np.max(off, axis=(0, 3)) <= TOLERANCE
    if np.any(skin):
      found.append(Tones(sources[0], answers, skin))
  if not found:
    raise ValueError("no held-out drawing has six skin tones: set data.options.tones=True.")
  return found


def measure_tones(tones: list[Tones], outputs: list[np.ndarray]) -> dict[str, Any]:
  """How outputs lie among the right answers.

  Args:
    tones: the drawings.
    outputs: for each of them [samples, height, width, 3] in [-1, 1].

  Returns:
    On the skin, as means over drawings and samples, root mean squares on the scale of black 0 and
    white 1: "blur", the distance to the nearest answer; "to_mean" and "to_median", the distances to
    the mean and the median of the answers; "diversity", the distance between two samples. "modes":
    share of the six answers that some sample is nearest to; "modes_of_even_draws"; "entropy" of the
    samples over the answers, 1 if even; "counts" of samples nearest to each tone. "error": distance
    of the whole picture to its nearest answer. "red" and "blue": the mean skin colours of some
    samples.
  """
  skins = [
    (drawing.colors(o), drawing.colors(drawing.answers))
    for drawing, o in zip(tones, outputs, strict=True)
  ]
  coverage = mode_coverage((2.0 * made - 1.0, 2.0 * right - 1.0) for made, right in skins)
  whole = mode_coverage((o, drawing.answers) for drawing, o in zip(tones, outputs, strict=True))
  diversity = pairwise_diversity(_distances, (made for made, _ in skins))
  few = np.concatenate([made[:POINTS_PER_DRAWING].mean(axis=(1, 2)) for made, _ in skins])
  return {
    "modes": coverage.fraction,
    "modes_of_even_draws": coverage.ideal_fraction,
    "entropy": coverage.entropy,
    "counts": coverage.counts.tolist(),
    "blur": coverage.error,
    "to_mean": _mean([_distances(made, _mean_answer(right)) for made, right in skins]),
    "to_median": _mean([_distances(made, _median_answer(right)) for made, right in skins]),
    "diversity": diversity.mean,
    "error": whole.error,
    "drawings": len(tones),
    "samples": len(outputs[0]),
    "red": [round(float(value), 3) for value in few[:, RED]],
    "blue": [round(float(value), 3) for value in few[:, BLUE]],
  }


def reference_outputs(tones: list[Tones], count: int, seed: int = 0) -> dict[str, list[np.ndarray]]:
  """What the theory predicts, as outputs: the mean, the median, and answers drawn evenly."""
  draws = np.random.default_rng(seed).integers(0, NUM_TONES, (len(tones), count))
  return {
    "mean": [np.repeat(_mean_answer(t.answers), count, axis=0) for t in tones],
    "median": [np.repeat(_median_answer(t.answers), count, axis=0) for t in tones],
    "even": [t.answers[drawn] for t, drawn in zip(tones, draws, strict=True)],
  }


def _mean_answer(answers: np.ndarray) -> np.ndarray:
  return np.mean(answers, axis=0, keepdims=True)


def _median_answer(answers: np.ndarray) -> np.ndarray:
  """The middle of the interval that the L1 loss cannot decide within: six answers are even."""
  return np.median(answers, axis=0, keepdims=True)


def _distances(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
  return np.sqrt(np.mean(np.square(images - targets), axis=(1, 2, 3)))


def _mean(values: list[np.ndarray]) -> float:
  return float(np.mean(np.concatenate(values)))


def _darkness(name: str) -> int:
  """0 for a plain drawing, 1 to 5 from light to dark; 6 for one with several different tones."""
  tones = {part for part in name.split("-") if part in MODIFIERS}
  if len(tones) > 1:
    return NUM_TONES
  return MODIFIERS.index(tones.pop()) + 1 if tones else 0
