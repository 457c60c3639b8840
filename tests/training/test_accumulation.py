"""A batch in parts: the numbers of the whole, in the memory of a part."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods import cyclegan, pix2pix
from imtrans.methods.bilinear import bilinear
from imtrans.methods.image_pool import divide_pool, empty_pool, join_pools, query_pool
from imtrans.networks import PatchDiscriminator, UNet
from imtrans.training.accumulation import divide_batch, over_parts
from imtrans.training.collectives import list_collectives
from imtrans.training.mesh import make_mesh, on_mesh, replicated, shard_batch
from imtrans.training.sharding import state_shardings
from imtrans.training.state import PLAYERS, create_state, jit_start
from imtrans.training.step import make_train_step

KEY = jax.random.key(0)


def _pix2pix(norm="instance"):
  generator = UNet(num_levels=2, features=4, dropout=0.0, norm=norm)
  return pix2pix(generator, PatchDiscriminator(num_layers=1, features=4, norm=norm))


def _cyclegan():
  generator = UNet(num_levels=1, features=4, dropout=0.0, norm="instance")
  discriminator = PatchDiscriminator(num_layers=1, features=4, norm="instance", spectral_norm=True)
  return cyclegan(generator, generator, discriminator, pool_size=18)


def _batch(names, size=8):
  generator = np.random.default_rng(0)
  shape = (size, 16, 16, 3)
  return {name: generator.uniform(-1, 1, shape).astype(np.float32) for name in names}


@functools.cache
def _moved(name, accumulate, *, rule="alternating", shape=(1, 1), unroll=False):
  """The state and the metrics after one step, and the text of the program."""
  method, names = {
    "pix2pix": (_pix2pix(), ("source", "target")),
    "cyclegan": (_cyclegan(), ("a", "b")),
  }[name]
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  batch, mesh = _batch(names), make_mesh(shape, jax.devices()[: shape[0] * shape[1]])
  start = jit_start(
    lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=True),
    out_shardings=replicated(mesh),
  )
  state = start(batch)
  state = jax.device_put(state, state_shardings(mesh, state))
  step = make_train_step(
    method, optimizers, update_rule=rule, ema_decay=0.9, accumulate=accumulate, unroll=unroll
  )
  compiled = jax.jit(on_mesh(mesh, step)).lower(state, shard_batch(mesh, batch)).compile()
  state, metrics = compiled(state, shard_batch(mesh, batch))
  fetched = jax.device_get((state.params, state.ema, state.extras, metrics))
  return fetched, compiled


def _assert_equal(got, expected):
  jax.tree.map(
    lambda one, other: np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5), got, expected
  )


@pytest.mark.parametrize(
  ("name", "rule", "shape"),
  [
    ("pix2pix", "alternating", (1, 1)),
    ("pix2pix", "alternating", (2, 2)),
    ("cyclegan", "simultaneous", (1, 1)),
  ],
)
def test_parts_give_the_numbers_of_the_whole_batch(name, rule, shape):
  """Parameters, average, pools in their order, spectral vectors, every metric."""
  parts, compiled = _moved(name, 2, rule=rule, shape=shape, unroll=shape != (1, 1))
  _assert_equal(parts, _moved(name, 1, rule=rule)[0])
  if shape != (1, 1):
    kinds = {collective.kind for collective in list_collectives(compiled.as_text())}
    assert kinds <= {"collective-permute", "all-reduce"}, kinds


def test_a_part_needs_less_memory_than_the_batch():
  whole, parts = (
    _moved("pix2pix", count, rule="alternating")[1].memory_analysis().temp_size_in_bytes
    for count in (1, 2)
  )
  assert parts < 0.8 * whole


@pytest.mark.parametrize("updates", [(1, 3), (3, 1)])
def test_several_updates_of_a_step_go_through_their_parts(updates):
  """The bilinear game, whose gradients are means over the points."""
  method = bilinear()
  optimizers = {player: optax.sgd(0.1) for player in PLAYERS}
  batch = {"target": jnp.arange(12.0)[:, None] ** 2}
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)
  counts = dict(zip(PLAYERS, updates, strict=True))
  build = functools.partial(make_train_step, method, optimizers, updates=counts)
  one, two = (jax.jit(build(accumulate=count))(state, batch) for count in (1, 2))
  _assert_equal((two[0].params, two[1]), (one[0].params, one[1]))


def test_batch_statistics_are_means_over_the_parts():
  """By hand: parts (0, 2) and (1, 3) of pixels have variance 1 each, the whole has 1.25."""

  def function(extras, part, key):
    del key
    mean, variance = jnp.mean(part["x"]), jnp.var(part["x"])
    moved = {"mean": 0.9 * extras["mean"] + 0.1 * mean, "step": extras["step"] + 1}
    moved["variance"] = 0.9 * extras["variance"] + 0.1 * variance
    return {"loss": mean}, moved

  extras = {"mean": jnp.zeros(()), "variance": jnp.ones(()), "step": jnp.int32(4)}
  batch = {"x": jnp.arange(4.0)[:, None]}
  tree, moved = over_parts(function, extras, batch, KEY, count=2, unroll=False)
  assert float(tree["loss"]) == 1.5
  np.testing.assert_allclose(moved["mean"], 0.15, rtol=1e-6)
  np.testing.assert_allclose(moved["variance"], 1.0, rtol=1e-6)
  assert int(moved["step"]) == 5


def test_batches_are_dealt_out_place_by_place():
  parts = divide_batch({"x": jnp.arange(6)}, 2)["x"]
  np.testing.assert_array_equal(parts, [[0, 2, 4], [1, 3, 5]])


def test_pools_are_dealt_out_with_their_places():
  """Four places of two slots each, and a slot that is not used; two parts have every second one."""
  pool = empty_pool(9, (1, 1, 1))
  pool = {"images": jnp.arange(9.0)[:, None, None, None], "count": jnp.int32(4)}
  parts = divide_pool(pool, 4, 2)
  np.testing.assert_array_equal(parts["images"][..., 0, 0, 0], [[0, 1, 4, 5], [2, 3, 6, 7]])
  np.testing.assert_array_equal(parts["count"], [2, 2])
  joined = join_pools(parts, pool, 4)
  jax.tree.map(np.testing.assert_array_equal, joined, pool)


def test_a_pool_fills_alike_in_parts():
  pool, images = empty_pool(8, (1, 1, 1)), jnp.arange(4.0)[:, None, None, None] + 1.0
  _, whole = query_pool(pool, images, KEY)
  parts = divide_pool(pool, 4, 2)
  _, parts = jax.vmap(query_pool)(parts, divide_batch({"x": images}, 2)["x"], jax.random.split(KEY))
  jax.tree.map(np.testing.assert_array_equal, join_pools(parts, pool, 4), whole)


def test_a_pool_smaller_than_the_batch_is_refused_in_parts_too():
  with pytest.raises(ValueError, match="the image pool holds 3 images, fewer than the batch of 4"):
    divide_pool(empty_pool(3, (1, 1, 1)), 4, 2)
  assert divide_pool(empty_pool(0, (1, 1, 1)), 4, 2)["images"].shape == (2, 0, 1, 1, 1)
