"""Several updates of a player in one step, on the bilinear game, where each can be done by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods import gan
from imtrans.methods.bilinear import bilinear
from imtrans.networks import ConvolutionalDiscriminator, ConvolutionalGenerator
from imtrans.training.mesh import make_mesh, replicated, shard_batch
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step, num_rounds

RATE = 0.1
# Six real points, two for each of three updates: parts are interleaved.
POINTS = np.array([[1.0], [4.0], [0.0], [3.0], [2.0], [2.0]], np.float32)
PARTS = [POINTS[index::3].mean() for index in range(3)]  # 2, 3, 1.


def _played(updates, rule="alternating", points=POINTS):
  method = bilinear()
  optimizers = {player: optax.sgd(RATE) for player in ("generator", "discriminator")}
  batch = {"target": jnp.asarray(points)}
  state = create_state(method, optimizers, batch, seed=0, keep_ema=True)
  step = make_train_step(method, optimizers, update_rule=rule, ema_decay=0.5, updates=updates)
  after, metrics = jax.jit(step)(state, batch)
  return state, after, metrics


def _point(params, player):
  return float(params[player]["point"][0])


@pytest.mark.parametrize("rule", ["alternating", "simultaneous"])
def test_three_critic_steps_each_see_a_part_of_the_batch(rule):
  """The critic's gradient is g - mean(part); the generator's -d: Wasserstein losses by hand."""
  before, after, metrics = _played({"generator": 1, "discriminator": 3}, rule)
  g, d = _point(before.params, "generator"), _point(before.params, "discriminator")
  assert PARTS == [2.0, 3.0, 1.0]
  d -= RATE * (g - PARTS[0])
  d -= RATE * (g - PARTS[1])
  old = d
  loss = d * (g - PARTS[2])
  d -= RATE * (g - PARTS[2])
  g += RATE * (d if rule == "alternating" else old)
  np.testing.assert_allclose(_point(after.params, "discriminator"), d, rtol=1e-5)
  np.testing.assert_allclose(_point(after.params, "generator"), g, rtol=1e-5)
  np.testing.assert_allclose(metrics["discriminator/loss"], loss, rtol=1e-4)
  assert int(after.step) == 1
  # The average moves once a step: a tenth of the way stays behind at the first one.
  start = _point(before.params, "generator")
  np.testing.assert_allclose(float(after.ema["point"][0]), 0.1 * start + 0.9 * g, rtol=1e-5)


def test_three_generator_steps_follow_one_critic_step():
  before, after, _ = _played({"generator": 3, "discriminator": 1})
  g, d = _point(before.params, "generator"), _point(before.params, "discriminator")
  d -= RATE * (g - PARTS[0])
  np.testing.assert_allclose(_point(after.params, "discriminator"), d, rtol=1e-5)
  np.testing.assert_allclose(_point(after.params, "generator"), g + 3 * RATE * d, rtol=1e-5)


def test_every_update_has_a_key_of_its_own():
  """Noise of an update that is that of another would make five critic steps one long one."""
  keys = []

  def noted(generate):
    def new(params, extras, batch, key):
      jax.debug.callback(
        lambda data: keys.append(tuple(np.asarray(data))), jax.random.key_data(key)
      )
      return generate(params, extras, batch, key)

    return new

  method = bilinear()
  method = method._replace(generate=noted(method.generate))
  optimizers = {player: optax.sgd(RATE) for player in ("generator", "discriminator")}
  batch = {"target": jnp.asarray(POINTS)}
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)
  updates = {"generator": 2, "discriminator": 3}
  jax.jit(make_train_step(method, optimizers, updates=updates))(state, batch)
  jax.effects_barrier()
  assert len(keys) == len(set(keys)) == 4


def test_one_update_each_is_the_same_program_as_without_saying_so():
  method = bilinear()
  optimizers = {player: optax.sgd(RATE) for player in ("generator", "discriminator")}
  batch = {"target": jnp.asarray(POINTS)}
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)
  said = make_train_step(method, optimizers, updates={"generator": 1, "discriminator": 1})
  plain = make_train_step(method, optimizers)
  texts = [jax.jit(step).lower(state, batch).as_text() for step in (said, plain)]
  assert texts[0] == texts[1]


def test_four_devices_equal_one_with_several_updates_and_a_penalty():
  """Parts of the batch, shares of WGAN-GP and noise are those of the global batch."""
  method = gan(
    ConvolutionalGenerator(size=8, num_levels=1, features=4),
    ConvolutionalDiscriminator(num_layers=1, features=4, norm="none"),
    latent_size=5,
    adversarial="wasserstein",
    gradient_penalty_weight=10.0,
  )
  generator = np.random.default_rng(0)
  batch = {
    name: generator.uniform(-1, 1, (8, 8, 8, channels)).astype(np.float32)
    for name, channels in (("source", 1), ("target", 3))
  }
  optimizers = {player: optax.sgd(1e-3) for player in ("generator", "discriminator")}
  updates = {"generator": 1, "discriminator": 2}
  results = []
  for mesh in (None, make_mesh((4, 1))):
    placed = None if mesh is None else replicated(mesh)
    state = jax.jit(
      lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=False),
      out_shardings=placed,
    )(batch)
    step = jax.jit(make_train_step(method, optimizers, updates=updates), out_shardings=placed)
    after, metrics = step(state, batch if mesh is None else shard_batch(mesh, batch))
    results.append(jax.device_get((after.params, after.extras, metrics)))
  jax.tree.map(lambda x, y: np.testing.assert_allclose(y, x, rtol=1e-4, atol=1e-5), *results)


def test_what_makes_no_sense_is_refused():
  for updates in ({"generator": 1}, {"generator": 0, "discriminator": 1}):
    with pytest.raises(ValueError, match="updates must give generator and discriminator a number"):
      num_rounds(updates)
  with pytest.raises(ValueError, match="a batch of 6 cannot be divided into 4 updates"):
    _played({"generator": 1, "discriminator": 4})
