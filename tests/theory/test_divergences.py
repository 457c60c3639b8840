import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from imtrans.objectives import ADVERSARIAL_LOSSES, adversarial_losses
from imtrans.theory.divergences import (
  discriminator_value,
  expected_discriminator_loss,
  expected_generator_loss,
  jensen_shannon,
  jensen_shannon_bound,
  kantorovich_potential,
  kullback_leibler,
  non_saturating_value,
  optimal_discriminator,
  optimal_logits,
  pearson_chi_square,
  total_variation,
  triangular_discrimination,
  wasserstein_distance,
)

REAL = jnp.array([0.4, 0.3, 0.2, 0.1])
FAKE = jnp.array([0.1, 0.1, 0.3, 0.5])
SPACING = 0.02
GRID = np.arange(-9.0, 10.0, SPACING)


def _gaussian(mean, scale=1.0):
  masses = norm.pdf(GRID, mean, scale) * SPACING
  return jnp.asarray(masses / masses.sum(), jnp.float32)


def _value(name, logits, real, fake):
  loss, _ = adversarial_losses(name)
  return expected_discriminator_loss(loss, logits, logits, real, fake)


def test_divergences_by_hand():
  half, skew = jnp.array([0.5, 0.5]), jnp.array([0.25, 0.75])
  np.testing.assert_allclose(total_variation(half, skew), 0.25)
  np.testing.assert_allclose(kullback_leibler(half, skew), 0.5 * np.log(4 / 3), rtol=1e-6)
  np.testing.assert_allclose(pearson_chi_square(half, skew), 1 / 3, rtol=1e-6)
  np.testing.assert_allclose(triangular_discrimination(half, skew), 2 / 15, rtol=1e-6)
  np.testing.assert_allclose(wasserstein_distance(half, skew, 3.0), 0.75, rtol=1e-6)
  np.testing.assert_allclose(optimal_discriminator(half, skew), [2 / 3, 0.4], rtol=1e-6)


def test_distributions_that_do_not_meet():
  one, two = jnp.array([1.0, 0.0, 0.0]), jnp.array([0.0, 0.0, 1.0])
  np.testing.assert_allclose(jensen_shannon(one, two), np.log(2.0), rtol=1e-6)
  np.testing.assert_allclose(triangular_discrimination(one, two), 2.0)
  np.testing.assert_allclose(wasserstein_distance(one, two, 1.0), 2.0)
  np.testing.assert_allclose(optimal_discriminator(one, two), [1.0, 0.5, 0.0])
  assert kullback_leibler(one, two) == pearson_chi_square(one, two) == np.inf
  # Jensen-Shannon does not see how far apart they are; its gradient cannot help the generator.
  near = jnp.array([0.0, 1.0, 0.0])
  np.testing.assert_allclose(jensen_shannon(one, near), jensen_shannon(one, two))


@pytest.mark.parametrize(
  "divergence",
  [
    kullback_leibler,
    jensen_shannon,
    total_variation,
    pearson_chi_square,
    triangular_discrimination,
  ],
)
def test_a_divergence_is_positive_and_zero_at_equality_alone(divergence):
  first, second = jax.random.dirichlet(jax.random.key(0), jnp.ones(6), (2, 50))
  assert (jax.vmap(divergence)(first, second) > 1e-4).all()
  np.testing.assert_allclose(jax.vmap(divergence)(first, first), 0.0, atol=1e-7)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_losses_of_training_at_their_optimum_are_these_divergences(name):
  for real, fake in ((REAL, FAKE), (_gaussian(0.0), _gaussian(1.0, 1.2))):
    logits = optimal_logits(name, real, fake)
    expected = discriminator_value(name, real, fake)
    np.testing.assert_allclose(_value(name, logits, real, fake), expected, atol=1e-5)


@pytest.mark.parametrize("name", ADVERSARIAL_LOSSES)
def test_no_discriminator_is_better(name):
  """Gradient descent on one free output per point ends at the closed form and never below."""

  def value(outputs):
    # The Wasserstein loss has a minimum only among bounded critics.
    return _value(name, jnp.tanh(outputs) if name == "wasserstein" else outputs, REAL, FAKE)

  @jax.jit
  def descend(outputs):
    def step(outputs, _):
      loss, gradient = jax.value_and_grad(value)(outputs)
      return outputs - 0.2 * gradient, loss

    return jax.lax.scan(step, outputs, length=3000)[1]

  losses = descend(jax.random.normal(jax.random.key(1), REAL.shape))
  optimum = discriminator_value(name, REAL, FAKE)
  assert losses.min() >= optimum - 1e-6
  np.testing.assert_allclose(losses[-1], optimum, atol=0.02)


