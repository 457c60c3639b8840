import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.objectives import mean_absolute_error
from imtrans.theory import identity

WEIGHTS = {"translation_weight": 2.0, "identity_weight": 1.2}


def test_soft_threshold_by_hand():
  shifts = jnp.array([-2.0, -0.5, 0.0, 0.5, 2.0])
  np.testing.assert_allclose(
    identity.soft_threshold(shifts, 0.5), [-1.5, 0.0, 0.0, 0.0, 1.5], atol=1e-7
  )


def test_best_shift_minimizes_the_objective_on_a_grid():
  grid = jnp.linspace(-1.5, 1.5, 3001)
  for a, b, d in itertools.product((0.5, 2.0), (0.0, 0.3, 1.5), (-0.8, 0.1, 0.6)):
    weights = {"translation_weight": a, "identity_weight": b}
    losses = identity.identity_objective(grid, d, **weights)
    best = identity.best_shift(jnp.array(d), **weights)
    np.testing.assert_allclose(best, grid[jnp.argmin(losses)], atol=1.1e-3)


def test_training_with_the_losses_themselves_finds_the_threshold():
  """A colour shift trained by subgradients of a squared error and of the identity loss."""
  wanted = jnp.array([-0.7, -0.2, 0.1, 0.5])
  colors = jax.random.uniform(jax.random.key(0), (4, 8))

  def loss(shift):
    fidelity = jnp.sum(jnp.square(shift - wanted))
    kept = jax.vmap(lambda color, one: mean_absolute_error(color + one, color))(colors, shift)
    return 2.0 * fidelity + 1.2 * jnp.sum(kept)

  def step(index, shift):
    return shift - 0.2 / (1.0 + index.astype(jnp.float32)) * jax.grad(loss)(shift)

  trained = jax.lax.fori_loop(0, 3000, step, jnp.full(4, 0.3))
  np.testing.assert_allclose(trained, identity.best_shift(wanted, **WEIGHTS), atol=2e-3)


def test_the_path_is_a_line_to_zero_at_the_critical_weight():
  wanted = jnp.array([[0.6, -0.2], [0.1, 0.0]])
  critical = identity.critical_weight(wanted, translation_weight=2.0)
  np.testing.assert_allclose(critical, [[2.4, 0.8], [0.4, 0.0]], rtol=1e-6)
  path = identity.shift_path(wanted, jnp.array([0.0, 0.4, 0.8, 2.4]), translation_weight=2.0)
  assert path.shape == (4, 2, 2)
  np.testing.assert_allclose(path[0], wanted, rtol=1e-6)
  np.testing.assert_allclose(path[:, 0, 0], [0.6, 0.5, 0.4, 0.0], atol=1e-6)
  np.testing.assert_allclose(path[2:, 0, 1], [0.0, 0.0], atol=1e-6)


def test_a_shift_turns_towards_its_largest_channel():
  wanted = jnp.array([0.6, 0.3, 0.1])
  kept = identity.best_shift(wanted, **WEIGHTS)
  np.testing.assert_allclose(kept, [0.3, 0.0, 0.0], atol=1e-6)


def test_the_local_threshold_minimizes_the_loss_over_two_domains():
  """Each bin of a table of colours is fitted to samples of two different domains."""
  bins, translation_weight, identity_weight = 8, 2.0, 0.5
  colors = (jnp.arange(bins, dtype=jnp.float32) + 0.5) / bins
  generator = np.random.default_rng(0)
  share_source, share_target = (
    jnp.asarray(np.histogram(generator.beta(*shape, 100_000), bins, (0, 1))[0] / 1e5, jnp.float32)
    for shape in ((2.0, 3.0), (4.0, 2.0))
  )
  targets = jnp.sqrt(colors)

  def cost(shift):  # Of one shift for all bins, per bin.
    fidelity = translation_weight * share_source * jnp.square(colors + shift - targets)
    return fidelity + identity_weight * share_target * jnp.abs(shift)

  grid = jnp.linspace(-0.5, 0.5, 2001)
  best = colors + grid[jnp.argmin(jax.vmap(cost)(grid), axis=0)]
  closed = identity.local_translation(
    colors,
    targets,
    share_source,
    share_target,
    translation_weight=translation_weight,
    identity_weight=identity_weight,
  )
  np.testing.assert_allclose(closed, best, atol=6e-4)
  # Free where the target is absent, held where it is common.
  assert abs(closed[0] - targets[0]) < 0.01
  np.testing.assert_allclose(closed[-1], colors[-1], atol=1e-6)


def test_the_curvature_form_is_the_same():
  """Minimum of κ (g - t)² / 2 + λ |g - y| at y + soft(t - y, λ / κ)."""
  curvature, weight, here, there = 3.0, 0.6, 0.2, 0.9
  grid = jnp.linspace(0.0, 1.0, 10_001)
  loss = 0.5 * curvature * jnp.square(grid - there) + weight * jnp.abs(grid - here)
  closed = here + identity.soft_threshold(jnp.array(there - here), weight / curvature)
  np.testing.assert_allclose(grid[jnp.argmin(loss)], closed, atol=1e-4)


def test_local_translation_refuses_different_shapes():
  with pytest.raises(ValueError, match="must have the same shape"):
    identity.local_translation(jnp.ones(3), jnp.ones(3), jnp.ones(2), jnp.ones(3), **WEIGHTS)


def test_the_threshold_is_fitted_exactly_and_through_noise():
  wanted = jax.random.normal(jax.random.key(2), (200,))
  for threshold in (0.0, 0.4, 1.3):
    measured = identity.soft_threshold(wanted, threshold)
    np.testing.assert_allclose(identity.fit_threshold(wanted, measured), threshold, atol=1e-5)
  noisy = identity.soft_threshold(wanted, 0.4) + 0.1 * jax.random.normal(jax.random.key(3), (200,))
  grid = jnp.linspace(0.0, 1.0, 5001)
  errors = jax.vmap(lambda t: jnp.sum(jnp.square(identity.soft_threshold(wanted, t) - noisy)))(grid)
  fitted = identity.fit_threshold(wanted, noisy)
  np.testing.assert_allclose(fitted, grid[jnp.argmin(errors)], atol=3e-4)
  np.testing.assert_allclose(fitted, 0.4, atol=0.03)


def test_fit_threshold_refuses_different_lengths():
  with pytest.raises(ValueError, match="one length"):
    identity.fit_threshold(jnp.ones(3), jnp.ones(4))


def test_the_fit_takes_as_many_shifts_as_pictures_have_pixels():
  wanted = jax.random.normal(jax.random.key(0), (300_000,))
  noise = 0.05 * jax.random.normal(jax.random.key(1), wanted.shape)
  fitted = identity.fit_threshold(wanted, identity.soft_threshold(wanted, 0.4) + noise)
  assert abs(float(fitted) - 0.4) < 1e-3
