"""Gradients of a batch that devices cannot hold at once, from parts of it one after the other.

Optimizers move once, by the mean over the parts, which is the gradient of the whole batch: losses
are means over pictures. Three things see a part instead of the batch. Batch normalisation takes
its statistics from a part, as LeCam does its anchors, and running averages are the means of what
the parts make of them. Random numbers (dropout, codes, augmentations, the coins of image pools) are
drawn for each part anew. A loss that compares pictures of a batch with each other, as optimal
transport does, compares those of a part.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.image_pool import divide_pool, join_pools
from imtrans.networks.augmentation import joined_moves, of_part

Batch = dict[str, Array]


def divide_batch(batch: Batch, count: int) -> Batch:
  """Divides a batch; interleaved, so that one that is split over devices stays where it is.

  Args:
    batch: arrays [batch, ...], batch a multiple of `count`.
    count: parts.

  Returns:
    Arrays [count, batch / count, ...].
  """
  return {
    name: jnp.moveaxis(array.reshape(-1, count, *array.shape[1:]), 1, 0)
    for name, array in batch.items()
  }


def over_parts(
  function: Callable[[dict[str, Any], Batch, Array], tuple[Any, dict[str, Any]]],
  extras: dict[str, Any],
  batch: Batch,
  key: Array,
  *,
  count: int,
  unroll: bool,
) -> tuple[Any, dict[str, Any]]:
  """Calls a function with one part of a batch after the other.

  Every part starts from the same extras, as the whole batch would, but for image pools, of which it
  has the slots of its own places, and the keys of augmentations.

  Args:
    function: (extras, part, key) -> (tree of gradients and metrics, extras).
    extras: of a method.
    batch: arrays [batch, ...], batch a multiple of `count`.
    key: random key, split over the parts.
    count: parts.
    unroll: whether the program repeats the function rather than looping. XLA:CPU needs it: there
      the weight gradient of a convolution is 50 to 80 times slower within a loop.

  Returns:
    The mean of the trees, and the extras after the batch: means of numbers, the moves of adapting
    probabilities added up, and joined pools.
  """
  size = len(next(iter(batch.values())))
  pools = {
    name: divide_pool(pool, size, count) for name, pool in dict(extras.get("pool", {})).items()
  }
  inputs = (divide_batch(batch, count), jax.random.split(key, count), pools, jnp.arange(count))

  def one(part: Batch, own_key: Array, own_pools: Any, index: Array) -> tuple[Any, dict[str, Any]]:
    own = of_part(extras, index)
    return function({**own, "pool": own_pools} if pools else own, part, own_key)

  def add(total: Any, given: Any) -> tuple[Any, dict[str, Any]]:
    tree, made = one(*given)
    return jax.tree.map(jnp.add, total, tree), made

  first = jax.tree.map(lambda array: array[0], inputs)
  zeros = jax.tree.map(
    lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(lambda: one(*first)[0])
  )
  total, made = jax.lax.scan(add, zeros, inputs, unroll=count if unroll else 1)
  joined = {name: own for name, own in made.items() if name != "pool"}
  joined = jax.tree_util.tree_map_with_path(
    _joined, joined, {name: extras[name] for name in joined}
  )
  if "pool" in made:
    joined["pool"] = {
      name: join_pools(made["pool"][name], pool, size) for name, pool in extras["pool"].items()
    }
  return jax.tree.map(lambda leaf: leaf / count, total), joined


def _joined(path: Any, leaves: Array, before: Array) -> Array:
  """Numbers of all parts in one: spectral vectors and counts are the same in every part."""
  moved = joined_moves(path, before, leaves)
  if moved is not None:
    return moved
  return jnp.mean(leaves, axis=0) if jnp.issubdtype(leaves.dtype, jnp.floating) else leaves[0]
