import jax
import jax.numpy as jnp
import numpy as np

from imtrans.objectives import information_critic_loss, mutual_information_bound


def test_by_hand():
  joint, product = jnp.array([1.0, 3.0]), jnp.log(jnp.array([1.0, 3.0]))
  # 2 - log((1 + 3) / 2), and (log 2)^2 - (2 - log 2).
  np.testing.assert_allclose(mutual_information_bound(joint, product), 2.0 - np.log(2.0), rtol=1e-6)
  loss = information_critic_loss(joint, product)
  np.testing.assert_allclose(loss, np.log(2.0) ** 2 - 2.0 + np.log(2.0), rtol=1e-6)


def test_the_best_critic_finds_the_entropy_of_a_die():
  """T = log n where both are equal and very low elsewhere: log n nats, and no drift."""
  critic = jnp.where(jnp.eye(6) > 0, jnp.log(6.0), -50.0)
  joint, product = jnp.diagonal(critic), critic
  np.testing.assert_allclose(mutual_information_bound(joint, product), np.log(6.0), rtol=1e-5)
  np.testing.assert_allclose(information_critic_loss(joint, product), -np.log(6.0), rtol=1e-5)


def test_a_constant_changes_no_bound_and_is_pulled_back():
  joint, product = jnp.array([1.0, 3.0]), jnp.array([0.2, -0.4])
  moved = mutual_information_bound(joint + 5.0, product + 5.0)
  np.testing.assert_allclose(moved, mutual_information_bound(joint, product), rtol=1e-5)
  slope = jax.grad(lambda shift: information_critic_loss(joint + shift, product + shift))
  assert slope(5.0) > 0.0 > slope(-5.0)


def test_more_information_is_a_lower_loss_of_the_critic():
  slopes = jax.grad(information_critic_loss, argnums=(0, 1))(jnp.zeros(3), jnp.zeros(4))
  np.testing.assert_allclose(slopes[0], -1.0 / 3.0, rtol=1e-6)
  np.testing.assert_allclose(slopes[1], 1.0 / 4.0, rtol=1e-6)
