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
  if batch > size:
    raise ValueError(
      f"the image pool holds {size} images, fewer than the batch of {batch}: set pool_size to 0 "
      f"or to at least {batch}."
    )
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
