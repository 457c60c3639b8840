"""A history of generated images for the discriminator, as a pytree written inside jit."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

Pool = dict[str, Any]


def empty_pool(size: int, image_shape: tuple[int, ...]) -> Pool:
  """An empty pool.

  Args:
    size: images that it can hold; 0 makes a pool that returns what comes in.
    image_shape: [height, width, channels].

  Returns:
    {"images": [size, height, width, channels], "count": images stored so far}.
  """
  return {
    "images": jnp.zeros((size, *image_shape), jnp.float32),
    "count": jnp.zeros((), jnp.int32),
  }


def query_pool(pool: Pool, images: Array, key: Array) -> tuple[Array, Pool]:
  """Exchanges half of a batch against older images (Shrivastava et al., 2017, Sec. 2.3).

  https://arxiv.org/abs/1612.07828, with the coin of the CycleGAN code: while the pool fills, images
  are stored and returned; then each image is returned as it is with probability one half, or
  stored in a random slot whose old image is returned. Every place in the batch has size // batch
  slots of its own, which follow each other in the pool: so batch and pool can be split over devices
  alike, and no image ever travels. At batch one this is the reference's pool, and replayed images
  are 2 size / batch steps old on average.

  The batch must not change before the pool is full: slots that were not filled are black.

  Args:
    pool: from `empty_pool`.
    images: [batch, height, width, channels], batch at most the pool's size; what the size is more
      than a multiple of the batch is not used.
    key: random key.

  Returns:
    Images of the same shape, and the new pool.

  Raises:
    ValueError: if the batch is larger than the pool.
  """
  size, batch = pool["images"].shape[0], images.shape[0]
  if size == 0:
    return images, pool
  _check_batch(size, batch)
  slot_key, coin_key = jax.random.split(key)
  each = size // batch
  full = pool["count"] >= each * batch
  exchanged = full & jax.random.bernoulli(coin_key, 0.5, (batch,))
  chosen = jax.random.randint(slot_key, (batch,), 0, each)
  slots = jnp.where(full, chosen, pool["count"] // batch)

  def exchange(own: Array, image: Array, slot: Array, exchanged: Array) -> tuple[Array, Array]:
    old = own[slot]
    # A slot out of range is dropped, which leaves an image that passes unstored.
    stored = own.at[jnp.where(exchanged | ~full, slot, each)].set(image, mode="drop")
    return jnp.where(exchanged, old, image), stored

  used = pool["images"][: each * batch]
  owned = used.reshape(batch, each, *used.shape[1:])
  returned, owned = jax.vmap(exchange)(owned, images, slots, exchanged)
  stored = jnp.concatenate([owned.reshape(used.shape), pool["images"][each * batch :]])
  count = jnp.minimum(pool["count"] + batch, each * batch)
  return returned, {"images": stored, "count": count}


def divide_pool(pool: Pool, batch: int, count: int) -> Pool:
  """Divides a pool among the parts of a batch, which is dealt out to them place by place.

  Args:
    pool: from `empty_pool`.
    batch: images of the whole batch, a multiple of `count`.
    count: parts.

  Returns:
    {"images": [count, slots, height, width, channels], "count": [count]}.

  Raises:
    ValueError: if the batch is larger than the pool.
  """
  size, shape = pool["images"].shape[0], pool["images"].shape[1:]
  _check_batch(size, batch)
  each = size // batch
  owned = pool["images"][: each * batch].reshape(batch // count, count, each, *shape)
  images = jnp.moveaxis(owned, 1, 0).reshape(count, batch // count * each, *shape)
  return {"images": images, "count": jnp.full((count,), pool["count"] // count)}


def join_pools(parts: Pool, pool: Pool, batch: int) -> Pool:
  """Puts back together what `divide_pool` made of a pool.

  Args:
    parts: after each part was queried.
    pool: the pool before, of which unused slots are kept.
    batch: images of the whole batch.

  Returns:
    The pool after.
  """
  size, shape = pool["images"].shape[0], pool["images"].shape[1:]
  count, each = parts["images"].shape[0], size // batch
  owned = parts["images"].reshape(count, batch // count, each, *shape)
  images = jnp.moveaxis(owned, 0, 1).reshape(each * batch, *shape)
  stored = jnp.concatenate([images, pool["images"][each * batch :]])
  return {"images": stored, "count": jnp.sum(parts["count"])}


def _check_batch(size: int, batch: int) -> None:
  if size and batch > size:
    raise ValueError(
      f"the image pool holds {size} images, fewer than the batch of {batch}: set pool_size to 0 "
      f"or to at least {batch}."
    )
