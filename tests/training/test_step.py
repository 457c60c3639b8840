import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods import pix2pix
from imtrans.networks import PatchDiscriminator, UNet
from imtrans.training.mesh import make_mesh, replicated, shard_batch
from imtrans.training.state import PLAYERS, create_state, jit_start
from imtrans.training.step import make_train_step


def _pix2pix():
  return pix2pix(
    UNet(num_levels=3, features=4, dropout=0.5), PatchDiscriminator(num_layers=1, features=4)
  )


def _batches(names, count):
  generator = np.random.default_rng(0)
  shape = (4, 16, 16, 3)
  return [
    {name: generator.uniform(-1, 1, shape).astype(np.float32) for name in names}
    for _ in range(count)
  ]


def test_the_step_is_traced_once():
  method, mesh = _pix2pix(), make_mesh((4, 1))
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  batches = _batches(("source", "target"), 3)
  placed = replicated(mesh)
  start = jit_start(
    lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=True),
    out_shardings=placed,
  )
  state = start(batches[0])
  step = jax.jit(
    make_train_step(method, optimizers, ema_decay=0.9), donate_argnums=0, out_shardings=placed
  )
  for batch in batches:
    state, _ = step(state, shard_batch(mesh, batch))
  assert step._cache_size() == 1 and int(state.step) == 3


def test_average_follows_the_generator_with_a_warm_up():
  method = _pix2pix()
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  (batch,) = _batches(("source", "target"), 1)
  state = create_state(method, optimizers, batch, seed=0, keep_ema=True)
  start = state.params["generator"]
  after, _ = jax.jit(make_train_step(method, optimizers, ema_decay=0.9))(state, batch)
  # The first rate is min(0.9, 1 / 10): nine tenths of the way to the new parameters.
  expected = jax.tree.map(lambda a, b: 0.1 * a + 0.9 * b, start, after.params["generator"])
  jax.tree.map(
    lambda got, want: np.testing.assert_allclose(got, want, atol=1e-6), after.ema, expected
  )


def test_states_of_one_seed_are_equal_and_of_two_differ():
  method = _pix2pix()
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  (batch,) = _batches(("source", "target"), 1)

  def kernel(seed):
    state = create_state(method, optimizers, batch, seed=seed, keep_ema=False)
    return np.asarray(state.params["generator"]["encoder_0"]["kernel"])

  np.testing.assert_array_equal(kernel(0), kernel(0))
  assert np.abs(kernel(0) - kernel(1)).max() > 1e-3


def test_unknown_update_rules_are_refused():
  with pytest.raises(ValueError, match="update_rule must be one of alternating, simultaneous"):
    make_train_step(_pix2pix(), {}, update_rule="sequential")


def test_precision_of_the_step_is_float32_outside_the_networks():
  method = pix2pix(
    UNet(num_levels=3, features=4, dtype=jnp.bfloat16),
    PatchDiscriminator(num_layers=1, features=4, dtype=jnp.bfloat16),
  )
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  (batch,) = _batches(("source", "target"), 1)
  state = jax.eval_shape(lambda: create_state(method, optimizers, batch, seed=0, keep_ema=True))
  state, metrics = jax.eval_shape(make_train_step(method, optimizers, ema_decay=0.9), state, batch)
  floats = [leaf for leaf in jax.tree.leaves((state, metrics)) if leaf.dtype.kind == "f"]
  assert floats and {leaf.dtype.name for leaf in floats} == {"float32"}
