"""Content distance and cycle honesty by hand."""

import numpy as np
import pytest

from imtrans.evaluation.metrics.content import content_distance, trained_content_distance
from imtrans.evaluation.metrics.honesty import NOISE_LEVELS, cycle_honesty
from imtrans.evaluation.metrics.lpips import lpips_distance


def _drawing(side=64):
  """A cross and a disc, so that there is something in some places and nothing in others."""
  image = np.ones((1, side, side, 3), np.float32)
  image[:, 8:20, 4:60] = -1.0
  rows, columns = np.mgrid[:side, :side]
  image[:, (rows - 44) ** 2 + (columns - 40) ** 2 < 150] = -0.2
  return image


def test_the_same_content_has_no_distance():
  distance = trained_content_distance()
  np.testing.assert_allclose(distance(_drawing(), _drawing()), [0.0], atol=1e-6)


def test_colours_count_less_than_places():
  image = _drawing()
  tinted = image * np.float32([0.9, 0.5, 0.8])
  moved = np.roll(image, 24, axis=2)
  content, seen = trained_content_distance(), lpips_distance("vgg")
  # A tint is as visible as LPIPS says, but leaves what is where.
  ratio = content(moved, image)[0] / content(tinted, image)[0]
  assert ratio > 1.5 * seen(moved, image)[0] / seen(tinted, image)[0]


def test_small_pictures_are_refused():
  small = np.zeros((1, 16, 16, 3), np.float32)
  with pytest.raises(ValueError, match="at least 32 x 32"):
    content_distance([], small, small)


def test_an_honest_pair_and_a_liar():
  random = np.random.default_rng(0)
  sources = np.float32(random.integers(0, 2, (3, 8, 8, 1)) * 2.0 - 1.0)
  # The liar writes its source into the output with a hundredth of a level, and reads it back.
  hidden = sources * np.float32(0.01 * 2 / 255)
  stored = np.zeros_like(hidden)

  def read(outputs):
    return np.sign(outputs)

  found = cycle_honesty(read, sources, hidden, stored)
  np.testing.assert_allclose(found["reconstruction_error"], 0.0)
  np.testing.assert_allclose(found["quantized_error"], 0.5)
  assert np.all(found["noise_sensitivity"] > 0.4)

  honest = cycle_honesty(read, sources, sources, sources)
  np.testing.assert_allclose(honest["quantized_error"], 0.0)
  np.testing.assert_allclose(honest["noise_sensitivity"], 0.0)


def test_honesty_does_not_depend_on_the_batch():
  random = np.random.default_rng(0)
  sources = np.float32(random.uniform(-1, 1, (4, 8, 8, 1)))
  together = cycle_honesty(lambda x: x**2, sources, sources, sources)
  alone = [cycle_honesty(lambda x: x**2, *(sources[i : i + 1],) * 3) for i in range(4)]
  for name, values in together.items():
    np.testing.assert_allclose(values, [one[name][0] for one in alone], rtol=1e-5)
  assert len(NOISE_LEVELS) == 4
