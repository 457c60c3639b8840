"""Generators on a test set whose right answers are known."""

import numpy as np
import pytest

from imtrans.data import ImageSpec
from imtrans.evaluation.criteria import BASIC
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.feasibility import measurable
from imtrans.evaluation.judges import measures
from imtrans.evaluation.pages.sheets import sample_rows
from imtrans.evaluation.translation.generators import (
  check_channels,
  measuring,
  preprocessing,
  trained_generators,
)
from imtrans.pretrained.weights import INCEPTION_SHA256
from imtrans.training.mesh import make_mesh, place


def _generators(run, **options):
  return trained_generators(run.config, run.method, run.generator_params, run.extras, **options)


def _scalars(run, dataset, criteria=BASIC, **changes):
  pictures = EvaluationSet(dataset, **{**preprocessing(run.config), **changes})
  return Evaluation(pictures, criteria).scalars(_generators(run))


def test_a_perfect_generator_scores_perfectly(make_run, make_dataset):
  dataset = make_dataset()
  scores = _scalars(make_run(), dataset)
  assert scores["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["eval/psnr"] == pytest.approx(100.0)
  assert scores["eval/ssim"] == pytest.approx(1.0, abs=1e-6)
  source = np.stack([dataset.a[i] for i in range(5)])
  assert scores["baseline/l1"] == pytest.approx(np.mean(source - source // 2) / 255, rel=1e-5)
  assert set(scores) == {f"{p}/{q}" for p in ("eval", "baseline") for q in BASIC}


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_the_batch_size_does_not_matter_even_with_noise(make_run, make_dataset, batch_size):
  run = make_run(inference="train")
  scores = _scalars(run, make_dataset(), batch_size=batch_size)
  assert scores == pytest.approx(_scalars(run, make_dataset()), rel=1e-4)
  assert scores["eval/l1"] > 0.01  # The noise is there.


def test_cyclegan_is_scored_in_both_directions(make_run, make_dataset):
  run = make_run(method="cyclegan", direction="ba")
  assert [g.direction for g in _generators(run)] == ["ba", "ab"]
  scores = _scalars(run, make_dataset())
  assert scores["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["eval_ab/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["baseline_ab/l1"] == pytest.approx(scores["baseline/l1"], rel=1e-5)


def test_without_pairs_only_sets_are_scored(make_run, make_dataset):
  run, dataset = make_run(method="cyclegan"), make_dataset(paired=False)
  assert _scalars(run, dataset) == {}
  scores = _scalars(run, dataset, (*BASIC, "histogram_intersection"))
  # The pictures of B are exactly what the generator makes of those of A, in some order.
  assert scores["eval/histogram_intersection_L"] == pytest.approx(1.0, abs=1e-6)
  assert scores["eval_ba/histogram_intersection_a"] == pytest.approx(1.0, abs=0.02)
  assert len(scores) == 6


def test_an_honest_cycle(make_run, make_dataset):
  scores = _scalars(make_run(method="cyclegan"), make_dataset(), ("honesty",))
  assert scores["eval/reconstruction_error"] == pytest.approx(0.0, abs=1e-6)
  assert scores["eval/quantized_error"] == pytest.approx(0.0, abs=1e-6)
  # The way back doubles the noise: E|n| = 0.798 sigma, mean level 3.75 of 255.
  assert scores["eval/noise_sensitivity"] == pytest.approx(2 * 0.798 * 3.75 / 255, rel=0.05)
  assert scores["eval_ba/noise_sensitivity"] == pytest.approx(0.5 * 0.798 * 3.75 / 255, rel=0.05)


def test_a_broken_picture_is_left_out_and_named(make_run, make_dataset):
  dataset = make_dataset()
  broken = list(dataset.a._arrays)
  broken[1] = broken[1][..., :2]
  dataset.a._arrays = broken
  run = make_run()
  pictures = EvaluationSet(dataset, **preprocessing(run.config))
  scores = Evaluation(pictures).scalars(_generators(run))
  assert scores["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  assert list(pictures.problems) == ["picture1"]


def test_all_pictures_broken_is_an_error(make_run, make_dataset):
  dataset = make_dataset(count=1)
  dataset.a._arrays = [dataset.a._arrays[0][..., :2]]
  with pytest.raises(ValueError, match="no test picture could be used"):
    _scalars(make_run(), dataset)


def test_what_cannot_be_measured_is_said_before_anything_is_done(make_run, make_dataset):
  pictures = EvaluationSet(make_dataset(), **preprocessing(make_run().config))
  for name, words in (
    ("ms_ssim", "at least 161 x 161 pixels, these have 16"),
    ("honesty", "generator in both directions"),
    ("fid", "--inception"),
    ("segmentation", "--palette"),
    ("mode_coverage", "several known answers"),
  ):
    with pytest.raises(ValueError, match=words):
      Evaluation(pictures, (name,)).check("ab", mode="test", cycle=False)
  with pytest.raises(ValueError, match="unknown metric 'mse': choose among l1, l2"):
    Evaluation(pictures, ("mse",))
  with pytest.raises(ValueError, match="listed twice"):
    Evaluation(pictures, ("l1", "l1"))


def test_what_was_asked_for_by_name_is_not_dropped_without_a_word(make_run, make_dataset):
  pictures = EvaluationSet(make_dataset(paired=False), **preprocessing(make_run().config))
  main = {"mode": "test", "cycle": True}
  with pytest.raises(ValueError, match=r"^ssim needs true targets.* not paired: leave it out, or"):
    Evaluation(pictures, ("honesty", "ssim")).check("ab", **main)
  with pytest.raises(ValueError, match=r"^l1, psnr, ssim need true targets.*: leave them out, or"):
    Evaluation(pictures, BASIC).check("ab", **main)
  Evaluation(pictures, ("honesty", *BASIC)).check("ab", **main, optional=BASIC)
  reasons = measurable(Evaluation(pictures, ()), "ab", **main)
  assert "not paired" in reasons["l1"] and not reasons["kd_vgg16"]


def test_an_evaluation_is_the_same_on_four_devices(make_run, make_dataset):
  run, dataset = make_run(inference="train"), make_dataset()
  names = ("l1", "ssim", "histogram_intersection")
  mesh = make_mesh()
  divided = EvaluationSet(dataset, **{**preprocessing(run.config), "batch_size": 4})
  run = run._replace(generator_params=place(run.generator_params, mesh))
  scores = Evaluation(divided, names, mesh=mesh).scalars(_generators(run))
  assert scores == pytest.approx(_scalars(make_run(inference="train"), dataset, names), rel=1e-4)


def test_distances_of_networks_are_divided(monkeypatch):
  seen = []

  def distance(images, targets):
    seen.extend(shard.data.shape for shard in images.addressable_shards)
    return images[:, 0, 0, 0] - targets[:, 0, 0, 0]

  monkeypatch.setattr(measures, "lpips_distance", lambda network, mesh: distance)
  monkeypatch.setattr(measures, "trained_content_distance", lambda mesh: distance)
  grey = np.zeros((8, 4, 4, 1), np.float32)
  assert measures.target_quantity("lpips_vgg", make_mesh())(grey, grey).shape == (8,)
  judge = measures.content_judge(make_mesh())
  assert judge(grey, grey, grey)["content_vgg16"].shape == (8,)
  assert set(seen) == {(2, 4, 4, 3)} and len(seen) == 8


def test_progress_is_shown(make_run, make_dataset):
  run, shown = make_run(method="cyclegan"), []

  def track(items, total, title):
    shown.append((title, total))
    return items

  pictures = EvaluationSet(make_dataset(), track=track, **preprocessing(run.config))
  Evaluation(pictures, ("l1", "histogram_intersection")).scalars(_generators(run))
  assert shown == [
    ("translating A → B", 5),
    ("true pictures B", 5),
    ("translating B → A", 5),
    ("true pictures A", 5),
  ]


def test_figures_say_how_pictures_were_resized(make_run, make_dataset):
  run = make_run()
  for resize, size, words in (
    ("square", 12, "to 12 x 12 pixels"),
    ("square", 14, "to 14 x 14 pixels, cropped to multiples of 4"),
    ("scale_width", 12, "to 12 pixels of width, cropped to multiples of 4"),
    ("none", 12, "cropped to multiples of 4"),
  ):
    changes = {"resize": resize, "crop_size": size}
    pictures = EvaluationSet(make_dataset(), **{**preprocessing(run.config), **changes})
    judgement = Evaluation(pictures, ("l1", "histogram_intersection")).judge(_generators(run))
    assert len(list(judgement)) == 5
    found = {score.figure.protocol.resize for score in judgement.scores()}
    assert found == {words}
  whole = EvaluationSet(make_dataset(), batch_size=2, resize="none", crop_size=1)
  assert whole.resized(_generators(run)[0]._replace(size_multiple=1)) == "none"


def test_what_a_config_says_of_measuring(make_run):
  config = make_run().config.copy_and_resolve_references()
  found = measuring(config)
  assert found["inception_sha256"] == INCEPTION_SHA256 and found["frechet_minimum"] is None
  config.update(palette="black white", frechet_minimum=7, num_samples=3, segmenter_steps=9)
  config.inception_sha256 = "a" * 64
  found = measuring(config)
  assert found["palette"] == ((0, 0, 0), (255, 255, 255))
  assert (found["frechet_minimum"], found["num_samples"], found["segmenter_steps"]) == (7, 3, 9)
  assert found["inception_sha256"] == "a" * 64


def test_fewer_pictures_can_be_allowed(make_run, make_dataset):
  changes = {"crop_size": 32}
  pictures = EvaluationSet(make_dataset(), **{**preprocessing(make_run().config), **changes})
  main = {"mode": "test", "cycle": False}
  with pytest.raises(ValueError, match=r"at least 6 pictures .* --frechet-minimum"):
    Evaluation(pictures, ("fd_alexnet",), frechet_minimum=6).check("ab", **main)
  evaluation = Evaluation(pictures, ("fd_alexnet",), frechet_minimum=5)
  evaluation.check("ab", **main)
  judgement = evaluation.judge(_generators(make_run()))
  assert len(list(judgement)) == 5
  (score,) = judgement.scores()
  assert score.figure.value == pytest.approx(0.0, abs=0.1)  # The generator is nearly perfect.
  assert score.figure.protocol.settings == {"dimension": 256, "full_rank": False, "minimum": 5}
  assert score.figure.protocol.resize == "to 32 x 32 pixels"


def test_all_means_what_can_be_measured(make_run, make_dataset):
  pictures = EvaluationSet(make_dataset(), **preprocessing(make_run().config))
  reasons = measurable(Evaluation(pictures, ()), "ab", mode="test", cycle=True)
  possible = {name for name, reason in reasons.items() if not reason}
  assert {*BASIC, "l2", "honesty", "histogram_intersection", "kd_vgg16"} <= possible
  assert not {"ms_ssim", "fd_vgg16", "manifolds_vgg16", "segmentation", "fid"} & possible
  assert "at least 6 pictures" in reasons["manifolds_vgg16"]


def test_sample_rows_are_spread_over_the_test_set(make_run, make_dataset):
  run, dataset = make_run(), make_dataset()
  pictures = EvaluationSet(dataset, **preprocessing(run.config))
  rows = sample_rows(_generators(run), pictures, count=2)
  assert [len(row) for row in rows] == [3, 3]
  for row, index in zip(rows, (0, 2), strict=True):
    np.testing.assert_allclose((row[0] + 1) * 127.5, dataset.a[index], atol=1e-3)
    np.testing.assert_allclose(row[1], row[2], atol=1e-6)
  assert len(sample_rows(_generators(run), pictures, count=99)) == 5


def test_unpaired_sample_rows_have_no_target(make_run, make_dataset):
  run = make_run(method="cyclegan")
  pictures = EvaluationSet(make_dataset(paired=False), **preprocessing(run.config))
  rows = sample_rows(_generators(run), pictures, count=2)
  assert [len(row) for row in rows] == [2, 2, 2, 2]


def test_sample_rows_of_broken_pictures_alone_are_an_error(make_run, make_dataset):
  run, dataset = make_run(), make_dataset()
  dataset.a._arrays = [array[..., :2] for array in dataset.a._arrays]
  pictures = EvaluationSet(dataset, **preprocessing(run.config))
  with pytest.raises(ValueError, match=r"can be shown: check data.path .*picture0.* has 2 channel"):
    sample_rows(_generators(run), pictures, count=2)


def test_an_unknown_mode_is_refused(make_run):
  with pytest.raises(ValueError, match="mode must be"):
    _generators(make_run(), mode="exam")


def test_other_channels_than_in_training_are_named(make_run, make_dataset):
  specs = {"a": ImageSpec(5, "uint16", 0.0, 65535.0), "b": make_run().specs["b"]}
  with pytest.raises(ValueError, match=r"5 channel.* domain a, these have 3"):
    check_channels(make_dataset(), specs)
