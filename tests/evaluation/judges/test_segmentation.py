"""A segmenter learns, is repeatable, and tells photographs of the right labels from others."""

import jax
import numpy as np
import pytest

from imtrans.evaluation.judges import segmentation
from imtrans.evaluation.judges.segmentation import (
  ConfusionCounter,
  cross_entropy,
  score_photos,
  segment,
  train_segmenter,
)
from imtrans.training.mesh import make_mesh, place

TINY = {"num_classes": 3, "features": 4, "num_levels": 2, "batch_size": 4, "learning_rate": 1e-2}


def _pairs(count, seed):
  """Blocks of three classes, photographed in their colours with noise."""
  random = np.random.default_rng(seed)
  labels = np.kron(random.integers(0, 3, (count, 4, 4)), np.ones((4, 4), int))
  colors = np.float32([[-0.6, 0.2, 0.5], [0.5, -0.5, 0.0], [0.1, 0.7, -0.4]])
  noise = 0.1 * random.normal(size=(*labels.shape, 3))
  return np.float32(colors[labels] + noise), labels


@pytest.fixture(scope="module")
def segmenter():
  return train_segmenter(*_pairs(12, 0), **TINY, num_steps=60)


def test_it_finds_the_labels_of_new_photographs(segmenter):
  photos, labels = _pairs(5, 1)
  scores = score_photos(segmenter, photos, labels)
  assert scores.pixel_accuracy > 0.95 and scores.class_iou > 0.9
  assert scores.pixels == labels.size
  np.testing.assert_array_equal(
    segment(segmenter, photos, batch_size=2), segment(segmenter, photos)
  )


def test_confusions_are_those_of_the_predictions(segmenter):
  photos, labels = _pairs(5, 1)
  labels = np.where(np.arange(16) < 3, -1, labels)
  found = segment(segmenter, photos)
  expected = np.zeros((3, 3), int)
  np.add.at(expected, (labels[labels >= 0], found[labels >= 0]), 1)
  placed = segmenter._replace(params=place(segmenter.params, make_mesh()))
  for judge, size in ((segmenter, 2), (segmenter, 8), (placed, 3)):
    counter = ConfusionCounter(judge, batch_size=size)
    for photo, classes in zip(photos, labels, strict=True):
      counter.add(photo, classes)
    np.testing.assert_array_equal(counter.matrix(), expected)


def test_photographs_of_other_labels_score_chance(segmenter):
  photos, labels = _pairs(6, 2)
  scores = score_photos(segmenter, photos, labels[::-1])
  assert 0.2 < scores.pixel_accuracy < 0.5
  grey = score_photos(segmenter, np.zeros_like(photos), labels)
  assert grey.class_accuracy < 0.6


def test_pixels_without_a_class_do_not_count(segmenter):
  photos, labels = _pairs(4, 3)
  hidden = labels.copy()
  hidden[:, 4:] = -1
  assert score_photos(segmenter, photos, hidden).pixels == labels[:, :4].size
  trained = train_segmenter(photos, hidden, **TINY, num_steps=3)
  assert np.isfinite(trained.protocol["final_loss"])


@pytest.fixture(scope="module")
def short():
  return train_segmenter(*_pairs(5, 0), **TINY, num_steps=3)


def test_the_seed_decides(short):
  one = short
  same, other = (train_segmenter(*_pairs(5, 0), **TINY, num_steps=3, seed=seed) for seed in (0, 1))
  jax.tree.map(np.testing.assert_array_equal, one.params, same.params)
  first, second = (jax.tree.leaves(x.params)[0] for x in (one, other))
  assert not np.array_equal(first, second)
  assert one.protocol["seed"] == 0 and one.protocol["num_steps"] == 3


def test_four_devices_train_and_find_the_same(segmenter, short):
  pairs = _pairs(5, 0)
  divided = train_segmenter(*pairs, **TINY, num_steps=3, mesh=make_mesh())
  assert divided.protocol["final_loss"] == pytest.approx(short.protocol["final_loss"], rel=1e-3)
  assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(divided.params)} == {4}
  # 5 photographs in batches of 3, which 4 devices cannot divide: of 4 then.
  placed = segmenter._replace(params=place(segmenter.params, make_mesh()))
  found = segment(placed, pairs[0], batch_size=3)
  assert np.mean(found == segment(segmenter, pairs[0])) > 0.99


def test_cross_entropy_by_hand():
  logits = np.log(np.float32([0.5, 0.25, 0.25])) * np.ones((1, 1, 3, 3), np.float32)
  labels = np.int32([[[0, 1, -1]]])
  np.testing.assert_allclose(cross_entropy(logits, labels), np.log(8) / 2, rtol=1e-6)
  assert float(cross_entropy(logits, np.full((1, 1, 3), -1, np.int32))) == 0.0


def test_batches_are_whole_epochs_of_mirrored_pairs():
  photos, labels = _pairs(5, 4)
  batches = segmentation._batches(photos, labels, 5, np.random.default_rng(0))
  mirrored = 0
  for _ in range(4):
    images, classes = next(batches)
    seen = set()
    for image, label in zip(images, classes, strict=True):
      for index in range(5):
        if np.array_equal(image, photos[index]) and np.array_equal(label, labels[index]):
          seen.add(index)
        if np.array_equal(image[:, ::-1], photos[index]):
          assert np.array_equal(label[:, ::-1], labels[index])
          seen.add(index)
          mirrored += 1
    assert seen == set(range(5))
  assert 0 < mirrored < 20


def test_refusals():
  photos, labels = _pairs(4, 5)
  with pytest.raises(ValueError, match="of the same pictures"):
    train_segmenter(photos, labels[:3], **TINY)
  with pytest.raises(ValueError, match=r"below num_classes \(2\).* got 2"):
    train_segmenter(photos, labels, **TINY | {"num_classes": 2})
  with pytest.raises(ValueError, match="multiples of 4"):
    train_segmenter(photos[:, :15], labels[:, :15], **TINY)
  with pytest.raises(FloatingPointError, match="smaller learning_rate"):
    train_segmenter(photos * np.float32(np.inf), labels, **TINY, num_steps=1)
