"""A discriminator with its penalties, as the two terms of the players that methods share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import adapted
from imtrans.methods.method import run_together
from imtrans.methods.penalties import penalties
from imtrans.objectives import adversarial_losses, discriminator_accuracy


class Adversary(NamedTuple):
  """How a discriminator judges; images may stand beside planes that it sees too.

  start: (collections of the discriminator) -> extras.
  discriminator_loss: (params, extras, reals, fakes, planes, labels, key)
    -> (loss, (extras, metrics)).
  generator_loss: (params, extras, fakes, planes, labels) -> loss.
  """

  start: Callable
  discriminator_loss: Callable
  generator_loss: Callable


def adversary(
  discriminator: nn.Module,
  *,
  adversarial: str,
  discriminator_weight: float = 1.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Adversary:
  """Wires a discriminator, an adversarial pair and penalties.

  Args:
    discriminator: takes images, maybe labels, and `train`.
    adversarial: name of the adversarial pair.
    discriminator_weight: of its adversarial objective.
    gradient_penalty_weight: of `gradient_penalty`.
    r1_weight: of `zero_centered_penalty` on real images.
    r2_weight: of the same on generated ones.
    lecam_weight: of `lecam_penalty`.

  Returns:
    The functions. Arguments `planes`, [batch, height, width, channels], are concatenated with the
    images, and `labels` given to the discriminator; None for neither. Gradients of penalties are
    those with respect to the images alone.

  Raises:
    ValueError: for an unknown pair, or a penalty of gradients on a discriminator whose batch
      normalisation mixes images.
  """
  discriminator_objective, generator_objective = adversarial_losses(adversarial)
  own = penalties(
    discriminator,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )

  def judge(params: Any, collections: Any, given: Any) -> tuple[Array, Any]:
    images, planes, labels = given
    shown = images if planes is None else jnp.concatenate([planes, images], axis=-1)
    return discriminator.apply(
      {"params": params, **collections},
      *((shown,) if labels is None else (shown, labels)),
      train=True,
      mutable=list(collections),
    )

  def start(collections: Any) -> dict[str, Any]:
    anchors = own.start()
    return {"network": collections, **({"lecam": anchors} if anchors else {})}

  def discriminator_loss(params, extras, reals, fakes, planes, labels, key):
    def run(collections, given, own_key):
      del own_key  # Discriminators draw nothing.
      return judge(params, collections, given)

    before = extras["network"]
    (real_logits, fake_logits), after = run_together(
      run, before, [(images, planes, labels) for images in (reals, fakes)]
    )
    scales = [(real_logits, fake_logits)]
    after = adapted(discriminator, after, scales, count=len(reals), adversarial=adversarial)
    extras = {**extras, "network": after}

    def critic(images: Array) -> Array:
      return judge(params, before, (images, planes, labels))[0]

    penalty, anchors, seen = own.terms(critic, (reals, fakes), scales, extras.get("lecam"), key)
    if anchors:
      extras["lecam"] = anchors
    loss = discriminator_weight * discriminator_objective(real_logits, fake_logits)
    loss = loss + penalty
    metrics = {
      "discriminator/loss": loss,
      "discriminator/real_logits": jnp.mean(real_logits),
      "discriminator/fake_logits": jnp.mean(fake_logits),
      "discriminator/accuracy": discriminator_accuracy(
        real_logits, fake_logits, adversarial=adversarial
      ),
      **{f"discriminator/{name}": value for name, value in seen.items()},
    }
    return loss, (extras, metrics)

  def generator_loss(params, extras, fakes, planes, labels):
    logits, _ = judge(params, extras["network"], (fakes, planes, labels))
    return generator_objective(logits)

  return Adversary(start, discriminator_loss, generator_loss)
