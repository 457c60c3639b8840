"""The head that a contrastive loss compares features with."""

from collections.abc import Mapping

import flax.linen as nn
import jax.numpy as jnp
from jax import Array, lax

EPSILON = 1e-7


class PatchHead(nn.Module):
  """A two-layer perceptron per layer of an encoder, onto the unit sphere.

  Park et al., 2020, "Contrastive Learning for Unpaired Image-to-Image Translation", Sec. 3.2,
  https://arxiv.org/abs/2007.15651. Every layer has a perceptron of its own.
  """

  features: int = 256

  @nn.compact
  def __call__(self, patches: Mapping[str, Array]) -> dict[str, Array]:
    """Maps [batch, patches, channels] per layer to unit vectors [batch, patches, features]."""
    initial = nn.initializers.normal(0.02)
    outputs = {}
    for name, vectors in patches.items():
      # Similarities are divided by a small temperature: they are float32 always.
      hidden = vectors.astype(jnp.float32)
      hidden = nn.Dense(self.features, kernel_init=initial, name=f"{name}_first")(hidden)
      hidden = nn.Dense(self.features, kernel_init=initial, name=f"{name}_second")(nn.relu(hidden))
      squares = jnp.sum(jnp.square(hidden), axis=-1, keepdims=True)
      # Within the root, so that a vector of zeros has a gradient.
      outputs[name] = hidden * lax.rsqrt(squares + EPSILON**2)
    return outputs
