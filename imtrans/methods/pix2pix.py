"""pix2pix: paired translation with a conditional adversarial network."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import check_one_scale, deceive
from imtrans.methods.method import Method, apply, initialize, translate_each
from imtrans.methods.penalties import penalized
from imtrans.methods.perceptual import Perception, perceptual_term
from imtrans.objectives import mean_absolute_error, mean_squared_error

LATENT = 1  # Folded into a key for the code, so that dropout's draws stay what they are without.


def pix2pix(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "vanilla",
  adversarial_weight: float = 1.0,
  l1_weight: float = 100.0,
  l2_weight: float = 0.0,
  discriminator_weight: float = 0.5,
  latent_size: int = 0,
  perceptual_weight: float = 0.0,
  perceptual_features: Perception | None = None,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Conditional GAN with an L1 term (Isola et al., 2017, Eq. 4, https://arxiv.org/abs/1611.07004).

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1]. The
  discriminator sees source and image side by side in the channels.

  Args:
    generator: source to target; with a latent size it takes (source, z), else its dropout is the
      noise.
    discriminator: of the concatenated pair.
    adversarial: name of the adversarial pair.
    adversarial_weight: weight of the generator's adversarial term; 0 trains by L1 alone.
    l1_weight: weight of the mean absolute error.
    l2_weight: weight of the mean squared error, which the paper compares (Sec. 3.1) and drops.
    discriminator_weight: the paper halves the discriminator's objective (Sec. 3.3).
    latent_size: numbers in the Gaussian code z of G(x, z) (Eq. 1), drawn anew for every image.
    perceptual_weight: of features of a trained network, see `perceptual_term`; not in the paper.
    perceptual_features: images -> activations of that network, needed with that weight.
    gradient_penalty_weight: of WGAN-GP, see `penalties`, and so the next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method.

  Raises:
    ValueError: for a discriminator of several scales, a perceptual weight without features, or
      what `penalties` refuses.
  """
  check_one_scale(discriminator, "pix2pix")
  perceive = perceptual_term(perceptual_features, weight=perceptual_weight)
  judge = penalized(
    discriminator,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )

  def draw(key, source):
    if not latent_size:
      return None
    return jax.random.normal(jax.random.fold_in(key, LATENT), (source.shape[0], latent_size))

  def init(key, batch):
    generator_key, discriminator_key = jax.random.split(key)
    latent = draw(generator_key, batch["source"])
    inputs = (batch["source"],) if latent is None else (batch["source"], latent)
    generator_params, generator_state = initialize(generator, generator_key, *inputs)
    discriminator_params, discriminator_state = initialize(
      discriminator, discriminator_key, pair(batch["source"], batch["target"])
    )
    params = {"generator": generator_params, "discriminator": discriminator_params}
    judged = judge.start(discriminator_state)
    return params, {"generator": generator_state, "discriminator": judged}

  def generate(generator_params, extras, batch, key):
    source, latent = batch["source"], draw(key, batch["source"])
    fake, state = apply(generator, generator_params, extras["generator"], source, key, latent)
    return {"fake": fake}, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    term, penalty, state, seen = judge.tell_apart(
      discriminator_params,
      extras["discriminator"],
      batch["target"],
      outputs["fake"],
      key,
      batch["source"],
    )
    loss = discriminator_weight * term + penalty
    metrics = {f"discriminator/{name}": value for name, value in seen.items()}
    metrics["discriminator/loss"] = loss
    return loss, ({**extras, "discriminator": state}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    fake = outputs["fake"]
    adversarial_term = deceive(
      discriminator,
      discriminator_params,
      extras["discriminator"],
      pair(batch["source"], fake),
      adversarial=adversarial,
    )
    l1 = mean_absolute_error(fake, batch["target"])
    perceived, seen = perceive(fake, batch["target"])
    loss = adversarial_weight * adversarial_term + l1_weight * l1 + perceived
    metrics = {
      "generator/loss": loss,
      "generator/adversarial": adversarial_term,
      "generator/l1": l1,
      **seen,
    }
    if l2_weight:
      metrics["generator/l2"] = mean_squared_error(fake, batch["target"])
      metrics["generator/loss"] = loss + l2_weight * metrics["generator/l2"]
    return metrics["generator/loss"], metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    state, latent = extras["generator"], draw(key, source)
    return translate_each(generator, generator_params, state, source, key, latent, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def pair(source: Array, image: Array) -> Array:
  """Returns what a conditional discriminator sees: source and image, concatenated in channels."""
  return jnp.concatenate([source, image], axis=-1)
