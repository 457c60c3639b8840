"""What figures of several outputs for one source say to damage, and to answers that are missing.

The sources are drawings with several right answers, the skin tones of OpenMoji. In the place of a
generator's outputs stand these answers, each as often as the others, spoiled.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.metrics.damage import decibels, levels, spoil
from experiments.metrics.paired import mean_and_deviation
from experiments.metrics.pictures import spread
from imtrans.data.openmoji import open_openmoji
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges.samples import find_variants
from imtrans.evaluation.metrics.diversity import mode_coverage, pairwise_diversity
from imtrans.evaluation.metrics.lpips import lpips_distance

NUM_ANSWERS = 6  # The plain drawing and five tones.
TIMES = 2  # How often every answer is there.
SEARCHED = 5  # Strengths are chosen by every fifth output: not by one answer alone.
FIGURES = ("diversity_lpips_alex", "mode_fraction", "mode_entropy", "mode_error")


class Answers(NamedTuple):
  """Drawings with all their right answers.

  names: of the drawings.
  images: float32 [drawings, answers, size, size, 3] in [-1, 1].
  """

  names: list[str]
  images: np.ndarray


def openmoji_answers(count: int, size: int, *, rendered: int) -> Answers:
  """Opens held-out drawings of OpenMoji that have six right answers.

  Args:
    count: how many.
    size: height and width, pixels.
    rendered: the size at which they are rendered into the cache, pixels.

  Returns:
    The drawings.

  Raises:
    ValueError: if there are fewer.
  """
  dataset = open_openmoji(split="test", paired=True, size=rendered, tones=True)
  pictures = EvaluationSet(dataset, batch_size=NUM_ANSWERS, resize="square", crop_size=size)
  groups = [group for group in find_variants(pictures, "ab") if len(group) == NUM_ANSWERS]
  if len(groups) < count:
    raise ValueError(f"{count} drawings of six answers are needed, there are {len(groups)}.")
  chosen = [groups[index] for index in spread(len(groups), count)]
  found = [next(pictures.pictures_of("ab", 1, group))[1]["target"] for group in chosen]
  return Answers([dataset.a.names[group[0]] for group in chosen], np.stack(found))


def missing_answers(answers: np.ndarray) -> dict[str, np.ndarray]:
  """Lists outputs that leave answers out.

  Args:
    answers: [drawings, answers, height, width, channels].

  Returns:
    {"half": every second answer; "one": the first alone; "mean": the mean of all, which is no
    answer}, each [drawings, `TIMES` times as many outputs as answers, height, width, channels].
  """
  total = TIMES * answers.shape[1]
  shown = {
    "half": answers[:, ::2],
    "one": answers[:, :1],
    "mean": np.mean(answers, axis=1, keepdims=True),
  }
  return {name: np.repeat(x, total // x.shape[1], axis=1) for name, x in shown.items()}


def measure(
  answers: Answers, psnrs: Sequence[float], *, damages: Sequence[str], num_natural: int = 1
) -> dict[str, Any]:
  """Spoils outputs in every way, and leaves answers out.

  Args:
    answers: of `openmoji_answers`.
    psnrs: decibels that damages shall cost the outputs.
    damages: keys of `damage.DAMAGES`.
    num_natural: how many natural strengths of each to add.

  Returns:
    "size", "pictures" (drawings), "answers" and "outputs" of each, "psnrs"; "floor", {name: [mean,
    0]} of the answers as they are: they are the same drawings, so that no noise is known from them;
    "modes", {of `missing_answers`: {name: [mean, deviation]}}; and "levels" as in `paired.measure`.
  """
  outputs = np.repeat(answers.images, TIMES, axis=1)
  count, size = outputs.shape[1], outputs.shape[2]
  flat = outputs.reshape(-1, *outputs.shape[2:])
  # Two outputs that are the same answer are not damaged in the same way.
  names = [f"{name}/{index}" for name in answers.names for index in range(count)]
  searched = flat[::SEARCHED], names[::SEARCHED]
  rows = []
  for level in levels(*searched, psnrs, num_natural=num_natural, damages=damages):
    spoiled = spoil(level.damage, level.strength, flat, names)
    figures = of_outputs(spoiled.reshape(outputs.shape), answers.images)
    rows.append(
      {**level._asdict(), "decibels": round(decibels(flat, spoiled), 2), "figures": figures}
    )
  floor = of_outputs(outputs, answers.images)
  modes = missing_answers(answers.images)
  return {
    "size": size,
    "pictures": len(outputs),
    "answers": answers.images.shape[1],
    "outputs": count,
    "psnrs": list(psnrs),
    "floor": {name: [mean, 0.0] for name, (mean, _) in floor.items()},
    "modes": {name: of_outputs(shown, answers.images) for name, shown in modes.items()},
    "levels": rows,
  }


def of_outputs(outputs: np.ndarray, answers: np.ndarray) -> dict[str, list[float]]:
  """Computes every figure of several outputs, drawing by drawing.

  Args:
    outputs: float32 [drawings, outputs, height, width, 3] in [-1, 1].
    answers: [drawings, answers, height, width, 3].

  Returns:
    {one of `FIGURES`: [mean, standard deviation over drawings]}.
  """
  distance = lpips_distance("alex")
  columns: dict[str, list[float]] = {name: [] for name in FIGURES}
  for made, right in zip(outputs, answers, strict=True):
    coverage = mode_coverage([(made, right)])
    values = (pairwise_diversity(distance, [made]).mean, *_modes(coverage))
    for name, value in zip(FIGURES, values, strict=True):
      columns[name].append(value)
  return {name: mean_and_deviation(np.array(values)) for name, values in columns.items()}


def _modes(coverage: Any) -> tuple[float, float, float]:
  return coverage.fraction, coverage.entropy, coverage.error
