import jax
import jax.numpy as jnp
import pytest

from imtrans.methods.rows import Rows, activation_rows
from imtrans.networks import ResNet, UNet


def _noted(network, side):
  keys = {"params": jax.random.key(0), "dropout": jax.random.key(1)}
  images = jnp.zeros((1, side, side, 3))
  return activation_rows(lambda images: network.init(keys, images, train=True), images)


def test_rows_of_a_unet_are_halved_and_doubled():
  rows = _noted(UNet(num_levels=3, features=2), 16)
  assert [(each.layer, each.count) for each in rows] == [
    ("encoder_0", 8),
    ("encoder_1", 4),
    ("encoder_2", 2),
    ("decoder_2", 2),
    ("decoder_1", 4),
    ("decoder_0", 8),
  ]
  assert {each.reflected for each in rows} == {0}


def test_reflections_of_a_resnet_are_noted():
  rows = {each.layer: each for each in _noted(ResNet(num_blocks=1, features=2), 16)}
  assert rows["input"] == Rows("input", 16, 3)
  assert rows["block_0_first"] == Rows("block_0_first", 4, 1)
  assert rows["down_2"] == Rows("down_2", 4)


@pytest.mark.parametrize(
  ("rows", "most"), [(Rows("a", 3), 3), (Rows("b", 16, 3), 4), (Rows("c", 6, 1), 3)]
)
def test_every_device_needs_a_row_and_one_more_than_it_reflects(rows, most):
  assert [shards for shards in range(1, 9) if rows.can_be_split(shards)][-1] == most
