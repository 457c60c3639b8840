"""Batches of pictures that come one by one, as a compiled function wants to see them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jax.sharding import Mesh

from imtrans.training.mesh import divide, divisible


class PictureBatches:
  """Lets pictures wait until they are as many as a batch, and hands them on together.

  All pictures of a batch have one shape, and every batch has as many: where there are fewer, the
  last one is repeated, so that a shape is compiled once.
  """

  def __init__(
    self, use: Callable[..., None], *, batch_size: int, mesh: Mesh | None = None
  ) -> None:
    """Starts with no picture.

    Args:
      use: called as use(count, *batches), with a batch for each array of a picture; the first
        `count` of a batch are pictures, the others repeat the last one.
      batch_size: pictures in a batch; more if the mesh cannot divide so many evenly.
      mesh: devices over which batches are divided; the default device if None.
    """
    self._use, self._mesh = use, mesh
    self._batch_size = divisible(batch_size, mesh)
    self._waiting: list[tuple[np.ndarray, ...]] = []

  def add(self, *arrays: np.ndarray) -> None:
    """Takes a picture, and what belongs to it: as many arrays every time, of any shapes."""
    if self._waiting and _shapes(arrays) != _shapes(self._waiting[0]):
      self.flush()
    self._waiting.append(arrays)
    if len(self._waiting) == self._batch_size:
      self.flush()

  def flush(self) -> None:
    """Hands on what waits, if anything does."""
    count = len(self._waiting)
    if not count:
      return
    filled = self._waiting + self._waiting[-1:] * (self._batch_size - count)
    self._waiting = []
    batches = (np.stack(arrays) for arrays in zip(*filled, strict=True))
    self._use(count, *(divide(batch, self._mesh) for batch in batches))


def _shapes(arrays: tuple[Any, ...]) -> list[tuple[int, ...]]:
  return [array.shape for array in arrays]
