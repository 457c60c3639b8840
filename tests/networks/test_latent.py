"""Codes that steer the residual blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.networks import ResNet
from imtrans.networks.latent import Modulation

KEY = jax.random.key(0)
IMAGES = jax.random.uniform(KEY, (2, 8, 8, 3), minval=-1.0)


def test_a_modulation_by_hand():
  hidden = jnp.arange(4.0).reshape(1, 1, 2, 2)
  # Two channels: scales 1 + 0.5 and 1 - 1, shifts 3 and 4, of a code of one number, 2.
  kernel = jnp.array([[0.25, -0.5, 1.5, 2.0]])
  params = {"Dense_0": {"kernel": kernel, "bias": jnp.zeros(4)}}
  steered = Modulation().apply({"params": params}, hidden, jnp.array([[2.0]]))
  np.testing.assert_allclose(steered[0, 0], [[3.0, 4.0], [6.0, 4.0]])


@pytest.mark.parametrize(("place", "heard"), [("input", False), ("blocks", True)])
def test_instance_normalisation_takes_a_code_away_but_from_the_blocks(place, heard):
  module = ResNet(num_blocks=1, num_levels=1, features=2, latent_at=place)

  @jax.jit
  def difference(key):
    variables = module.init(key, IMAGES, jnp.ones((2, 5)), train=True)
    variables = jax.tree.map(lambda leaf: 5.0 * leaf, variables)
    one, other = (
      module.apply(variables, IMAGES, jnp.full((2, 5), value), train=True) for value in (1.0, -1.0)
    )
    return jnp.max(jnp.abs(one - other))

  assert bool(difference(KEY) > 1e-2) == heard


def test_unknown_places_are_refused():
  with pytest.raises(ValueError, match="latent_at must be one of input, blocks for the ResNet"):
    jax.eval_shape(lambda: ResNet(latent_at="all").init(KEY, IMAGES, train=True))
