"""Translating many images of different sizes: in batches, in order, in little memory."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

import jax
import numpy as np
from jax import Array

from imtrans.evaluation.translation.trained_generator import (
  TrainedGenerator,
  finite_outputs,
  pad_to_multiple,
)

HELD_BATCHES = 4  # What is held at most, before and after translation.
Shape = tuple[int, int, int]
Given = TypeVar("Given")
Made = TypeVar("Made")


def translate_stream(
  generator: TrainedGenerator,
  images: Iterable[np.ndarray | ValueError],
  *,
  batch_size: int,
  batch_pixels: int,
) -> Iterator[np.ndarray | ValueError]:
  """Translates images one after the other, those of one padded shape together.

  Each shape is compiled once, for the size of its first batch; smaller ones are filled up by
  repeating an image. While a batch is computed, the results of the one before are handed out and
  the next images are asked for. A few batches are held, however many images there are.

  Args:
    generator: what translates.
    images: float32 [height, width, channels] in [-1, 1]. An error in place of an image comes out in
      its place.
    batch_size: images in a batch at most.
    batch_pixels: height times width times images in a batch at most; one larger image is a batch.

  Yields:
    For each image, in order, float32 [height, width, target channels] in [-1, 1], or a ValueError
    if the device could not translate its batch.

  Raises:
    FloatingPointError: if an output is not finite, as after a diverged training.
  """
  batches = _Batches(generator, batch_size, batch_pixels)
  count = head = 0
  for image in images:
    batches.add(count, image)
    count += 1
    while head < count and (head in batches.finished or batches.full):
      yield batches.result(head)
      head += 1
  batches.start_all()
  for index in range(head, count):
    yield batches.result(index)


def attempted(
  function: Callable[[Given], Made],
) -> Callable[[Given | ValueError], Made | ValueError]:
  """Makes a function return its errors, and pass on those that it is given.

  Args:
    function: of an image, say.

  Returns:
    The function that returns what it would raise: a ValueError as it is, and one that names the
    remedy where the device fails, as it does without memory.
  """

  def attempt(given: Given | ValueError) -> Made | ValueError:
    if isinstance(given, ValueError):
      return given
    try:
      return function(given)
    except ValueError as error:
      return error
    except jax.errors.JaxRuntimeError as error:
      return too_large(error)

  return attempt


def too_large(error: Exception) -> ValueError:
  """Returns what to tell a user when the device fails."""
  reason = str(error).splitlines()[0].rstrip(".")
  return ValueError(
    f"it may be too large ({reason}): try a smaller --batch-size, --tile, or smaller tiles."
  )


class _Started(NamedTuple):
  """A batch that is being computed: the size of each image by its index, and the output to come."""

  sizes: dict[int, tuple[int, int]]
  outputs: Array | None


NOTHING = _Started({}, None)


class _Batches:
  """Images that wait for others of their shape, the batch that is being computed, and results."""

  def __init__(self, generator: TrainedGenerator, batch_size: int, batch_pixels: int) -> None:
    self.finished: dict[int, np.ndarray | ValueError] = {}
    self._generator = generator
    self._batch_size, self._batch_pixels = batch_size, batch_pixels
    self._waiting: dict[Shape, dict[int, np.ndarray]] = {}  # By padded shape, by index.
    self._batch_sizes: dict[Shape, int] = {}  # As compiled.
    self._held: dict[int, Shape] = {}
    self._started = NOTHING

  @property
  def full(self) -> bool:
    """Whether results should be handed out before more images come in."""
    pixels = sum(height * width for height, width, _ in self._held.values())
    return pixels > HELD_BATCHES * self._batch_pixels

  def add(self, index: int, image: np.ndarray | ValueError) -> None:
    """Takes an image, and starts its batch if that is complete."""
    if isinstance(image, ValueError):
      self.finished[index] = image
      return
    height, width = (size + -size % self._generator.size_multiple for size in image.shape[:2])
    shape = self._held[index] = height, width, image.shape[2]
    batch = self._waiting.setdefault(shape, {})
    batch[index] = image
    most = max(1, min(self._batch_size, self._batch_pixels // (height * width)))
    if len(batch) == self._batch_sizes.get(shape, most):
      self._start(shape)

  def start_all(self) -> None:
    """Starts what waits, complete or not."""
    for shape in list(self._waiting):
      self._start(shape)

  def result(self, index: int) -> np.ndarray | ValueError:
    """Hands out a result, starting its batch and waiting for it as far as needed."""
    if index not in self.finished and index not in self._started.sizes:
      self._start(self._held[index])
    if index not in self.finished:
      self._finish(NOTHING)
    self._held.pop(index, None)
    return self.finished.pop(index)

  def _start(self, shape: Shape) -> None:
    batch = self._waiting.pop(shape)
    missing = self._batch_sizes.setdefault(shape, len(batch)) - len(batch)
    multiple = self._generator.size_multiple
    padded = [pad_to_multiple(image[None], multiple)[0] for image in batch.values()]
    sizes = {index: (image.shape[0], image.shape[1]) for index, image in batch.items()}
    started = NOTHING
    try:
      outputs = self._generator.start(np.concatenate(padded + padded[-1:] * missing))
      started = _Started(sizes, outputs)
    except jax.errors.JaxRuntimeError as error:
      self.finished |= dict.fromkeys(sizes, too_large(error))
    self._finish(started)

  def _finish(self, following: _Started) -> None:
    """Waits for the batch that was started last, while the device works on the following one."""
    (sizes, outputs), self._started = self._started, following
    if outputs is None:
      return
    try:
      values = finite_outputs(outputs)
    except jax.errors.JaxRuntimeError as error:
      self.finished |= dict.fromkeys(sizes, too_large(error))
      return
    multiple = self._generator.size_multiple
    for value, (index, (height, width)) in zip(values, sizes.items(), strict=False):
      top, left = (-height % multiple) // 2, (-width % multiple) // 2
      self.finished[index] = value[top : top + height, left : left + width]
