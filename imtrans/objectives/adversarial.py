"""Adversarial losses: a discriminator loss and a generator loss per paper, each as printed there.

Logits have any shape (one per image or a map of patches) and no sigmoid. All means are over every
entry. Papers that halve the discriminator's objective do so by a weight in the method.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import Array


def _softplus(values: Array) -> Array:
  """log(1 + exp(values)), as part of the program that it is in.

  `jax.nn.softplus` is a function that is called there, and a compiler for TPUs first gathers the
  rows of a map of logits that devices cannot divide evenly.
  """
  return jnp.logaddexp(values, 0.0)


def minimax_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
  """Negative value function: -E log D(x) - E log(1 - D(G(z))).

  Goodfellow et al., 2014, "Generative Adversarial Nets", Eq. 1, https://arxiv.org/abs/1406.2661.
  At the optimal discriminator it equals log 4 - 2 JS(real, fake).

  Args:
    real_logits: discriminator output on real images.
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar in nats, >= 0.
  """
  return jnp.mean(_softplus(-real_logits)) + jnp.mean(_softplus(fake_logits))


def minimax_generator_loss(fake_logits: Array) -> Array:
  """The generator's side of the value function: E log(1 - D(G(z))).

  Goodfellow et al., 2014, Eq. 1. Its gradient vanishes where the discriminator is sure.

  Args:
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar in nats, <= 0.
  """
  return -jnp.mean(_softplus(fake_logits))


def non_saturating_generator_loss(fake_logits: Array) -> Array:
  """Non-saturating generator loss: -E log D(G(z)).

  Goodfellow et al., 2014, Sec. 3; with `minimax_discriminator_loss` this is the "vanilla" pair.

  Args:
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar in nats, >= 0.
  """
  return jnp.mean(_softplus(-fake_logits))


def least_squares_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
  """Least-squares discriminator loss with targets real = 1 and fake = 0.

  Mao et al., 2017, "Least Squares Generative Adversarial Networks", Eq. 9,
  https://arxiv.org/abs/1611.04076.

  Args:
    real_logits: discriminator output on real images.
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar: half the mean over real entries plus half the mean over fake entries.
  """
  return 0.5 * (jnp.mean(jnp.square(real_logits - 1.0)) + jnp.mean(jnp.square(fake_logits)))


def least_squares_generator_loss(fake_logits: Array) -> Array:
  """Least-squares generator loss: E (D(G(x)) - 1)^2.

  Zhu et al., 2017, Sec. 4, https://arxiv.org/abs/1703.10593, whose weights of the cycle and
  identity terms are relative to it; Mao et al. print half of it.

  Args:
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar >= 0.
  """
  return jnp.mean(jnp.square(fake_logits - 1.0))


def hinge_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
  """Hinge loss: E max(0, 1 - D(x)) + E max(0, 1 + D(G(z))).

  Lim and Ye, 2017, "Geometric GAN", Eq. 14, https://arxiv.org/abs/1705.02894.

  Args:
    real_logits: discriminator output on real images.
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar >= 0; zero where both margins are kept.
  """
  return jnp.mean(jax.nn.relu(1.0 - real_logits)) + jnp.mean(jax.nn.relu(1.0 + fake_logits))


def wasserstein_discriminator_loss(real_logits: Array, fake_logits: Array) -> Array:
  """Critic loss: E D(G(z)) - E D(x).

  Arjovsky et al., 2017, "Wasserstein GAN", Eq. 2, https://arxiv.org/abs/1701.07875. It bounds a
  distance only if the critic is Lipschitz: clip it, penalize it or normalise it spectrally.

  Args:
    real_logits: critic output on real images.
    fake_logits: critic output on generated images.

  Returns:
    Scalar of either sign.
  """
  return jnp.mean(fake_logits) - jnp.mean(real_logits)


def negative_mean_generator_loss(fake_logits: Array) -> Array:
  """Generator loss -E D(G(z)) of the Wasserstein and the hinge pairs.

  Arjovsky et al., 2017, Algorithm 1; Lim and Ye, 2017, Eq. 15.

  Args:
    fake_logits: discriminator output on generated images.

  Returns:
    Scalar of either sign.
  """
  return -jnp.mean(fake_logits)


ADVERSARIAL_LOSSES = {
  "minimax": (minimax_discriminator_loss, minimax_generator_loss),
  "vanilla": (minimax_discriminator_loss, non_saturating_generator_loss),
  "least_squares": (least_squares_discriminator_loss, least_squares_generator_loss),
  "hinge": (hinge_discriminator_loss, negative_mean_generator_loss),
  "wasserstein": (wasserstein_discriminator_loss, negative_mean_generator_loss),
}


def adversarial_losses(
  name: str,
) -> tuple[Callable[[Array, Array], Array], Callable[[Array], Array]]:
  """Returns the (discriminator, generator) pair of that name; ValueError lists the known ones."""
  if name not in ADVERSARIAL_LOSSES:
    raise ValueError(
      f"unknown adversarial loss {name!r}: choose one of {', '.join(ADVERSARIAL_LOSSES)}."
    )
  return ADVERSARIAL_LOSSES[name]


def decision_threshold(real_logits: Array, fake_logits: Array, *, adversarial: str) -> Array:
  """The logit at which a discriminator is undecided.

  It is where the pair's optimal discriminator (Goodfellow et al., 2014, Prop. 1; Mao et al., 2017,
  Eq. 5) takes both kinds to be equally likely: 0, or 1/2 for least squares. A critic is only
  defined up to a constant: it decides midway between its two means.

  Args:
    real_logits: discriminator output on real images, any shape (no sigmoid).
    fake_logits: discriminator output on generated images, any shape.
    adversarial: name of the adversarial pair.

  Returns:
    Scalar.
  """
  if adversarial == "wasserstein":
    return 0.5 * (jnp.mean(real_logits) + jnp.mean(fake_logits))
  return jnp.float32(0.5 if adversarial == "least_squares" else 0.0)


def discriminator_accuracy(real_logits: Array, fake_logits: Array, *, adversarial: str) -> Array:
  """Share of right decisions of a discriminator that knows both kinds to be equally frequent.

  Args:
    real_logits: discriminator output on real images, any shape (no sigmoid).
    fake_logits: discriminator output on generated images, any shape.
    adversarial: name of the adversarial pair.

  Returns:
    Scalar in [0, 1]: 1 is a discriminator that has won; 0.5 is chance, and a constant one.
  """
  threshold = decision_threshold(real_logits, fake_logits, adversarial=adversarial)
  right = jnp.mean(jnp.where(real_logits > threshold, 1.0, 0.0))
  return 0.5 * (right + jnp.mean(jnp.where(fake_logits > threshold, 0.0, 1.0)))
