import jax
import jax.numpy as jnp
import numpy as np

from imtrans.networks import ResNet
from imtrans.networks.antialiasing import blur_double, blur_halve


def test_halving_by_hand():
  ramp = jnp.arange(6.0).reshape(1, 1, 6, 1) * jnp.ones((1, 4, 1, 1))
  # (x[-1] + 2 x[0] + x[1]) / 4 with x[-1] = x[1], then interior means.
  np.testing.assert_allclose(blur_halve(ramp)[0, :, :, 0], [[0.5, 2.0, 4.0]] * 2)


def test_what_cannot_be_seen_at_half_the_size_is_taken_away():
  rows, columns = jnp.meshgrid(jnp.arange(8), jnp.arange(8), indexing="ij")
  for phase in (rows, columns, rows + columns):
    finest = jnp.where(phase % 2 == 0, 1.0, -1.0)[None, :, :, None]
    assert float(jnp.max(jnp.abs(blur_halve(finest)))) < 1e-6
    assert float(jnp.max(jnp.abs(finest[:, ::2, ::2]))) == 1.0  # A stride makes a constant of it.


def test_doubling_is_linear_interpolation():
  images = jax.random.normal(jax.random.key(0), (2, 4, 6, 3))
  np.testing.assert_allclose(
    blur_double(images), jax.image.resize(images, (2, 8, 12, 3), "linear"), atol=1e-6
  )


def test_blurs_have_no_parameters():
  def shapes(antialiased):
    module = ResNet(antialiased=antialiased)
    images = jnp.zeros((1, 32, 32, 3))
    outputs, variables = jax.eval_shape(
      lambda: module.init_with_output(jax.random.key(0), images, train=False)
    )
    assert outputs.shape == images.shape
    return sum(leaf.size for leaf in jax.tree.leaves(variables["params"]))

  assert shapes(True) == shapes(False) == 11_378_179
