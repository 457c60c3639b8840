import jax
import jax.numpy as jnp
import pytest

from imtrans.methods.rows import Reflection, reflections
from imtrans.networks import ResNet, UNet


def _noted(network, side):
  keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
  images = jnp.zeros((1, side, side, 3))
  return reflections(lambda images: network.init(keys, images, train=True), images)


def test_reflections_of_a_resnet_are_noted():
  assert _noted(ResNet(num_blocks=1, features=2), 16) == [
    Reflection("input", 16, 3),
    Reflection("block_0_first", 4, 1),
    Reflection("block_0_second", 4, 1),
    Reflection("output", 16, 3),
  ]


def test_zeros_may_be_of_any_device():
  assert _noted(UNet(num_levels=3, features=2), 16) == []


@pytest.mark.parametrize(
  ("noted", "most"), [(Reflection("a", 16, 3), 4), (Reflection("b", 6, 1), 3)]
)
def test_every_device_needs_a_row_more_than_it_reflects(noted, most):
  assert [shards for shards in range(1, 9) if noted.can_be_split(shards)][-1] == most
