"""Scores of pairs: rounding, baselines, padding of batches, names of the means."""

import functools

import numpy as np
import pytest

from imtrans.data import ImageSpec
from imtrans.evaluation.judges import pairs
from imtrans.evaluation.judges.pairs import copy_source
from imtrans.evaluation.metrics import fidelity

BYTES = ImageSpec(1, "uint8", 0.0, 255.0)
QUANTITIES = {"l1": fidelity.l1, "psnr": fidelity.psnr, "ssim": fidelity.ssim}

evaluate_pairs = functools.partial(pairs.evaluate_pairs, quantities=QUANTITIES)


def _batch(source, target=None, count=None):
  images = {"source": np.float32(source)}
  if target is not None:
    images["target"] = np.float32(target)
  return [f"n{i}" for i in range(len(source))], images, count or len(source)


def test_figures_by_hand_and_only_for_real_images():
  source = np.full((2, 12, 12, 1), -1.0)
  target = np.ones((2, 12, 12, 1))
  results = list(
    evaluate_pairs(lambda x: 0 * x + 0.6, [_batch(source, target, count=1)], target_spec=BYTES)
  )
  assert len(results) == 1
  # 0.6 is stored as 204: (255 - 204) / 255 = 0.2 on the scale from black to white.
  assert results[0].figures["l1"] == pytest.approx(0.2, abs=1e-6)
  assert results[0].figures["psnr"] == pytest.approx(-20 * np.log10(0.2), abs=1e-4)
  assert results[0].figures["baseline/l1"] == pytest.approx(1.0)
  assert results[0].figures["baseline/psnr"] == pytest.approx(0.0, abs=1e-5)


def test_outputs_are_rounded_and_clipped_as_in_a_file():
  images = np.zeros((1, 12, 12, 1))
  # Off by less than half a grey level: the file would be the same.
  near = 1.0 / 255.0 * np.float32(128.3 * 2 - 255.0)
  target = np.full_like(images, 128 * 2 / 255.0 - 1.0)
  result = next(evaluate_pairs(lambda x: 0 * x + near, [_batch(images, target)], target_spec=BYTES))
  assert result.figures["l1"] == 0.0
  assert result.figures["ssim"] == pytest.approx(1.0, abs=1e-6)
  result = next(evaluate_pairs(lambda x: x + 7.0, [_batch(images, target)], target_spec=BYTES))
  assert result.output.max() == 1.0


def test_without_target_there_are_outputs_but_no_figures():
  results = list(evaluate_pairs(lambda x: -x, [_batch(np.ones((2, 4, 4, 1)))], target_spec=BYTES))
  assert [r.figures for r in results] == [{}, {}]
  assert results[0].target is None
  np.testing.assert_array_equal(results[1].output, -np.ones((4, 4, 1)))


def test_the_baseline_between_channel_counts():
  grey = np.full((1, 2, 2, 1), 0.5, np.float32)
  rgb = np.float32([[[[0.0, 0.3, 0.6]]]])
  assert copy_source(rgb, 3) is rgb
  np.testing.assert_array_equal(copy_source(grey, 3), np.full((1, 2, 2, 3), 0.5))
  np.testing.assert_allclose(copy_source(rgb, 1), [[[[0.3]]]], rtol=1e-6)
  assert copy_source(rgb, 5) is None and copy_source(rgb, 2) is None
  np.testing.assert_array_equal(copy_source(np.concatenate([rgb, rgb[..., :1]], axis=-1), 3), rgb)


def test_an_incomparable_source_leaves_the_baseline_out():
  spec = ImageSpec(5, "uint16", 0.0, 65535.0)
  batch = _batch(np.zeros((1, 12, 12, 3)), np.zeros((1, 12, 12, 5)))
  result = next(
    evaluate_pairs(lambda x: np.zeros((1, 12, 12, 5), np.float32), [batch], target_spec=spec)
  )
  assert set(result.figures) == {"l1", "psnr", "ssim"}


def test_pairs_of_different_sizes_are_refused():
  batch = _batch(np.zeros((1, 12, 12, 1)), np.zeros((1, 12, 16, 1)))
  with pytest.raises(ValueError, match=r"'n0'.*same size"):
    next(evaluate_pairs(lambda x: x, [batch], target_spec=BYTES))


def test_what_is_measured_against_the_source_needs_no_target():
  def judge(sources, made, stored):
    return {"drift": np.abs(made - sources).mean(axis=(1, 2, 3)), "rounding": made[:, 0, 0, 0]}

  batch = _batch(np.zeros((2, 4, 4, 1)))
  results = evaluate_pairs(lambda x: x + 0.25, [batch], target_spec=BYTES, source_judges=[judge])
  assert [r.figures for r in results] == [{"drift": 0.25, "rounding": 0.25}] * 2
