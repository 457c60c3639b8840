"""pix2pixHD: paired translation of large pictures, judged in several sizes."""

import functools
from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import tell_apart
from imtrans.methods.method import Method, apply, apply_together, initialize, translate_each
from imtrans.methods.perceptual import Perception, perceptual_term
from imtrans.methods.pix2pix import pair
from imtrans.networks import MultiScaleDiscriminator
from imtrans.networks.labels import Colors, label_planes
from imtrans.objectives import adversarial_losses, feature_matching_loss


def pix2pixhd(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  colors: Colors = (),
  edges: str = "none",
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  feature_weight: float = 40.0,
  perceptual_weight: float = 0.0,
  discriminator_weight: float = 1.0,
  perceptual_features: Perception | None = None,
) -> Method:
  """High-resolution paired translation (Wang et al., 2018, https://arxiv.org/abs/1711.11585).

  Batches hold "source", a semantic map or any other picture, and "target", [batch, height, width,
  channels] in [-1, 1]. No term compares pixels: what holds the result to its target are the
  discriminators' own features.

  Args:
    generator: source to target.
    discriminator: of the concatenated pair, with activations per scale.
    colors: palette of a semantic map, 8-bit RGB: both networks see one plane a class.
    edges: which boundary map they see beside it (Sec. 3.3), see `imtrans.networks.labels`.
    adversarial: name of the adversarial pair, applied to every scale and added.
    adversarial_weight: of the generator's adversarial term.
    feature_weight: of feature matching (Eq. 5: 10, of a sum over layers and scales; see
      `feature_matching_loss`).
    perceptual_weight: of the features of a trained network (the authors' code: 10), see
      `perceptual_term`.
    discriminator_weight: the paper halves the objective; ours of least squares has the half inside.
    perceptual_features: images -> activations of the trained network, needed with that weight.

  Returns:
    The method.

  Raises:
    ValueError: for a discriminator without activations per scale, or a perceptual weight without
      features.
  """
  planes = functools.partial(label_planes, colors=colors, edges=edges)
  discriminator_loss, generator_loss = matched_losses(
    discriminator,
    planes=planes,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    feature_weight=feature_weight,
    perceptual_weight=perceptual_weight,
    discriminator_weight=discriminator_weight,
    perceptual_features=perceptual_features,
  )

  def init(key, batch):
    generator_key, discriminator_key = jax.random.split(key)
    source = planes(batch["source"])
    generator_params, generator_state = initialize(generator, generator_key, source)
    discriminator_params, discriminator_state = initialize(
      discriminator, discriminator_key, pair(source, batch["target"])
    )
    params = {"generator": generator_params, "discriminator": discriminator_params}
    return params, {"generator": generator_state, "discriminator": discriminator_state}

  def generate(generator_params, extras, batch, key):
    source = planes(batch["source"])
    fake, state = apply(generator, generator_params, extras["generator"], source, key)
    return {"fake": fake}, {**extras, "generator": state}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    state, source = extras["generator"], planes(source)
    return translate_each(generator, generator_params, state, source, key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def matched_losses(
  discriminator: nn.Module,
  *,
  planes: Callable[[Array], Array],
  adversarial: str,
  adversarial_weight: float,
  feature_weight: float,
  perceptual_weight: float,
  discriminator_weight: float,
  perceptual_features: Perception | None,
) -> tuple[Callable, Callable]:
  """The losses of both players where features are matched, for this method and SPADE.

  Args:
    discriminator: of source and image, with activations per scale.
    planes: what networks see of a source.
    adversarial: name of the adversarial pair.
    adversarial_weight: of the generator's adversarial term.
    feature_weight: of feature matching.
    perceptual_weight: of the features of a trained network.
    discriminator_weight: of the discriminator's objective.
    perceptual_features: those features, needed with their weight.

  Returns:
    `discriminator_loss` and `generator_loss` of a `Method` whose outputs hold "fake".

  Raises:
    ValueError: for a discriminator without activations per scale, or a perceptual weight without
      features.
  """
  if not isinstance(discriminator, MultiScaleDiscriminator):
    raise ValueError(
      "features are matched in a discriminator that gives them: set discriminator.name to "
      "multiscale."
    )
  if discriminator.augment:
    raise ValueError(
      "features are matched place by place, which augmentations move: leave discriminator.augment "
      "empty."
    )
  perceive = perceptual_term(perceptual_features, weight=perceptual_weight)
  _, objective = adversarial_losses(adversarial)

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    source = planes(batch["source"])
    loss, state, seen, _ = tell_apart(
      discriminator,
      discriminator_params,
      extras["discriminator"],
      pair(source, batch["target"]),
      pair(source, outputs["fake"]),
      adversarial=adversarial,
    )
    if not adversarial_weight:  # Nobody plays against it, and it always wins.
      del seen["accuracy"]
    metrics = {f"discriminator/{name}": value for name, value in seen.items()}
    metrics["discriminator/loss"] = discriminator_weight * loss
    return metrics["discriminator/loss"], ({**extras, "discriminator": state}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    source = planes(batch["source"])
    pairs = (pair(source, outputs["fake"]), pair(source, batch["target"]))
    (ours, theirs), _ = apply_together(
      discriminator, discriminator_params, extras["discriminator"], pairs
    )
    term = sum((objective(scale[-1]) for scale in ours), jnp.zeros(()))
    matching = feature_matching_loss(*([scale[:-1] for scale in both] for both in (ours, theirs)))
    loss = adversarial_weight * term + feature_weight * matching
    metrics = {"generator/adversarial": term, "generator/features": matching}
    perceived, seen = perceive(outputs["fake"], batch["target"])
    loss = loss + perceived
    return loss, {"generator/loss": loss, **metrics, **seen}

  return discriminator_loss, generator_loss
