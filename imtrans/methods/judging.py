"""How a method has images judged by a discriminator of one scale or of several."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.methods.method import apply, apply_together
from imtrans.networks import MultiScaleDiscriminator
from imtrans.objectives import adversarial_losses, discriminator_accuracy


def check_one_scale(discriminator: nn.Module, method: str) -> None:
  """Raises ValueError for a discriminator of several scales, by the name of the method."""
  if isinstance(discriminator, MultiScaleDiscriminator):
    raise ValueError(
      f"{method} takes a discriminator of one scale: set discriminator.name to patch or pixel."
    )


def logit_maps(outputs: Any) -> list[Array]:
  """The logits of a discriminator, a map per scale.

  Args:
    outputs: logits, or for each scale its activations, the logits last.

  Returns:
    Arrays [batch, height', width', 1].
  """
  return [outputs] if isinstance(outputs, Array) else [scale[-1] for scale in outputs]


def tell_apart(
  discriminator: nn.Module,
  params: Any,
  collections: Any,
  real: Array,
  fake: Array,
  *,
  adversarial: str,
) -> tuple[Array, Any, dict[str, Array]]:
  """The discriminator's loss on real and generated images.

  Args:
    discriminator: of one scale or several.
    params: its parameters.
    collections: its other collections.
    real: [batch, height, width, channels].
    fake: the same shape.
    adversarial: name of the adversarial pair.

  Returns:
    The sum of the loss over scales, the updated collections, and means over scales of "accuracy",
    "real_logits" and "fake_logits".
  """
  objective, _ = adversarial_losses(adversarial)
  outputs, collections = apply_together(discriminator, params, collections, (real, fake))
  scales = list(zip(*map(logit_maps, outputs), strict=True))
  loss = sum((objective(*both) for both in scales), jnp.zeros(()))

  def mean(values: list[Array]) -> Array:
    return jnp.mean(jnp.stack(values))

  metrics = {
    "accuracy": mean([discriminator_accuracy(*both, adversarial=adversarial) for both in scales]),
    "real_logits": mean([jnp.mean(real_logits) for real_logits, _ in scales]),
    "fake_logits": mean([jnp.mean(fake_logits) for _, fake_logits in scales]),
  }
  return loss, collections, metrics


def domains_loss(
  discriminator: nn.Module, domains: Sequence[str], *, adversarial: str, weight: float
) -> Callable:
  """The `discriminator_loss` of a method with one discriminator per domain.

  Args:
    discriminator: the architecture of all.
    domains: their names, such as "a", for which outputs hold "fake_a".
    adversarial: name of the adversarial pair.
    weight: of the sum of their losses.

  Returns:
    `discriminator_loss` of a `Method`; metrics are named by domain.
  """

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    collections, loss, metrics = dict(extras["discriminator"]), jnp.zeros(()), {}
    for name in domains:
      term, collections[name], seen = tell_apart(
        discriminator,
        discriminator_params[name],
        collections[name],
        batch[name],
        outputs[f"fake_{name}"],
        adversarial=adversarial,
      )
      loss = loss + weight * term
      metrics |= {f"discriminator/{title}_{name}": value for title, value in seen.items()}
    metrics["discriminator/loss"] = loss
    return loss, ({**extras, "discriminator": collections}, metrics)

  return discriminator_loss


def deceive(
  discriminator: nn.Module, params: Any, collections: Any, fake: Array, *, adversarial: str
) -> Array:
  """The generator's loss on what a discriminator says of its images.

  Args:
    discriminator: of one scale or several.
    params: its parameters.
    collections: its other collections.
    fake: [batch, height, width, channels].
    adversarial: name of the adversarial pair.

  Returns:
    Scalar, the sum over scales.
  """
  _, objective = adversarial_losses(adversarial)
  outputs, _ = apply(discriminator, params, collections, fake)
  return sum((objective(logits) for logits in logit_maps(outputs)), jnp.zeros(()))
