import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import PatchDiscriminator
from imtrans.networks.convolution import convolve
from imtrans.theory.games import play, zero_sum
from imtrans.theory.lipschitz import (
  amplification,
  convolution_norm,
  convolution_norm_bounds,
  convolution_singular_values,
  gradient_norms,
  kernel_matrix,
  lipschitz_bound,
  normalized_bilinear_invariant,
  normalized_bilinear_loss,
  operator_norm,
  power_iteration,
)
from imtrans.theory.patches import Layer

KEY = jax.random.key(0)


def _random(*shape):
  return jax.random.normal(KEY, shape)


def test_converges_to_the_largest_singular_value():
  matrix = _random(6, 9)
  norm, vector = power_iteration(matrix, jnp.ones(6), num_steps=200)
  np.testing.assert_allclose(norm, np.linalg.norm(matrix, 2), rtol=1e-5)
  np.testing.assert_allclose(jnp.linalg.norm(vector), 1.0, rtol=1e-6)


def test_estimate_is_never_above_the_norm_and_improves_over_calls():
  matrix, vector = _random(8, 20), jnp.ones(8)
  true, estimates = np.linalg.norm(matrix, 2), []
  for _ in range(10):
    norm, vector = power_iteration(matrix, vector)
    estimates.append(float(norm))
  assert max(estimates) <= true * (1 + 1e-6)
  assert estimates[-1] > estimates[0]
  assert all(later >= earlier - 1e-5 for earlier, later in itertools.pairwise(estimates))


def test_gradient_is_the_outer_product_of_the_singular_vectors():
  matrix = _random(4, 5)
  _, vector = power_iteration(matrix, jnp.ones(4), num_steps=300)
  gradient = jax.grad(lambda m: power_iteration(m, vector)[0])(matrix)
  left, _, right = np.linalg.svd(matrix)
  np.testing.assert_allclose(gradient, np.outer(left[:, 0], right[0]), atol=1e-4)


def test_one_iteration_on_a_wide_random_matrix_is_well_below_the_norm():
  """A fresh vector finds about three quarters of the norm; training reaches it over its steps."""
  matrices = jax.random.normal(KEY, (4, 64, 1024))
  vectors = jax.random.normal(jax.random.key(1), (4, 64))
  true = jnp.linalg.norm(matrices, 2, axis=(1, 2))
  one = jax.vmap(power_iteration)(matrices, vectors)[0] / true
  ten = jax.vmap(lambda m, v: power_iteration(m, v, num_steps=10)[0])(matrices, vectors) / true
  assert 0.7 < float(one.mean()) < 0.9
  assert 0.95 < float(ten.mean()) < 1.0


def _periodic(images, kernel, stride):
  """A periodic convolution by the network's operator: pad by wrapping, then convolve."""
  height, width = kernel.shape[0] - 1, kernel.shape[1] - 1
  images = jnp.pad(images, ((0, 0), (0, height), (0, width), (0, 0)), mode="wrap")
  return convolve(images, kernel, stride=stride)


CASES = [
  ((3, 3, 2, 3), (8, 8), 1),
  ((4, 4, 3, 2), (8, 6), 2),
  ((4, 4, 2, 5), (8, 8), 2),
  ((3, 5, 1, 2), (6, 9), 3),
]


