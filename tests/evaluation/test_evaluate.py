"""Generators on a test set whose right answers are known."""

import numpy as np
import pytest

from imtrans.data import ImageSpec
from imtrans.evaluation.evaluate import (
  check_channels,
  evaluate,
  preprocessing,
  sample_rows,
  trained_generators,
)


def _generators(run, **options):
  return trained_generators(run.config, run.method, run.generator_params, run.extras, **options)


def test_a_perfect_generator_scores_perfectly(make_run, make_dataset):
  run, dataset = make_run(), make_dataset()
  scores = evaluate(_generators(run), dataset, **preprocessing(run.config))
  assert scores["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["eval/psnr"] == pytest.approx(100.0)
  assert scores["eval/ssim"] == pytest.approx(1.0, abs=1e-6)
  source = np.stack([dataset.a[i] for i in range(5)])
  assert scores["baseline/l1"] == pytest.approx(np.mean(source - source // 2) / 255, rel=1e-5)
  assert set(scores) == {f"{p}/{q}" for p in ("eval", "baseline") for q in ("l1", "psnr", "ssim")}


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_the_batch_size_does_not_matter_even_with_noise(make_run, make_dataset, batch_size):
  run = make_run(inference="train")
  options = {**preprocessing(run.config), "batch_size": batch_size}
  scores = evaluate(_generators(run), make_dataset(), **options)
  expected = evaluate(_generators(run), make_dataset(), **preprocessing(run.config))
  assert scores == pytest.approx(expected, rel=1e-4)
  assert scores["eval/l1"] > 0.01  # The noise is there.


def test_cyclegan_is_scored_in_both_directions(make_run, make_dataset):
  run = make_run(method="cyclegan", direction="ba")
  generators = _generators(run)
  assert [g.direction for g in generators] == ["ba", "ab"]
  scores = evaluate(generators, make_dataset(), **preprocessing(run.config))
  assert scores["eval/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["eval_ab/l1"] == pytest.approx(0.0, abs=1e-7)
  assert scores["baseline_ab/l1"] == pytest.approx(scores["baseline/l1"], rel=1e-5)


def test_without_pairs_nothing_is_scored(make_run, make_dataset):
  run = make_run(method="cyclegan")
  assert evaluate(_generators(run), make_dataset(paired=False), **preprocessing(run.config)) == {}


def test_sample_rows_are_spread_over_the_test_set(make_run, make_dataset):
  run, dataset = make_run(), make_dataset()
  rows = sample_rows(_generators(run), dataset, **preprocessing(run.config), count=2)
  assert [len(row) for row in rows] == [3, 3]
  for row, index in zip(rows, (0, 2), strict=True):
    np.testing.assert_allclose((row[0] + 1) * 127.5, dataset.a[index], atol=1e-3)
    np.testing.assert_allclose(row[1], row[2], atol=1e-6)
  assert len(sample_rows(_generators(run), dataset, **preprocessing(run.config), count=99)) == 5


def test_unpaired_sample_rows_have_no_target(make_run, make_dataset):
  run = make_run(method="cyclegan")
  rows = sample_rows(
    _generators(run), make_dataset(paired=False), **preprocessing(run.config), count=2
  )
  assert [len(row) for row in rows] == [2, 2, 2, 2]


def test_an_unknown_mode_is_refused(make_run):
  with pytest.raises(ValueError, match="mode must be"):
    _generators(make_run(), mode="exam")


def test_other_channels_than_in_training_are_named(make_run, make_dataset):
  specs = {"a": ImageSpec(5, "uint16", 0.0, 65535.0), "b": make_run().specs["b"]}
  with pytest.raises(ValueError, match=r"5 channel.* domain a, these have 3"):
    check_channels(make_dataset(), specs)
