import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.methods.method import apply, apply_together, initialize
from imtrans.networks import PatchDiscriminator, ResNet

pytestmark = pytest.mark.usefixtures("lowered_for_accelerators")


def _images(seed):
  return jax.random.normal(jax.random.key(seed), (2, 16, 16, 3))


@pytest.mark.parametrize("norm", ["instance", "batch", "none"])
def test_together_equals_one_after_the_other(norm):
  module = PatchDiscriminator(num_layers=1, features=4, norm=norm)
  params, state = initialize(module, jax.random.key(0), _images(0))
  outputs, together = apply_together(module, params, state, (_images(1), _images(2)))
  for seed, output in zip((1, 2), outputs, strict=True):
    expected, state = apply(module, params, state, _images(seed))
    np.testing.assert_allclose(output, expected, atol=1e-5)
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=1e-6), together, state)
  assert bool(jax.tree.leaves(state)) == (norm == "batch")


def test_gradients_are_those_of_separate_passes():
  module = ResNet(num_blocks=1, features=4)
  params, state = initialize(module, jax.random.key(0), _images(0))

  def loss(params, run):
    (first, second), _ = run(params)
    return jnp.mean(jnp.abs(first)) + jnp.mean(jnp.square(second - 1.0))

  def separate(params):
    return [apply(module, params, state, _images(seed))[0] for seed in (1, 2)], state

  def together(params):
    return apply_together(module, params, state, (_images(1), _images(2)))

  got, expected = (jax.grad(loss)(params, run) for run in (together, separate))
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, atol=2e-5), got, expected)


def test_dropout_differs_between_the_batches():
  module = ResNet(num_blocks=1, features=4, dropout=0.5)
  params, state = initialize(module, jax.random.key(0), _images(0))
  images = _images(1)
  (first, second), _ = apply_together(module, params, state, (images, images), jax.random.key(2))
  assert not np.allclose(first, second)
