"""The encoders of latent codes and the head of the contrastive loss."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import ConvEncoder, MultiScaleDiscriminator, PatchHead, ResNetEncoder
from imtrans.networks.latent_encoder import mean_halve

KEY = jax.random.key(0)


def _count(tree):
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


# From the PyTorch reference code's networks: 2.590, 3.459 and 0.560 million.
def test_parameter_counts_of_the_reference():
  images = jnp.zeros((1, 256, 256, 3))
  for module, count in (
    (ResNetEncoder(), 2_590_032),
    (MultiScaleDiscriminator(norm="instance", padding=1, shrink=2), 3_458_978),
  ):
    variables = jax.eval_shape(lambda module=module: module.init(KEY, images, train=True))
    assert _count(variables["params"]) == count
  channels = {"image": 3, "down_1": 128, "down_2": 256, "block_0": 256, "block_4": 256}
  patches = {name: jnp.zeros((1, 2, size)) for name, size in channels.items()}
  assert _count(jax.eval_shape(lambda: PatchHead().init(KEY, patches))) == 560_384


@pytest.mark.parametrize("kind", [ResNetEncoder, ConvEncoder])
def test_codes_do_not_depend_on_the_batch_and_say_what_size_they_need(kind):
  module = kind(latent_size=3, num_levels=2, features=4)
  images = jax.random.normal(KEY, (2, 8, 12, 3))
  start = jax.jit(lambda images: module.init_with_output(KEY, images, train=True))
  (mean, log_variance), variables = start(images)
  assert mean.shape == log_variance.shape == (2, 3)
  alone, _ = module.apply(variables, images[:1], train=True)
  np.testing.assert_allclose(alone[0], mean[0], atol=1e-6)
  with pytest.raises(ValueError, match=r"multiples of 4 .* got 6x8: choose .*num_levels"):
    module.init(KEY, jnp.zeros((1, 6, 8, 3)), train=True)


def test_means_of_blocks_by_hand():
  images = jnp.arange(8.0).reshape(1, 2, 4, 1)
  np.testing.assert_array_equal(mean_halve(images)[0, :, :, 0], [[2.5, 4.5]])


def test_the_head_makes_unit_vectors_and_survives_zeros():
  head, patches = PatchHead(features=6), {"a": jnp.ones((1, 2, 3)), "b": jnp.zeros((1, 2, 5))}
  vectors, params = head.init_with_output(KEY, patches)
  np.testing.assert_allclose(jnp.linalg.norm(vectors["a"], axis=-1), 1.0, rtol=1e-3)
  gradient = jax.grad(lambda params: jnp.sum(head.apply(params, patches)["b"]))(params)
  assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
