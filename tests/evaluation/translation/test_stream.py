"""Streams: one compilation per shape, bounded memory, order, errors in place."""

import jax
import numpy as np
import pytest

from imtrans.evaluation.translation.stream import HELD_BATCHES, attempted, translate_stream
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from tests.evaluation.conftest import halve


class Counting:
  """`halve`, and the shapes for which jax traced it."""

  def __init__(self):
    self.shapes = []

  def __call__(self, params, extras, source, key, *, direction, mode):
    self.shapes.append(source.shape)
    return halve(params, extras, source, key, direction=direction, mode=mode)


@pytest.fixture
def counting():
  return Counting()


@pytest.fixture
def generator(counting):
  return TrainedGenerator(
    counting, {"gain": np.float32(0.5)}, {}, mode="train", seed=3, size_multiple=4
  )


def _images(*sizes):
  random = np.random.default_rng(0)
  return [random.uniform(-1, 1, (*size, 3)).astype(np.float32) for size in sizes]


def _stream(generator, images, batch_size=3, batch_pixels=10**6):
  return translate_stream(generator, images, batch_size=batch_size, batch_pixels=batch_pixels)


def test_equal_to_one_by_one_and_compiled_once_per_padded_shape(generator, counting):
  sizes = [(9, 10), (16, 8), (12, 12), (13, 5), (10, 11), (11, 9), (9, 9), (16, 7), (12, 9)]
  images = _images(*sizes)
  streamed = list(_stream(generator, images))
  assert sorted(counting.shapes) == [(1, 12, 12, 3), (1, 16, 8, 3)]
  for image, output in zip(images, streamed, strict=True):
    np.testing.assert_allclose(output, generator(image[None])[0], atol=1e-6)


def test_batches_of_one_shape_are_filled_up(generator, counting, monkeypatch):
  started = []
  start = TrainedGenerator.start

  def noted(self, images):
    started.append(images.shape)
    return start(self, images)

  monkeypatch.setattr(TrainedGenerator, "start", noted)
  assert len(list(_stream(generator, _images(*[(8, 8)] * 7)))) == 7
  assert started == [(3, 8, 8, 3)] * 3
  assert len(counting.shapes) == 1
  started.clear()
  assert len(list(_stream(generator, _images(*[(8, 8)] * 2)))) == 2
  assert started == [(2, 8, 8, 3)]
  started.clear()
  list(_stream(generator, _images(*[(8, 8)] * 4, *[(16, 16)] * 2), batch_pixels=2 * 64))
  assert started == [(2, 8, 8, 3)] * 2 + [(1, 16, 16, 3)] * 2


def test_little_is_held_and_order_is_kept(generator):
  """One small image waits for others of its shape, which do not come."""
  sizes = [(8, 8)] + [(16, 16)] * 60
  asked = []

  def images():
    for index, image in enumerate(_images(*sizes)):
      asked.append(index)
      yield image

  done = 0
  for output in _stream(generator, images(), batch_size=2, batch_pixels=512):
    assert output.shape[:2] == sizes[done]
    held = sum(height * width for height, width in sizes[done : len(asked)])
    assert held <= (HELD_BATCHES + 1) * 512
    done += 1
  assert done == len(sizes)


def test_errors_come_out_in_their_place(generator):
  first, second = _images((8, 8), (8, 8))
  error = ValueError("broken")
  results = list(_stream(generator, [error, first, error, error, second]))
  assert [isinstance(result, ValueError) for result in results] == [True, False, True, True, False]
  np.testing.assert_allclose(results[4], generator(second[None])[0], atol=1e-6)
  assert list(_stream(generator, [])) == []


def test_a_batch_that_the_device_refuses_leaves_the_others(generator, monkeypatch):
  start = TrainedGenerator.start

  def refuse_large(self, images):
    if images.shape[1] > 8:
      raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory.\nDetails")
    return start(self, images)

  monkeypatch.setattr(TrainedGenerator, "start", refuse_large)
  small, large, *_ = results = list(_stream(generator, _images((8, 8), (16, 16), (8, 8))))
  assert isinstance(large, ValueError) and "Out of memory" in str(large) and "--tile" in str(large)
  assert small.shape == results[2].shape == (8, 8, 3)


def test_a_diverged_generator_stops_the_stream(generator):
  broken = generator._replace(generator_params={"gain": np.float32(np.nan)})
  with pytest.raises(FloatingPointError, match="not finite"):
    list(_stream(broken, _images((8, 8))))


def test_attempted():
  double = attempted(lambda value: 2 * value)
  error = ValueError("x")
  assert double(2) == 4
  assert double(error) is error

  def fail(value):
    raise ValueError(value)

  assert str(attempted(fail)("no")) == "no"
  with pytest.raises(KeyError):
    attempted({}.__getitem__)("absent")
