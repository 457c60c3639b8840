"""The segmentation score from a palette and a training split to figures."""

import numpy as np
import pytest

from imtrans.data import from_arrays
from imtrans.data.dataset import PairingError
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.feasibility import measurable
from imtrans.evaluation.judges import photographs
from imtrans.evaluation.translation.trained_generator import TrainedGenerator

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


def _spoiled(pairs, *indices):
  """The same pairs, some of whose label pictures have none of the colours."""
  labels, photos = pairs
  labels = labels.copy()
  labels[list(indices)] = (0, 255, 0)
  return labels, photos


def _evaluation(training, test, *, palette=PALETTE):
  pictures = EvaluationSet(test, batch_size=2, resize="square", crop_size=16)
  return Evaluation(
    pictures,
    ("segmentation",),
    training=lambda: training,
    palette=palette,
    segmenter_steps=60,
  )


def _generators(colors=PHOTO_COLORS):
  return (TrainedGenerator(_paint, {"colors": np.float32(colors)}, {}),)


def _check(evaluation):
  evaluation.check("ab", mode="test", cycle=False)


@pytest.fixture(scope="module")
def evaluation():
  """With its segmenter, which takes its time to be trained."""
  made = _evaluation(from_arrays(*_pairs(12, 0)), from_arrays(*_pairs(5, 1)))
  _check(made)
  made.scalars(_generators())
  return made


@pytest.fixture
def trained(evaluation, monkeypatch):
  """The shapes of what segmenters are trained on: all get the one that is there already."""
  segmenter, shapes = evaluation._labels.prepared(_generators()[0]).segmenter, []

  def train(photos, labels, **options):
    shapes.append((photos.shape, labels.shape))
    return segmenter

  monkeypatch.setattr(photographs, "train_segmenter", train)
  return shapes


def test_the_right_photographs_score_like_real_ones(evaluation):
  scores = evaluation.scalars(_generators())
  assert scores["real/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_class_iou"] > 0.8


def test_photographs_of_other_labels_do_not(evaluation):
  scores = evaluation.scalars(_generators(PHOTO_COLORS[[1, 2, 0]]))
  assert scores["real/segmentation_pixel_accuracy"] > 0.9
  assert scores["eval/segmentation_pixel_accuracy"] < 0.2


def test_the_segmenter_is_kept(evaluation, trained):
  evaluation.scalars(_generators())
  assert trained == []


def test_labels_that_cannot_be_used_are_left_out_and_named(trained):
  training = from_arrays(*_spoiled(_pairs(13, 0), 3))
  test = from_arrays(*_spoiled(_pairs(6, 1), 0, 4), names=list("uvwxyz"))
  evaluation = _evaluation(training, test)
  _check(evaluation)
  judgement = evaluation.judge(_generators())
  assert len(list(judgement)) == 6
  scores = {(score.of, score.figure.name): score.figure for score in judgement.scores()}
  figure = scores["model", "segmentation_pixel_accuracy"]
  assert figure.value > 0.9
  assert figure.protocol.images == {"photographs": 4}
  assert figure.protocol.resize == "to 16 x 16 pixels"
  assert figure.protocol.settings["pixels"] == 4 * 16 * 16
  assert figure.protocol.settings["segmenter"]["num_steps"] == 60
  assert trained == [((12, 16, 16, 3), (12, 16, 16))]
  assert scores["real", "segmentation_pixel_accuracy"].protocol.images == {"photographs": 4}
  problems = evaluation.pictures.problems
  assert set(problems) == {"training picture 000003", "labels of u", "labels of y"}
  assert "100 % of the test label picture 'u'" in problems["labels of u"]
  assert "for one #00ff00: name all of them with --palette" in problems["labels of u"]
  assert "the training label picture '000003'" in problems["training picture 000003"]


def test_a_class_that_the_palette_lacks_is_said(trained):
  """It fills a quarter of one test picture: too little for the picture to be left out."""
  labels, photos = _pairs(5, 1)
  labels[0, :8, :8] = (0, 255, 0)
  evaluation = _evaluation(from_arrays(*_pairs(12, 0)), from_arrays(labels, photos))
  judgement = evaluation.judge(_generators())
  assert len(list(judgement)) == 5
  figures = {(score.of, score.figure.name): score.figure for score in judgement.scores()}
  for of in ("model", "real"):
    settings = figures[of, "segmentation_class_iou"].protocol.settings
    assert settings["off_palette"] == pytest.approx(64 / (5 * 256))
    assert settings["off_palette_color"] == "#00ff00"
    assert settings["pixels"] == 5 * 256  # They count all the same.
    assert "off_palette" not in settings["segmenter"]  # The training labels are right.
  assert evaluation.pictures.problems == {}
  (remark,) = evaluation.pictures.remarks
  assert remark.startswith("5.0 % of the pixels of the test label pictures") and "#00ff00" in remark


