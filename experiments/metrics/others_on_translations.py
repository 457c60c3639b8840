"""References that are written anew: of figures of translations, and of those on Inception.

See `others`, which calls packages. PyTorch is imported inside the functions: it may be absent.
"""

from typing import TYPE_CHECKING

import numpy as np

from experiments.metrics.others import torch_maps
from experiments.metrics.translations import HIDDEN
from imtrans.pretrained.weights import perceptual_weights

if TYPE_CHECKING:
  from experiments.metrics.references import Material


def content(material: "Material") -> np.ndarray:
  """Returns content distances, [pictures], with PyTorch's VGG16 and instance normalisation."""
  import torch  # pyrefly: ignore
  from torch.nn import functional  # pyrefly: ignore

  weights = perceptual_weights("vgg")
  spoiled, clean = (
    functional.instance_norm(torch_maps(weights, images)[-1], eps=1e-5)
    for images in (material.spoiled, material.images)
  )
  return torch.mean((spoiled - clean).square(), dim=(1, 2, 3)).numpy()


def honesty(material: "Material") -> list[float]:
  """Returns reconstruction error, the same from 8 bits and noise sensitivity, in float64.

  The pair that hides colours is written anew too.
  """
  images = np.asarray(material.images, np.float64)
  luma = np.array([0.299, 0.587, 0.114])

  def back(outputs: np.ndarray) -> np.ndarray:
    grey = (outputs @ luma)[..., None]
    return np.clip(grey + (outputs - grey) * 127.5 / HIDDEN, -1.0, 1.0)

  grey = (images @ luma)[..., None]
  made = grey + (images - grey) * HIDDEN / 127.5
  stored = np.rint(127.5 * (made + 1.0)) / 127.5 - 1.0
  closed = back(made)
  noise = np.random.default_rng(0).standard_normal(images.shape[1:], np.float32)
  changes = [np.mean(np.abs(back(made + n / 127.5 * noise) - closed)) for n in (1, 2, 4, 8)]
  found = [np.mean(np.abs(reached - images)) for reached in (closed, back(stored))]
  return [0.5 * float(value) for value in (*found, np.mean(changes))]


def inception_figures(material: "Material") -> list[float]:
  """Returns Fréchet and kernel distance and inception score by Pillow, PyTorch and SciPy."""
  from scipy import linalg
  from scipy.special import softmax
  from scipy.stats import entropy

  from experiments.metrics.torch_inception import features_and_logits

  real, _ = features_and_logits(material.inception, material.seen)
  fake, logits = features_and_logits(material.inception, material.seen_noisy)
  (m1, s1), (m2, s2) = ((np.mean(x, axis=0), np.cov(x, rowvar=False)) for x in (real, fake))
  # Not sqrtm: features that never fire make a covariance singular.
  roots = np.sqrt(np.maximum(np.real(linalg.eigvals(s1 @ s2)), 0.0))
  distance = np.sum((m1 - m2) ** 2) + np.trace(s1 + s2) - 2.0 * np.sum(roots)
  count, dimension = real.shape
  within, between = 0.0, np.mean((1.0 + real @ fake.T / dimension) ** 3)
  for x in (real, fake):
    pairs = (1.0 + x @ x.T / dimension) ** 3
    within += np.sum(pairs[~np.eye(count, dtype=bool)]) / (count * (count - 1))
  p = softmax(logits, axis=1)
  score = np.exp(np.mean(entropy(p, np.mean(p, axis=0, keepdims=True), axis=1)))
  return [float(distance), float(within - 2.0 * between), float(score)]
