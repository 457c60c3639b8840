"""Penalties that keep a discriminator smooth, as fields of the methods that have one."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import logit_maps, tell_apart
from imtrans.methods.method import apply
from imtrans.objectives import (
  adversarial_losses,
  gradient_penalty,
  lecam_penalty,
  zero_centered_penalty,
)

LECAM_DECAY = 0.99  # Of the anchors, as in the authors' code, which moves them before it uses them.
KINDS = ("real", "fake")
WEIGHT = "weight"  # What the averages of the anchors, which begin at 0, have seen: divides them.


class Penalties(NamedTuple):
  """Weighted penalties of one discriminator.

  start: () -> the anchors of LeCam, an empty dict without it.
  terms: (critic, (reals, fakes), scales, anchors, key) -> (loss, anchors, metrics), the critic a
    function of images alone. For each scale there are logits of the reals and of the fakes; all
    scales count alike, however many patches they have.
  """

  start: Callable
  terms: Callable


def penalties(
  discriminator: nn.Module,
  *,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Penalties:
  """Wires the penalties of `imtrans.objectives.penalties`; those of weight 0 are not computed.

  Args:
    discriminator: whose normalisation is looked at.
    gradient_penalty_weight: of `gradient_penalty`, WGAN-GP.
    r1_weight: of `zero_centered_penalty` on real images.
    r2_weight: of the same on generated ones.
    lecam_weight: of `lecam_penalty`.

  Returns:
    The functions.

  Raises:
    ValueError: for a penalty of gradients on a discriminator whose batch normalisation mixes
      images.
  """
  by_gradient = gradient_penalty_weight or r1_weight or r2_weight
  if by_gradient and getattr(discriminator, "norm", "none") == "batch":
    raise ValueError(
      "a gradient penalty is of one image at a time, which batch normalisation mixes: set "
      "discriminator.norm to none or instance, or the weights of the penalties to 0."
    )

  def start() -> dict[str, Array]:
    return {name: jnp.zeros(()) for name in (*KINDS, WEIGHT)} if lecam_weight else {}

  def terms(critic, images, scales, anchors, key):
    (reals, fakes), weighed = images, {}
    if gradient_penalty_weight:
      value = gradient_penalty(critic, reals, fakes, key)
      weighed["gradient_penalty"] = gradient_penalty_weight, value
    if r1_weight:
      weighed["r1"] = r1_weight, zero_centered_penalty(critic, reals)
    if r2_weight:
      weighed["r2"] = r2_weight, zero_centered_penalty(critic, fakes)
    if lecam_weight:
      now = dict(zip(KINDS, map(_mean, zip(*scales, strict=True)), strict=True))
      now = jax.lax.stop_gradient({**now, WEIGHT: jnp.ones(())})
      anchors = {k: LECAM_DECAY * anchors[k] + (1.0 - LECAM_DECAY) * now[k] for k in now}
      near = [anchors[kind] / anchors[WEIGHT] for kind in KINDS]
      values = [lecam_penalty(real, fake, *near) for real, fake in scales]
      value = jnp.mean(jnp.stack(values))
      weighed["lecam"] = lecam_weight, value
    loss = sum((weight * value for weight, value in weighed.values()), jnp.zeros(()))
    return loss, anchors, {name: value for name, (_, value) in weighed.items()}

  return Penalties(start, terms)


def _mean(maps: Sequence[Array]) -> Array:
  """The mean over scales of their means."""
  return jnp.mean(jnp.stack([jnp.mean(logits) for logits in maps]))


class Penalized(NamedTuple):
  """A discriminator with its penalties, and with what they carry among its collections.

  start: (collections) -> collections, in which LeCam has its anchors, "lecam".
  tell_apart: (params, collections, reals, fakes, key, planes) -> (loss, penalty, collections,
    metrics): what `judging.tell_apart` says, and the penalties beside it. `planes` are what is seen
    beside the images, None for nothing.
  """

  start: Callable
  tell_apart: Callable


def penalized(
  discriminator: nn.Module, *, adversarial: str, adversarial_weight: float = 1.0, **weights: float
) -> Penalized:
  """A discriminator that takes images, of one scale or several, with an adversarial pair.

  Gradients are those of the mean logit of an image, added over scales, with respect to the image.

  Args:
    discriminator: takes images and `train`.
    adversarial: name of the adversarial pair.
    adversarial_weight: of the generator's side. With 0 nobody plays against the discriminator and
      it always wins: its accuracy, which says nothing then, is left out.
    **weights: of `penalties`.

  Returns:
    The functions.

  Raises:
    ValueError: for an unknown pair, and as `penalties` does.
  """
  adversarial_losses(adversarial)  # An unknown one is refused now, not in the first step.
  own = penalties(discriminator, **weights)

  def start(collections: Any) -> dict[str, Any]:
    anchors = own.start()
    return {**collections, "lecam": anchors} if anchors else collections

  def judge(params, collections, reals, fakes, key, planes=None):
    def shown(images: Array) -> Array:
      return images if planes is None else jnp.concatenate([planes, images], axis=-1)

    def critic(images: Array) -> Array:
      outputs, _ = apply(discriminator, params, collections, shown(images))
      means = (jnp.mean(one.reshape(len(one), -1), axis=1) for one in logit_maps(outputs))
      return sum(means, jnp.zeros(len(images)))

    loss, after, metrics, scales = tell_apart(
      discriminator, params, collections, shown(reals), shown(fakes), adversarial=adversarial
    )
    penalty, anchors, seen = own.terms(
      critic, (reals, fakes), scales, collections.get("lecam"), key
    )
    if not adversarial_weight:
      del metrics["accuracy"]
    return loss, penalty, {**after, "lecam": anchors} if anchors else after, metrics | seen

  return Penalized(start, judge)
