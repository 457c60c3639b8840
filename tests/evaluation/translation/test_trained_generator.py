"""Padding, and what a result may depend on."""

import numpy as np
import pytest

from imtrans.evaluation.translation.trained_generator import TrainedGenerator, pad_to_multiple


def test_padding_mirrors_and_can_be_cropped_back():
  images = np.arange(5 * 6, dtype=np.float32).reshape(1, 5, 6, 1)
  padded, (top, left) = pad_to_multiple(images, 4)
  assert padded.shape == (1, 8, 8, 1)
  np.testing.assert_array_equal(padded[:, top : top + 5, left : left + 6], images)
  np.testing.assert_array_equal(padded[0, top - 1, left : left + 6, 0], images[0, 1, :, 0])
  np.testing.assert_array_equal(padded[0, top : top + 5, left + 6, 0], images[0, :, 4, 0])


def test_padding_repeats_what_is_too_small_to_mirror():
  images = np.float32([[[[3.0], [5.0]]]])  # 1 x 2 pixels
  padded, (top, left) = pad_to_multiple(images, 8)
  assert padded.shape == (1, 8, 8, 1)
  assert set(np.unique(padded)) == {3.0, 5.0}
  np.testing.assert_array_equal(padded[0, top, left : left + 2, 0], [3.0, 5.0])


def test_no_padding_where_none_is_needed():
  images = np.zeros((2, 8, 16, 3), np.float32)
  padded, corner = pad_to_multiple(images, 8)
  assert padded.shape == images.shape
  assert corner == (0, 0)


@pytest.fixture
def noisy(make_run):
  run = make_run()
  return TrainedGenerator(
    run.method.translate, run.generator_params, {}, mode="train", seed=3, size_multiple=4
  )


def test_a_result_depends_on_image_and_seed_alone(noisy):
  images = np.random.default_rng(0).uniform(-1, 1, (3, 9, 10, 3)).astype(np.float32)
  together = noisy(images)
  assert together.shape == images.shape
  for index in range(3):
    np.testing.assert_allclose(noisy(images[index : index + 1])[0], together[index], atol=1e-6)
  assert np.abs(noisy._replace(seed=4)(images) - together).mean() > 0.05


def test_mode_and_direction_reach_the_network(noisy):
  images = np.zeros((1, 8, 8, 3), np.float32)
  there = noisy._replace(mode="test")(images)
  back = noisy._replace(mode="test", direction="ba")(there)
  np.testing.assert_allclose(there, -0.5)
  np.testing.assert_allclose(back, images, atol=1e-6)


def test_a_diverged_generator_is_named(noisy):
  broken = noisy._replace(generator_params={"gain": np.float32(np.nan)})
  with pytest.raises(FloatingPointError, match="not finite"):
    broken(np.zeros((1, 8, 8, 3), np.float32))
