import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.methods.bilinear import bilinear
from imtrans.methods.game import method_losses
from imtrans.objectives import adversarial_losses
from imtrans.theory.games import (
  alternating_invariant,
  bilinear_radius,
  dirac_losses,
  play,
  update_matrix,
  vector_field,
)
from imtrans.training.state import PLAYERS, create_state
from imtrans.training.step import UPDATE_RULES, make_train_step

STEP_SIZE = 0.2
ZEROS = {"source": jnp.zeros((3, 1)), "target": jnp.zeros((3, 1))}


def _trained(method, batch, update_rule, num_steps):
  """The players before the first training step and after each, [num_steps + 1] per player."""
  optimizers = {player: optax.sgd(STEP_SIZE) for player in PLAYERS}
  step = make_train_step(method, optimizers, update_rule=update_rule)
  state = create_state(method, optimizers, batch, seed=0, keep_ema=False)

  @jax.jit
  def run(state):
    return jax.lax.scan(lambda s, _: (step(s, batch)[0], s.params), state, length=num_steps + 1)[1]

  points = run(state)
  return tuple(points[player]["point"][:, 0] for player in ("discriminator", "generator"))


@pytest.mark.parametrize("update_rule", UPDATE_RULES)
def test_the_training_step_is_the_matrix(update_rule):
  """The discriminator moves first and minimizes g d, which the generator maximizes."""
  players = np.stack(_trained(bilinear(), ZEROS, update_rule, 40), axis=1)
  matrix = np.asarray(update_matrix(update_rule, STEP_SIZE))
  powers = [np.linalg.matrix_power(matrix, count) @ players[0] for count in range(41)]
  np.testing.assert_allclose(players, powers, rtol=1e-4, atol=1e-5)


def test_the_training_step_shows_the_closed_form_radius():
  first, second = _trained(bilinear(), ZEROS, "simultaneous", 200)
  growth = (np.hypot(first, second)[-1] / np.hypot(first, second)[0]) ** (1 / 200)
  np.testing.assert_allclose(growth, bilinear_radius("simultaneous", STEP_SIZE), rtol=1e-5)
  first, second = _trained(bilinear(), ZEROS, "alternating", 200)
  invariant = jax.vmap(alternating_invariant, in_axes=(0, 0, None))(first, second, STEP_SIZE)
  growth = (invariant[-1] / invariant[0]) ** (1 / 400)
  np.testing.assert_allclose(growth, bilinear_radius("alternating", STEP_SIZE), rtol=1e-6)
  np.testing.assert_allclose(invariant, jnp.full_like(invariant, invariant[0]), rtol=1e-4)


def test_real_points_elsewhere_move_the_centre():
  batch = {name: points + 2.0 for name, points in ZEROS.items()}
  first, second = _trained(bilinear(), batch, "alternating", 200)
  np.testing.assert_allclose(
    jax.vmap(alternating_invariant, in_axes=(0, 0, None))(first, second - 2.0, STEP_SIZE),
    alternating_invariant(first[0], second[0] - 2.0, STEP_SIZE) * np.ones(201),
    rtol=1e-4,
  )


def test_training_with_another_loss_is_the_dirac_gan():
  got = _trained(bilinear(adversarial="vanilla"), ZEROS, "simultaneous", 60)
  losses = dirac_losses(*adversarial_losses("vanilla"))
  played = play(losses, (got[1][0], got[0][0]), "simultaneous", STEP_SIZE, 60).trajectory
  np.testing.assert_allclose(got, played[::-1], rtol=1e-4, atol=1e-5)


def test_the_method_as_a_game():
  method, key = bilinear(), jax.random.key(0)
  params, extras = method.init(key, ZEROS)
  players = (params["generator"], params["discriminator"])
  generator, discriminator = vector_field(method_losses(method, extras, ZEROS, key), players)
  np.testing.assert_allclose(generator["point"], players[1]["point"], rtol=1e-6)
  np.testing.assert_allclose(discriminator["point"], -players[0]["point"], rtol=1e-6)


def test_contract_of_a_method():
  method, key = bilinear(), jax.random.key(0)
  batch = {"source": jnp.zeros((4, 2)), "target": jnp.ones((4, 2))}
  params, extras = method.init(key, batch)
  outputs, extras = method.generate(params["generator"], extras, batch, key)
  assert outputs["fake"].shape == (4, 2)
  _, metrics = method.generator_loss(params["discriminator"], extras, outputs, batch, key)
  assert list(metrics) == ["generator/loss"]
  translated = method.translate(
    params["generator"], extras, batch["source"], key, direction="ab", mode="test"
  )
  np.testing.assert_array_equal(translated, outputs["fake"])
