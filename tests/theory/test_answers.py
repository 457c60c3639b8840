import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import ndtri

from imtrans.theory.noise import Answers
from imtrans.theory.noise import answers as several

TWO = Answers(jnp.array([0.7, 0.3]), jnp.array([1.0, -1.0]), 0.1)
THREE = Answers(jnp.array([0.2, 0.35, 0.45]), jnp.array([-1.0, 0.1, 0.8]), 0.3)


def _correntropy(bandwidth):
  return lambda errors: 1.0 - jnp.exp(-0.5 * jnp.square(errors / bandwidth))


@pytest.mark.parametrize("mixture", [TWO, THREE], ids=["two", "three"])
def test_closed_forms_minimize_the_losses_on_samples(mixture):
  samples = several.draw_answers(jax.random.key(0), mixture, 10_000)
  candidates = jnp.linspace(-1.5, 1.5, 101)
  for loss, predicted in (
    (jnp.square, several.mean_answer(mixture)),
    (jnp.abs, several.median_answer(mixture)),
    (_correntropy(0.2), several.modal_answer(mixture, bandwidth=0.2)),
  ):
    best = several.cheapest_prediction(samples, candidates, loss)
    np.testing.assert_allclose(predicted, best, atol=0.05)


def test_distribution_is_the_integral_of_the_density():
  values = jnp.linspace(-4.0, 1.3, 20_001)
  densities = jax.vmap(lambda value: several.density(THREE, value))(values)
  integral = jnp.trapezoid(densities, values)
  np.testing.assert_allclose(several.cumulative(THREE, 1.3), integral, rtol=1e-4)


def test_two_answers_by_hand():
  np.testing.assert_allclose(several.mean_answer(TWO), 0.4, rtol=1e-6)
  np.testing.assert_allclose(several.median_answer(TWO), 1.0 - 0.1 * ndtri(1 / 1.4), rtol=1e-5)
  np.testing.assert_allclose(several.modal_answer(TWO), 1.0, rtol=1e-6)
  np.testing.assert_allclose(several.blur(TWO, several.mean_answer(TWO)), 2.0 * 0.3, rtol=1e-6)
  assert several.blur(TWO, several.median_answer(TWO)) < 0.06
  assert several.blur(TWO, several.modal_answer(TWO)) < 1e-6


def test_equal_answers_have_their_median_in_the_middle():
  equal = Answers(jnp.array([0.5, 0.5]), jnp.array([-1.0, 1.0]), 0.05)
  np.testing.assert_allclose(several.median_answer(equal), 0.0, atol=1e-5)


def test_one_answer_is_all_three():
  one = Answers(jnp.ones(1), jnp.array([0.3]), 0.2)
  for predict in (several.mean_answer, several.median_answer, several.modal_answer):
    np.testing.assert_allclose(predict(one), 0.3, atol=1e-6)


def test_a_wide_mode_seeking_loss_gives_the_mean():
  wide = several.modal_answer(THREE, bandwidth=50.0)
  np.testing.assert_allclose(wide, several.mean_answer(THREE), atol=1e-3)


@pytest.mark.parametrize("predict", [several.median_answer, several.modal_answer])
def test_gradients_equal_finite_differences(predict):
  def of_centre(centre):
    return predict(THREE._replace(centres=THREE.centres.at[1].set(centre)))

  slope = jax.jit(jax.grad(of_centre))(0.1)
  difference = (of_centre(0.12) - of_centre(0.08)) / 0.04
  np.testing.assert_allclose(slope, difference, rtol=0.02)


def test_an_edge_at_an_uncertain_position():
  positions = several.draw_answers(jax.random.key(1), THREE, 4001)
  pixels = jnp.linspace(-2.0, 2.0, 81)
  edges = np.asarray(pixels)[None, :] >= np.asarray(positions)[:, None]
  ramp = jax.vmap(lambda pixel: several.cumulative(THREE, pixel))(pixels)
  np.testing.assert_allclose(np.mean(edges, axis=0), ramp, atol=0.03)
  # L1 keeps the edge sharp, at the median of its position.
  sharp = np.median(edges, axis=0)
  assert set(np.unique(sharp)) == {0.0, 1.0}
  np.testing.assert_allclose(pixels[np.argmax(sharp)], several.median_answer(THREE), atol=0.06)
  np.testing.assert_allclose(several.spread(THREE), np.std(positions), rtol=0.03)


def test_a_wave_at_an_uncertain_position_loses_its_amplitude():
  positions = several.draw_answers(jax.random.key(2), THREE, 10_000)
  pixels = jnp.linspace(0.0, 2 * jnp.pi, 16, endpoint=False)
  for frequency in (1.0, 2.0):
    waves = jax.vmap(lambda p, f=frequency: jnp.mean(jnp.cos(p - f * positions)))(pixels)
    amplitude = jnp.sqrt(2 * jnp.mean(jnp.square(waves)))
    np.testing.assert_allclose(several.frequency_response(THREE, frequency), amplitude, atol=0.02)
  np.testing.assert_allclose(several.frequency_response(THREE, 0.0), 1.0, rtol=1e-6)
