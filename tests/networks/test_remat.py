"""Blocks that are computed again on the way back: the same numbers, the same parameters."""

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.networks import ResNet

KEYS = {"params": jax.random.key(0), "dropout": jax.random.key(1)}


def test_remat_changes_no_number():
  images = jax.random.uniform(jax.random.key(2), (2, 8, 8, 3), minval=-1.0)
  plain, again = (
    ResNet(num_blocks=2, features=4, norm="batch", dropout=0.5, remat=remat)
    for remat in (False, True)
  )
  variables, same = (
    jax.jit(lambda images, own=network: own.init(KEYS, images, train=True))(images)
    for network in (plain, again)
  )
  jax.tree.map(np.testing.assert_array_equal, same, variables)
  collections = {name: tree for name, tree in variables.items() if name != "params"}

  def result(network):
    def loss(params):
      outputs, state = network.apply(
        {"params": params, **collections},
        images,
        train=True,
        rngs={"dropout": KEYS["dropout"]},
        mutable=list(collections),
      )
      return jnp.mean(jnp.sin(3.0 * outputs)), (outputs, state)

    program = jax.jit(jax.grad(loss, has_aux=True))
    blocks = str(jax.make_jaxpr(jax.grad(loss, has_aux=True))(variables["params"])).count("remat")
    return program(variables["params"]), blocks

  (expected, without), (got, with_blocks) = result(plain), result(again)
  jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6, rtol=1e-6), got, expected)
  assert with_blocks >= without + 2


def test_remat_keeps_no_activation_of_a_block():
  images = jnp.zeros((1, 32, 32, 3))

  def kept(num_blocks, *, remat):
    """Numbers that the way back is given, besides the parameters."""
    network = ResNet(num_blocks=num_blocks, features=4, remat=remat)
    params = jax.eval_shape(lambda: network.init(KEYS, images, train=True))

    def forward(params):
      return jax.vjp(lambda params: network.apply(params, images, train=True), params)[1]

    count = sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(forward, params)))
    return count - sum(leaf.size for leaf in jax.tree.leaves(params))

  plain, again = (kept(8, remat=remat) - kept(4, remat=remat) for remat in (False, True))
  block = 8 * 8 * 16  # An activation of a residual block: 13.6 are kept, or fewer than two.
  assert again <= 2 * 4 * block and plain >= 13 * 4 * block
