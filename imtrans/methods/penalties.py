"""Penalties that keep a discriminator smooth, as fields of the methods that have one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import logit_maps
from imtrans.methods.method import apply, apply_together
from imtrans.objectives import gradient_penalty, lecam_penalty, zero_centered_penalty

LECAM_DECAY = 0.99  # Of the anchors, as in the authors' code.
KINDS = ("real", "fake")


class Penalties(NamedTuple):
  """Weighted penalties of one discriminator.

  start: () -> the anchors of LeCam, an empty dict without it.
  terms: (critic, (reals, fakes), (real_logits, fake_logits), anchors, key)
    -> (loss, anchors, metrics), the critic a function of images alone.
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
    return {kind: jnp.zeros(()) for kind in KINDS} if lecam_weight else {}

  def terms(critic, images, logits, anchors, key):
    (reals, fakes), (real_logits, fake_logits), weighed = images, logits, {}
    if gradient_penalty_weight:
      value = gradient_penalty(critic, reals, fakes, key)
      weighed["gradient_penalty"] = gradient_penalty_weight, value
    if r1_weight:
      weighed["r1"] = r1_weight, zero_centered_penalty(critic, reals)
    if r2_weight:
      weighed["r2"] = r2_weight, zero_centered_penalty(critic, fakes)
    if lecam_weight:
      value = lecam_penalty(real_logits, fake_logits, anchors["real"], anchors["fake"])
      weighed["lecam"] = lecam_weight, value
      means = {"real": jnp.mean(real_logits), "fake": jnp.mean(fake_logits)}
      moved = {k: LECAM_DECAY * anchors[k] + (1.0 - LECAM_DECAY) * means[k] for k in KINDS}
      anchors = jax.lax.stop_gradient(moved)
    loss = sum((weight * value for weight, value in weighed.values()), jnp.zeros(()))
    return loss, anchors, {name: value for name, (_, value) in weighed.items()}

  return Penalties(start, terms)


class Penalized(NamedTuple):
  """A discriminator's penalties, with what they carry among its collections.

  start: (collections) -> collections, in which LeCam has its anchors, "lecam".
  loss: (params, before, after, reals, fakes, key, planes) -> (loss, collections, metrics), where
    `before` and `after` are the collections that the images were judged with and that came of it.
    `planes` are what is seen beside the images, None for nothing.
  """

  start: Callable
  loss: Callable


def penalized(discriminator: nn.Module, **weights: float) -> Penalized:
  """The penalties of a discriminator that takes images, of one scale or several.

  Gradients are those of the mean logit of an image, added over scales, with respect to the image.

  Args:
    discriminator: takes images and `train`.
    **weights: of `penalties`.

  Returns:
    The functions.

  Raises:
    ValueError: as `penalties` does.
  """
  own = penalties(discriminator, **weights)
  idle = not any(weights.values())

  def shown(images: Array, planes: Array | None) -> Array:
    return images if planes is None else jnp.concatenate([planes, images], axis=-1)

  def flat(outputs: Any) -> list[Array]:
    """The logits of each scale, [batch, patches]."""
    return [logits.reshape(len(logits), -1) for logits in logit_maps(outputs)]

  def start(collections: Any) -> dict[str, Any]:
    anchors = own.start()
    return {**collections, "lecam": anchors} if anchors else collections

  def loss(params, before, after, reals, fakes, key, planes=None):
    if idle:
      return jnp.zeros(()), after, {}

    def critic(images: Array) -> Array:
      outputs, _ = apply(discriminator, params, before, shown(images, planes))
      return sum((jnp.mean(logits, axis=1) for logits in flat(outputs)), jnp.zeros(len(images)))

    both = [shown(images, planes) for images in (reals, fakes)]
    outputs, _ = apply_together(discriminator, params, before, both)  # Compiled once, not twice.
    logits = [jnp.concatenate(flat(maps), axis=1) for maps in outputs]
    value, anchors, metrics = own.terms(critic, (reals, fakes), logits, before.get("lecam"), key)
    return value, {**after, "lecam": anchors} if anchors else after, metrics

  return Penalized(start, loss)
