"""Figures that say how they were made: a number beside its protocol.

Two figures can be compared if their protocols are the same but for the checkpoint. Those of sets of
features are in `features/figures.py`, those of a segmenter in `judges/label_judge.py`.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from imtrans.evaluation.metrics.diversity import Diversity, ModeCoverage
from imtrans.evaluation.metrics.fidelity import PSNR_CEILING
from imtrans.evaluation.metrics.histograms import BIN_WIDTH, LabHistograms, lab_intersections
from imtrans.evaluation.metrics.honesty import NOISE_LEVELS

# What can be measured on every picture by itself.
PER_PICTURE = {
  "l1": "mean absolute error, black 0 and white 1",
  "l2": "mean squared error, black 0 and white 1",
  "psnr": f"decibels, range 1; identical pictures, of infinite PSNR, count as {PSNR_CEILING:g}",
  "ssim": "Gaussian window, sigma 1.5, 11 x 11, range 1, per channel",
  "ms_ssim": "SSIM on five scales with the weights of Wang et al., 2003, per channel",
  "lpips_alex": "LPIPS 0.1 with AlexNet, at the pictures' own size",
  "lpips_vgg": "LPIPS 0.1 with VGG16, at the pictures' own size",
  "content_vgg16": "instance-normalised last VGG16 map of output and source, mean squared",
  "label_pixel_accuracy": "share of pixels with the colour of the true class",
  "reconstruction_error": "mean absolute error of the source translated there and back",
  "quantized_error": "the same, the translation rounded as in a picture file",
  "noise_sensitivity": "mean absolute change of the way back under noise of "
  f"{', '.join(f'{level:g}' for level in NOISE_LEVELS)} 8-bit levels on the translation",
}


class Protocol(NamedTuple):
  """How a figure was made.

  images: how many pictures of each kind: {"real": 500, "fake": 500}.
  features: what was compared: "vgg16", "Lab histograms", ...
  resize: what happened to the pictures' size, before they were translated and in the network that
    looks at them: "to 256 x 256 pixels"; "none" if nothing.
  seed: of all random draws; None if there are none.
  weights: SHA-256 of the feature network's weights; None if there is none.
  checkpoint: of the generator that is judged; None if unknown.
  settings: all other choices, in numbers and words.
  """

  images: dict[str, int]
  features: str
  resize: str
  seed: int | None
  weights: str | None
  checkpoint: str | None
  settings: dict[str, Any]


class Figure(NamedTuple):
  """A named number.

  name: such as "fid", "fd_vgg16", "recall_vgg16".
  value: the number.
  spread: its standard deviation or error as the settings say; None if it is one number.
  protocol: how it was made.
  """

  name: str
  value: float
  spread: float | None
  protocol: Protocol

  def as_dict(self) -> dict[str, Any]:
    """The figure as nested dictionaries for `json.dumps`; a spread that is not a number is None."""
    spread = None if self.spread is None or not math.isfinite(self.spread) else self.spread
    record = {"value": self.value, "spread": spread, **self.protocol._asdict()}
    return {"name": self.name, **record}


def picture_figure(
  name: str,
  values: Sequence[float] | np.ndarray,
  *,
  resize: str = "none",
  seed: int | None = None,
  weights: str | None = None,
  checkpoint: str | None = None,
) -> Figure:
  """The mean of what is measured on every picture by itself.

  Args:
    name: a key of `PER_PICTURE`.
    values: [pictures].
    resize: what happened to the pictures' size, as `Protocol` says it; so below.
    seed: of the noise, if there is any.
    weights: SHA-256 of the weights of its features.
    checkpoint: of the generator, for the record.

  Returns:
    The mean with its standard error over the pictures. The protocol of a mean PSNR says how many
    pictures were at its ceiling, if any.

  Raises:
    ValueError: for another name, or if there is no picture.
  """
  if name not in PER_PICTURE:
    raise ValueError(
      f"unknown metric of a picture {name!r}: choose among {', '.join(PER_PICTURE)}."
    )
  if not len(values):
    raise ValueError(f"there are no pictures to take the mean of {name} over: check the split.")
  scores = np.asarray(values, np.float64)
  error = np.std(scores, ddof=1) / math.sqrt(len(scores)) if len(scores) > 1 else math.nan
  settings: dict[str, Any] = {"definition": PER_PICTURE[name]}
  if name == "psnr" and (at_ceiling := int(np.sum(scores >= PSNR_CEILING))):
    settings["at_ceiling"] = at_ceiling
  settings["spread"] = "standard error over pictures"
  features = name if weights else "pixels"
  images = {"pictures": len(scores)}
  protocol = Protocol(images, features, resize, seed, weights, checkpoint, settings)
  return Figure(name, float(np.mean(scores)), float(error), protocol)


def color_figures(
  real: LabHistograms,
  fake: LabHistograms,
  *,
  images: dict[str, int],
  resize: str = "none",
  checkpoint: str | None = None,
) -> list[Figure]:
  """Histogram intersection of L, a and b.

  Args:
    real: of the true pictures.
    fake: of the generated ones.
    images: how many pictures there were: {"real": ..., "fake": ...}.
    resize: what happened to their size.
    checkpoint: of the generator, for the record.

  Returns:
    "histogram_intersection_L", "..._a" and "..._b".
  """
  settings = {"bin_width": BIN_WIDTH, "pixels": {"real": real.pixels, "fake": fake.pixels}}
  protocol = Protocol(images, "Lab histograms", resize, None, None, checkpoint, settings)
  return [
    Figure(f"histogram_intersection_{name}", value, None, protocol)
    for name, value in lab_intersections(real, fake).items()
  ]


def diversity_figure(
  diversity: Diversity,
  *,
  distance: str,
  seed: int,
  num_samples: int,
  resize: str = "none",
  weights: str | None = None,
  checkpoint: str | None = None,
) -> Figure:
  """The diversity of outputs for one input.

  Args:
    diversity: of `pairwise_diversity`.
    distance: its distance: "lpips_alex".
    seed: of the draws.
    num_samples: outputs for one source.
    resize: what happened to the size of the sources.
    weights: SHA-256 of the distance's weights.
    checkpoint: of the generator, for the record.

  Returns:
    Such as "diversity_lpips_alex".
  """
  settings = {
    "samples_per_source": num_samples,
    "pairs_per_source": diversity.pairs,
    "spread": "standard error over sources",
  }
  images = {"source": diversity.sources}
  protocol = Protocol(images, distance, resize, seed, weights, checkpoint, settings)
  return Figure(f"diversity_{distance}", diversity.mean, diversity.error, protocol)


def coverage_figures(
  coverage: ModeCoverage,
  *,
  num_samples: int,
  seed: int,
  resize: str = "none",
  checkpoint: str | None = None,
) -> list[Figure]:
  """Mode coverage, where all right answers are known.

  Args:
    coverage: of `mode_coverage`.
    num_samples: outputs for one source.
    seed: of the first of them.
    resize: what happened to the size of the sources.
    checkpoint: of the generator, for the record.

  Returns:
    "mode_fraction", "mode_entropy" and "mode_error".
  """
  settings = {
    "samples_per_source": num_samples,
    "assignment": "nearest variant by mean squared error",
    "even draws would reach": coverage.ideal_fraction,
    "counts": np.asarray(coverage.counts).tolist(),
  }
  protocol = Protocol(
    {"source": coverage.sources}, "pixels", resize, seed, None, checkpoint, settings
  )
  values = {"fraction": coverage.fraction, "entropy": coverage.entropy, "error": coverage.error}
  return [Figure(f"mode_{name}", value, None, protocol) for name, value in values.items()]
