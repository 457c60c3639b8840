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
  stored in a random slot whose old image is returned. Slots are distinct within a batch, so at
  batch one this is the reference's pool, and replayed images are 2 size / batch steps old on
  average.

  Args:
    pool: from `empty_pool`.
    images: [batch, height, width, channels], batch at most the pool's size.
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
  position = pool["count"] + jnp.arange(batch)
  filling = position < size
  # While any image of this batch still fills the pool, the others pass: a random slot might be
  # one that is being filled.
  full = pool["count"] >= size
  exchanged = full & jax.random.bernoulli(coin_key, 0.5, (batch,))
  slots = jnp.where(full, jax.random.choice(slot_key, size, (batch,), replace=False), position)
  slots = jnp.minimum(slots, size - 1)

  old = pool["images"][slots]
  returned = jnp.where(exchanged[:, None, None, None], old, images)
  # Slots out of range are dropped, which leaves images that pass unstored.
  written = jnp.where(exchanged | (filling & ~full), slots, size)
  stored = pool["images"].at[written].set(images, mode="drop")
  return returned, {"images": stored, "count": jnp.minimum(pool["count"] + batch, size)}
