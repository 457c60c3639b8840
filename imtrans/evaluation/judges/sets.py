"""Figures of whole sets: what is kept of pictures as they pass, and what is computed in the end.

A test set may be larger than memory, so pictures are not kept, only their features and the counts
of their colours.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from jax.sharding import Mesh

from imtrans.evaluation.criteria import CRITERIA
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.features.extraction import (
  OWN_SIZE,
  FeatureCollector,
  FeatureNetwork,
  FeatureSet,
  pooled_alexnet,
  pooled_vgg16,
)
from imtrans.evaluation.features.figures import (
  frechet_figure,
  inception_score_figure,
  kernel_figure,
  manifold_figures,
  sliced_wasserstein_figure,
)
from imtrans.evaluation.features.inception import inception
from imtrans.evaluation.figures import Figure, color_figures
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.metrics.histograms import LabCollector, LabHistograms
from imtrans.evaluation.translation.pictures import as_stored
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.pretrained.weights import INCEPTION_SHA256
from imtrans.training.mesh import place

KERNEL_SUBSET = 1000  # Pictures in a subset of the kernel distance, where there are so many.
NUM_SUBSETS = 100
SET_KINDS = ("set", "outputs")  # Kinds of criteria that need all outputs.


class Gathered:
  """What set figures need of pictures that come one by one."""

  def __init__(
    self,
    networks: Iterable[FeatureNetwork],
    *,
    colors: bool,
    resize: str = "none",
    mesh: Mesh | None = None,
  ):
    """Starts with no picture.

    Args:
      networks: whose features are wanted, on the devices of their weights.
      colors: whether colours are to be counted.
      resize: what happened to the pictures' size before they come here.
      mesh: devices over which batches are divided whose colours are counted; the default device if
        None.
    """
    self.count = 0
    self.resize = resize
    self._collectors = {network.name: FeatureCollector(network) for network in networks}
    self._colors = LabCollector(mesh=mesh) if colors else None
    self._features: dict[str, FeatureSet] = {}

  def add(self, picture: np.ndarray) -> None:
    """Takes a picture, float32 [height, width, channels] in [-1, 1]."""
    self.count += 1
    for collector in self._collectors.values():
      collector.add(picture)
    if self._colors is not None:
      self._colors.add(picture)

  def features(self, name: str) -> FeatureSet:
    """Returns the features of all pictures; ValueError if there were none."""
    if name not in self._features:
      found = self._collectors[name].finish()
      self._features[name] = found._replace(resize=_both(self.resize, found.resize))
    return self._features[name]

  def colors(self) -> LabHistograms:
    """Returns the colours of all pictures; ValueError if there were none, or none were counted."""
    if self._colors is None:
      raise ValueError("colours were not counted: ask for histogram_intersection from the start.")
    return self._colors.finish()


def _both(before: str, within: str) -> str:
  """What happened to the size of pictures before a network, and within it."""
  if within == OWN_SIZE:
    return before
  return within if before == "none" else f"{before}, then to {within}"


class SetCriteria:
  """The criteria that compare sets; the features of true pictures are computed once."""

  def __init__(
    self,
    pictures: EvaluationSet,
    criteria: Sequence[str],
    *,
    inception_path: str | Path,
    inception_sha256: str = INCEPTION_SHA256,
    frechet_minimum: int | None = None,
    mesh: Mesh | None = None,
    seed: int,
  ):
    """Reads the weights, so that missing ones are known at once.

    Args:
      pictures: the test set.
      criteria: keys of `CRITERIA`; those of other kinds are left to others.
      inception_path: file of the weights of Inception; read only if they are needed.
      inception_sha256: what its SHA-256 must be.
      frechet_minimum: fewest pictures for Frechet distances; by default one more than features.
      mesh: devices over which all batches are divided; the default device if None.
      seed: of subsets and projections.

    Raises:
      ValueError: if weights are missing, altered or of something else.
    """
    open_network: dict[str, Callable[[], FeatureNetwork]] = {
      "alexnet": pooled_alexnet,
      "vgg16": pooled_vgg16,
      "inception": lambda: inception(inception_path, sha256=inception_sha256),
    }
    self.criteria = [name for name in criteria if CRITERIA[name].kind in SET_KINDS]
    needed = {CRITERIA[name].features for name in self.criteria} - {""}
    self.seed, self.frechet_minimum = seed, frechet_minimum
    self.pictures, self._mesh = pictures, mesh
    opened = [open_network[name]() for name in sorted(needed)]
    self._networks = [n._replace(weights=place(n.weights, mesh)) for n in opened]
    self._reals: dict[str, Gathered] = {}

  def gathered(self, resize: str = "none") -> Gathered:
    """Returns an empty collection, for pictures whose size was changed as `resize` says."""
    colors = "histogram_intersection" in self.criteria
    return Gathered(self._networks, colors=colors, resize=resize, mesh=self._mesh)

  def real(self, generator: TrainedGenerator) -> Gathered:
    """What there is of the true pictures of a generator's target domain."""
    direction = generator.direction
    if direction not in self._reals:
      _, target = self.pictures.domains(direction)
      true = self.pictures.true_pictures(generator)
      gathered = self.gathered(self.pictures.resized(generator))
      title = f"true pictures {direction[1].upper()}"
      for picture in self.pictures.track(true, len(target or ()), title):
        gathered.add(as_stored(picture, self.pictures.target_spec(direction)))
      self._reals[direction] = gathered
    return self._reals[direction]


