"""What a critic of pairs sees: images beside their time, and pairs beside other pairs."""

from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.methods.method import apply_together


def pair_scores(
  energy: nn.Module, params: Any, collections: Any, place: Array, pairs: Array
) -> tuple[list[Array], Any]:
  """What an energy says of pairs with themselves, and of pairs with their neighbours.

  Args:
    energy: a discriminator of two pairs in the channels, beside planes that tell the time.
    params: its parameters.
    collections: its other collections.
    place: [times], one-hot.
    pairs: [batch, height, width, channels of both images], of that time.

  Returns:
    The scores [joint, product] for `mutual_information_bound`, and the updated collections.
  """
  doubled = [
    beside(place, jnp.concatenate([pairs, others], axis=-1))
    for others in (pairs, neighbours(pairs))
  ]
  return apply_together(energy, params, collections, doubled)


def beside(place: Array, images: Array) -> Array:
  """Images with a plane for each time, all ones where it is that time.

  Args:
    place: [times], one-hot.
    images: [batch, height, width, channels].

  Returns:
    [batch, height, width, times + channels].
  """
  planes = jnp.broadcast_to(place[None, None, None], (*images.shape[:3], len(place)))
  return jnp.concatenate([planes.astype(images.dtype), images], axis=-1)


def neighbours(images: Array) -> Array:
  """Exchanges each even image of a batch with the odd one after it.

  So a batch that is split over devices stays where it is.

  Args:
    images: [batch, ...].

  Returns:
    The same shape.

  Raises:
    ValueError: for an odd batch.
  """
  if len(images) % 2:
    raise ValueError(
      "unsb compares each image with a neighbour in its batch: batch_size must be even, got "
      f"{len(images)}."
    )
  return images.reshape(-1, 2, *images.shape[1:])[:, ::-1].reshape(images.shape)
