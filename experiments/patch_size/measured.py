"""Pictures against their answers by fineness and by colour, and what a discriminator costs."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from experiments.benchmark.work import forward_macs
from imtrans.analyses.frequency_bands import band_power, octaves
from imtrans.analyses.patch_gradients import judged_pictures
from imtrans.analyses.trained import TrainedRun
from imtrans.evaluation.metrics.confusion import (
  confusion_matrix,
  labels_from_colors,
  segmentation_scores,
)
from imtrans.theory.patches import effective_patches, receptive_field

NUM_COLORS = 16  # OpenMoji's palette has about twice as many; the others are rare.


def spectra(outputs: np.ndarray, answers: np.ndarray) -> dict[str, list[float]]:
  """Power by octaves of spatial frequency, about the mean of each picture and channel.

  Args:
    outputs: [pictures, height, width, channels] in [-1, 1].
    answers: the right pictures, the same shape.

  Returns:
    "edges" of the bands in cycles per pixel, one more than bands; and of each band the power of
    the "answers", of the "outputs" and of their difference, the "error", squared values in [-1, 1].
  """
  edges = octaves(min(answers.shape[1:3]))
  kinds = {"answers": answers, "outputs": outputs, "error": outputs - answers}
  # The mean of a picture, mostly of its background, would hide all other structure.
  powers = {
    name: band_power(images - images.mean(axis=(1, 2), keepdims=True), edges)
    for name, images in kinds.items()
  }
  return {"edges": edges.tolist(), **{name: _rounded(power) for name, power in powers.items()}}


def color_scores(outputs: np.ndarray, answers: np.ndarray) -> dict[str, float]:
  """A segmentation score by colour: the answers' commonest colours are the classes.

  Pixels of an answer that have none of these colours, as where one runs into another, do not count.
  A pixel of an output has the class of the nearest.

  Args:
    outputs: [pictures, height, width, 3] in [-1, 1].
    answers: the same shape.

  Returns:
    "pixel_accuracy", "class_accuracy" and "class_iou", as of label maps; "pixels", the share of the
    pixels that count.
  """
  palette = common_colors(answers, NUM_COLORS)
  right, made = (labels_from_colors(images, palette) for images in (answers, outputs))
  labels = np.where(right.distances < 0.5 / 127.5, right.labels, -1)
  counts = confusion_matrix(jnp.asarray(made.labels), jnp.asarray(labels), num_classes=len(palette))
  scores = segmentation_scores(np.asarray(counts))
  return {
    "pixel_accuracy": round(scores.pixel_accuracy, 5),
    "class_accuracy": round(scores.class_accuracy, 5),
    "class_iou": round(scores.class_iou, 5),
    "pixels": round(scores.pixels / labels.size, 5),
  }


def common_colors(images: np.ndarray, count: int) -> np.ndarray:
  """The commonest colours of pictures.

  Args:
    images: [pictures, height, width, 3] in [-1, 1].
    count: how many.

  Returns:
    [count or fewer, 3] in [-1, 1], the commonest first.
  """
  levels = np.round(127.5 * (images.reshape(-1, 3).astype(np.float64) + 1.0)).astype(np.int64)
  codes, numbers = np.unique(levels @ np.array([65536, 256, 1]), return_counts=True)
  chosen = codes[np.argsort(-numbers, kind="stable")[:count]]
  return np.stack([chosen >> 16, chosen >> 8 & 255, chosen & 255], axis=-1) / 127.5 - 1.0


def discriminator_cost(trained: TrainedRun) -> dict[str, Any]:
  """What a run's discriminator sees, and the work of judging one pair.

  Args:
    trained: a pix2pix with a patch or pixel discriminator.

  Returns:
    "receptive_field" in pixels; "patches", how many independent ones a picture holds; "flops" of
    one forward pass, two for each multiply-accumulate of a convolution.
  """
  module, _, pairs = judged_pictures(trained, 1)
  height, width, channels = pairs.shape[1:]
  return {
    "receptive_field": receptive_field(module.layers),
    "patches": round(effective_patches(module.layers, min(height, width)), 3),
    "flops": 2 * forward_macs(module, (1, height, width, channels)),
  }


def _rounded(values: np.ndarray) -> list[float]:
  return [float(f"{value:.5g}") for value in values]
