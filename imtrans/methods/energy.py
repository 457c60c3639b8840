"""What a critic of pairs sees: images beside their time, and pairs beside other pairs."""

from collections.abc import Callable
from typing import NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.methods.method import apply_together, initialize


class PairEnergy(NamedTuple):
  """A critic that tells pairs of images from mixed ones: itself, and what it says.

  init: (key, place, images) -> (params, collections), for pairs of such images.
  scores: (params, collections, place, points, ends) -> ([joint, product], collections): what it
    says of pairs with themselves and with their neighbours, for `mutual_information_bound`.
    `place` is [times], one-hot, the images [batch, height, width, channels] of that time.
  """

  init: Callable
  scores: Callable


def pair_energy(discriminator: nn.Module) -> PairEnergy:
  """An energy of the architecture of a discriminator.

  Args:
    discriminator: takes images and `train`; here two pairs in the channels, beside planes that tell
      the time.

  Returns:
    The functions.
  """
  # Augmentations are for what is like the target: the energy sees points of the bridge too.
  energy = discriminator.clone(augment=()) if hasattr(discriminator, "augment") else discriminator

  def init(key, place, images):
    return initialize(energy, key, beside(place, jnp.concatenate([images] * 4, axis=-1)))

  def scores(params, collections, place, points, ends):
    pairs = jnp.concatenate([points, ends], axis=-1)
    doubled = [
      beside(place, jnp.concatenate([pairs, others], axis=-1))
      for others in (pairs, neighbours(pairs))
    ]
    return apply_together(energy, params, collections, doubled)

  return PairEnergy(init, scores)


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
