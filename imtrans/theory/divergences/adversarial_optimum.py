"""What adversarial losses measure at the best discriminator.

A distribution is a vector of probability masses, as in `divergences`. The losses themselves are
arguments, so that those of `imtrans.objectives` are the ones that are examined.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.theory.divergences.distances import (
  jensen_shannon,
  kullback_leibler,
  total_variation,
  triangular_discrimination,
)

LOG_4 = 1.3862943611198906


def optimal_discriminator(real: Array, fake: Array) -> Array:
  """Probability that a point is real, given the point: D* = p / (p + q).

  Goodfellow et al., 2014, "Generative Adversarial Nets", Proposition 1,
  https://arxiv.org/abs/1406.2661.

  Args:
    real: p, masses or densities of any shape.
    fake: q, the same shape.

  Returns:
    [...] in [0, 1]; 1/2 where neither has mass, as any value is as good.
  """
  total = real + fake
  occupied = total > 0.0
  return jnp.where(occupied, real / jnp.where(occupied, total, 1.0), 0.5)


def optimal_logits(name: str, real: Array, fake: Array) -> Array:
  """The discriminator output that minimizes a discriminator loss, point by point.

    minimax, vanilla  log(p / q)
    least_squares     p / (p + q), which is no logit
    hinge             sign(p - q)
    wasserstein       sign(p - q) among the critics bounded by one; without a bound there is none,
                      and among the 1-Lipschitz ones it is `kantorovich_potential`

  Args:
    name: of the pair of losses, as in `imtrans.objectives`.
    real: p, masses or densities.
    fake: q, the same shape.

  Returns:
    [...]; infinite for log(p / q) where one of them is zero.

  Raises:
    ValueError: for an unknown name.
  """
  if name not in OPTIMAL_LOGITS:
    raise ValueError(f"unknown loss {name!r}: choose one of {', '.join(OPTIMAL_LOGITS)}.")
  return OPTIMAL_LOGITS[name](real, fake)


def expected_discriminator_loss(
  loss: Callable[[Array, Array], Array],
  real_logits: Array,
  fake_logits: Array,
  real: Array,
  fake: Array,
) -> Array:
  """A discriminator loss on whole distributions rather than on batches.

  A batch mean over real and fake images estimates the expectation over one of each, drawn
  independently; here every pair of points counts with the product of its masses.

  Args:
    loss: (real_logits, fake_logits) -> scalar, a mean over batches.
    real_logits: [count] outputs at the points.
    fake_logits: [others] likewise.
    real: [count] masses.
    fake: [others] masses.

  Returns:
    Scalar. Memory grows with count times others.
  """
  on_fakes = jax.vmap(loss, in_axes=(None, 0))
  losses = jax.vmap(on_fakes, in_axes=(0, None))(real_logits, fake_logits)
  return real @ losses @ fake


def expected_generator_loss(
  loss: Callable[[Array], Array], fake_logits: Array, fake: Array
) -> Array:
  """A generator loss on a whole distribution.

  Args:
    loss: fake_logits -> scalar, a mean over a batch.
    fake_logits: [count] discriminator outputs at the points.
    fake: [count] masses.

  Returns:
    Scalar.
  """
  return fake @ jax.vmap(loss)(fake_logits)


def discriminator_value(name: str, real: Array, fake: Array) -> Array:
  """What the discriminator's loss is at its minimum.

    minimax, vanilla  log 4 - 2 JS (Goodfellow et al., 2014, Theorem 1, with the sign of a loss)
    least_squares     1/4 - T / 8, T the triangular discrimination (Mao et al., 2017, Theorem 1,
                      https://arxiv.org/abs/1611.04076, who write T as Pearson's chi square of
                      2 q against p + q)
    hinge             2 - 2 TV (Lim and Ye, 2017, https://arxiv.org/abs/1705.02894)
    wasserstein       -2 TV among the critics bounded by one

  Args:
    name: of the pair of losses.
    real: [count] masses.
    fake: [count] masses.

  Returns:
    Scalar in nats or in squared units of the output.

  Raises:
    ValueError: for an unknown name.
  """
  if name not in DISCRIMINATOR_VALUES:
    raise ValueError(f"unknown loss {name!r}: choose one of {', '.join(DISCRIMINATOR_VALUES)}.")
  return DISCRIMINATOR_VALUES[name](real, fake)


def non_saturating_value(real: Array, fake: Array) -> Array:
  """The non-saturating generator loss at D*: log 2 + KL(q, p) - KL(q, (p + q) / 2).

  Its gradient at a fixed D* is that of KL(q, p) - 2 JS (Arjovsky and Bottou, 2017, Theorem 2.5,
  https://arxiv.org/abs/1701.04862): fakes where nothing is real cost much, and real points that
  are never made cost nothing.

  Args:
    real: [count] masses p, positive where q is.
    fake: [count] masses q.

  Returns:
    Scalar in nats.
  """
  return 0.5 * LOG_4 + kullback_leibler(fake, real) - kullback_leibler(fake, 0.5 * (real + fake))


def jensen_shannon_bound(loss: Array) -> Array:
  """Lower bound of the Jensen-Shannon divergence from any discriminator's minimax loss.

  No discriminator is below log 4 - 2 JS, so JS >= (log 4 - loss) / 2; a trained network on
  held-out images says how different real and fake at least are.

  Args:
    loss: value of `minimax_discriminator_loss`, both terms, not halved.

  Returns:
    As `loss`, in nats; negative for a discriminator worse than a coin.
  """
  return 0.5 * (LOG_4 - loss)


def _log_ratio(real: Array, fake: Array) -> Array:
  return jnp.log(real) - jnp.log(fake)


def _sign(real: Array, fake: Array) -> Array:
  return jnp.sign(real - fake)


def _minimax_value(real: Array, fake: Array) -> Array:
  return LOG_4 - 2.0 * jensen_shannon(real, fake)


OPTIMAL_LOGITS = {
  "minimax": _log_ratio,
  "vanilla": _log_ratio,
  "least_squares": optimal_discriminator,
  "hinge": _sign,
  "wasserstein": _sign,
}
DISCRIMINATOR_VALUES = {
  "minimax": _minimax_value,
  "vanilla": _minimax_value,
  "least_squares": lambda real, fake: 0.25 - triangular_discrimination(real, fake) / 8.0,
  "hinge": lambda real, fake: 2.0 - 2.0 * total_variation(real, fake),
  "wasserstein": lambda real, fake: -2.0 * total_variation(real, fake),
}
