import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from imtrans.theory.games import (
  alternating_angle,
  alternating_invariant,
  bilinear_loss,
  bilinear_radius,
  negative_momentum_bound,
  play,
  play_with_optimizers,
  spectral_radius,
  update_matrix,
  vector_field,
  zero_sum,
)
from imtrans.theory.games.bilinear import RADII, UPDATE_MATRICES
from imtrans.theory.games.update_rules import RULES

GAME = zero_sum(bilinear_loss)
START = (1.0, 1.0)
STEP_SIZES = [0.05, 0.3, 0.45, 0.577, 0.7071, 0.9, 1.3, 2.1]


def _radius(rule, step_size, **options):
  return float(spectral_radius(update_matrix(rule, step_size, **options)))


@pytest.mark.parametrize("rule", RADII)
@pytest.mark.parametrize("step_size", STEP_SIZES)
def test_formula_of_the_radius_is_that_of_the_matrix(rule, step_size):
  expected = _radius(rule, step_size)
  np.testing.assert_allclose(bilinear_radius(rule, step_size), expected, rtol=2e-5)


def test_radii_by_hand():
  np.testing.assert_allclose(bilinear_radius("simultaneous", 0.75), 1.25, rtol=1e-6)
  np.testing.assert_allclose(bilinear_radius("proximal", 0.75), 0.8, rtol=1e-6)
  np.testing.assert_allclose(bilinear_radius("alternating", 1.9), 1.0, rtol=1e-6)
  np.testing.assert_allclose(bilinear_radius("alternating", 2.1), 1.877, atol=5e-4)
  np.testing.assert_allclose(bilinear_radius("optimistic", 0.5), np.sqrt(0.5), rtol=1e-6)
  np.testing.assert_allclose(bilinear_radius("optimistic", 1 / np.sqrt(3)), 1.0, rtol=1e-6)
  np.testing.assert_allclose(bilinear_radius("extragradient", 1.0), 1.0, rtol=1e-6)


def test_best_step_sizes():
  grid = np.linspace(0.01, 1.2, 1191, dtype=np.float32)
  for rule, best, radius in (
    ("extragradient", np.sqrt(0.5), np.sqrt(3) / 2),
    ("optimistic", 0.5, np.sqrt(0.5)),
  ):
    radii = np.asarray(bilinear_radius(rule, grid))
    np.testing.assert_allclose(grid[radii.argmin()], best, atol=2e-3)
    np.testing.assert_allclose(radii.min(), radius, atol=1e-3)
  for weight in (0.5, 2.0):
    radii = np.asarray(bilinear_radius("consensus", grid, weight=weight))
    np.testing.assert_allclose(grid[radii.argmin()], weight / (1 + weight**2), atol=2e-3)
    np.testing.assert_allclose(radii.min(), 1 / np.sqrt(1 + weight**2), rtol=1e-5)
    assert (radii[grid < 2 * weight / (1 + weight**2) - 1e-3] < 1.0).all()


def test_consensus_is_extragradient_on_this_game():
  ahead = update_matrix("extragradient", 0.3, extrapolation=0.7)
  np.testing.assert_allclose(ahead, update_matrix("consensus", 0.3, weight=0.7), rtol=1e-6)


@pytest.mark.parametrize(("step_size", "square"), [(0.5, 0.9434), (1.0, 0.7607)])
def test_negative_momentum_of_one_player_converges_within_its_bound(step_size, square):
  got = _radius("negative_momentum", step_size)
  np.testing.assert_allclose(got**2, square, atol=1e-4)
  assert got <= negative_momentum_bound(step_size)


@pytest.mark.parametrize(
  ("step_size", "radius"), [(0.1, 0.9985), (0.5, 0.9625), (0.8, 0.9029), (1.0, 1.0)]
)
def test_negative_momentum_of_both_players_reaches_one(step_size, radius):
  got = _radius("negative_momentum", step_size, second_momentum=-0.5)
  np.testing.assert_allclose(got, radius, atol=1e-4)
  if step_size == 1.0:
    assert got > negative_momentum_bound(step_size)


