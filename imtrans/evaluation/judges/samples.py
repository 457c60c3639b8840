"""Several outputs for one source: how different they are, and which right answers they find."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from jax.sharding import Mesh

from imtrans.data import ImageError
from imtrans.evaluation.evaluation_set import EvaluationSet, spread_indices
from imtrans.evaluation.figures import Figure, coverage_figures, diversity_figure
from imtrans.evaluation.judges.pairs import Result, colored
from imtrans.evaluation.metrics.diversity import mode_coverage, pairwise_diversity
from imtrans.evaluation.metrics.lpips import lpips_distance
from imtrans.evaluation.translation.pictures import as_stored
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.pretrained.weights import BACKBONES
from imtrans.training.mesh import divide

MOST_SOURCES = 100  # As in the BicycleGAN paper.


class SampleJudge:
  """Translates some sources again and again, with other seeds."""

  def __init__(
    self,
    pictures: EvaluationSet,
    criteria: Sequence[str],
    generator: TrainedGenerator,
    *,
    num_samples: int,
    seed: int,
    checkpoint: str | None,
    mesh: Mesh | None = None,
  ):
    """Translates nothing yet.

    Args:
      pictures: the test set.
      criteria: "diversity_lpips_alex" and "mode_coverage" count.
      generator: its seed is the first one, the others follow.
      num_samples: outputs for one source.
      seed: of the pairs whose distance is measured.
      checkpoint: of the generator, for the record.
      mesh: devices over which the network of "diversity_lpips_alex" divides its batches; the
        default device if None.
    """
    self._mesh, self._resize = mesh, pictures.resized(generator)
    self._pictures, self._criteria, self._generator = pictures, criteria, generator
    self._num_samples, self._seed, self._checkpoint = num_samples, seed, checkpoint

  def see(self, result: Result) -> None:
    """Needs no result: it makes its own."""

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields the figures, of the model."""
    if "diversity_lpips_alex" in self._criteria:
      yield "model", self._diversity()
    if "mode_coverage" in self._criteria:
      for figure in self._coverage():
        yield "model", figure

  def _diversity(self) -> Figure:
    source, _ = self._pictures.domains(self._generator.direction)
    distance, mesh = lpips_distance("alex", self._mesh), self._mesh
    diversity = pairwise_diversity(
      lambda images, targets: distance(
        divide(colored(images), mesh), divide(colored(targets), mesh)
      ),
      (outputs for outputs, _ in self._outputs(spread_indices(len(source), MOST_SOURCES))),
      pairs_per_source=self._num_samples,
      seed=self._seed,
    )
    return diversity_figure(
      diversity,
      distance="lpips_alex",
      seed=self._seed,
      num_samples=self._num_samples,
      resize=self._resize,
      weights=BACKBONES["alex"].sha256,
      checkpoint=self._checkpoint,
    )

  def _coverage(self) -> list[Figure]:
    groups = find_variants(self._pictures, self._generator.direction)
    chosen = [groups[index] for index in spread_indices(len(groups), MOST_SOURCES)]
    source, _ = self._pictures.domains(self._generator.direction)
    group_of = {source.names[group[0]]: group for group in chosen}
    outputs = self._outputs([group[0] for group in chosen])
    coverage = mode_coverage((made, self._answers(group_of[name])) for made, name in outputs)
    return coverage_figures(
      coverage,
      num_samples=self._num_samples,
      seed=self._generator.seed,
      resize=self._resize,
      checkpoint=self._checkpoint,
    )

  def _answers(self, group: Sequence[int]) -> np.ndarray:
    """The right answers for one source, [variants, height, width, channels]."""
    batches = self._pictures.batches(self._generator, group)
    return np.concatenate([images["target"][:count] for _, images, count in batches])

  def _outputs(self, indices: Sequence[int]) -> Iterable[tuple[np.ndarray, str]]:
    """Yields the outputs for each source, [num_samples, height, width, channels], and its name."""
    title = f"{self._num_samples} outputs each"
    return self._pictures.track(self._translated(indices), len(indices), title)

  def _translated(self, indices: Sequence[int]) -> Iterator[tuple[np.ndarray, str]]:
    generator = self._generator
    seeds = [generator.seed + index for index in range(self._num_samples)]
    spec = self._pictures.target_spec(generator.direction)
    for names, images, count in self._pictures.batches(generator, indices):
      outputs = np.stack(
        [self._pictures.outputs(generator._replace(seed=seed), images["source"]) for seed in seeds]
      )
      for index in range(count):
        yield as_stored(outputs[:, index], spec), names[index]


def find_variants(pictures: EvaluationSet, direction: str) -> list[list[int]]:
  """Sources that have several right answers: those whose pictures are equal, with other targets.

  The pictures are read on the first call for a direction.

  Args:
    pictures: a test set of pairs.
    direction: "ab" or "ba".

  Returns:
    Groups of indices of at least two pairs, of which no two have the same target.
  """
  if direction not in pictures.variants:
    pictures.variants[direction] = _find_variants(pictures, direction)
  return pictures.variants[direction]


def _find_variants(pictures: EvaluationSet, direction: str) -> list[list[int]]:
  source, target = pictures.domains(direction)
  if not pictures.dataset.paired or target is None:
    return []
  groups: dict[bytes, dict[bytes, int]] = {}
  for index in range(len(source)):
    try:
      drawn, answer = _digest(source[index]), _digest(target[index])
    except ImageError as error:
      pictures.note(source.names[index], error)
      continue
    groups.setdefault(drawn, {}).setdefault(answer, index)
  return [list(answers.values()) for answers in groups.values() if len(answers) > 1]


def _digest(picture: np.ndarray) -> bytes:
  header = f"{picture.shape} {picture.dtype}".encode()
  return hashlib.sha256(header + np.ascontiguousarray(picture).tobytes()).digest()
