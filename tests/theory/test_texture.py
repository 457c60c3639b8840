import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.theory.patches import (
  Texture,
  averaged_periodogram,
  draw_lines,
  periodogram_moments,
  texture,
)

# Structure without a wave over a texture with one every eight pixels.
WAVE = math.pi / 4
BOTH = Texture(jnp.array([1.0, 0.5]), jnp.array([40.0, 5.0]), jnp.array([0.0, WAVE]))
STRUCTURE = BOTH._replace(variances=jnp.array([1.0, 0.0]))
GRAIN = BOTH._replace(variances=jnp.array([0.0, 0.5]))
periodogram = jax.jit(averaged_periodogram, static_argnums=2, static_argnames="stride")
spectral_error = jax.jit(texture.spectral_error)
moments = jax.jit(periodogram_moments, static_argnames="num_values")
LOW, HIGH = jnp.linspace(0.02, 0.12, 11), jnp.linspace(0.6, 1.0, 11)


@pytest.fixture(scope="module")
def draw():
  """Lines of a model on a ring of 512 pixels, in one shape to be compiled once."""
  compiled = jax.jit(draw_lines, static_argnames=("num_lines", "num_values"))
  return lambda key, model: compiled(jax.random.key(key), model, num_lines=800, num_values=512)


def test_spectrum_is_the_sum_of_the_covariance():
  lags = jnp.arange(-800, 801).astype(jnp.float32)
  for frequency in (0.0, 0.3, WAVE):
    total = jnp.sum(texture.covariance(BOTH, lags) * jnp.cos(frequency * lags))
    closed = texture.spectrum(BOTH, jnp.array([frequency]))[0]
    np.testing.assert_allclose(closed, total, rtol=1e-3)


@pytest.mark.parametrize("patch", [1, 2, 7, 70])
def test_patch_spectrum_is_the_sum_over_pairs_inside_a_patch(patch):
  lags = jnp.arange(-patch, patch + 1).astype(jnp.float32)
  taper = 1.0 - jnp.abs(lags) / patch
  frequencies = jnp.array([0.0, 0.05, WAVE, 2.0])
  angles = frequencies[:, None] * lags[None, :]
  total = jnp.cos(angles) @ (taper * texture.covariance(BOTH, lags))
  closed = texture.patch_spectrum(BOTH, frequencies, patch)
  np.testing.assert_allclose(closed, total, rtol=1e-3, atol=1e-4)


def test_limits_of_the_patch_size():
  frequencies = jnp.linspace(0.0, 3.0, 7)
  np.testing.assert_allclose(texture.patch_spectrum(BOTH, frequencies, 1), 1.5, rtol=1e-4)
  large = texture.patch_spectrum(BOTH, frequencies, 1e5)
  np.testing.assert_allclose(large, texture.spectrum(BOTH, frequencies), rtol=2e-2)


def test_drawn_lines_have_the_covariance(draw):
  lines, lags = np.asarray(draw(0, BOTH)), (0, 1, 4, 20)
  measured = [np.mean(lines * np.roll(lines, lag, axis=1)) for lag in lags]
  closed = texture.covariance(BOTH, jnp.array(lags, jnp.float32))
  np.testing.assert_allclose(measured, closed, atol=0.04)


@pytest.mark.parametrize("patch", [4, 16, 70])
def test_patches_of_drawn_lines_show_the_patch_spectrum(draw, patch):
  lines = draw(1, BOTH)
  frequencies = jnp.array([0.05, 0.3, WAVE])
  measured = jnp.mean(periodogram(lines, frequencies, patch, stride=4), axis=0)
  closed = texture.patch_spectrum(BOTH, frequencies, patch)
  np.testing.assert_allclose(measured, closed, rtol=0.1)


def test_a_line_of_independent_patches_has_the_patch_spectrum(draw):
  """The generator behind the closed form: real patches side by side, at a random phase."""
  patch, count = 16, 33
  # Eight patches of every ring, far enough apart to be independent, in random order.
  patches = np.asarray(draw(2, GRAIN)).reshape(800 * 8, 64)[:, :patch]
  generator = np.random.default_rng(0)
  patches = generator.permutation(patches)[: 190 * count]
  starts = generator.integers(0, patch, 190)
  quilts = patches.reshape(190, count * patch)
  lines = np.stack(
    [quilt[start : start + 512] for quilt, start in zip(quilts, starts, strict=True)]
  )
  # Averages over neighbouring frequencies, as one periodogram of a line is very noisy.
  frequencies = jnp.linspace(0.5, 1.1, 32)
  measured = jnp.mean(periodogram(jnp.asarray(lines), frequencies, 512), axis=0)
  closed = texture.patch_spectrum(GRAIN, frequencies, patch)
  measured, closed = (jnp.mean(values.reshape(4, 8), axis=1) for values in (measured, closed))
  np.testing.assert_allclose(measured, closed, rtol=0.15)


def test_small_patches_see_the_texture_and_not_the_structure():
  sizes = jnp.array([7.0, 16.0, 34.0, 70.0, 142.0])

  @jax.jit
  def of_band(band):
    return jax.vmap(lambda size: texture.spectral_error(BOTH, band, size, num_values=256))(sizes)

  (low_bias, low_variance), (high_bias, _) = of_band(LOW), of_band(HIGH)
  for values in (low_bias, high_bias):
    assert all(later < earlier for earlier, later in itertools.pairwise(values.tolist()))
  assert all(later > earlier for earlier, later in itertools.pairwise(low_variance[1:].tolist()))
  assert (low_bias[1:] > 2 * high_bias[1:]).all()
  assert high_bias[2] < 0.02 < 0.2 < low_bias[2]


