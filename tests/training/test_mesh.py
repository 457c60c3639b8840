import jax
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from imtrans.methods.rows import Reflection
from imtrans.training.mesh import (
  check_batch,
  check_rows,
  divide,
  divisible,
  make_mesh,
  mesh_of,
  place,
  replicated,
  shard_batch,
)


@pytest.mark.parametrize(
  ("shape", "sides"), [((-1, 1), (4, 1)), ((2, -1), (2, 2)), ((1, 4), (1, 4)), ((2, 2), (2, 2))]
)
def test_mesh_covers_all_devices(shape, sides):
  mesh = make_mesh(shape)
  assert (mesh.shape["data"], mesh.shape["height"]) == sides


@pytest.mark.parametrize("shape", [(3, 1), (-1, 3), (2, 1), (8, 1), (0, -1)])
def test_meshes_that_do_not_fit_are_refused(shape):
  with pytest.raises(ValueError, match=r"does not fit 4 device\(s\)") as refused:
    make_mesh(shape)
  assert "Choose one of (4, 1), (2, 2), (1, 4), or -1 for one side." in str(refused.value)


def test_a_mesh_may_be_of_some_devices():
  mesh = make_mesh((1, -1), jax.devices()[:3])
  assert dict(mesh.shape) == {"data": 1, "height": 3}
  assert list(mesh.devices.flat) == jax.devices()[:3]


def test_batches_that_the_mesh_cannot_divide_are_refused():
  mesh = make_mesh((2, 2))
  check_batch(mesh, 6, 64)
  with pytest.raises(ValueError, match=r"batch_size 3 cannot be divided over 2 .*: choose 4 or"):
    check_batch(mesh, 3, 64)
  with pytest.raises(ValueError, match="crop_size 63 cannot be divided"):
    check_batch(mesh, 4, 63)


def test_rows_that_the_mesh_cannot_reflect_are_refused():
  noted = [Reflection("input", 16, 3), Reflection("block", 4, 1), Reflection("output", 16, 3)]
  check_rows(make_mesh((4, 1)), [*noted, Reflection("bottleneck", 1, 1)])
  check_rows(make_mesh((2, 2)), noted)
  with pytest.raises(
    ValueError, match=r"an activation of 4 row\(s\) in block, padded by"
  ) as refused:
    check_rows(make_mesh((1, 4)), noted)
  assert "over 4 devices of the mesh axis 'height'" in str(refused.value)
  assert "at least 2: set mesh to (2, 2), or" in str(refused.value)
  with pytest.raises(ValueError, match=r"in bottleneck, .* set mesh to \(4, 1\), or"):
    check_rows(make_mesh((2, 2)), [*noted, Reflection("bottleneck", 1, 1)])


def test_batches_are_split_over_batch_and_rows():
  mesh = make_mesh((2, 2))
  images = np.arange(4 * 8 * 3 * 1, dtype=np.float32).reshape(4, 8, 3, 1)
  array = shard_batch(mesh, {"a": images})["a"]
  assert array.sharding.spec == PartitionSpec("data", "height")
  assert {shard.data.shape for shard in array.addressable_shards} == {(2, 4, 3, 1)}
  np.testing.assert_array_equal(array, images)
  assert len(jax.device_put(images, replicated(mesh)).addressable_shards) == 4


def test_what_is_placed_knows_its_mesh():
  mesh, weights = make_mesh((2, 2)), {"kernel": np.ones((3, 2), np.float32)}
  placed = place(weights, mesh)
  assert mesh_of(placed) == mesh and placed["kernel"].sharding == replicated(mesh)
  assert mesh_of(weights) is None and mesh_of(place(weights, None)) is None and mesh_of(()) is None


@pytest.mark.parametrize(("count", "shard"), [(8, 4), (3, 3)])
def test_batches_of_an_evaluation_are_divided_or_whole(count, shard):
  images = np.arange(count * 6, dtype=np.float32).reshape(count, 2, 3, 1)
  divided = divide(images, make_mesh((2, 2)))
  assert {piece.data.shape for piece in divided.addressable_shards} == {(shard, 2, 3, 1)}
  np.testing.assert_array_equal(divided, images)
  assert divide(images, None) is images


def test_batch_sizes_are_rounded_up():
  assert [divisible(size, make_mesh()) for size in (1, 4, 5)] == [4, 4, 8]
  assert divisible(5, None) == 5
