"""What TPUs compile for a transposed convolution equals the four phases, in all three products."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks.direct import dilated_transposed, phased_transposed


@pytest.mark.parametrize(("size", "padding"), [(4, 1), (3, 1), (2, 0), (6, 2)])
def test_a_transposed_convolution(size, padding):
  images = jax.random.normal(jax.random.key(0), (2, 3, 5, 4))
  kernel = jax.random.normal(jax.random.key(1), (size, size, 3, 4))
  cotangent = jax.random.normal(jax.random.key(2), (2, 6, 10, 3))

  def products(function):
    @jax.jit
    def all_three(images, kernel, cotangent):
      value, pull_back = jax.vjp(lambda x, w: function(x, w, padding=padding), images, kernel)
      return value, *pull_back(cotangent)

    return all_three(images, kernel, cotangent)

  ours, references = products(dilated_transposed), products(phased_transposed)
  for found, reference in zip(ours, references, strict=True):
    assert found.shape == reference.shape
    np.testing.assert_allclose(found, reference, atol=1e-5 * float(jnp.abs(reference).max()))


def test_one_pixel_by_hand():
  """A pixel of 2 at (0, 0): output (o, p) is 2 w[o + 1, p + 1], and tap 0 falls off the edge."""
  kernel = jnp.arange(16.0).reshape(4, 4, 1, 1)
  outputs = dilated_transposed(jnp.full((1, 1, 1, 1), 2.0), kernel, padding=1)
  np.testing.assert_array_equal(outputs[0, :, :, 0], [[10.0, 12.0], [18.0, 20.0]])
