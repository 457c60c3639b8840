import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.objectives import (
  ADVERSARIAL_LOSSES,
  adversarial_losses,
  discriminator_accuracy,
  mean_absolute_error,
  mean_squared_error,
)

REAL = jnp.array([0.0, 2.0])
FAKE = jnp.array([-1.0, 1.0])
S = {x: np.log1p(np.exp(x)) for x in (-2.0, -1.0, 0.0, 1.0)}  # softplus


# Computed by hand from the equations.
@pytest.mark.parametrize(
  ("name", "discriminator", "generator"),
  [
    ("minimax", (S[0.0] + S[-2.0]) / 2 + (S[-1.0] + S[1.0]) / 2, -(S[-1.0] + S[1.0]) / 2),
    ("vanilla", (S[0.0] + S[-2.0]) / 2 + (S[-1.0] + S[1.0]) / 2, (S[1.0] + S[-1.0]) / 2),
    ("least_squares", 0.5 * (1.0 + 1.0), 2.0),
    ("hinge", 0.5 + 1.0, 0.0),
    ("wasserstein", 0.0 - 1.0, 0.0),
  ],
)
def test_values_by_hand(name, discriminator, generator):
  discriminator_loss, generator_loss = adversarial_losses(name)
  np.testing.assert_allclose(discriminator_loss(REAL, FAKE), discriminator, rtol=1e-6)
  np.testing.assert_allclose(generator_loss(FAKE), generator, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_the_players_pull_fake_logits_apart(name):
  discriminator_loss, generator_loss = adversarial_losses(name)
  logits = jnp.full((2, 3, 3, 1), 0.1)
  down = jax.grad(lambda fake: discriminator_loss(logits, fake))(logits)
  up = jax.grad(generator_loss)(logits)
  real = jax.grad(lambda real: discriminator_loss(real, logits))(logits)
  assert (down > 0).all() and (up < 0).all() and (real < 0).all()


@pytest.mark.parametrize("name", ["minimax", "vanilla"])
def test_value_at_the_theoretical_optimum(name):
  # Equal distributions: the optimal discriminator says one half, and the loss is log 4.
  discriminator_loss, _ = adversarial_losses(name)
  np.testing.assert_allclose(discriminator_loss(jnp.zeros(4), jnp.zeros(4)), np.log(4.0), rtol=1e-6)
  # Discrete distributions p, q: at D = p / (p + q) the loss is log 4 - 2 JS(p, q).
  p, q = np.array([0.5, 0.3, 0.2]), np.array([0.1, 0.3, 0.6])
  m = (p + q) / 2
  divergence = 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))
  counts = (10 * p).round().astype(int), (10 * q).round().astype(int)
  logits = np.log(p / q)
  real, fake = (jnp.asarray(np.repeat(logits, count)) for count in counts)
  np.testing.assert_allclose(
    discriminator_loss(real, fake), np.log(4.0) - 2.0 * divergence, rtol=1e-6
  )


def test_extreme_logits_stay_finite():
  for name in ("minimax", "vanilla"):
    discriminator_loss, generator_loss = adversarial_losses(name)
    big = jnp.array([1e4])
    assert np.isfinite(discriminator_loss(-big, big)) and np.isfinite(generator_loss(-big))


def test_unknown_name_lists_the_known():
  with pytest.raises(ValueError, match=r"unknown adversarial loss 'lsgan': .*least_squares"):
    adversarial_losses("lsgan")


def test_reconstruction_by_hand_and_shapes():
  images, targets = jnp.array([[1.0, -1.0]]), jnp.array([[0.0, 2.0]])
  np.testing.assert_allclose(mean_absolute_error(images, targets), 2.0)
  np.testing.assert_allclose(mean_squared_error(images, targets), 5.0)
  for loss in (mean_absolute_error, mean_squared_error):
    with pytest.raises(ValueError, match="same shape"):
      loss(images, targets[0])


def test_l1_is_minimized_by_the_median_and_l2_by_the_mean():
  samples = jnp.array([0.0, 0.0, 0.0, 1.0, 10.0])
  grid = jnp.linspace(-1.0, 11.0, 1201)

  def best(loss):
    values = jax.vmap(lambda x: loss(jnp.full(5, x), samples))(grid)
    return float(grid[jnp.argmin(values)])

  assert best(mean_absolute_error) == pytest.approx(0.0, abs=0.01)
  assert best(mean_squared_error) == pytest.approx(2.2, abs=0.01)


@pytest.mark.parametrize(
  ("adversarial", "real", "fake", "right"),
  [
    ("vanilla", [1.0, -1.0], [-2.0, -3.0], 0.75),
    ("hinge", [1.0, 2.0], [-2.0, 3.0], 0.75),
    ("least_squares", [0.6, 0.4], [0.1, 0.2], 0.75),
    ("wasserstein", [5.0, 6.0], [3.0, 4.0], 1.0),
    ("vanilla", [0.0, 0.0], [0.0, 0.0], 0.5),
  ],
)
def test_accuracy_by_hand(adversarial, real, fake, right):
  found = discriminator_accuracy(jnp.array(real), jnp.array(fake), adversarial=adversarial)
  assert float(found) == right
