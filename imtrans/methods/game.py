"""A method seen as a game: two losses of both players' parameters, for `imtrans.theory`."""

from typing import Any

import jax
from jax import Array

from imtrans.methods.method import Method
from imtrans.theory.games.update_rules import Losses


def method_losses(method: Method, extras: Any, batch: dict[str, Array], key: Array) -> Losses:
  """The losses that the training step differentiates, on one batch, with its noise held fixed.

  `imtrans.theory.games.jacobian_spectrum(method_losses(...), players)` with the players
  (params["generator"], params["discriminator"]) is the spectrum of a training in progress.

  Args:
    method: any.
    extras: of the state; carried as they are, so spectral vectors and image pools stand still.
    batch: as for the step.
    key: as the step derives it from its state, fold_in(key, step).

  Returns:
    The generator's and the discriminator's loss, functions of (generator_params,
    discriminator_params).
  """
  generate_key, discriminator_key, generator_key = jax.random.split(key, 3)

  def generator_loss(generator_params, discriminator_params):
    outputs, carried = method.generate(generator_params, extras, batch, generate_key)
    loss, _ = method.generator_loss(discriminator_params, carried, outputs, batch, generator_key)
    return loss

  def discriminator_loss(generator_params, discriminator_params):
    outputs, carried = method.generate(generator_params, extras, batch, generate_key)
    loss, _ = method.discriminator_loss(
      discriminator_params, carried, outputs, batch, discriminator_key
    )
    return loss

  return generator_loss, discriminator_loss
