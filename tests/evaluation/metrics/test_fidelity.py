"""Metrics against hand-computed numbers and scikit-image."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage, signal
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from imtrans.evaluation.metrics import fidelity


def test_l1_of_black_and_white_is_one():
  black, white = -jnp.ones((2, 12, 12, 3)), jnp.ones((2, 12, 12, 3))
  np.testing.assert_allclose(fidelity.l1(black, white), [1.0, 1.0])


def test_l1_is_per_image_and_halves_the_difference():
  images = jnp.zeros((2, 2, 2, 1))
  targets = images.at[0, 0, 0, 0].set(0.4).at[1, 1, 1, 0].set(-0.8)
  np.testing.assert_allclose(fidelity.l1(images, targets), [0.05, 0.1], rtol=1e-6)


def test_l2_is_the_square_on_the_same_scale():
  images = jnp.zeros((2, 2, 2, 1))
  targets = images.at[0, 0, 0, 0].set(0.4).at[1, 1, 1, 0].set(-2.0)
  np.testing.assert_allclose(fidelity.l2(images, targets), [0.01, 0.25], rtol=1e-6)
  np.testing.assert_allclose(
    fidelity.psnr(images, targets), -10 * np.log10(fidelity.l2(images, targets)), rtol=1e-5
  )


def test_psnr_by_hand():
  # A constant error of 0.2 in a range of 2 is a tenth of it: 20 dB.
  images = jnp.zeros((1, 4, 4, 3))
  np.testing.assert_allclose(fidelity.psnr(images, images + 0.2), [20.0], rtol=1e-6)
  np.testing.assert_allclose(fidelity.psnr(images, images + 0.1, data_range=1.0), [20.0], rtol=1e-6)


def test_psnr_of_identical_images_is_the_ceiling():
  images = jnp.ones((1, 4, 4, 3))
  np.testing.assert_allclose(fidelity.psnr(images, images), [fidelity.PSNR_CEILING], rtol=1e-6)


def test_psnr_equals_scikit_image():
  random = np.random.default_rng(0)
  images, targets = random.uniform(-1, 1, (2, 3, 16, 20, 3)).astype(np.float32)
  expected = [
    peak_signal_noise_ratio(t, i, data_range=2.0) for i, t in zip(images, targets, strict=True)
  ]
  np.testing.assert_allclose(fidelity.psnr(images, targets), expected, rtol=1e-5)


def _drawing(random, height, width, channels):
  """A flat picture with a dark bar and a little noise: where naive variances cancel."""
  image = np.ones((height, width, channels))
  image[height // 3 : height // 2, 2:-2] = random.uniform(0, 0.2)
  noise = random.integers(-2, 3, image.shape) * (random.uniform(size=image.shape) < 0.2) / 255
  return np.clip(image + noise, 0, 1)


@pytest.mark.parametrize(
  "kind,shape", [("drawing", (64, 64, 3)), ("noise", (11, 30, 1)), ("noise", (40, 25, 5))]
)
def test_ssim_equals_scikit_image(kind, shape):
  random = np.random.default_rng(1)
  draw = _drawing if kind == "drawing" else lambda r, *size: r.uniform(size=size)
  x = np.stack([draw(random, *shape) for _ in range(3)])
  y = np.stack([draw(random, *shape) for _ in range(3)])
  expected = [
    structural_similarity(
      a,
      b,
      gaussian_weights=True,
      sigma=1.5,
      use_sample_covariance=False,
      data_range=1.0,
      channel_axis=-1,
    )
    for a, b in zip(x, y, strict=True)
  ]
  ours = jax.jit(fidelity.ssim)(jnp.float32(2 * x - 1), jnp.float32(2 * y - 1))
  assert ours.shape == (3,)
  np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_ssim_is_one_only_for_equal_images():
  image = jnp.float32(np.random.default_rng(2).uniform(-1, 1, (1, 16, 16, 3)))
  np.testing.assert_allclose(fidelity.ssim(image, image), [1.0], atol=1e-6)
  assert float(fidelity.ssim(image, -image)[0]) < 0.1


def test_ssim_gradient_is_finite_at_equality():
  image = jnp.ones((1, 12, 12, 1))
  gradient = jax.grad(lambda x: fidelity.ssim(x, image).sum())(image)
  assert bool(jnp.all(jnp.isfinite(gradient)))


def test_ssim_refuses_images_smaller_than_the_window():
  with pytest.raises(ValueError, match="at least that large, got 10 x 32"):
    fidelity.ssim(jnp.zeros((1, 10, 32, 3)), jnp.zeros((1, 10, 32, 3)))


def _multi_scale_by_definition(x, y):
  """Wang et al. (2003) for one channel in [0, 1], in float64, with SciPy's filters."""
  offsets = np.arange(-5, 6)
  taps = np.exp(-0.5 * np.square(offsets / 1.5))
  window = np.outer(taps, taps) / np.sum(np.outer(taps, taps))
  factors = []
  for _ in range(5):
    mean_x, mean_y, xx, yy, xy = (
      signal.convolve2d(z, window, "valid") for z in (x, y, x * x, y * y, x * y)
    )
    structure = (2 * (xy - mean_x * mean_y) + 0.0009) / (xx + yy - mean_x**2 - mean_y**2 + 0.0009)
    luminance = (2 * mean_x * mean_y + 0.0001) / (mean_x**2 + mean_y**2 + 0.0001)
    factors.append((np.mean(structure), np.mean(luminance * structure)))
    box = np.ones((2, 2)) / 4
    x, y = (ndimage.correlate(z, box, origin=-1, mode="nearest")[::2, ::2] for z in (x, y))
  weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
  values = np.array([structure for structure, _ in factors[:-1]] + [factors[-1][1]])
  return np.prod(np.maximum(values, 0.0) ** weights)