class SetJudge:
  """Compares the outputs of a generator with true pictures, as sets."""

  def __init__(self, criteria: SetCriteria, generator: TrainedGenerator, checkpoint: str | None):
    """Starts with no output.

    Args:
      criteria: what is compared.
      generator: whose outputs these are.
      checkpoint: of the generator, for the record.
    """
    self._criteria, self._generator, self._checkpoint = criteria, generator, checkpoint
    self._fake = criteria.gathered(criteria.pictures.resized(generator))

  def see(self, result: Result) -> None:
    """Takes an output."""
    self._fake.add(result.output)

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields all figures, of the model; those that need more pictures are noted."""
    for name in self._criteria.criteria:
      try:
        figures = self._figures_of(name)
      except ValueError as error:  # Too few were left, after those that could not be read.
        self._criteria.pictures.note(name, error)
        continue
      for figure in figures:
        yield "model", figure

  def _figures_of(self, name: str) -> list[Figure]:
    seed, checkpoint = self._criteria.seed, self._checkpoint
    if name == "inception_score":  # The true pictures are not even read for it.
      made = self._fake.features(CRITERIA[name].features)
      return [inception_score_figure(made, seed=seed, checkpoint=checkpoint)]
    return set_figures(
      name,
      self._criteria.real(self._generator),
      self._fake,
      frechet_minimum=self._criteria.frechet_minimum,
      seed=seed,
      checkpoint=checkpoint,
    )


def set_figures(
  name: str,
  real: Gathered,
  fake: Gathered,
  *,
  frechet_minimum: int | None = None,
  seed: int,
  checkpoint: str | None = None,
) -> list[Figure]:
  """The figures of one criterion.

  Args:
    name: a key of `CRITERIA` of the kind "set".
    real: true pictures.
    fake: generated ones.
    frechet_minimum: fewest pictures for a Frechet distance; by default one more than features.
    seed: of subsets and projections.
    checkpoint: of the generator, for the record.

  Returns:
    One figure or several.

  Raises:
    ValueError: for too few pictures.
  """
  if name == "histogram_intersection":
    images = {"real": real.count, "fake": fake.count}
    return color_figures(
      real.colors(), fake.colors(), images=images, resize=fake.resize, checkpoint=checkpoint
    )
  network = CRITERIA[name].features
  true, made = real.features(network), fake.features(network)
  if name == f"manifolds_{network}":
    return manifold_figures(true, made, checkpoint=checkpoint)
  if name == f"sliced_wasserstein_{network}":
    return [sliced_wasserstein_figure(true, made, seed=seed, checkpoint=checkpoint)]
  if name in ("kid", f"kd_{network}"):
    size = min(real.count, fake.count, KERNEL_SUBSET)
    # A subset that takes every picture is the same each time.
    num_subsets = 1 if size == max(real.count, fake.count) else NUM_SUBSETS
    options = {"subset_size": size, "num_subsets": num_subsets, "seed": seed}
    return [kernel_figure(true, made, **options, checkpoint=checkpoint)]
  return [frechet_figure(true, made, minimum=frechet_minimum, checkpoint=checkpoint)]
