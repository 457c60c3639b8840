"""pix2pixHD: paired translation of large pictures, judged in several sizes."""

from collections.abc import Callable, Sequence

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import tell_apart
from imtrans.methods.method import Method, apply, apply_together, initialize, translate_each
from imtrans.methods.pix2pix import pair
from imtrans.objectives import (
  adversarial_losses,
  feature_matching_loss,
  perceptual_loss,
)

# Of VGG's stages, shallow to deep (the authors' code, models/networks.py, VGGLoss).
PERCEPTUAL_WEIGHTS = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1.0)


def pix2pixhd(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  feature_weight: float = 40.0,
  perceptual_weight: float = 0.0,
  discriminator_weight: float = 1.0,
  perceptual_features: Callable[[Array], Sequence[Array]] | None = None,
) -> Method:
  """High-resolution paired translation (Wang et al., 2018, https://arxiv.org/abs/1711.11585).

  Batches hold "source" (labels as one-hot channels, with or without edges; or any picture) and
  "target", [batch, height, width, channels] in [-1, 1]. No term compares pixels: what holds the
  result to its target are the discriminators' own features.

  Args:
    generator: source to target.
    discriminator: of the concatenated pair, with activations per scale.
    adversarial: name of the adversarial pair, applied to every scale and added.
    adversarial_weight: of the generator's adversarial term.
    feature_weight: of feature matching (Eq. 5: 10, of a sum over layers and scales; see
      `feature_matching_loss`).
    perceptual_weight: of the features of a trained network (Sec. 3.3: 10).
    discriminator_weight: the paper halves the objective; ours of least squares has the half inside.
    perceptual_features: images -> activations of the trained network, needed with that weight.

  Returns:
    The method.

  Raises:
    ValueError: for a perceptual weight without features.
  """
  discriminator_loss, generator_loss = matched_losses(
    discriminator,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    feature_weight=feature_weight,
    perceptual_weight=perceptual_weight,
    discriminator_weight=discriminator_weight,
    perceptual_features=perceptual_features,
  )

  def init(key, batch):
    generator_key, discriminator_key = jax.random.split(key)
    generator_params, generator_state = initialize(generator, generator_key, batch["source"])
    discriminator_params, discriminator_state = initialize(
      discriminator, discriminator_key, pair(batch["source"], batch["target"])
    )
    params = {"generator": generator_params, "discriminator": discriminator_params}
    return params, {"generator": generator_state, "discriminator": discriminator_state}

  def generate(generator_params, extras, batch, key):
    fake, state = apply(generator, generator_params, extras["generator"], batch["source"], key)
    return {"fake": fake}, {**extras, "generator": state}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    return translate_each(generator, generator_params, extras["generator"], source, key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def matched_losses(
  discriminator: nn.Module,
  *,
  adversarial: str,
  adversarial_weight: float,
  feature_weight: float,
  perceptual_weight: float,
  discriminator_weight: float,
  perceptual_features: Callable[[Array], Sequence[Array]] | None,
) -> tuple[Callable, Callable]:
  """The losses of both players where features are matched, for this method and SPADE.

  Args:
    discriminator: of source and image, with activations per scale.
    adversarial: name of the adversarial pair.
    adversarial_weight: as in `pix2pixhd`, and so the others.
    feature_weight: of feature matching.
    perceptual_weight: of the features of a trained network.
    discriminator_weight: of the discriminator's objective.
    perceptual_features: those features, needed with their weight.

  Returns:
    `discriminator_loss` and `generator_loss` of a `Method` whose outputs hold "fake".

  Raises:
    ValueError: for a perceptual weight without features.
  """
  if perceptual_weight and perceptual_features is None:
    raise ValueError(
      "perceptual_weight needs the weights of a trained network: install imtrans[metrics], or set "
      "method.perceptual_weight to 0."
    )

  _, objective = adversarial_losses(adversarial)

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    loss, state, seen = tell_apart(
      discriminator,
      discriminator_params,
      extras["discriminator"],
      pair(batch["source"], batch["target"]),
      pair(batch["source"], outputs["fake"]),
      adversarial=adversarial,
    )
    metrics = {f"discriminator/{name}": value for name, value in seen.items()}
    metrics["discriminator/loss"] = discriminator_weight * loss
    return metrics["discriminator/loss"], ({**extras, "discriminator": state}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    pairs = (pair(batch["source"], outputs["fake"]), pair(batch["source"], batch["target"]))
    (ours, theirs), _ = apply_together(
      discriminator, discriminator_params, extras["discriminator"], pairs
    )
    term = sum((objective(scale[-1]) for scale in ours), jnp.zeros(()))
    matching = feature_matching_loss(*([scale[:-1] for scale in both] for both in (ours, theirs)))
    loss = adversarial_weight * term + feature_weight * matching
    metrics = {"generator/adversarial": term, "generator/features": matching}
    if perceptual_weight and perceptual_features is not None:
      metrics["generator/perceptual"] = perceptual_loss(
        perceptual_features(outputs["fake"]),
        perceptual_features(batch["target"]),
        PERCEPTUAL_WEIGHTS,
      )
      loss = loss + perceptual_weight * metrics["generator/perceptual"]
    return loss, {"generator/loss": loss, **metrics}

  return discriminator_loss, generator_loss
