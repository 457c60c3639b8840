"""Generative adversarial networks: pictures of noise."""

import flax.linen as nn
import jax

from imtrans.methods.adversary import adversary
from imtrans.methods.conditions import normal_of_static
from imtrans.methods.judging import check_one_scale
from imtrans.methods.method import Method, apply, initialize, translate_each


def gan(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  latent_size: int = 100,
  adversarial: str = "vanilla",
  discriminator_weight: float = 1.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Noise to images (Goodfellow et al., 2014, Eq. 1, https://arxiv.org/abs/1406.2661).

  Batches hold "source", static [batch, height, width, 1 or more] whose first channel is noise (see
  `imtrans.data.noise`), and "target", images of the same size in [-1, 1]. They do not belong
  together. The noise z is in the data, so that a translation depends on its source alone.

  Minimax, non-saturating ("vanilla"), least squares and hinge differ by `adversarial` alone.
  WGAN (Arjovsky et al., 2017, Algorithm 1, https://arxiv.org/abs/1701.07875) is "wasserstein" with
  `optimizer.clip_weights` 0.01 and five updates of the critic; WGAN-GP (Gulrajani et al., 2017,
  https://arxiv.org/abs/1704.00028) has `gradient_penalty_weight` 10 instead.

  Args:
    generator: codes [batch, latent_size] to images.
    discriminator: of the images.
    latent_size: numbers of z, at most one a pixel.
    adversarial: name of the adversarial pair.
    discriminator_weight: of the discriminator's adversarial objective.
    gradient_penalty_weight: see `adversary`, and so are the others.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method.

  Raises:
    ValueError: for a discriminator of several scales.
  """
  check_one_scale(discriminator, "gan")
  opponent = adversary(
    discriminator,
    adversarial=adversarial,
    discriminator_weight=discriminator_weight,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )

  def code(source):
    return normal_of_static(source[..., 0], latent_size)

  def init(key, batch):
    generator_key, discriminator_key = jax.random.split(key)
    generator_params, state = initialize(generator, generator_key, code(batch["source"]))
    discriminator_params, judged = initialize(discriminator, discriminator_key, batch["target"])
    params = {"generator": generator_params, "discriminator": discriminator_params}
    return params, {"generator": state, "discriminator": opponent.start(judged)}

  def generate(generator_params, extras, batch, key):
    fake, state = apply(
      generator, generator_params, extras["generator"], code(batch["source"]), key
    )
    return {"fake": fake}, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    loss, (judged, metrics) = opponent.discriminator_loss(
      discriminator_params,
      extras["discriminator"],
      batch["target"],
      outputs["fake"],
      None,
      None,
      key,
    )
    return loss, ({**extras, "discriminator": judged}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del batch, key
    loss = opponent.generator_loss(
      discriminator_params, extras["discriminator"], outputs["fake"], None, None
    )
    return loss, {"generator/loss": loss, "generator/adversarial": loss}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction
    state = extras["generator"]
    check_size(generator, source)
    return translate_each(generator, generator_params, state, code(source), key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def check_size(generator: nn.Module, source: jax.Array) -> None:
  """Raises ValueError if static has not the size of the images that a generator makes of it."""
  side = getattr(generator, "size", source.shape[1])
  if source.shape[1:3] != (side, side):
    raise ValueError(
      f"this run makes pictures of {side}x{side} pixels, so its noise must be static of that size, "
      f"got {source.shape[1]}x{source.shape[2]}: make pictures with `imtrans sample`."
    )
