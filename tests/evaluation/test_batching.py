"""Pictures wait for their batch, and come out in order, whole and divided over the devices."""

import numpy as np
import pytest

from imtrans.evaluation.batching import PictureBatches
from imtrans.training.mesh import make_mesh


def _numbered(number, side=4):
  return np.full((side, side, 1), number, np.float32), np.full((side,), -number)


def test_batches_have_one_size_and_are_filled_up():
  seen = []
  batches = PictureBatches(lambda *batch: seen.append(batch), batch_size=2)
  for number, side in enumerate((4, 4, 4, 6, 4)):
    batches.add(*_numbered(number, side))
  assert len(seen) == 3  # The fourth picture, of another size, has pushed out the third.
  batches.flush()
  batches.flush()
  assert [count for count, *_ in seen] == [2, 1, 1, 1]
  assert [images.shape for _, images, _ in seen] == [(2, side, side, 1) for side in (4, 4, 6, 4)]
  assert [images[:, 0, 0, 0].tolist() for _, images, _ in seen] == [[0, 1], [2, 2], [3, 3], [4, 4]]
  assert all(np.array_equal(images[:, 0, 0, 0], -others[:, 0]) for _, images, others in seen)


def test_batches_are_divided_over_a_mesh():
  seen = []
  batches = PictureBatches(lambda *batch: seen.append(batch), batch_size=3, mesh=make_mesh())
  for number in range(4):  # 3 pictures cannot be divided over 4 devices: 4 can.
    batches.add(*_numbered(number))
  ((count, images, others),) = seen
  assert count == 4
  assert {shard.data.shape for shard in images.addressable_shards} == {(1, 4, 4, 1)}
  assert {shard.data.shape for shard in others.addressable_shards} == {(1, 4)}


def test_without_pictures_nothing_happens():
  PictureBatches(pytest.fail, batch_size=2).flush()
