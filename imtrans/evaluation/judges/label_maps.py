"""Judging label pictures made from photographs: does every pixel have the right class?

The way back of the segmentation score: where the target domain has a palette, what a generator
draws is a label map itself, and needs no segmenter (Isola et al., 2017, Sec. 4.4 and Table 6,
https://arxiv.org/abs/1611.07004).
"""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from imtrans.data.palette import Palette
from imtrans.evaluation.batching import PictureBatches
from imtrans.evaluation.figures import Figure, Protocol
from imtrans.evaluation.judges.pairs import Result, copy_source
from imtrans.evaluation.metrics.confusion import (
  confusion_matrices,
  labels_from_colors,
  segmentation_scores,
)

PIXEL_ACCURACY = "label_pixel_accuracy"
SCORES = ("class_accuracy", "class_iou")  # From the pixels of all pictures together.
BATCH_SIZE = 8  # Pictures that are counted together.


def label_agreement(images: Array, targets: Array) -> Array:
  """Per-pixel accuracy of label pictures.

  Args:
    images: [batch, height, width, channels] in [-1, 1], of colours of the palette.
    targets: the same shape.

  Returns:
    [batch], the shares of pixels with the right colour.
  """
  # Half a level of 8 bits is told from none, rounding in float is not.
  same = jnp.all(jnp.abs(images - targets) < 1.0 / 255.0, axis=-1)
  return jnp.mean(same.astype(jnp.float32), axis=(1, 2))


class LabelMapJudge:
  """Counts the classes that a generator draws against the true ones; pictures of a palette alone.

  The per-pixel accuracy is measured on every picture by `label_agreement`; the scores of classes,
  which may be missing in a picture, are here.
  """

  def __init__(
    self,
    palette: Palette,
    *,
    limits: Mapping[str, float] | None = None,
    resize: str,
    checkpoint: str | None,
    mesh: Mesh | None = None,
  ):
    """Starts with no picture.

    Args:
      palette: of the target domain.
      limits: which other colours of the true label pictures were taken for the nearest, see
        `imtrans.data.labels.LabelDomain`; those above zero go into the record.
      resize: what happened to the size of the pictures, for the record.
      checkpoint: of the generator, for the record.
      mesh: devices over which batches are divided; the default device if None.
    """
    self._colors = np.asarray(palette, np.float32) / 127.5 - 1.0
    self._limits = {f"label_{name}": value for name, value in (limits or {}).items() if value}
    self._resize, self._checkpoint = resize, checkpoint
    self._count = 0
    self._matrices = {of: np.zeros((len(palette),) * 2, np.int64) for of in ("model", "baseline")}
    self._batches = {
      of: PictureBatches(functools.partial(self._add, of), batch_size=BATCH_SIZE, mesh=mesh)
      for of in self._matrices
    }

  def see(self, result: Result) -> None:
    """Takes an output and its target; one without a target is passed over."""
    if result.target is None:
      return
    self._count += 1
    (true,) = labels_from_colors(result.target[None], self._colors).labels
    shown = {"model": result.output, "baseline": copy_source(result.source, 3)}
    for of, picture in shown.items():
      if picture is not None:
        (found,) = labels_from_colors(picture[None], self._colors).labels
        self._batches[of].add(found, true)

  def _add(self, of: str, count: int, found: Any, true: Any) -> None:
    matrices = np.asarray(confusion_matrices(found, true, num_classes=len(self._colors)))
    self._matrices[of] += np.sum(matrices[:count], axis=0, dtype=np.int64)

  def figures(self) -> Iterable[tuple[str, Figure]]:
    """Yields the scores of the model, and of the photographs taken for label pictures."""
    for of, matrix in self._matrices.items():
      self._batches[of].flush()
      if not matrix.any():
        continue
      scores = segmentation_scores(matrix)
      settings = {
        "definition": "one confusion matrix over all pictures, classes without a true pixel left "
        "out",
        "classes": len(self._colors),
        "pixels": scores.pixels,
        **self._limits,
      }
      checkpoint = self._checkpoint if of == "model" else None
      images = {"pictures": self._count}
      protocol = Protocol(images, "label maps", self._resize, None, None, checkpoint, settings)
      for name in SCORES:
        yield of, Figure(f"label_{name}", getattr(scores, name), None, protocol)


def outliers_remark(limits: Mapping[str, float]) -> str:
  """Says how much of the true label pictures may have been taken for the nearest class.

  Args:
    limits: of a `imtrans.data.labels.LabelDomain`.

  Returns:
    A sentence; "" if every pixel had to have a colour of the palette.
  """
  outliers = limits.get("outliers", 0.0)
  if not outliers:
    return ""
  return (
    f"up to {100 * outliers:g} % of a true label picture may be of colours that the palette does "
    "not have (data.options.outliers), and count as the nearest class."
  )
