import itertools

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.theory import power_iteration


def _random(*shape):
  return jax.random.normal(jax.random.key(0), shape)


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
