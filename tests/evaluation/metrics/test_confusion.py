"""Segmentation scores by hand, label pictures as label maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.data.palette import labels_to_indices
from imtrans.evaluation.metrics.confusion import (
  confusion_matrices,
  confusion_matrix,
  labels_from_colors,
  segmentation_scores,
)

PALETTE = np.float32([[-1, -1, -1], [1, -1, -1], [-1, 1, -1], [1, 1, 1]])


def test_a_confusion_matrix_by_hand():
  labels = jnp.array([[[0, 0, 1], [1, 1, -1]]])
  predictions = jnp.array([[[0, 2, 1], [1, 0, 2]]])
  matrix = jax.jit(confusion_matrix, static_argnames="num_classes")(
    predictions, labels, num_classes=3
  )
  np.testing.assert_array_equal(matrix, [[1, 0, 1], [1, 2, 0], [0, 0, 0]])
  with pytest.raises(ValueError, match="same shape"):
    confusion_matrix(predictions, labels[:, :1], num_classes=3)


def test_matrices_of_single_pictures_add_up():
  random = np.random.default_rng(0)
  labels, predictions = (np.int32(random.integers(low, 3, (4, 5, 6))) for low in (-1, 0))
  matrices = np.asarray(confusion_matrices(predictions, labels, num_classes=3))
  for matrix, one, other in zip(matrices, predictions, labels, strict=True):
    expected = np.zeros((3, 3), int)
    np.add.at(expected, (other[other >= 0], one[other >= 0]), 1)
    np.testing.assert_array_equal(matrix, expected)
  whole = confusion_matrix(jnp.asarray(predictions), jnp.asarray(labels), num_classes=3)
  np.testing.assert_array_equal(matrices.sum(axis=0), whole)
  with pytest.raises(ValueError, match="same shape"):
    confusion_matrices(predictions, labels[:, :1], num_classes=3)


def test_scores_by_hand():
  scores = segmentation_scores(np.array([[1, 0, 1], [1, 2, 0], [0, 0, 0]]))
  np.testing.assert_allclose(scores.pixel_accuracy, 3 / 5)
  np.testing.assert_allclose(scores.accuracies, [1 / 2, 2 / 3, np.nan])
  np.testing.assert_allclose(scores.class_accuracy, (1 / 2 + 2 / 3) / 2)
  np.testing.assert_allclose(scores.ious, [1 / 3, 2 / 3, np.nan])
  np.testing.assert_allclose(scores.class_iou, (1 / 3 + 2 / 3) / 2)
  assert scores.pixels == 5


def test_scores_at_their_ends():
  labels = np.random.default_rng(0).integers(0, 4, (2, 9, 9))
  best = segmentation_scores(np.asarray(confusion_matrix(labels, labels, num_classes=4)))
  assert best[:3] == (1.0, 1.0, 1.0)
  worst = segmentation_scores(np.asarray(confusion_matrix((labels + 1) % 4, labels, num_classes=4)))
  assert worst[:3] == (0.0, 0.0, 0.0)
  with pytest.raises(ValueError, match="no pixel has a class"):
    segmentation_scores(np.zeros((3, 3), int))


def test_one_class_everywhere_scores_chance():
  labels = np.repeat(np.arange(4), 25).reshape(1, 10, 10)
  matrix = confusion_matrix(jnp.zeros_like(labels), labels, num_classes=4)
  scores = segmentation_scores(np.asarray(matrix))
  np.testing.assert_allclose(scores[:3], [0.25, 0.25, 1 / 16])


def test_colours_become_classes():
  labels = np.random.default_rng(0).integers(0, 4, (2, 6, 5))
  pictures = PALETTE[labels]
  found = labels_from_colors(pictures, PALETTE)
  np.testing.assert_array_equal(found.labels, labels)
  assert found.labels.dtype == np.int32 and not found.distances.any()
  noisy = pictures + np.float32(0.3) * np.sin(np.arange(pictures.size)).reshape(pictures.shape)
  np.testing.assert_array_equal(labels_from_colors(noisy, PALETTE).labels, labels)


def test_distances_are_root_mean_squares_over_channels():
  pictures = np.float32([[[[-1, -1, -0.7], [1, -0.4, -0.2]]]])
  found = labels_from_colors(pictures, PALETTE)
  np.testing.assert_array_equal(found.labels, [[[0, 1]]])
  expected = [0.3 / 3**0.5, ((0.6**2 + 0.8**2) / 3) ** 0.5]
  np.testing.assert_allclose(found.distances, [[expected]], rtol=1e-5)
  with pytest.raises(ValueError, match=r"palette must be \[classes, 3\]"):
    labels_from_colors(pictures, PALETTE[:, :1])
  with pytest.raises(ValueError, match="two classes of the palette"):
    labels_from_colors(pictures, PALETTE[[0, 1, 0]])


def test_evaluation_and_data_find_the_same_classes():
  random = np.random.default_rng(0)
  palette = tuple(map(tuple, random.integers(0, 256, (12, 3)).tolist()))
  pictures = random.integers(0, 256, (2, 9, 8, 3), np.uint8)
  colors = np.float32(palette) / 127.5 - 1.0
  found = labels_from_colors(pictures / np.float32(127.5) - 1.0, colors).labels
  for picture, labels in zip(pictures, found, strict=True):
    snapped = labels_to_indices(picture, palette, tolerance=442.0)
    np.testing.assert_array_equal(labels, snapped)