@pytest.mark.parametrize(("shape", "size", "stride"), CASES)
def test_singular_values_are_those_of_the_dense_matrix(shape, size, stride):
  kernel = _random(*shape)
  flat = (*size, shape[2])
  basis = jnp.eye(np.prod(flat)).reshape(-1, *flat)
  dense = _periodic(basis, kernel, stride).reshape(len(basis), -1)
  expected = np.linalg.svd(dense, compute_uv=False)
  got = np.asarray(convolution_singular_values(kernel, size, stride=stride))
  assert got.shape == (
    size[0] // stride,
    size[1] // stride,
    min(shape[3], stride**2 * shape[2]),
  )
  np.testing.assert_allclose(np.sort(got.ravel())[::-1], expected[: got.size], atol=2e-4)
  np.testing.assert_allclose(expected[got.size :], 0.0, atol=2e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_norm_lies_between_its_bounds(stride):
  kernels = jax.random.normal(KEY, (10, 4, 4, 3, 8))
  low, high = jax.vmap(lambda kernel: convolution_norm_bounds(kernel, stride=stride))(kernels)
  norms = jax.vmap(lambda kernel: convolution_norm(kernel, (16, 16), stride=stride))(kernels)
  assert (low <= norms).all() and (norms <= high).all()


@pytest.mark.parametrize(("stride", "ratio"), [(1, 4.0), (2, 2.0)])
def test_a_kernel_of_ones_attains_the_upper_bound(stride, ratio):
  kernel = jnp.ones((4, 4, 1, 1))
  low, high = convolution_norm_bounds(kernel, stride=stride)
  norm = convolution_norm(kernel, (8, 8), stride=stride)
  np.testing.assert_allclose([norm / low, norm / high], [ratio, 1.0], rtol=1e-5)
  assert amplification(Layer(4, stride, 1)) == ratio


def test_zero_padding_is_a_little_below_the_periodic_norm():
  kernel = _random(4, 4, 3, 8)
  images = jnp.zeros((1, 16, 16, 3))
  zero = operator_norm(lambda x: convolve(x, kernel, stride=2, padding=1), images, KEY)
  wrapped = operator_norm(lambda x: _periodic(x, kernel, 2), images, KEY, num_steps=300)
  periodic = convolution_norm(kernel, (16, 16), stride=2)
  np.testing.assert_allclose(wrapped, periodic, rtol=1e-3)
  assert 0.8 * periodic < zero < periodic


def test_sizes_that_do_not_fit_are_refused():
  with pytest.raises(ValueError, match="must be at least that of the kernel"):
    convolution_singular_values(jnp.ones((4, 4, 1, 1)), (3, 8))
  with pytest.raises(ValueError, match="must be a multiple of the stride 2"):
    convolution_singular_values(jnp.ones((4, 4, 1, 1)), (9, 8), stride=2)
  with pytest.raises(ValueError, match="one number per layer, got 1 for 2"):
    lipschitz_bound([Layer(4, 2, 1)] * 2, [1.0])


def test_bound_of_the_70_pixel_patch_discriminator():
  layers = PatchDiscriminator(num_layers=3).layers
  assert lipschitz_bound(layers) == 128.0
  assert lipschitz_bound(layers, [0.5] * 5) == 4.0


def test_a_normalized_discriminator_may_be_steeper_than_one_and_never_than_its_bound():
  """With kernels of ones, normalised, the network is far above 1: only the bound holds."""
  network = PatchDiscriminator(num_layers=1, features=4, norm="none")
  image = jax.random.uniform(KEY, (16, 16, 3), minval=-1.0)
  bound = lipschitz_bound(network.layers)
  assert bound == 32.0

  @jax.jit
  def measure(params):
    def judge(image):
      return network.apply({"params": params}, image[None], train=True)

    steepest = operator_norm(judge, image, KEY, num_steps=20)
    means = gradient_norms(lambda image: jnp.mean(judge(image)), image[None])
    return steepest, means[0] * np.sqrt(judge(image).size)

  shapes = jax.eval_shape(lambda: network.init(KEY, image[None], train=True))["params"]
  for draw, least in ((_random, 0.3), (lambda *shape: jnp.ones(shape), 10.0)):
    kernels = jax.tree.map(lambda leaf, draw=draw: draw(*leaf.shape), shapes)
    params = jax.tree.map(
      lambda leaf: leaf / jnp.linalg.norm(kernel_matrix(leaf), 2) if leaf.ndim == 4 else 0.0 * leaf,
      kernels,
    )
    steepest, mean = measure(params)
    assert least < float(steepest) <= bound
    assert 0.0 < float(mean) <= bound


def test_gradient_norms_by_hand():
  norms = gradient_norms(lambda point: 3.0 * point[0] - 4.0 * point[1], jnp.ones((5, 2)))
  np.testing.assert_allclose(norms, 5.0 * np.ones(5))


def test_normalizing_a_player_slows_the_game_and_does_not_cure_it():
  start = (jnp.array([3.0, 1.0]), jnp.array([0.5, 2.0]))
  plain = zero_sum(lambda g, d: jnp.vdot(g, d))
  calm = zero_sum(normalized_bilinear_loss)
  sizes = {}
  for name, losses in (("plain", plain), ("calm", calm)):
    generator, _ = play(losses, start, "simultaneous", 0.1, 3000).trajectory
    sizes[name] = np.linalg.norm(generator, axis=1)
    moves = np.linalg.norm(np.diff(generator, axis=0), axis=1)
    if name == "calm":  # Each step of the generator has the length of the step size.
      np.testing.assert_allclose(moves, 0.1 * np.ones(3000), rtol=1e-3)
  assert sizes["plain"][-1] > 1e6
  assert sizes["calm"][-1] < 100.0
  assert sizes["calm"][-1000:].min() > 1.0


def test_the_normalized_game_circles_on_the_level_sets_of_its_invariant():
  start = (jnp.array([1.0, 1.5]), jnp.array([1.0, 0.0]))
  generator, discriminator = play(
    zero_sum(normalized_bilinear_loss), start, "extragradient", 1e-3, 6_000
  ).trajectory
  np.testing.assert_allclose(jnp.linalg.norm(discriminator, axis=1), 1.0, rtol=5e-3)
  invariant = jax.vmap(normalized_bilinear_invariant)(generator, discriminator)
  np.testing.assert_allclose(invariant, float(invariant[0]) * np.ones(6_001), rtol=0.02)
  # Exactly on the circle: a = 0 and b = |d| is an orbit of constant speed.
  circle = (jnp.array([0.0, 1.0]), jnp.array([1.0, 0.0]))
  generator, _ = play(
    zero_sum(normalized_bilinear_loss), circle, "extragradient", 1e-3, 6_000
  ).trajectory
  np.testing.assert_allclose(jnp.linalg.norm(generator, axis=1), 1.0, rtol=5e-3)


def test_other_shapes_are_refused():
  with pytest.raises(ValueError, match=r"matrix must be .* \(3, 4\) and \(4,\)"):
    power_iteration(jnp.ones((3, 4)), jnp.ones(4))
  for function in (kernel_matrix, lambda kernel: convolution_singular_values(kernel, (8, 8))):
    with pytest.raises(ValueError, match="kernel must be"):
      function(jnp.ones((4, 4, 1)))
