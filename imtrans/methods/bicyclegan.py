"""BicycleGAN: paired translation with many answers, each with a code that can be found again."""

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import deceive, tell_apart
from imtrans.methods.method import Method, apply, initialize, run_together, translate_each
from imtrans.methods.pix2pix import pair
from imtrans.objectives import adversarial_losses, gaussian_kl, mean_absolute_error


def bicyclegan(
  generator: nn.Module,
  encoder: nn.Module | None,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  encoded_weight: float = 1.0,
  random_weight: float = 1.0,
  l1_weight: float = 10.0,
  kl_weight: float = 0.01,
  latent_weight: float = 0.5,
  latent_size: int = 8,
  conditional: bool = False,
  discriminator_weight: float = 2.0,
) -> Method:
  """Multimodal paired translation (Zhu et al., 2017, https://arxiv.org/abs/1711.11586).

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1]; a batch is even.
  Two games share the generator G(x, z) (Eq. 9). cVAE-GAN: z is drawn from what the encoder E finds
  in the target, so that G can make the target of it (Eqs. 5 to 7). cLR-GAN: z is drawn from
  N(0, I), and what E finds in the image is that z again (Eq. 8). As in the authors' code, the first
  game has the even images of a batch, and the second has their sources with the odd images as its
  real ones; the code takes a step of its own for the recovery of z, here one step takes the sum.

  With random_weight = latent_weight = 0 this is cVAE-GAN alone, with encoded_weight = l1_weight =
  kl_weight = 0 cLR-GAN alone.

  Args:
    generator: (source, z) to target.
    encoder: target to mean and log variance of z.
    discriminator: the architecture of both, "encoded" of the first game and "random" of the second;
      of one scale or several.
    adversarial: name of the adversarial pair.
    encoded_weight: weight of the generator's adversarial term in cVAE-GAN.
    random_weight: the same in cLR-GAN.
    l1_weight: weight of the mean absolute error in cVAE-GAN.
    kl_weight: weight of the divergence of the encoder's Gaussian from N(0, I), which is added over
      the code and averaged over images.
    latent_weight: weight of the mean absolute error of z in cLR-GAN.
    latent_size: numbers in z.
    conditional: whether the discriminators see the source beside the image; the authors' code has
      them see the image alone.
    discriminator_weight: the code adds the least-squares terms; ours has a half inside. Other
      losses have none, and 1 is theirs.

  Returns:
    The method; the generator player owns the generator, "images", and the encoder, "encoder".

  Raises:
    ValueError: for no encoder, a code of no numbers, or an unknown pair.
  """
  adversarial_losses(adversarial)  # An unknown one is refused now, not in the first step.
  if encoder is None:
    raise ValueError("bicyclegan needs an encoder: set encoder.name to resnet or convolutional.")
  if latent_size < 1:
    raise ValueError(f"method.latent_size must be at least 1 for bicyclegan, got {latent_size}.")
  adversarial_weights = {"encoded": encoded_weight, "random": random_weight}
  games = {
    "encoded": bool(encoded_weight or l1_weight or kl_weight),
    "random": bool(random_weight or latent_weight),
  }
  if not any(games.values()):
    raise ValueError("all weights of bicyclegan are 0: set those of one of its two games.")

  def seen(source: Array, image: Array) -> Array:
    return pair(source, image) if conditional else image

  def init(key, batch):
    keys = jax.random.split(key, 4)
    source, target = batch["source"], batch["target"]
    latent = jnp.zeros((source.shape[0], latent_size))
    params, state = {"generator": {}, "discriminator": {}}, {"generator": {}, "discriminator": {}}
    for name, module, own_key, inputs in (
      ("images", generator, keys[0], (source, latent)),
      ("encoder", encoder, keys[1], (target,)),
    ):
      params["generator"][name], state["generator"][name] = initialize(module, own_key, *inputs)
    found = jax.eval_shape(
      lambda: encode(params["generator"]["encoder"], state["generator"]["encoder"], target)
    )[0][0]
    if found.shape != latent.shape:
      raise ValueError(
        f"the encoder finds codes of {found.shape[-1]} numbers, method.latent_size is "
        f"{latent_size}: make them equal."
      )
    for name, own_key in zip(adversarial_weights, keys[2:], strict=True):
      params["discriminator"][name], state["discriminator"][name] = initialize(
        discriminator, own_key, seen(source, target)
      )
    return params, state

  def encode(params: Any, state: Any, images: Array) -> tuple[tuple[Array, Array], Any]:
    found, state = apply(encoder, params, state, images)
    return (found[0], found[1]), state

  def generate(generator_params, extras, batch, key):
    posterior_key, prior_key, dropout_key = jax.random.split(key, 3)
    state = dict(extras["generator"])
    source, target = first_half(batch["source"]), first_half(batch["target"])
    outputs, latents = {}, {}
    if games["encoded"]:
      (mean, log_variance), state["encoder"] = encode(
        generator_params["encoder"], state["encoder"], target
      )
      outputs |= {"mean": mean, "log_variance": log_variance}
      noise = jax.random.normal(posterior_key, mean.shape)
      latents["encoded"] = mean + jnp.exp(0.5 * log_variance) * noise
    if games["random"]:
      latents["fake"] = jax.random.normal(prior_key, (source.shape[0], latent_size))

    def run(collections, inputs, key):
      images, latent = inputs
      return apply(generator, generator_params["images"], collections, images, key, latent)

    images, state["images"] = run_together(
      run, state["images"], [(source, latent) for latent in latents.values()], dropout_key
    )
    outputs |= dict(zip(latents, images, strict=True))
    if games["random"]:
      outputs["latent"] = latents["fake"]
      # The recovery of z reaches the generator alone: an encoder that it trained could agree with
      # the generator on a hiding place for z, and need not find it in real images (Sec. 3.3). The
      # gradient passes through the encoder to the image, so it is the encoder's parameters that are
      # held, and not what it finds. In cLR-GAN alone nothing else trains the encoder: there it may.
      held = generator_params["encoder"]
      if games["encoded"]:
        held = jax.lax.stop_gradient(held)
      (outputs["recovered"], _), _ = encode(held, state["encoder"], outputs["fake"])
    return outputs, {**extras, "generator": state}

  def judged(outputs, batch):
    """For each discriminator that is played against: the real and the generated images."""
    source, target = batch["source"], batch["target"]
    reals = {
      "encoded": seen(first_half(source), first_half(target)),
      "random": seen(second_half(source), second_half(target)),
    }
    fakes = {"encoded": "encoded", "random": "fake"}
    return {
      name: (reals[name], seen(first_half(source), outputs[fakes[name]]))
      for name, weight in adversarial_weights.items()
      if weight
    }

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    state, metrics, loss = dict(extras["discriminator"]), {}, jnp.zeros(())
    accuracies = []
    for name, (real, fake) in judged(outputs, batch).items():
      term, state[name], figures, _ = tell_apart(
        discriminator,
        discriminator_params[name],
        state[name],
        real,
        fake,
        adversarial=adversarial,
      )
      loss = loss + discriminator_weight * term
      metrics[f"discriminator/{name}"] = term
      metrics |= {f"discriminator/{figure}_{name}": value for figure, value in figures.items()}
      accuracies.append(figures["accuracy"])
    if accuracies:
      metrics["discriminator/accuracy"] = jnp.mean(jnp.stack(accuracies))
    metrics["discriminator/loss"] = loss
    return loss, ({**extras, "discriminator": state}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    terms = {}
    for name, (_, fake) in judged(outputs, batch).items():
      terms[f"adversarial_{name}"] = (
        adversarial_weights[name],
        deceive(
          discriminator,
          discriminator_params[name],
          extras["discriminator"][name],
          fake,
          adversarial=adversarial,
        ),
      )
    if games["encoded"]:
      error = mean_absolute_error(outputs["encoded"], first_half(batch["target"]))
      terms["l1"] = l1_weight, error
      terms["kl"] = kl_weight, gaussian_kl(outputs["mean"], outputs["log_variance"])
    if games["random"]:
      error = mean_absolute_error(outputs["recovered"], outputs["latent"])
      terms["latent"] = latent_weight, error
    loss = sum((weight * value for weight, value in terms.values()), jnp.zeros(()))
    metrics = {f"generator/{name}": value for name, (_, value) in terms.items()}
    return loss, {"generator/loss": loss, **metrics}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    params, state = generator_params["images"], extras["generator"]["images"]
    latent_key, dropout_key = jax.random.split(key)
    latent = jax.random.normal(latent_key, (source.shape[0], latent_size))
    return translate_each(generator, params, state, source, dropout_key, latent, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def first_half(images: Array) -> Array:
  """Returns the even images of a batch, [batch / 2, ...]; see `second_half`."""
  return _paired_up(images)[:, 0]


def second_half(images: Array) -> Array:
  """Returns the odd images of a batch, [batch / 2, ...].

  Even and odd, so that a batch that is split over devices stays where it is.

  Args:
    images: [batch, ...].

  Raises:
    ValueError: for an odd batch.
  """
  return _paired_up(images)[:, 1]


def _paired_up(images: Array) -> Array:
  if len(images) % 2:
    raise ValueError(
      "bicyclegan trains one game on half of a batch and the other on the rest: batch_size must "
      f"be even, got {len(images)}."
    )
  return images.reshape(-1, 2, *images.shape[1:])