def test_minimax_value_at_equality_and_apart():
  np.testing.assert_allclose(discriminator_value("minimax", REAL, REAL), np.log(4.0), rtol=1e-6)
  np.testing.assert_allclose(discriminator_value("hinge", REAL, REAL), 2.0)
  np.testing.assert_allclose(discriminator_value("least_squares", REAL, REAL), 0.25)
  apart = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
  for name in ("minimax", "hinge", "least_squares"):
    np.testing.assert_allclose(discriminator_value(name, *apart), 0.0, atol=1e-6)


def test_expectation_is_the_mean_over_a_batch_with_these_frequencies():
  logits = jnp.array([0.3, -1.0, 2.0])
  real, fake = jnp.array([0.5, 0.25, 0.25]), jnp.array([0.0, 0.75, 0.25])
  for loss, generator_loss in ADVERSARIAL_LOSSES.values():
    batch = loss(logits[jnp.array([0, 0, 1, 2])], logits[jnp.array([1, 1, 1, 2])])
    expected = expected_discriminator_loss(loss, logits, logits, real, fake)
    np.testing.assert_allclose(batch, expected, rtol=1e-6)
    mean = generator_loss(logits[jnp.array([1, 1, 1, 2])])
    np.testing.assert_allclose(
      mean, expected_generator_loss(generator_loss, logits, fake), rtol=1e-6
    )


def test_generator_losses_at_the_optimal_discriminator():
  logits = optimal_logits("vanilla", REAL, FAKE)
  _, saturating = adversarial_losses("minimax")
  _, non_saturating = adversarial_losses("vanilla")
  middle = 0.5 * (REAL + FAKE)
  np.testing.assert_allclose(
    expected_generator_loss(saturating, logits, FAKE),
    kullback_leibler(FAKE, middle) - np.log(2.0),
    rtol=1e-5,
  )
  np.testing.assert_allclose(
    expected_generator_loss(non_saturating, logits, FAKE),
    non_saturating_value(REAL, FAKE),
    rtol=1e-5,
  )


def test_gradient_of_the_non_saturating_loss_is_kl_minus_two_js():
  """Arjovsky and Bottou, Theorem 2.5: the discriminator is fixed at the optimum, fakes move."""
  _, loss = adversarial_losses("vanilla")
  logits = optimal_logits("vanilla", REAL, FAKE)

  def fakes(scores):
    return jax.nn.softmax(scores)

  scores = jnp.log(FAKE)
  got = jax.grad(lambda s: expected_generator_loss(loss, logits, fakes(s)))(scores)
  expected = jax.grad(
    lambda s: kullback_leibler(fakes(s), REAL) - 2.0 * jensen_shannon(fakes(s), REAL)
  )(scores)
  np.testing.assert_allclose(got, expected, atol=1e-6)


def test_gaussian_densities_against_their_formulas():
  one, two = _gaussian(0.0), _gaussian(1.5)
  np.testing.assert_allclose(total_variation(one, two), 2 * norm.cdf(0.75) - 1, atol=1e-4)
  np.testing.assert_allclose(kullback_leibler(one, two), 1.125, atol=1e-4)
  np.testing.assert_allclose(pearson_chi_square(one, two), np.exp(2.25) - 1, rtol=1e-3)
  np.testing.assert_allclose(wasserstein_distance(one, two, SPACING), 1.5, atol=1e-4)


def test_the_potential_is_lipschitz_and_attains_the_distance():
  for real, fake in ((REAL, FAKE), (_gaussian(0.3, 0.5), _gaussian(0.0, 1.5))):
    critic = kantorovich_potential(real, fake, SPACING)
    assert jnp.abs(jnp.diff(critic)).max() <= SPACING * (1 + 1e-3)
    distance = wasserstein_distance(real, fake, SPACING)
    np.testing.assert_allclose(-_value("wasserstein", critic, real, fake), distance, atol=1e-5)


def test_any_discriminator_bounds_the_divergence_from_below():
  true = float(jensen_shannon(REAL, FAKE))
  logits = 2.0 * jax.random.normal(jax.random.key(2), (100, 4))
  losses = jax.vmap(lambda one: _value("minimax", one, REAL, FAKE))(logits)
  assert (jensen_shannon_bound(losses) <= true).all()
  best = _value("minimax", optimal_logits("minimax", REAL, FAKE), REAL, FAKE)
  np.testing.assert_allclose(jensen_shannon_bound(best), true, atol=1e-6)


def test_unknown_names_are_refused():
  for function in (optimal_logits, discriminator_value):
    with pytest.raises(ValueError, match="unknown loss 'hinged': choose one of minimax"):
      function("hinged", REAL, FAKE)
