"""Neither loss moves the other player, in the program that a simultaneous step is."""

import jax
import numpy as np
import optax
import pytest
from jax.interpreters.partial_eval import dce_jaxpr

from imtrans.training.state import PLAYERS, create_state
from imtrans.training.step import make_train_step
from tests.methods.test_methods import CASES, PAIR, _pix2pix


def _heard(method, batch, make_step=make_train_step):
  """By player, whose factors of losses its new parameters are computed from."""
  optimizers = {player: optax.sgd(0.1) for player in PLAYERS}

  def update(factors, state):
    scaled = {
      f"{player}_loss": _scaled(getattr(method, f"{player}_loss"), factors[player])
      for player in PLAYERS
    }
    step = make_step(method._replace(**scaled), optimizers, update_rule="simultaneous")
    return step(state, batch)[0].params

  state = jax.eval_shape(lambda: create_state(method, optimizers, batch, seed=0, keep_ema=False))
  factors = dict.fromkeys(sorted(PLAYERS), np.float32(1.0))
  program, params = jax.make_jaxpr(update, return_shape=True)(factors, state)
  heard = {}
  for player in PLAYERS:
    wanted = [path[0].key == player for path, _ in jax.tree_util.tree_leaves_with_path(params)]
    if any(wanted):  # A method may have no discriminator.
      _, used = dce_jaxpr(program.jaxpr, wanted)
      heard[player] = {name for name, needed in zip(factors, used, strict=False) if needed}
  return heard


def _scaled(loss, factor):
  def function(*arguments):
    value, rest = loss(*arguments)
    return factor * value, rest

  return function


@pytest.mark.parametrize("name", CASES)
def test_a_player_hears_its_own_loss_alone(name):
  build, batch, _ = CASES[name]
  heard = _heard(build(), batch)
  assert "generator" in heard
  assert heard == {player: {player} for player in heard}


def test_gradients_of_both_losses_at_once_are_noticed():
  def make_step(method, optimizers, *, update_rule):
    del optimizers, update_rule

    def both(params, state, batch):
      key = jax.random.wrap_key_data(state.key)
      outputs, extras = method.generate(params["generator"], state.extras, batch, key)
      judged = (params["discriminator"], extras, outputs, batch, key)
      return method.discriminator_loss(*judged)[0] + method.generator_loss(*judged)[0]

    return lambda state, batch: (
      state.replace(params=jax.grad(both)(state.params, state, batch)),
      {},
    )

  assert _heard(_pix2pix(dropout=0.0), PAIR, make_step) == {key: set(PLAYERS) for key in PLAYERS}