def test_simultaneous_momentum_never_converges():
  momenta, steps = np.meshgrid(np.linspace(-0.99, 0.99, 100), np.geomspace(0.03, 3.0, 20))
  radius = jax.jit(
    jax.vmap(
      lambda step, momentum: spectral_radius(
        update_matrix("simultaneous_momentum", step, momentum=momentum)
      )
    )
  )
  radii = radius(jnp.asarray(steps.ravel(), jnp.float32), jnp.asarray(momenta.ravel(), jnp.float32))
  assert float(radii.min()) > 1.0


def test_radius_differentiates_and_maps():
  slope = jax.jit(jax.vmap(jax.grad(lambda step: bilinear_radius("optimistic", step))))
  slopes = slope(jnp.array([0.2, 0.49, 0.55]))
  assert slopes[0] < 0.0 and slopes[1] < 0.0 and slopes[2] > 0.0
  assert float(jax.grad(lambda step: bilinear_radius("alternating", step))(0.5)) == 0.0


@pytest.mark.parametrize("rule", UPDATE_MATRICES)
def test_play_is_the_matrix(rule):
  """Every rule, simulated by automatic differentiation, against powers of its matrix."""
  matrix = np.asarray(update_matrix(rule, 0.4), np.float64)
  state = np.tile([0.3, -1.1], len(matrix) // 2)  # A memory starts at the first position.
  got = play(GAME, (0.3, -1.1), rule, 0.4, 30)
  expected = [state := matrix @ state if step else state for step in range(31)]
  players = np.stack(got.trajectory, axis=1)
  np.testing.assert_allclose(players, np.stack(expected)[:, :2], rtol=2e-5, atol=2e-5)
  means = np.cumsum(players, axis=0) / np.arange(1, 32)[:, None]
  np.testing.assert_allclose(np.stack(got.average, axis=1), means, rtol=1e-4, atol=1e-5)
  assert RULES.keys() == UPDATE_MATRICES.keys()


def test_options_reach_the_simulation():
  cases = [
    ("extragradient", {"extrapolation": 0.8}),
    ("consensus", {"weight": 0.3}),
    ("simultaneous_momentum", {"momentum": 0.5}),
    ("negative_momentum", {"first_momentum": -0.2, "second_momentum": -0.4}),
  ]
  for rule, options in cases:
    matrix = update_matrix(rule, 0.4, **options)
    size = matrix.shape[0] // 2
    expected = np.linalg.matrix_power(matrix, 9) @ np.tile([1.0, 1.0], size)
    last = play(GAME, START, rule, 0.4, 9, **options).trajectory
    np.testing.assert_allclose([last[0][-1], last[1][-1]], expected[:2], rtol=1e-4)


def test_alternating_steps_stay_on_an_ellipse_and_turn_by_a_known_angle():
  x, y = play(GAME, START, "alternating", 0.3, 2000).trajectory
  invariant = jax.vmap(alternating_invariant, in_axes=(0, 0, None))(x, y, 0.3)
  np.testing.assert_allclose(invariant, 1.7, rtol=1e-4)
  angle = np.angle(np.linalg.eigvals(np.asarray(update_matrix("alternating", 0.3)))).max()
  np.testing.assert_allclose(alternating_angle(0.3), angle, rtol=1e-5)


def test_averages_converge_where_the_players_do_not():
  """Alternating steps: the mean of T bounded rotations is O(1 / T); simultaneous ones explode."""
  average = play(GAME, START, "alternating", 0.1, 8000).average
  sizes = np.hypot(*average)
  assert sizes[1000:2000].max() < 0.03
  assert sizes[4000:].max() < 0.3 * sizes[1000:2000].max()
  got = play(GAME, START, "simultaneous", 0.1, 2000)
  growth = np.hypot(*got.trajectory)[-1] / np.sqrt(2)
  np.testing.assert_allclose(growth, 1.01**1000, rtol=1e-3)
  assert np.hypot(*got.average)[-1] > 100.0


def test_a_matrix_game_is_one_game_per_singular_value():
  matrix = jax.random.normal(jax.random.key(0), (3, 4))

  def loss(first, second):
    return first["point"] @ matrix @ second["weights"]

  start = ({"point": jnp.ones(3)}, {"weights": jnp.zeros(4)})
  x = play(zero_sum(loss), start, "proximal", 0.5, 10).trajectory[0]["point"]
  left, values, _ = np.linalg.svd(matrix)
  powers = [
    np.linalg.matrix_power(update_matrix("proximal", 0.5 * value), 10)[0, 0] for value in values
  ]
  np.testing.assert_allclose(left.T @ x[-1], powers * (left.T @ np.ones(3)), atol=1e-5)


def test_losses_of_two_players_need_not_sum_to_zero():
  losses = (lambda x, y: (x - 1.0) ** 2, lambda x, y: (y - x) ** 2)
  first, second = vector_field(losses, (3.0, 5.0))
  assert (float(first), float(second)) == (-4.0, -4.0)
  x, y = play(losses, (3.0, 5.0), "proximal", 1e6, 2).trajectory
  np.testing.assert_allclose([x[-1], y[-1]], [1.0, 1.0], atol=1e-4)


def test_one_loss_is_a_zero_sum_game():
  """A bare function against the pair that it stands for, by a rule, by optax and as a field."""

  def loss(g, d):
    return g * d

  pair = (loss, lambda g, d: -g * d)
  sgd = optax.sgd(0.2)
  for game in (loss, pair):
    first, second = vector_field(game, (2.0, 3.0))
    assert (float(first), float(second)) == (-3.0, 2.0)
    x, y = play(game, START, "alternating", 0.5, 2).trajectory
    # x: 1 - 1/2, then 1/2 - 5/8; y: 1 + 1/4, then 5/4 - 1/16.
    np.testing.assert_allclose([x, y], [[1.0, 0.5, -0.125], [1.0, 1.25, 1.1875]], rtol=1e-6)
    x, y = play_with_optimizers(game, START, (sgd, sgd), 1).trajectory
    np.testing.assert_allclose([x[-1], y[-1]], [0.8, 1.2], rtol=1e-6)


# Distance from the fixed point after 20,000 steps of 0.01 that began at sqrt(2).
ADAM = [(0.9, 3.87, 3.83), (0.5, 1.54, 1.27), (0.0, 0.89, 0.13)]


@pytest.mark.parametrize(("b1", "simultaneous", "alternating"), ADAM)
def test_adam_drifts_outward_with_much_momentum(b1, simultaneous, alternating):
  for order, expected in ((False, simultaneous), (True, alternating)):
    adam = optax.adam(0.01, b1=b1)
    run = jax.jit(
      lambda start, adam=adam, order=order: (
        play_with_optimizers(GAME, start, (adam, adam), 20_000, alternating=order).trajectory
      )
    )
    x, y = run(START)
    np.testing.assert_allclose(np.hypot(x[-1], y[-1]), expected, atol=0.02)


def test_plain_gradient_descent_is_an_optimizer_too():
  sgd = optax.sgd(0.2)
  for order, rule in itertools.product((False, True), ("simultaneous", "alternating")):
    if order == (rule == "alternating"):
      got = play_with_optimizers(GAME, START, (sgd, sgd), 20, alternating=order)
      jax.tree.map(
        lambda one, two: np.testing.assert_allclose(one, two, rtol=1e-4),
        got,
        play(GAME, START, rule, 0.2, 20),
      )


def test_unknown_rules_are_refused():
  for function in (update_matrix, bilinear_radius):
    with pytest.raises(ValueError, match=r"choose one of simultaneous, alternating"):
      function("sequential", 0.1)
  with pytest.raises(ValueError, match="unknown update rule 'sequential'"):
    play(GAME, START, "sequential", 0.1, 1)
