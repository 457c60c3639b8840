"""The segmentation score from a palette and a training split to figures."""

import numpy as np
import pytest

from imtrans.data import from_arrays
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.translation import TrainedGenerator

PALETTE = ((0, 0, 0), (255, 0, 0), (0, 0, 255))
PHOTO_COLORS = np.float32([[60, 150, 190], [190, 60, 130], [140, 220, 80]])


def _pairs(count, seed):
  """Blocks of three labels, photographed in other colours with noise."""
  random = np.random.default_rng(seed)
  labels = np.kron(random.integers(0, 3, (count, 4, 4)), np.ones((4, 4), int))
  photos = PHOTO_COLORS[labels] + 12.0 * random.normal(size=(*labels.shape, 3))
  return np.uint8(PALETTE)[labels], np.uint8(np.clip(photos, 0, 255))


def _paint(generator_params, extras, source, key, *, direction, mode):
  """Photographs the labels, in colours that the parameters hold."""
  import jax.numpy as jnp

  del extras, key, direction, mode
  black = (source.max(axis=-1, keepdims=True) < 0).astype(jnp.float32)
  shares = jnp.concatenate([black, 0.5 * (source[..., :1] + 1), 0.5 * (source[..., 2:] + 1)], -1)
  return shares @ generator_params["colors"] / 127.5 - 1.0


def _scores(colors):
  training, test = (from_arrays(*_pairs(count, seed)) for count, seed in ((12, 0), (5, 1)))
  pictures = EvaluationSet(test, batch_size=2, resize="square", crop_size=16)
  evaluation = Evaluation(
    pictures,
    ("segmentation",),
    training=lambda: training,
    palette=PALETTE,
    segmenter_steps=60,
  )
  evaluation.check("ab", mode="test", cycle=False)
  generators = (TrainedGenerator(_paint, {"colors": np.float32(colors)}, {}),)
  first = evaluation.scalars(generators)
  assert evaluation.scalars(generators) == first  # The segmenter is kept.
  return first


def test_the_right_photographs_score_like_real_ones():
  scores = _scores(PHOTO_COLORS)
  assert scores["real/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_class_iou"] > 0.8


def test_photographs_of_other_labels_do_not():
  scores = _scores(PHOTO_COLORS[[1, 2, 0]])
  assert scores["real/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_pixel_accuracy"] < 0.2


def test_a_training_split_without_pairs_is_refused():
  training = from_arrays(*_pairs(4, 0), paired=False)
  pictures = EvaluationSet(from_arrays(*_pairs(4, 1)), batch_size=2, resize="square", crop_size=16)
  evaluation = Evaluation(
    pictures, ("segmentation",), training=lambda: training, palette=PALETTE, segmenter_steps=1
  )
  generators = (TrainedGenerator(_paint, {"colors": PHOTO_COLORS}, {}),)
  with pytest.raises(ValueError, match="needs pairs of labels and photographs"):
    evaluation.scalars(generators)


def test_a_palette_of_other_colours_is_refused():
  training, test = (from_arrays(*_pairs(4, seed)) for seed in (0, 1))
  pictures = EvaluationSet(test, batch_size=2, resize="square", crop_size=16)
  evaluation = Evaluation(
    pictures,
    ("segmentation",),
    training=lambda: training,
    palette=((0, 255, 0), (255, 255, 255)),
    segmenter_steps=1,
  )
  generators = (TrainedGenerator(_paint, {"colors": PHOTO_COLORS}, {}),)
  with pytest.raises(ValueError, match=r"label picture '000000' are of other colours.*--palette"):
    evaluation.scalars(generators)
