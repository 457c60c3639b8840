"""Figures that compare the features of two sets of pictures, each with its protocol.

A distance is named for its features: `fd_vgg16` is not `fid`, which is the one on Inception
features alone, and likewise `kd_vgg16` and `kid`. Every function refuses sets that were made in
different ways, and too few pictures, with the number that it needs.
"""

from typing import Any

from imtrans.evaluation.features.extraction import FeatureSet
from imtrans.evaluation.figures import Figure, Protocol
from imtrans.evaluation.metrics.distributions import (
  Estimate,
  frechet_distance,
  inception_score,
  kernel_distance,
  sliced_wasserstein,
)
from imtrans.evaluation.metrics.manifolds import (
  density_coverage,
  expected_coverage,
  precision_recall,
)

INCEPTION = "inception"  # The features that give FID and KID their names.


def frechet_figure(
  real: FeatureSet,
  fake: FeatureSet,
  *,
  minimum: int | None = None,
  checkpoint: str | None = None,
) -> Figure:
  """The Frechet distance.

  Args:
    real: features of true pictures.
    fake: features of generated ones.
    minimum: fewest pictures on a side; dimension + 1 by default (see `frechet_distance`). The
      protocol says it where it was chosen, and whether the covariances have full rank.
    checkpoint: of the generator, for the record.

  Returns:
    "fid" on Inception features, "fd_vgg16" and so on for others.

  Raises:
    ValueError: for too few pictures, or sets that were made in different ways.
  """
  protocol = _protocol(
    real,
    fake,
    checkpoint,
    dimension=real.values.shape[1],
    full_rank=min(len(real.values), len(fake.values)) > real.values.shape[1],
    **({} if minimum is None else {"minimum": minimum}),
  )
  distance = frechet_distance(real.values, fake.values, minimum=minimum)
  return Figure(_name(real, "fid", "fd"), distance, None, protocol)


def kernel_figure(
  real: FeatureSet,
  fake: FeatureSet,
  *,
  subset_size: int = 1000,
  num_subsets: int = 100,
  seed: int = 0,
  checkpoint: str | None = None,
) -> Figure:
  """The kernel distance: a squared maximum mean discrepancy.

  Args:
    real: features of true pictures.
    fake: features of generated ones.
    subset_size: pictures of each side in a subset.
    num_subsets: how many subsets.
    seed: of the subsets.
    checkpoint: of the generator, for the record.

  Returns:
    "kid" on Inception features, "kd_vgg16" and so on for others, with the standard deviation over
    the subsets where there are several.

  Raises:
    ValueError: for too few pictures, or sets that were made in different ways.
  """
  protocol = _protocol(
    real,
    fake,
    checkpoint,
    seed,
    kernel="(x . y / dimension + 1)^3, unbiased",
    subset_size=subset_size,
    num_subsets=num_subsets,
    **({"spread": "standard deviation over subsets"} if num_subsets > 1 else {}),
  )
  estimate = kernel_distance(
    real.values, fake.values, subset_size=subset_size, num_subsets=num_subsets, seed=seed
  )
  spread = estimate.deviation if num_subsets > 1 else None
  return Figure(_name(real, "kid", "kd"), estimate.mean, spread, protocol)


def manifold_figures(
  real: FeatureSet, fake: FeatureSet, *, checkpoint: str | None = None
) -> list[Figure]:
  """Precision and recall with 3 neighbours, density and coverage with 5, as in their papers.

  Args:
    real: features of true pictures.
    fake: features of generated ones.
    checkpoint: of the generator, for the record.

  Returns:
    "precision_vgg16", "recall_vgg16", "density_vgg16" and "coverage_vgg16", or for other features.
    The protocol of the last two has what a perfect generator would reach on average.

  Raises:
    ValueError: for fewer than 6 pictures, or sets that were made in different ways.
  """
  expected = expected_coverage(len(real.values), len(fake.values))
  by_distance = _protocol(real, fake, checkpoint, num_neighbours=3)
  by_density = _protocol(real, fake, checkpoint, num_neighbours=5, expected=1.0)
  by_coverage = _protocol(real, fake, checkpoint, num_neighbours=5, expected=expected)
  shares = precision_recall(real.values, fake.values, num_neighbours=3)
  crowds = density_coverage(real.values, fake.values, num_neighbours=5)
  return [
    Figure(f"precision_{real.features}", shares.precision, None, by_distance),
    Figure(f"recall_{real.features}", shares.recall, None, by_distance),
    Figure(f"density_{real.features}", crowds.density, None, by_density),
    Figure(f"coverage_{real.features}", crowds.coverage, None, by_coverage),
  ]


def sliced_wasserstein_figure(
  real: FeatureSet,
  fake: FeatureSet,
  *,
  num_projections: int = 512,
  seed: int = 0,
  checkpoint: str | None = None,
) -> Figure:
  """The sliced 2-Wasserstein distance.

  Args:
    real: features of true pictures.
    fake: features of generated ones.
    num_projections: random directions.
    seed: of the directions.
    checkpoint: of the generator, for the record.

  Returns:
    "sliced_wasserstein_vgg16", or for other features.

  Raises:
    ValueError: if there are no pictures, or for sets that were made in different ways.
  """
  protocol = _protocol(real, fake, checkpoint, seed, num_projections=num_projections, order=2)
  distance = sliced_wasserstein(
    real.values, fake.values, num_projections=num_projections, seed=seed
  )
  return Figure(f"sliced_wasserstein_{real.features}", distance, None, protocol)


def inception_score_figure(
  fake: FeatureSet, *, num_splits: int = 10, seed: int = 0, checkpoint: str | None = None
) -> Figure:
  """The Inception score of generated pictures.

  Args:
    fake: features of generated pictures, with logits.
    num_splits: parts that are scored by themselves.
    seed: of the parts.
    checkpoint: of the generator, for the record.

  Returns:
    "inception_score", with the standard deviation over the parts.

  Raises:
    ValueError: for features without a classifier, or too few pictures.
  """
  if fake.logits is None:
    raise ValueError(
      f"the Inception score needs the classes of Inception, which {fake.features} features do not "
      "have: extract features with imtrans.evaluation.features.inception."
    )
  settings = {"num_splits": num_splits, "spread": "standard deviation over splits"}
  images = {"fake": len(fake.logits)}
  protocol = Protocol(images, fake.features, fake.resize, seed, fake.sha256, checkpoint, settings)
  estimate = inception_score(fake.logits, num_splits=num_splits, seed=seed)
  return _estimated(f"{fake.features}_score", estimate, protocol)


def _protocol(
  real: FeatureSet,
  fake: FeatureSet,
  checkpoint: str | None,
  seed: int | None = None,
  **settings: Any,
) -> Protocol:
  for field in ("features", "resize", "sha256"):
    one, other = getattr(real, field), getattr(fake, field)
    if one != other:
      raise ValueError(
        f"real and generated pictures must be compared by the same features, but their {field} is "
        f"{one!r} and {other!r}: extract both with one network."
      )
  images = {"real": len(real.values), "fake": len(fake.values)}
  return Protocol(images, real.features, real.resize, seed, real.sha256, checkpoint, settings)


def _name(features: FeatureSet, on_inception: str, prefix: str) -> str:
  return on_inception if features.features == INCEPTION else f"{prefix}_{features.features}"


def _estimated(name: str, estimate: Estimate, protocol: Protocol) -> Figure:
  return Figure(name, estimate.mean, estimate.deviation, protocol)
