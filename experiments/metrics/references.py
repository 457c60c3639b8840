"""Every figure beside an implementation of it that others wrote, on the same arrays.

Ours take float32, as they do in an evaluation; references take the same values in float64 where
they can. A reference that is not installed is left out, and named.
"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

import numpy as np

from experiments.metrics import narrow_inception
from experiments.metrics.comparisons import COMPARISONS, NUM_CLASSES
from experiments.metrics.damage import DAMAGES, spoil
from experiments.metrics.pictures import Pictures
from imtrans.evaluation.features.extraction import extract, pooled_alexnet
from imtrans.evaluation.features.inception import CLASSES

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
  seen, seen_noisy: float32 [pictures, side, side, 3] in [-1, 1], clean and noisy ones, as many of
    each, for Inception.
  inception: made-up weights of it, by the names of the PyTorch port.
  """

  images: np.ndarray
  spoiled: np.ndarray
  answers: np.ndarray
  real: np.ndarray
  fake: np.ndarray
  labels: np.ndarray
  predictions: np.ndarray
  logits: np.ndarray
  seen: np.ndarray
  seen_noisy: np.ndarray
  inception: dict[str, np.ndarray]


def gather(pictures: Pictures, many: Pictures, *, num_seen: int) -> Material:
  """Makes what is measured.

  Args:
    pictures: a few, at least 161 pixels high and wide.
    many: for features, at least 31 pixels high and wide; 548 or more for all of AlexNet's 256.
    num_seen: how many of these Inception looks at, clean and noisy.

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
    many.images[:fewer][:num_seen],
    noisy[:num_seen],
    narrow_inception.state_dict(classes=CLASSES),
  )


def compare(material: Material) -> dict[str, Any]:
  """Computes every figure on both sides.

  Args:
    material: of `gather`.

  Returns:
    "rows": a list of {"figure", "reference", "package", "version", "ours", "theirs" (a number for
    each name in "figure", a mean where there is one a picture), "difference" (the largest absolute
    one)}; "left_out": names of packages that are not installed to what they would have judged;
    "pictures", "size", "features" and "seen" (by Inception): how much was measured.
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
    "seen": [len(material.seen), material.seen.shape[1]],
  }


def _summary(values: np.ndarray, figure: str) -> list[float]:
  return values.tolist() if "," in figure else [float(np.mean(values))]
