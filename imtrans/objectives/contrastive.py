"""Contrastive losses: a vector is to be like its partner and unlike all others."""

import jax
import jax.numpy as jnp
from jax import Array


def patch_nce_loss(queries: Array, keys: Array, *, temperature: float = 0.07) -> Array:
  """Cross entropy of finding each query's partner among the keys (PatchNCE).

  Park et al., 2020, Eqs. 1 and 3, https://arxiv.org/abs/2007.15651: with unit vectors q and k,
  -log exp(q_i k_i / T) / sum_j exp(q_i k_j / T), where the other keys of the same group are the
  negatives. A group is an image, or a whole batch laid out as one image. No gradient goes to keys.
  It is log K where all of K vectors are equal, and at least log(1 + (K - 1) exp(-2 / T)).

  Args:
    queries: [..., patches, features], unit vectors of the generated image.
    keys: the same shape, unit vectors of the source at the same places.
    temperature: T.

  Returns:
    Scalar in nats, >= 0, the mean over all queries.

  Raises:
    ValueError: if the shapes differ.
  """
  if queries.shape != keys.shape or queries.ndim < 2:
    raise ValueError(
      "queries and keys must have the same shape [..., patches, features], got "
      f"{queries.shape} and {keys.shape}."
    )
  keys = jnp.swapaxes(jax.lax.stop_gradient(keys), -1, -2)
  logits = queries @ keys / temperature
  partners = jnp.diagonal(logits, axis1=-2, axis2=-1)
  return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - partners)
