"""Segmentation scores by hand, label pictures as label maps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.evaluation import confusion
from imtrans.evaluation.confusion import (
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


def test_label_pictures_of_one_size_are_compiled_once():
  before = confusion._nearest._cache_size()
  for seed in range(3):
    labels = np.random.default_rng(seed).integers(0, 4, (2, 7, 3))
    np.testing.assert_array_equal(labels_from_colors(PALETTE[labels], PALETTE), labels)
  assert confusion._nearest._cache_size() == before + 1


def test_one_class_everywhere_scores_chance():
  labels = np.repeat(np.arange(4), 25).reshape(1, 10, 10)
  matrix = confusion_matrix(jnp.zeros_like(labels), labels, num_classes=4)
  scores = segmentation_scores(np.asarray(matrix))
  np.testing.assert_allclose(scores[:3], [0.25, 0.25, 1 / 16])


def test_colours_become_classes():
  labels = np.random.default_rng(0).integers(0, 4, (2, 6, 5))
  pictures = PALETTE[labels]
  np.testing.assert_array_equal(labels_from_colors(pictures, PALETTE), labels)
  noisy = pictures + np.float32(0.3) * np.sin(np.arange(pictures.size)).reshape(pictures.shape)
  found = jax.jit(lambda x: labels_from_colors(x, PALETTE))(np.float32(noisy))
  np.testing.assert_array_equal(found, labels)
  assert found.dtype == jnp.int32


def test_colours_far_from_the_palette_do_not_count():
  pictures = np.float32([[[[-1, -1, -0.9], [0, 0, 0]]]])
  found = labels_from_colors(pictures, PALETTE, tolerance=0.2)
  np.testing.assert_array_equal(found, [[[0, -1]]])
  with pytest.raises(ValueError, match=r"palette must be \[classes, 3\]"):
    labels_from_colors(pictures, PALETTE[:, :1])
  with pytest.raises(ValueError, match="two classes of the palette"):
    labels_from_colors(pictures, PALETTE[[0, 1, 0]])
