"""How a method has images judged by a discriminator of one scale or of several."""

from collections.abc import Mapping
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


def tell_domains_apart(
  discriminator: nn.Module,
  params: Mapping[str, Any],
  collections: Mapping[str, Any],
  reals: Mapping[str, Array],
  fakes: Mapping[str, Array],
  *,
  adversarial: str,
) -> tuple[Array, Any, dict[str, Array]]:
  """`tell_apart` for one discriminator per domain.

  Args:
    discriminator: the architecture of all.
    params: by domain.
    collections: by domain.
    reals: images by domain; other entries are passed over.
    fakes: images by domain.
    adversarial: name of the adversarial pair.

  Returns:
    The sum of their losses, the updated collections by domain, and metrics named by domain.
  """
  loss, after, metrics = jnp.zeros(()), {}, {}
  for name, fake in fakes.items():
    term, after[name], seen = tell_apart(
      discriminator, params[name], collections[name], reals[name], fake, adversarial=adversarial
    )
    loss = loss + term
    metrics |= {f"discriminator/{title}_{name}": value for title, value in seen.items()}
  return loss, after, metrics


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
