"""Scores of label maps, all from one confusion matrix, and label pictures as label maps.

A label map holds a class per pixel, int [batch, height, width]; negative labels are not counted.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.data.palette import nearest


class SegmentationScores(NamedTuple):
  """Shares in [0, 1], as in Long et al., 2015; classes without a true pixel are left out of means.

  pixel_accuracy: of all pixels, those with the right class.
  class_accuracy: the same within each true class, mean over classes.
  class_iou: intersection over union of predicted and true pixels of a class, mean over classes.
  accuracies: [classes], NaN for classes without a true pixel.
  ious: [classes], NaN for classes without a true pixel.
  pixels: how many were counted.
  """

  pixel_accuracy: float
  class_accuracy: float
  class_iou: float
  accuracies: np.ndarray
  ious: np.ndarray
  pixels: int


class ColorLabels(NamedTuple):
  """Label pictures as label maps.

  labels: int32 [batch, height, width], the class of the nearest colour.
  distances: float32, the same shape: to that colour, root mean square over channels, in [-1, 1].
  """

  labels: np.ndarray
  distances: np.ndarray


def confusion_matrix(predictions: Array, labels: Array, *, num_classes: int) -> Array:
  """Counts pixels by true and predicted class; matrices of batches may be added.

  Args:
    predictions: int [batch, height, width] in [0, num_classes).
    labels: int, the same shape; negative where a pixel does not count.
    num_classes: classes.

  Returns:
    int32 [num_classes, num_classes]: row the true class, column the predicted one.

  Raises:
    ValueError: if the shapes differ.
  """
  if predictions.shape != labels.shape:
    raise ValueError(_differ(predictions, labels))
  index = jnp.where(labels >= 0, labels * num_classes + predictions, num_classes**2)
  counts = jnp.bincount(index.ravel(), length=num_classes**2 + 1)[:-1]
  return counts.reshape(num_classes, num_classes)


@functools.partial(jax.jit, static_argnames="num_classes")
def confusion_matrices(predictions: Array, labels: Array, *, num_classes: int) -> Array:
  """`confusion_matrix` of every picture by itself, so that no count outgrows int32.

  Args:
    predictions: int [batch, height, width] in [0, num_classes).
    labels: int, the same shape; negative where a pixel does not count.
    num_classes: classes.

  Returns:
    int32 [batch, num_classes, num_classes].

  Raises:
    ValueError: if the shapes differ.
  """
  if predictions.shape != labels.shape:
    raise ValueError(_differ(predictions, labels))
  count = functools.partial(confusion_matrix, num_classes=num_classes)
  return jax.vmap(count)(predictions, labels)


def _differ(predictions: Array, labels: Array) -> str:
  return (
    "predictions and labels must have the same shape [batch, height, width], got "
    f"{predictions.shape} and {labels.shape}."
  )


def segmentation_scores(matrix: np.ndarray) -> SegmentationScores:
  """The scores by which the pix2pix paper judges photographs made from labels.

  Long et al., 2015, "Fully Convolutional Networks for Semantic Segmentation", Sec. 5,
  https://arxiv.org/abs/1411.4038, with n_ij the pixels of class i predicted as j and t_i those of
  class i: sum n_ii / sum t_i, mean n_ii / t_i, and mean n_ii / (t_i + sum_j n_ji - n_ii).

  Args:
    matrix: [classes, classes] of `confusion_matrix`, summed over a test set.

  Returns:
    The three scores and what they are means of.

  Raises:
    ValueError: if no pixel was counted.
  """
  counts = np.asarray(matrix, np.int64)
  right, true, predicted = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)
  if counts.sum() == 0:
    raise ValueError("no pixel has a class: check the labels and their palette.")
  present = true > 0
  accuracies = np.where(present, right / np.maximum(true, 1), np.nan)
  ious = np.where(present, right / np.maximum(true + predicted - right, 1), np.nan)
  return SegmentationScores(
    pixel_accuracy=float(right.sum() / counts.sum()),
    class_accuracy=float(np.mean(accuracies[present])),
    class_iou=float(np.mean(ious[present])),
    accuracies=accuracies,
    ious=ious,
    pixels=int(counts.sum()),
  )


def labels_from_colors(images: Array | np.ndarray, palette: np.ndarray) -> ColorLabels:
  """Turns label pictures into label maps: the nearest colour of the palette at every pixel.

  Nearest, because label pictures are often stored as JPEG, which changes their colours.

  Args:
    images: [batch, height, width, channels] in [-1, 1].
    palette: [classes, channels], the colour of each class in [-1, 1].

  Returns:
    The label maps, and how far off their colours are.

  Raises:
    ValueError: if channels differ, or two classes have the same colour.
  """
  colors = np.asarray(palette, np.float32)
  if colors.ndim != 2 or colors.shape[1] != images.shape[-1]:
    raise ValueError(
      f"palette must be [classes, {images.shape[-1]}] for these pictures, got shape {colors.shape}."
    )
  if len(np.unique(colors, axis=0)) != len(colors):
    raise ValueError("two classes of the palette have the same colour: give each its own.")
  labels, squares = nearest(np.asarray(images), colors)
  return ColorLabels(labels, np.sqrt(squares / colors.shape[1]))
