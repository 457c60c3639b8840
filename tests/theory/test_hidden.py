import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.theory.cycles import hidden

LEVELS = jnp.array([0.5, 1.0, 2.0, 4.0, 8.0])


def test_bits_that_rounding_and_noise_leave():
  rounded = hidden.hidden_capacity(LEVELS, hidden.ROUNDING)
  np.testing.assert_allclose(rounded, [1.00, 1.85, 2.81, 3.80, 4.79], atol=0.005)
  noisy = hidden.hidden_capacity(LEVELS, 4.0)
  np.testing.assert_allclose(noisy, [0.011, 0.044, 0.161, 0.50, 1.16], atol=0.005)


@pytest.mark.parametrize(
  ("amplitude", "expected"), [(0.25, 0.571), (0.5, 0.25), (1.0, 0.077), (2.0, 0.020)]
)
def test_a_message_is_read_after_rounding(amplitude, expected):
  closed = hidden.recovery_error(amplitude, hidden.stored_noise(0.0))
  np.testing.assert_allclose(closed, expected, atol=5e-4)
  measured = hidden.simulate_recovery(jax.random.key(0), amplitude)
  np.testing.assert_allclose(measured, closed, rtol=0.02)


@pytest.mark.parametrize("noise", [0.5, 2.0])
def test_noise_before_rounding_adds_to_it(noise):
  closed = hidden.recovery_error(1.0, hidden.stored_noise(noise))
  measured = hidden.simulate_recovery(jax.random.key(1), 1.0, noise=noise)
  np.testing.assert_allclose(measured, closed, rtol=0.02)


def test_error_is_what_the_capacity_leaves():
  noise = 1.5
  error = hidden.recovery_error(LEVELS, noise)
  np.testing.assert_allclose(error, 4.0 ** -hidden.hidden_capacity(LEVELS, noise), rtol=1e-5)
  one = jax.vmap(lambda bits: hidden.least_distortion(jnp.ones(1), bits))(
    hidden.hidden_capacity(LEVELS, noise)
  )
  np.testing.assert_allclose(one, error, rtol=1e-5)


def test_water_filling_by_hand():
  variances = jnp.array([1.0, 16.0, 4.0])
  np.testing.assert_allclose(hidden.least_distortion(variances, 0.0), 21.0, rtol=1e-5)
  # One bit: 16 -> 4. Two more: both 4s -> 1. Three more: all to 1/4.
  for bits, expected in ((1.0, 9.0), (3.0, 3.0), (6.0, 0.75)):
    np.testing.assert_allclose(hidden.least_distortion(variances, bits), expected, rtol=1e-4)


def test_water_filling_is_the_best_split_of_the_bits():
  variances, bits = jnp.array([1.0, 0.3, 0.05]), 2.5
  first, second = jnp.meshgrid(jnp.linspace(0.0, bits, 251), jnp.linspace(0.0, bits, 251))
  third = bits - first - second
  split = jnp.stack([first, second, third])
  errors = jnp.sum(variances[:, None, None] * 4.0**-split, axis=0)
  best = jnp.min(jnp.where(third > -1e-5, errors, jnp.inf))
  np.testing.assert_allclose(hidden.least_distortion(variances, bits), best, rtol=1e-3)


def test_more_bits_lose_less():
  slope = jax.grad(lambda bits: hidden.least_distortion(jnp.array([1.0, 0.3]), bits))
  slopes = jax.jit(jax.vmap(slope))(jnp.array([0.1, 0.5, 1.0, 3.0]))
  assert (slopes < 0).all()
