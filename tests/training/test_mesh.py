import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from imtrans.training.mesh import check_batch, make_mesh, replicated, shard_batch


@pytest.mark.parametrize(
  ("shape", "sides"), [((-1, 1), (4, 1)), ((2, -1), (2, 2)), ((1, 4), (1, 4)), ((2, 2), (2, 2))]
)
def test_mesh_covers_all_devices(shape, sides):
  mesh = make_mesh(shape)
  assert (mesh.shape["data"], mesh.shape["height"]) == sides


@pytest.mark.parametrize("shape", [(3, 1), (-1, 3), (2, 1), (8, 1)])
def test_meshes_that_do_not_fit_are_refused(shape):
  with pytest.raises(ValueError, match=r"does not fit 4 device\(s\)"):
    make_mesh(shape)


def test_batches_that_the_mesh_cannot_divide_are_refused():
  mesh = make_mesh((2, 2))
  check_batch(mesh, 6, 64)
  with pytest.raises(ValueError, match="batch_size 3 cannot be divided over 2 devices"):
    check_batch(mesh, 3, 64)
  with pytest.raises(ValueError, match="crop_size 63 cannot be divided"):
    check_batch(mesh, 4, 63)


def test_batches_are_split_over_batch_and_rows():
  mesh = make_mesh((2, 2))
  images = np.arange(4 * 8 * 3 * 1, dtype=np.float32).reshape(4, 8, 3, 1)
  array = shard_batch(mesh, {"a": images})["a"]
  assert array.sharding.spec == PartitionSpec("data", "height")
  assert {shard.data.shape for shard in array.addressable_shards} == {(2, 4, 3, 1)}
  np.testing.assert_array_equal(array, images)
  assert len(jax.device_put(images, replicated(mesh)).addressable_shards) == 4
