"""The bilinear game as a method: what the training step does on the smallest adversarial game."""

import jax
import jax.numpy as jnp

from imtrans.methods.method import Method
from imtrans.objectives import adversarial_losses


def bilinear(*, adversarial: str = "wasserstein") -> Method:
  """One generated point g against a linear critic D(x) = d x.

  Batches hold "target", real points [batch, dimension]. With the Wasserstein pair and real points
  at zero the discriminator minimizes g d and the generator maximizes it, so that the training step
  with plain gradient descent is the matrix of `imtrans.theory.games.update_matrix`; with another
  pair it is the Dirac-GAN of `imtrans.theory.games.dirac`.

  Args:
    adversarial: name of the adversarial pair.

  Returns:
    The method; both players have one parameter "point", [dimension].
  """
  discriminator_objective, generator_objective = adversarial_losses(adversarial)

  def init(key, batch):
    shape = batch["target"].shape[-1:]
    generator_key, discriminator_key = jax.random.split(key)
    params = {
      "generator": {"point": jax.random.normal(generator_key, shape)},
      "discriminator": {"point": jax.random.normal(discriminator_key, shape)},
    }
    return params, {}

  def generate(generator_params, extras, batch, key):
    del key
    return {"fake": _repeated(generator_params, batch["target"])}, extras

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    direction = discriminator_params["point"]
    loss = discriminator_objective(batch["target"] @ direction, outputs["fake"] @ direction)
    return loss, (extras, {"discriminator/loss": loss})

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del extras, batch, key
    loss = generator_objective(outputs["fake"] @ discriminator_params["point"])
    return loss, {"generator/loss": loss}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del extras, key, direction, mode  # The generator has no input: every source becomes its point.
    return _repeated(generator_params, source)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def _repeated(generator_params, points):
  return jnp.broadcast_to(generator_params["point"][None], points.shape)