@pytest.mark.parametrize("noise", [0.05, 0.4])
def test_multi_scale_ssim_equals_its_definition(noise):
  random = np.random.default_rng(3)
  x = ndimage.gaussian_filter(random.uniform(size=(2, 161, 166, 2)), (0, 2, 2, 0))
  x = (x - x.min()) / (x.max() - x.min())
  y = np.clip(x + noise * random.normal(size=x.shape), 0, 1)
  expected = [
    np.mean([_multi_scale_by_definition(a[..., c], b[..., c]) for c in range(2)])
    for a, b in zip(x, y, strict=True)
  ]
  ours = jax.jit(fidelity.ms_ssim)(jnp.float32(2 * x - 1), jnp.float32(2 * y - 1))
  assert ours.shape == (2,)
  np.testing.assert_allclose(ours, expected, atol=2e-6)


def test_multi_scale_ssim_of_equal_and_of_inverted_images():
  image = jnp.float32(np.random.default_rng(4).uniform(-1, 1, (1, 161, 161, 1)))
  function = jax.jit(jax.value_and_grad(lambda x, y: fidelity.ms_ssim(x, y).sum()))
  value, gradient = function(image, image)
  np.testing.assert_allclose(value, 1.0, atol=1e-6)
  assert bool(jnp.all(jnp.isfinite(gradient)))
  value, gradient = function(image, -image)
  assert float(value) == 0.0 and bool(jnp.all(jnp.isfinite(gradient)))


def test_multi_scale_ssim_refuses_small_images():
  with pytest.raises(ValueError, match="at least 161 x 161, got 160 x 300"):
    fidelity.ms_ssim(jnp.zeros((1, 160, 300, 1)), jnp.zeros((1, 160, 300, 1)))


@pytest.mark.parametrize(
  "metric", [fidelity.l1, fidelity.l2, fidelity.psnr, fidelity.ssim, fidelity.ms_ssim]
)
def test_shapes_must_agree(metric):
  with pytest.raises(ValueError, match="same shape"):
    metric(jnp.zeros((1, 16, 16, 3)), jnp.zeros((2, 16, 16, 3)))
  with pytest.raises(ValueError, match="same shape"):
    metric(jnp.zeros((16, 16, 3)), jnp.zeros((16, 16, 3)))
