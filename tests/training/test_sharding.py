"""Where a state lies, and that a checkpoint does not care."""

import grain
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec

from imtrans.training.checkpoints import Checkpoints
from imtrans.training.mesh import make_mesh
from imtrans.training.sharding import parameter_spec, state_shardings, with_shardings
from imtrans.training.state import TrainState


@pytest.mark.parametrize(
  ("shape", "count", "spec"),
  [
    ((4, 4, 64, 128), 4, (None, None, None, "data")),
    ((4, 4, 128, 64), 4, (None, None, "data")),
    ((3, 3, 256, 256), 4, (None, None, None, "data")),  # The last of equal ones.
    ((8, 8, 6, 3), 4, (None, "data")),  # Six and three channels cannot be divided by four.
    ((7, 7, 3, 3), 2, ()),
    ((128,), 4, ("data",)),
    ((128,), 1, ()),
    ((2, 5), 2, ()),  # Small.
    ((), 2, ()),
  ],
)
def test_parameters_are_split_along_their_longest_divisible_axis(shape, count, spec):
  assert parameter_spec(shape, count, small=10) == PartitionSpec(*spec)


def test_small_parameters_are_whole():
  assert parameter_spec((2**14,), 2) == PartitionSpec()
  assert parameter_spec((2**14 + 2,), 2) == PartitionSpec("data")


def _state(pool_size=8):
  kernel = jnp.arange(4 * 6 * 8.0).reshape(4, 6, 8)
  params = {"generator": {"kernel": kernel, "bias": jnp.ones(8)}, "discriminator": {}}
  moments = {"mu": {"kernel": 2 * kernel, "bias": jnp.zeros(8)}, "count": jnp.zeros((), jnp.int32)}
  return TrainState(
    step=jnp.ones((), jnp.int32),
    params=params,
    opt_state={"generator": moments, "discriminator": {}},
    ema={"kernel": 3 * kernel, "bias": jnp.ones(8)},
    extras={
      "generator": {"batch_stats": {"mean": jnp.zeros(64)}},
      "pool": {
        "a": {"images": jnp.ones((pool_size, 8, 8, 3)), "count": jnp.zeros((), jnp.int32)},
      },
    },
    key=jnp.zeros(2, jnp.uint32),
  )


def test_states_lie_whole_or_split():
  whole, split = PartitionSpec(), PartitionSpec(None, None, "data")
  mesh = make_mesh((2, 2))
  specs = jax.tree.map(lambda own: own.spec, state_shardings(mesh, _state()))
  assert specs.extras["pool"]["a"] == {"images": PartitionSpec("data", "height"), "count": whole}
  assert specs.params["generator"]["kernel"] == specs.ema["kernel"] == whole
  specs = jax.tree.map(
    lambda own: own.spec, state_shardings(mesh, _state(5), shard_params=True, small=8)
  )
  # Five images cannot be divided by two.
  assert specs.extras["pool"]["a"]["images"] == PartitionSpec(None, "height")
  for tree in (specs.params["generator"], specs.opt_state["generator"]["mu"], specs.ema):
    assert tree == {"kernel": split, "bias": whole}
  others = (specs.step, specs.key, specs.opt_state["generator"]["count"], specs.extras["generator"])
  assert set(jax.tree.leaves(others)) == {whole}


def test_a_checkpoint_of_one_mesh_is_read_on_another(tmp_path):
  state = _state()

  def shardings(shape):
    mesh = make_mesh(shape, jax.devices()[: shape[0] * shape[1]])
    return state_shardings(mesh, state, shard_params=True, small=8)

  def batches():
    return iter(grain.MapDataset.source([1, 2, 3]).to_iter_dataset())

  with Checkpoints(tmp_path / "checkpoints", keep=1) as checkpoints:
    data = batches()
    next(data)
    checkpoints.save(1, jax.device_put(state, shardings((4, 1))), data, wait=True)
    for shape in ((4, 1), (2, 2), (1, 4), (1, 1)):
      wanted, data = shardings(shape), batches()
      restored, problems = checkpoints.restore_newest(with_shardings(state, wanted), data)
      assert not problems and next(data) == 2
      jax.tree.map(np.testing.assert_array_equal, restored, state)
      placed = jax.tree.map(lambda leaf, own: leaf.sharding == own, restored, wanted)
      assert all(jax.tree.leaves(placed))
