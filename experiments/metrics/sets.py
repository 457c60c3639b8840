"""What the figures that compare two sets of pictures say to every damage, and to missing modes.

The pictures are halved at random, several times over. One half plays the real pictures, the other
is spoiled and plays the generated ones, so that what a figure says to the second half as it is, is
its noise floor: no generator can be expected to do better with so many pictures.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from experiments.metrics.damage import decibels, levels, spoil
from experiments.metrics.pictures import Pictures
from imtrans.evaluation.features.extraction import (
  FeatureNetwork,
  FeatureSet,
  extract,
  pooled_alexnet,
  pooled_vgg16,
)
from imtrans.evaluation.features.figures import (
  frechet_figure,
  kernel_figure,
  manifold_figures,
  sliced_wasserstein_figure,
)
from imtrans.evaluation.figures import color_figures
from imtrans.evaluation.metrics.histograms import LabHistograms, lab_histograms

BATCH = 32
NUM_SUBSETS = 20
SEARCHED = 4  # Strengths are chosen by every fourth picture.
NETWORKS: dict[str, Callable[[], FeatureNetwork]] = {
  "alexnet": pooled_alexnet,
  "vgg16": pooled_vgg16,
}


class Sample(NamedTuple):
  """What is compared of a set of pictures.

  features: of every network.
  colors: Lab histograms of the single pictures, all of one size.
  """

  features: dict[str, FeatureSet]
  colors: list[LabHistograms]


def look(images: np.ndarray, networks: Sequence[FeatureNetwork]) -> Sample:
  """Returns features and colours of pictures, float32 [pictures, height, width, 3] in [-1, 1]."""
  features = {
    network.name: extract(network, images, batch_size=min(BATCH, len(images)))
    for network in networks
  }
  return Sample(features, [lab_histograms([image[None]]) for image in images])


def choose(sample: Sample, rows: np.ndarray) -> Sample:
  """Returns the pictures `rows` of a sample, in that order; a picture may be there twice."""
  features = {name: f._replace(values=f.values[rows]) for name, f in sample.features.items()}
  return Sample(features, [sample.colors[row] for row in rows])


def compare(real: Sample, fake: Sample) -> dict[str, float]:
  """Computes every figure of two samples.

  Args:
    real: at least 6 pictures.
    fake: as many.

  Returns:
    The figures by their names, such as "fd_vgg16"; the Frechet distance also where there are fewer
    pictures than features, so it can be compared at equal numbers only.
  """
  figures = []
  for name, one in real.features.items():
    other = fake.features[name]
    subsets = kernel_subsets(min(len(one.values), len(other.values)))
    figures += [
      frechet_figure(one, other, minimum=2),
      kernel_figure(
        one, other, subset_size=subsets["subset_size"], num_subsets=subsets["num_subsets"]
      ),
      sliced_wasserstein_figure(one, other),
      *manifold_figures(one, other),
    ]
  count = {"real": len(real.colors), "fake": len(fake.colors)}
  figures += color_figures(_together(real.colors), _together(fake.colors), images=count)
  return {figure.name: figure.value for figure in figures}


def kernel_subsets(count: int) -> dict[str, int]:
  """Returns size and number of the subsets of kernel distances between sets of `count` pictures."""
  return {"subset_size": count // 2, "num_subsets": NUM_SUBSETS}


def missing_modes(rows: np.ndarray, brightness: np.ndarray) -> dict[str, np.ndarray]:
  """Lists ways to show fewer different pictures, in sets of the same size.

  Args:
    rows: the pictures of the generated half, in random order.
    brightness: [pictures] of all pictures.

  Returns:
    {"half": a random half of them, each twice; "tenth": a random tenth of them, each ten times;
    "darker": the darker half of them, each twice}.
  """
  count = len(rows)
  by_brightness = rows[np.argsort(brightness[rows], kind="stable")]
  return {
    "half": np.resize(rows[: count // 2], count),
    "tenth": np.resize(rows[: max(2, count // 10)], count),
    "darker": np.resize(by_brightness[: count // 2], count),
  }


def measure(
  pictures: Pictures,
  psnrs: Sequence[float],
  *,
  num_halvings: int,
  damages: Sequence[str],
  networks: Sequence[str] = tuple(NETWORKS),
  seed: int = 0,
) -> dict[str, Any]:
  """Spoils pictures in every way and compares them with others that are not spoiled.

  Args:
    pictures: an even number, at least 12.
    psnrs: decibels at which damages are compared.
    num_halvings: how often the pictures are halved anew.
    damages: keys of `damage.DAMAGES`.
    networks: keys of `NETWORKS`.
    seed: of the halves.

  Returns:
    "size", "psnrs", "pictures" of each half, "halvings", "seed"; "features", their number by
    network; "kernel", of `kernel_subsets`; "floor", {name: [mean, standard deviation over
    halvings]}; "modes", {"half", "tenth", "darker": the same}; and "levels" as in `paired.measure`.
  """
  images, names = pictures.images, pictures.names
  random = np.random.default_rng(seed)
  halves = [np.split(random.permutation(len(images)), 2) for _ in range(num_halvings)]
  eyes = [NETWORKS[name]() for name in networks]
  clean = look(images, eyes)
  reals = [choose(clean, first) for first, _ in halves]

  def against(fakes: Sequence[Sample]) -> dict[str, list[float]]:
    found = [compare(real, fake) for real, fake in zip(reals, fakes, strict=True)]
    return _spread(found)

  brightness = np.mean(images, axis=(1, 2, 3))
  modes = [missing_modes(second, brightness) for _, second in halves]
  searched = images[::SEARCHED], names[::SEARCHED]
  rows = []
  for level in levels(*searched, psnrs, num_natural=1, damages=damages):
    spoiled = spoil(level.damage, level.strength, images, names)
    sample = look(spoiled, eyes)
    figures = against([choose(sample, second) for _, second in halves])
    rows.append(
      {**level._asdict(), "decibels": round(decibels(images, spoiled), 2), "figures": figures}
    )
  return {
    "size": images.shape[1],
    "psnrs": list(psnrs),
    "pictures": len(images) // 2,
    "halvings": num_halvings,
    "seed": seed,
    "features": {name: f.values.shape[1] for name, f in clean.features.items()},
    "kernel": kernel_subsets(len(images) // 2),
    "floor": against([choose(clean, second) for _, second in halves]),
    "modes": {name: against([choose(clean, shown[name]) for shown in modes]) for name in modes[0]},
    "levels": rows,
  }


def _together(histograms: Sequence[LabHistograms]) -> LabHistograms:
  """The histograms of pictures of one size, as one."""
  columns = zip(*(histogram[:3] for histogram in histograms), strict=True)
  lightness, a, b = (np.mean(np.stack(shares), axis=0) for shares in columns)
  return LabHistograms(lightness, a, b, sum(h.pixels for h in histograms))


def _spread(found: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
  """Means and standard deviations over halvings, {name: [mean, deviation]}."""
  return {
    name: [
      float(np.mean([figures[name] for figures in found])),
      float(np.std([figures[name] for figures in found], ddof=1)),
    ]
    for name in found[0]
  }