def test_a_class_that_only_training_labels_have_is_said_too(trained):
  labels, photos = _pairs(12, 0)
  labels[3, :4] = (0, 255, 0)
  evaluation = _evaluation(from_arrays(labels, photos), from_arrays(*_pairs(5, 1)))
  prepared = evaluation._labels.prepared(_generators()[0])
  share = prepared.segmenter.protocol["off_palette"]
  assert share == pytest.approx(64 / (12 * 256), abs=1e-6)
  (remark,) = evaluation.pictures.remarks
  assert "2.1 % of the pixels of the training label pictures" in remark


@pytest.mark.parametrize("split", ["training", "test"])
def test_no_usable_labels_are_refused_early_and_noted_late(split, monkeypatch):
  def never(*arguments, **options):
    raise AssertionError("a segmenter was trained in vain")

  monkeypatch.setattr(photographs, "train_segmenter", never)
  good, bad = from_arrays(*_pairs(4, 0)), from_arrays(*_spoiled(_pairs(3, 1), 0, 1, 2))
  training, test = (bad, good) if split == "training" else (good, bad)
  evaluation = _evaluation(training, test)
  words = f"no pair of the {split} split .* the {split} label picture '000000'.* --palette"
  with pytest.raises(ValueError, match=words):
    _check(evaluation)
  # Without that check the other figures are not lost.
  assert evaluation.scalars(_generators()) == {}
  assert "segmentation is not measured" in evaluation.pictures.problems["segmentation"]


def test_a_segmenter_that_diverges_is_noted(monkeypatch):
  def diverges(*arguments, **options):
    raise FloatingPointError("the segmenter's loss is not finite.")

  monkeypatch.setattr(photographs, "train_segmenter", diverges)
  evaluation = _evaluation(from_arrays(*_pairs(4, 0)), from_arrays(*_pairs(3, 1)))
  assert evaluation.scalars(_generators()) == {}
  assert "not finite" in evaluation.pictures.problems["segmentation"]


def test_the_check_reads_no_more_than_it_must():
  read = []
  labels, photos = _pairs(9, 0)
  training, test = from_arrays(*_spoiled((labels, photos), 0, 1, 2)), from_arrays(*_pairs(9, 1))
  for dataset in (training, test):
    dataset.a._arrays = _Counted(dataset.a._arrays, read)
  _check(_evaluation(training, test))
  assert read == [0, 1, 2, 3, 0, 1]  # Batches of two, up to the first that fits.


class _Counted:
  def __init__(self, arrays, read):
    self._arrays, self._read = arrays, read

  def __len__(self):
    return len(self._arrays)

  def __getitem__(self, index):
    self._read.append(index)
    return self._arrays[index]


def test_what_cannot_work_is_refused_early():
  good = from_arrays(*_pairs(4, 1))
  unpaired = from_arrays(*_pairs(4, 0), paired=False)
  with pytest.raises(ValueError, match="and the training split has none: leave it out"):
    _check(_evaluation(unpaired, good))
  deep = from_arrays(*(np.concatenate([side, side[..., :1]], -1) for side in _pairs(4, 1)))
  with pytest.raises(ValueError, match="label pictures of 3 channels, these have 4"):
    _check(_evaluation(good, deep))
  odd = EvaluationSet(good, batch_size=2, resize="square", crop_size=17)
  evaluation = Evaluation(odd, ("segmentation",), training=lambda: good, palette=PALETTE)
  with pytest.raises(ValueError, match="sides are even, these have 17 x 17"):
    _check(evaluation)
  evaluation.check("ab", mode="test", cycle=False, size_multiple=4)  # It is cropped to 16 x 16.
  with pytest.raises(ValueError, match="needs the training split"):
    _check(Evaluation(odd, ("segmentation",), palette=PALETTE))
  reasons = measurable(_evaluation(unpaired, good), "ab", mode="test", cycle=False)
  assert "needs pairs of labels" in reasons["segmentation"] and not reasons["l1"]


def test_pictures_that_do_not_pair_are_no_reason_to_train_something_else():
  def training():
    raise PairingError("the pictures do not pair: 1 in a", "Train an unpaired method")

  test = EvaluationSet(from_arrays(*_pairs(3, 1)), batch_size=2, resize="square", crop_size=16)
  evaluation = Evaluation(test, ("segmentation",), training=training, palette=PALETTE)
  with pytest.raises(ValueError, match=r"train on, but the pictures do not pair: .*: leave it out"):
    _check(evaluation)


def test_unpaired_test_pictures_have_no_real_score(trained):
  labels, photos = _pairs(4, 1)
  test = from_arrays(labels, photos, paired=False)
  evaluation = _evaluation(from_arrays(*_pairs(12, 0)), test)
  _check(evaluation)
  scores = evaluation.scalars(_generators())
  assert scores["eval/segmentation_pixel_accuracy"] > 0.9
  assert not any(name.startswith("real/") for name in scores)
