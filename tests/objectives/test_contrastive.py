"""The contrastive loss and the divergence of codes, against numbers by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from imtrans.objectives import gaussian_kl, patch_nce_loss


def _unit_vectors(seed, shape):
  vectors = jax.random.normal(jax.random.key(seed), shape)
  return vectors / jnp.linalg.norm(vectors, axis=-1, keepdims=True)


@pytest.mark.parametrize("count", [2, 7, 256])
def test_chance_is_the_logarithm_of_the_number_of_patches(count):
  same = jnp.broadcast_to(_unit_vectors(0, (1, 1, 5)), (3, count, 5))
  np.testing.assert_allclose(patch_nce_loss(same, same), np.log(count), rtol=1e-5)


def test_two_patches_by_hand():
  basis = jnp.eye(2)[None]
  right, wrong = (
    patch_nce_loss(queries, basis, temperature=0.5) for queries in (basis, basis[:, ::-1])
  )
  np.testing.assert_allclose(right, np.log(1.0 + np.exp(-2.0)), rtol=1e-6)
  np.testing.assert_allclose(wrong, np.log(1.0 + np.exp(2.0)), rtol=1e-6)


def test_the_least_value_is_that_of_opposite_vectors():
  queries = jnp.asarray([[[1.0, 0.0], [-1.0, 0.0]]])
  bound = np.log1p(np.exp(-2.0 / 0.3))
  np.testing.assert_allclose(patch_nce_loss(queries, queries, temperature=0.3), bound, rtol=1e-3)


def test_as_the_positive_beside_all_negatives_with_the_positive_blotted_out():
  """The layout of the authors' code: K + 1 logits, of which one is next to nothing."""
  queries, keys, temperature = _unit_vectors(1, (2, 6, 4)), _unit_vectors(2, (2, 6, 4)), 0.07
  losses = []
  for own_queries, own_keys in zip(np.asarray(queries), np.asarray(keys), strict=True):
    similar = own_queries @ own_keys.T
    positive = np.diag(similar)[:, None].copy()
    np.fill_diagonal(similar, -10.0)
    logits = np.concatenate([positive, similar], axis=1) / temperature
    losses.append(np.log(np.exp(logits).sum(axis=1)) - logits[:, 0])
  np.testing.assert_allclose(
    patch_nce_loss(queries, keys, temperature=temperature), np.mean(losses), rtol=1e-5
  )


def test_the_gradient_goes_to_queries_alone_and_towards_their_partners():
  queries, keys = _unit_vectors(1, (1, 5, 4)), _unit_vectors(2, (1, 5, 4))
  to_queries, to_keys = jax.grad(patch_nce_loss, argnums=(0, 1))(queries, keys)
  assert not to_keys.any()
  assert (jnp.sum(to_queries * keys, axis=-1) < 0).all()


def test_shapes_are_checked():
  with pytest.raises(ValueError, match="same shape"):
    patch_nce_loss(jnp.zeros((1, 3, 2)), jnp.zeros((1, 4, 2)))
  with pytest.raises(ValueError, match="same shape"):
    gaussian_kl(jnp.zeros((1, 3)), jnp.zeros((1, 4)))


def test_divergence_by_hand():
  mean, log_variance = jnp.asarray([[1.0, 0.0]]), jnp.asarray([[0.0, np.log(4.0)]], jnp.float32)
  expected = 0.5 + 0.5 * (4.0 - 1.0 - np.log(4.0))
  np.testing.assert_allclose(gaussian_kl(mean, log_variance), expected, rtol=1e-6)
  # Added over the code, averaged over images.
  twice = [jnp.concatenate([part, jnp.zeros((1, 2))]) for part in (mean, log_variance)]
  np.testing.assert_allclose(gaussian_kl(*twice), expected / 2, rtol=1e-6)


def test_divergence_is_that_of_samples():
  mean, log_variance = jnp.asarray([[0.7]]), jnp.asarray([[-0.9]])
  deviation = np.exp(-0.45)
  values = 0.7 + deviation * np.random.default_rng(0).standard_normal(400_000)
  log_ratio = 0.5 * (values**2 - ((values - 0.7) / deviation) ** 2) - np.log(deviation)
  np.testing.assert_allclose(gaussian_kl(mean, log_variance), log_ratio.mean(), atol=5e-3)
