"""SPADE: pictures from label maps, in the style of an example or of a drawn code."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp

from imtrans.methods.method import Method, apply, initialize, translate_each
from imtrans.methods.perceptual import Perception
from imtrans.methods.pix2pix import pair
from imtrans.methods.pix2pixhd import matched_losses
from imtrans.networks.labels import Colors, label_planes
from imtrans.objectives import gaussian_kl

LATENT = 1  # Folded into a key for the code.


def spade(
  generator: nn.Module,
  encoder: nn.Module | None,
  discriminator: nn.Module,
  *,
  colors: Colors = (),
  edges: str = "none",
  adversarial: str = "hinge",
  adversarial_weight: float = 0.5,
  feature_weight: float = 40.0,
  perceptual_weight: float = 0.0,
  kl_weight: float = 0.05,
  latent_size: int = 0,
  discriminator_weight: float = 0.5,
  perceptual_features: Perception | None = None,
) -> Method:
  """Semantic image synthesis (Park et al., 2019, https://arxiv.org/abs/1903.07291).

  Batches hold "source", a semantic map or any other picture, and "target", [batch, height, width,
  channels] in [-1, 1].

  Args:
    generator: labels, and with a code (labels, z), to images.
    encoder: target to mean and log variance of z; None without a code.
    discriminator: of labels and image, with activations per scale.
    colors: palette of a semantic map, 8-bit RGB: all networks see one plane a class.
    edges: which boundary map they see beside it, as in pix2pixHD.
    adversarial: name of the adversarial pair, applied to every scale and added.
    adversarial_weight: the authors' code takes the mean over two scales.
    feature_weight: of feature matching (10 of a sum over layers, see `feature_matching_loss`).
    perceptual_weight: of the features of a trained network (10), see `perceptual_term`.
    kl_weight: of the divergence of the code's distribution from N(0, I), added over the code and
      averaged over images; the authors' code adds over images too.
    latent_size: numbers in the code; 0 for one answer per label map, as in the paper's tables.
    discriminator_weight: as that of the generator.
    perceptual_features: images -> activations of the trained network, needed with that weight.

  Returns:
    The method; the generator player owns the generator, "images", and the encoder, "encoder".

  Raises:
    ValueError: for a code without an encoder, or what `matched_losses` refuses.
  """
  if latent_size and encoder is None:
    raise ValueError("method.latent_size of spade needs an encoder: set encoder.name.")
  planes = functools.partial(label_planes, colors=colors, edges=edges)
  discriminator_loss, matched_loss = matched_losses(
    discriminator,
    planes=planes,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    feature_weight=feature_weight,
    perceptual_weight=perceptual_weight,
    discriminator_weight=discriminator_weight,
    perceptual_features=perceptual_features,
  )
  networks = {"images": generator}
  if latent_size and encoder is not None:
    networks["encoder"] = encoder

  def draw(key, count):
    return jax.random.normal(jax.random.fold_in(key, LATENT), (count, latent_size))

  def init(key, batch):
    keys, target = jax.random.split(key, 3), batch["target"]
    source = planes(batch["source"])
    codes = (draw(key, len(source)),) if latent_size else ()
    inputs = {"images": (source, *codes), "encoder": (target,)}
    params, state = {}, {}
    for (name, network), own_key in zip(networks.items(), keys, strict=False):
      params[name], state[name] = initialize(network, own_key, *inputs[name])
    judge, judge_state = initialize(discriminator, keys[2], pair(source, target))
    return {"generator": params, "discriminator": judge}, {
      "generator": state,
      "discriminator": judge_state,
    }

  def generate(generator_params, extras, batch, key):
    state, outputs, latent = dict(extras["generator"]), {}, None
    if latent_size:
      (mean, log_variance), state["encoder"] = apply(
        networks["encoder"], generator_params["encoder"], state["encoder"], batch["target"]
      )
      outputs |= {"mean": mean, "log_variance": log_variance}
      noise = draw(key, len(mean))
      latent = mean + jnp.exp(0.5 * log_variance) * noise
    source = planes(batch["source"])
    outputs["fake"], state["images"] = apply(
      generator, generator_params["images"], state["images"], source, key, latent
    )
    return outputs, {**extras, "generator": state}

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    loss, metrics = matched_loss(discriminator_params, extras, outputs, batch, key)
    if latent_size:
      metrics["generator/kl"] = gaussian_kl(outputs["mean"], outputs["log_variance"])
      metrics["generator/loss"] = loss + kl_weight * metrics["generator/kl"]
    return metrics["generator/loss"], metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    latent = draw(key, len(source)) if latent_size else None
    return translate_each(
      generator,
      generator_params["images"],
      extras["generator"]["images"],
      planes(source),
      key,
      latent,
      mode=mode,
    )

  return Method(init, generate, discriminator_loss, generator_loss, translate)
