import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.flatten_util import ravel_pytree

from imtrans.methods import pix2pix
from imtrans.methods.game import method_losses
from imtrans.networks import PatchDiscriminator, UNet
from imtrans.theory.games import (
  arnoldi,
  bilinear_loss,
  consensus_cosine,
  jacobian_spectrum,
  spectral_radius,
  update_matrix,
  vector_field,
  zero_sum,
)
from imtrans.training.state import PLAYERS, create_state
from imtrans.training.step import make_train_step

KEY = jax.random.key(0)


def _sorted(values):
  return sorted(np.asarray(values), key=lambda value: (round(abs(value), 3), value.imag))


def _small_game():
  """Two small networks of 12 and 9 parameters with losses of their own."""
  inputs, targets = jax.random.normal(KEY, (2, 5, 3))
  keys = jax.random.split(jax.random.key(1), 3)
  generator = {"w": jax.random.normal(keys[0], (3, 3)), "b": jnp.ones(3)}
  discriminator = {
    "w": jax.random.normal(keys[1], (3, 2)),
    "v": jax.random.normal(keys[2], (2,)),
    "b": jnp.zeros(()),
  }

  def judge(params, points):
    return jnp.tanh(points @ params["w"]) @ params["v"] + params["b"]

  def make(params):
    return jnp.tanh(inputs @ params["w"] + params["b"][None])

  def generator_loss(generator, discriminator):
    return jnp.mean(jax.nn.softplus(-judge(discriminator, make(generator))))

  def discriminator_loss(generator, discriminator):
    fake = jnp.mean(jax.nn.softplus(judge(discriminator, make(generator))))
    return fake + jnp.mean(jax.nn.softplus(-judge(discriminator, targets)))

  return (generator_loss, discriminator_loss), (generator, discriminator)


def _dense_jacobian(losses, players):
  flat, unravel = ravel_pytree(players)
  field = jax.jacfwd(lambda flat: ravel_pytree(vector_field(losses, unravel(flat)))[0])
  return jax.jit(field)(flat)


def test_the_bilinear_game_has_the_eigenvalues_of_its_rotation():
  spectrum = jacobian_spectrum(zero_sum(bilinear_loss), (jnp.array(0.3), jnp.array(2.0)))
  np.testing.assert_allclose(_sorted(spectrum.eigenvalues), [-1j, 1j], atol=1e-6)
  radius = np.abs(1.0 + 0.4 * spectrum.eigenvalues).max()
  expected = spectral_radius(update_matrix("simultaneous", 0.4))
  np.testing.assert_allclose(radius, expected, rtol=1e-6)


def test_repeated_eigenvalues_are_all_found():
  """Five equal planes exhaust the Krylov space after two products."""
  players = (jnp.ones(5), jnp.zeros(5))
  eigenvalues = jacobian_spectrum(zero_sum(bilinear_loss), players).eigenvalues
  np.testing.assert_allclose(np.sort(eigenvalues.imag), [-1.0] * 5 + [1.0] * 5, atol=1e-5)
  np.testing.assert_allclose(eigenvalues.real, 0.0, atol=1e-5)


def test_a_game_of_21_parameters_against_its_dense_jacobian():
  losses, players = _small_game()
  dense = np.linalg.eigvals(np.asarray(_dense_jacobian(losses, players), np.float64))
  dense = dense[np.argsort(-np.abs(dense))]
  full = jacobian_spectrum(losses, players, num_steps=50)
  assert full.eigenvalues.shape == (21,)
  distances = np.abs(full.eigenvalues[:, None] - dense[None])
  # Each of the two sets is covered by the other.
  assert max(distances.min(axis=0).max(), distances.min(axis=1).max()) < 1e-5
  some = jacobian_spectrum(losses, players, num_steps=12)
  np.testing.assert_allclose(np.abs(some.eigenvalues[:2]), np.abs(dense[:2]), rtol=1e-3)
  assert some.residuals[:2].max() < 1e-3 < some.residuals.max()


def test_arnoldi_relation_and_orthonormal_basis():
  matrix = jax.random.normal(KEY, (40, 40))
  basis, hessenberg = jax.jit(
    lambda start: arnoldi(lambda vector: matrix @ vector, start, 15, KEY)
  )(jnp.ones(40))
  np.testing.assert_allclose(basis @ basis.T, np.eye(16), atol=1e-5)
  np.testing.assert_allclose(matrix @ basis[:-1].T, basis.T @ hessenberg, atol=1e-4)
  np.testing.assert_allclose(hessenberg, np.triu(hessenberg, -1))


def test_cosine_is_one_for_descent_and_zero_for_rotation():
  players = (jnp.array([1.0, -2.0]), jnp.array([0.5, 3.0]))
  np.testing.assert_allclose(consensus_cosine(zero_sum(bilinear_loss), players), 0.0, atol=1e-6)
  bowls = (lambda x, y: 0.5 * jnp.vdot(x, x), lambda x, y: 0.5 * jnp.vdot(y, y))
  np.testing.assert_allclose(consensus_cosine(bowls, players), 1.0, rtol=1e-6)


@pytest.fixture(scope="module")
def training():
  """A small pix2pix, its state and a batch."""
  generator = UNet(num_levels=2, features=4, dropout=0.5)
  method = pix2pix(generator, PatchDiscriminator(num_layers=0, features=4))
  source, target = jax.random.uniform(KEY, (2, 2, 8, 8, 3), minval=-1.0)
  batch = {"source": source, "target": target}
  optimizers = {player: optax.sgd(1e-2) for player in PLAYERS}
  state = jax.jit(lambda: create_state(method, optimizers, batch, seed=0, keep_ema=False))()
  return method, optimizers, state, batch


def _game(method, state, batch):
  key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
  players = (state.params["generator"], state.params["discriminator"])
  return method_losses(method, state.extras, batch, key), players


def test_the_field_of_a_method_is_what_the_training_step_follows(training):
  method, optimizers, state, batch = training
  losses, players = _game(method, state, batch)
  field = jax.jit(lambda players: vector_field(losses, players))(players)
  step = jax.jit(make_train_step(method, optimizers, update_rule="simultaneous"))
  after = step(state, batch)[0].params
  moved = jax.tree.map(lambda leaf, change: leaf + 1e-2 * change, players, field)
  jax.tree.map(
    lambda got, want: np.testing.assert_allclose(got, want, atol=1e-5),
    (after["generator"], after["discriminator"]),
    moved,
  )


def test_spectrum_of_a_pix2pix_state(training):
  method, _, state, batch = training
  losses, players = _game(method, state, batch)
  spectrum = jacobian_spectrum(losses, players, num_steps=16)
  assert np.isfinite(spectrum.eigenvalues).all()
  # A real matrix: every complex eigenvalue comes with its conjugate.
  np.testing.assert_allclose(spectrum.eigenvalues.imag.sum(), 0.0, atol=1e-5)
  assert spectrum.residuals[0] < 0.05 * np.abs(spectrum.eigenvalues[0])
