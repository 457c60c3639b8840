"""How a method has images judged by a discriminator of one scale or of several."""

from collections.abc import Callable, Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.method import apply, apply_together
from imtrans.networks import MultiScaleDiscriminator
from imtrans.networks.augmentation import COLLECTION
from imtrans.objectives import adversarial_losses, decision_threshold, discriminator_accuracy

Scales = Sequence[tuple[Array, Array]]  # Of each scale, logits of real and of generated images.
RIGHT = 0.6  # Of the mean sign of real logits, above which a discriminator is too sure of them.


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
) -> tuple[Array, Any, dict[str, Array], Scales]:
  """The discriminator's loss on real and generated images.

  Args:
    discriminator: of one scale or several.
    params: its parameters.
    collections: its other collections.
    real: [batch, height, width, channels].
    fake: the same shape.
    adversarial: name of the adversarial pair.

  Returns:
    The sum of the loss over scales, the updated collections, means over scales of "accuracy",
    "real_logits" and "fake_logits", and the logits of each scale.
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
  collections = adapted(
    discriminator, collections, scales, count=len(real), adversarial=adversarial
  )
  return loss, collections, metrics, scales


def adapted(
  discriminator: nn.Module,
  collections: Any,
  scales: Scales,
  *,
  count: int,
  adversarial: str,
) -> Any:
  """Moves the probability of a discriminator's augmentations, where it adapts.

  Karras et al., 2020, "Training Generative Adversarial Networks with Limited Data", Sec. 3.1,
  https://arxiv.org/abs/2006.06676: it goes up while the mean sign of the logits of real images is
  above 0.6, that is while 80 percent of them are taken for real, and down below. Here it does so in
  every step, for the same `augment_ramp` images from 0 to 1 (500,000 there).

  Args:
    discriminator: the network.
    collections: of it, after a pass.
    scales: logits of any shape; all scales count alike.
    count: real images that were seen.
    adversarial: name of the adversarial pair, which says where a sign changes.

  Returns:
    The collections, as they are for a discriminator without such augmentations.
  """
  ramp = getattr(discriminator, "augment_ramp", 0)
  if not ramp or COLLECTION not in collections:
    return collections
  signs = [
    jnp.mean(jnp.sign(real - decision_threshold(real, fake, adversarial=adversarial)))
    for real, fake in scales
  ]
  sureness = jnp.mean(jnp.stack(signs))
  own = collections[COLLECTION][COLLECTION]
  moved = own["probability"] + jnp.sign(sureness - RIGHT) * count / ramp
  moved = jax.lax.stop_gradient(jnp.clip(moved, 0.0, 1.0))
  return {**collections, COLLECTION: {COLLECTION: {**own, "probability": moved}}}


def domains_loss(judge: Callable, domains: Sequence[str], *, weight: float) -> Callable:
  """The `discriminator_loss` of a method with one discriminator per domain.

  Args:
    judge: `tell_apart` of `imtrans.methods.penalties.Penalized`.
    domains: their names, such as "a", for which outputs hold "fake_a".
    weight: of the sum of their losses.

  Returns:
    `discriminator_loss` of a `Method`; metrics are named by domain.
  """

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    collections, loss, metrics = dict(extras["discriminator"]), jnp.zeros(()), {}
    for name, own_key in zip(domains, jax.random.split(key, len(domains)), strict=True):
      term, penalty, collections[name], seen = judge(
        discriminator_params[name],
        collections[name],
        batch[name],
        outputs[f"fake_{name}"],
        own_key,
      )
      loss = loss + weight * term + penalty
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
