"""How much is known of a random variable by another one, found by a critic of pairs."""

import jax
import jax.numpy as jnp
from jax import Array


def mutual_information_bound(joint_scores: Array, product_scores: Array) -> Array:
  """The bound of Donsker and Varadhan on mutual information: E T(joint) - log E exp T(product).

  Belghazi et al., 2018, "Mutual Information Neural Estimation", Eq. 5,
  https://arxiv.org/abs/1801.04062. Of a variable with itself it is a bound on its entropy: among n
  values that are equally frequent, log n at the best critic.

  Args:
    joint_scores: T of pairs that belong together, any shape.
    product_scores: T of pairs that were put together at random, any shape.

  Returns:
    Scalar in nats, at most the mutual information but for the sample.
  """
  return jnp.mean(joint_scores) - _log_mean_exp(product_scores)


def information_critic_loss(joint_scores: Array, product_scores: Array) -> Array:
  """The critic's side of `mutual_information_bound`, which it raises.

  A constant that is added to T changes no bound: the square of log E exp T(product), as in the code
  of Kim et al., 2024, https://arxiv.org/abs/2305.15086, keeps it from drifting away.

  Args:
    joint_scores: T of pairs that belong together, any shape.
    product_scores: T of pairs that were put together at random, any shape.

  Returns:
    Scalar.
  """
  bound = mutual_information_bound(joint_scores, product_scores)
  return jnp.square(_log_mean_exp(product_scores)) - bound


def _log_mean_exp(values: Array) -> Array:
  return jax.nn.logsumexp(values) - jnp.log(jnp.float32(values.size))