def test_bias_at_a_peak_depends_on_the_ratio_of_patch_and_correlation_length():
  for patch in (10.0, 40.0, 160.0):
    bias = texture.relative_bias(STRUCTURE, jnp.zeros(1), patch)[0]
    ratio = patch / 40.0
    np.testing.assert_allclose(bias, -(1 - math.exp(-ratio)) / ratio, rtol=0.01)


def test_the_whole_error_equals_that_of_measured_spectra(draw):
  frequencies = jnp.linspace(0.5, 1.1, 13)
  rings = draw(4, GRAIN)
  true = texture.spectrum(GRAIN, frequencies)
  for patch in (8, 24, 70):
    seen = periodogram(rings[:, :256], frequencies, patch, stride=4)
    errors = jnp.mean(jnp.square(seen - true[None, :]), axis=0)
    measured = jnp.sum(errors) / jnp.sum(jnp.square(true))
    bias, variance = spectral_error(GRAIN, frequencies, patch, num_values=256, stride=4)
    np.testing.assert_allclose(bias + variance, measured, rtol=0.2)


@pytest.mark.parametrize("patch", [7, 34, 70])
def test_exact_moments_equal_those_of_drawn_lines(draw, patch):
  """Also for patches that are shorter than the structure's correlation length."""
  frequencies = jnp.array([0.05, 0.3, WAVE])
  seen = np.asarray(periodogram(draw(5, BOTH)[:, :128], frequencies, patch, stride=4))
  mean, variance = moments(BOTH, frequencies, patch, num_values=128, stride=4)
  closed = texture.patch_spectrum(BOTH, frequencies, patch)
  np.testing.assert_allclose(mean, closed, rtol=1e-3)
  np.testing.assert_allclose(np.var(seen, axis=0), variance, rtol=0.25)


def test_the_exact_variance_tends_to_the_closed_form():
  def ratio(model, patch):
    """The closed form's variance over the exact one, at the peak."""
    power = jnp.square(texture.spectrum(model, peak))
    _, exact = moments(model, peak, patch, num_values=128, stride=4)
    _, closed = spectral_error(model, peak, patch, num_values=128, stride=4)
    return float(closed * power[0] / exact[0])

  peak = jnp.array([WAVE])
  ratios = [ratio(GRAIN, patch) for patch in (4, 16, 48)]
  assert ratios[0] < 0.6 < ratios[1] < ratios[2] < 1.0
  np.testing.assert_allclose(ratios[2], 1.0, atol=0.15)
  white = GRAIN._replace(lengths=jnp.array([0.05, 0.05]))
  np.testing.assert_allclose(ratio(white, 16), 1.0, rtol=1e-3)


@jax.jit
def _best_size(model, frequencies, num_values):
  def error(size):
    return sum(texture.spectral_error(model, frequencies, size, num_values=num_values))

  sizes = jnp.arange(2.0, 250.0)
  return sizes[jnp.argmin(jax.vmap(error)(sizes))]


def test_structure_wants_larger_patches_than_texture():
  band = jnp.linspace(0.02, 1.2, 60)
  grain = _best_size(GRAIN, band, 256.0)
  structure = _best_size(STRUCTURE, band, 256.0)
  both = _best_size(BOTH, band, 256.0)
  assert grain < both <= structure


@pytest.mark.parametrize(
  ("length", "num_values"), [(5.0, 4096.0), (5.0, 32_768.0), (10.0, 32_768.0)]
)
def test_the_best_patch_size_follows_the_cube_root_law(length, num_values):
  peak = GRAIN._replace(lengths=jnp.array([1.0, length]))
  exact = _best_size(peak, jnp.array([WAVE]), num_values)
  law = texture.best_patch_size(length, num_values)
  np.testing.assert_allclose(law, (3 * num_values * length**2) ** (1 / 3), rtol=1e-6)
  np.testing.assert_allclose(exact, law, rtol=0.12)


def test_the_best_patch_size_in_an_image():
  sizes = np.linspace(5.0, 200.0, 20_000)
  errors = (2 * 6.0 / sizes) ** 2 + (2 * sizes / (3 * 256)) ** 2
  law = texture.best_patch_size(6.0, 256.0, dimensions=2)
  np.testing.assert_allclose(law, sizes[np.argmin(errors)], rtol=1e-3)
  np.testing.assert_allclose(law, math.sqrt(3 * 256 * 6), rtol=1e-6)


def test_the_bias_is_differentiable_in_the_patch_size():
  def bias(size):
    return texture.relative_bias(STRUCTURE, jnp.zeros(1), size)[0]

  slope = jax.jit(jax.grad(bias))(30.0)
  np.testing.assert_allclose(slope, (bias(31.0) - bias(29.0)) / 2, rtol=1e-2)


def test_a_patch_larger_than_the_line_is_refused():
  with pytest.raises(ValueError, match="patch_size must be between 1 and 8, got 9"):
    averaged_periodogram(jnp.ones((1, 8)), jnp.ones(1), 9)
