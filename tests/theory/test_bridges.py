import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.theory.transport import bridge_draw, entropic_map, gaussian_bridge, refinement_times

TAU = 0.6
A = np.array([0.2]), np.array([[0.49]])
B = np.array([1.0]), np.array([[1.69]])


@pytest.fixture(autouse=True)
def _double():
  with jax.enable_x64(True):
    yield


def _line(moments):
  return (float(part.ravel()[0]) for part in moments)


def test_times_by_hand():
  assert refinement_times(1) == (0.0, 1.0)
  assert refinement_times(2) == (0.0, 0.5, 1.0)
  assert refinement_times(3) == (0.0, 0.5, 0.5 + 0.5 / 1.5, 1.0)
  # 1 + 1/2 + 1/3 + 1/4 = 25 / 12.
  expected = (0.0, 0.5, 0.5 + 6 / 25, 0.5 + 9 / 25, 0.5 + 11 / 25, 1.0)
  np.testing.assert_allclose(refinement_times(5), expected, rtol=1e-12)
  with pytest.raises(ValueError, match="at least one step, got 0"):
    refinement_times(0)


def test_a_draw_by_hand():
  # From 0.5 to 0.75 is half of the way to 1: mean 3, variance 1/2 1/2 8 1/2 = 1.
  options = {"start": 0.5, "time": 0.75, "tau": 8.0}
  draw = bridge_draw(jnp.array(2.0), jnp.array(4.0), jnp.array(1.0), **options)
  np.testing.assert_allclose(draw, 4.0)
  # At the end nothing is left of start and noise.
  last = bridge_draw(jnp.array(2.0), jnp.array(4.0), jnp.array(9.0), start=0.5, time=1.0, tau=8.0)
  np.testing.assert_allclose(last, 4.0)


def test_two_draws_are_one():
  """Variances of the bridge from 0 to 0.4 and on to 0.7, with the end fixed, add up."""
  zero, one = jnp.array(0.0), jnp.array(1.0)

  def weights(start, time):
    kept = bridge_draw(one, zero, zero, start=start, time=time, tau=TAU)
    spread = bridge_draw(zero, zero, one, start=start, time=time, tau=TAU)
    return float(kept), float(spread)

  (first, noise), (second, again), (whole, direct) = map(weights, (0.0, 0.4, 0.0), (0.4, 0.7, 0.7))
  np.testing.assert_allclose(first * second, whole)
  np.testing.assert_allclose((second * noise) ** 2 + again**2, direct**2)


@pytest.mark.parametrize("time", [0.0, 0.3, 0.8])
def test_what_is_left_of_a_bridge_is_a_bridge(time):
  """From t on it is the entropic plan of its own start, with epsilon 2 tau (1 - t).

  So E |x_t - x_1|^2 - 2 tau (1 - t) H(x_t, x_1), which the method minimizes, has it as minimum.
  """
  _, variance, with_end = _line(gaussian_bridge(*A, *B, time, tau=TAU))
  start = np.array([0.0]), np.array([[variance]])
  left = 2.0 * TAU * (1.0 - time)
  matrix = entropic_map(*start, *B, epsilon=left).matrix
  np.testing.assert_allclose(variance * float(matrix[0, 0]), with_end, rtol=1e-10)
  deviation, end = np.sqrt(variance), np.sqrt(1.69)
  correlations = np.linspace(-0.999, 0.999, 20001)
  transport = variance + 1.69 - 2.0 * correlations * deviation * end
  entropy = 0.5 * np.log(1.0 - correlations**2)  # And a constant.
  best = correlations[np.argmin(transport - left * entropy)]
  np.testing.assert_allclose(best * deviation * end, with_end, atol=2e-4)


def test_the_ends_are_the_distributions():
  for time, (mean, variance) in ((0.0, A), (1.0, B)):
    moments = gaussian_bridge(*A, *B, time, tau=TAU)
    np.testing.assert_allclose(moments.mean, mean)
    np.testing.assert_allclose(moments.covariance, variance, rtol=1e-12)


def test_guesses_of_the_end_walk_the_bridge():
  """Drawing x_1 given x_t, and then the next x_t, in five steps gives every marginal."""
  times, keys = refinement_times(5), jax.random.split(jax.random.key(0), 11)
  first = 0.2 + 0.7 * jax.random.normal(keys[0], (200_000,))
  points, end = first, first
  for index, (start, time) in enumerate(itertools.pairwise(times)):
    mean, variance, with_end = _line(gaussian_bridge(*A, *B, start, tau=TAU))
    np.testing.assert_allclose(jnp.mean(points), mean, atol=0.01)
    np.testing.assert_allclose(jnp.var(points), variance, rtol=0.02)
    slope = with_end / variance
    deviation = np.sqrt(1.69 - slope * with_end)
    noise, step_noise = (jax.random.normal(key, first.shape) for key in keys[2 * index :][1:3])
    end = 1.0 + slope * (points - mean) + deviation * noise
    points = bridge_draw(points, end, step_noise, start=start, time=time, tau=TAU)
  np.testing.assert_allclose(points, end, rtol=1e-9)
  np.testing.assert_allclose(jnp.var(end), 1.69, rtol=0.02)
  _, _, coupled = _line(gaussian_bridge(*A, *B, 0.0, tau=TAU))
  np.testing.assert_allclose(jnp.mean((first - 0.2) * (end - 1.0)), coupled, rtol=0.03)
