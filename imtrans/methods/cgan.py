"""Conditional adversarial networks: pictures of a class label, of a picture, or of both."""

from typing import cast

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.adversary import adversary
from imtrans.methods.conditions import Condition, read_condition
from imtrans.methods.gan import check_size
from imtrans.methods.judging import check_one_scale
from imtrans.methods.method import Method, apply, initialize, translate_each
from imtrans.networks.convolutional import ConvolutionalDiscriminator
from imtrans.networks.labels import Colors, LabelCode, label_planes
from imtrans.objectives import mean_absolute_error

LATENT = 1  # Folded into a key for the code, so that dropout's draws stay what they are without.
JUDGED_LABELS = ("concatenation", "embedding", "projection")


def cgan(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  static: bool = False,
  colors: Colors = (),
  num_classes: int = 0,
  latent_size: int = 0,
  label_code: str = "embedding",
  label_features: int = 16,
  judged_label: str = "projection",
  adversarial: str = "vanilla",
  l1_weight: float = 0.0,
  discriminator_weight: float = 1.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Conditional GAN (Mirza and Osindero, 2014, https://arxiv.org/abs/1411.1784).

  Batches hold "source", all conditions in the channels of one picture (see `conditions`), and
  "target", [batch, height, width, channels] in [-1, 1]. The condition may be

  * a class label: the source is static and the plane of the class, the generator one of codes;
  * a picture, such as a drawing, an edge map or a semantic map; the generator one of images;
  * both: the label, and noise if there is a latent size, go in as the generator's code.

  The discriminator sees a picture beside the image, in the channels.

  Args:
    generator: codes to images for static, else images, maybe with a code, to images.
    discriminator: of images; for "projection" it takes labels.
    static: whether the source begins with static, from which the noise is read; otherwise it is
      drawn.
    colors: palette of a semantic map, 8-bit RGB: both networks see one plane a class.
    num_classes: of the label; 0 for none.
    latent_size: numbers of the noise z.
    label_code: how the generator is told the class: "concatenation" of the one-hot label, or of a
      learned "embedding".
    label_features: numbers of an embedding.
    judged_label: how the discriminator is told: planes of the one-hot label in "concatenation"
      with the image, of a learned "embedding", or "projection" (see `ConvolutionalDiscriminator`).
    adversarial: name of the adversarial pair.
    l1_weight: of the mean absolute error to the target, for conditions with one right answer.
    discriminator_weight: see `adversary`, and so are the others.
    gradient_penalty_weight: between real and generated images.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method.

  Raises:
    ValueError: for an unknown way to tell a label, a discriminator of several scales, or a source
      that holds nothing.
  """
  check_one_scale(discriminator, "cgan")
  if judged_label not in JUDGED_LABELS:
    raise ValueError(
      f"method.judged_label must be one of {', '.join(JUDGED_LABELS)}, got {judged_label!r}."
    )
  takes_labels = isinstance(discriminator, ConvolutionalDiscriminator)
  if num_classes and judged_label == "projection" and not takes_labels:
    raise ValueError(
      "projection needs discriminator.name=convolutional, whose head takes a label: choose it, or "
      "set method.judged_label to concatenation or embedding."
    )
  opponent = adversary(
    discriminator,
    adversarial=adversarial,
    discriminator_weight=discriminator_weight,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )
  told = LabelCode(label_code, label_features)
  # The discriminator's own code: one-hot planes need no parameters.
  shown = LabelCode(judged_label, label_features) if judged_label != "projection" else None

  def read(source, key) -> Condition:
    condition = read_condition(
      source, latent_size=latent_size, static=static, num_classes=num_classes
    )
    if condition.image is not None:
      condition = condition._replace(image=label_planes(condition.image, colors))
    if latent_size and not static:
      noise = jax.random.normal(jax.random.fold_in(key, LATENT), (source.shape[0], latent_size))
      condition = condition._replace(latent=noise)
    return condition

  def coded(module, params, labels) -> Array:
    return cast(Array, module.apply({"params": params.get("label", {})}, labels, train=True))

  def generator_inputs(params, condition):
    """The image and the code, without what there is none of."""
    codes = [] if condition.latent is None else [condition.latent]
    if condition.labels is not None:
      codes.append(coded(told, params, condition.labels))
    code = jnp.concatenate(codes, axis=-1) if codes else None
    return [part for part in (condition.image, code) if part is not None]

  def judged(params, condition, image):
    """What the discriminator sees beside an image of this shape: planes and labels."""
    planes, labels = condition.image, condition.labels
    if labels is None or shown is None:
      return planes, labels
    code = coded(shown, params, labels)
    spread = jnp.broadcast_to(code[:, None, None, :], (*image.shape[:3], code.shape[-1]))
    return spread if planes is None else jnp.concatenate([planes, spread], axis=-1), None

  def init(key, batch):
    generator_key, discriminator_key, *label_keys = jax.random.split(key, 4)
    condition = read(batch["source"], key)
    params = {"generator": {}, "discriminator": {}}
    for player, module, label_key in zip(params, (told, shown), label_keys, strict=True):
      if condition.labels is not None and module is not None:
        variables = module.init(label_key, condition.labels, train=True)
        params[player]["label"] = variables.get("params", {})
    inputs = generator_inputs(params["generator"], condition)
    if not inputs:
      raise ValueError("a source without static, picture and class is no condition.")
    params["generator"]["network"], state = initialize(generator, generator_key, *inputs)
    planes, labels = judged(params["discriminator"], condition, batch["target"])
    image = batch["target"]
    image = image if planes is None else jnp.concatenate([planes, image], axis=-1)
    params["discriminator"]["network"], collections = initialize(
      discriminator, discriminator_key, *((image,) if labels is None else (image, labels))
    )
    return params, {"generator": state, "discriminator": opponent.start(collections)}

  def generate(generator_params, extras, batch, key):
    inputs = generator_inputs(generator_params, read(batch["source"], key))
    first, *code = inputs
    fake, state = apply(
      generator, generator_params["network"], extras["generator"], first, key, *code
    )
    return {"fake": fake}, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    condition = read(batch["source"], key)
    planes, labels = judged(discriminator_params, condition, batch["target"])
    loss, (moved, metrics) = opponent.discriminator_loss(
      discriminator_params["network"],
      extras["discriminator"],
      batch["target"],
      outputs["fake"],
      planes,
      labels,
      key,
    )
    return loss, ({**extras, "discriminator": moved}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    condition, fake = read(batch["source"], key), outputs["fake"]
    planes, labels = judged(discriminator_params, condition, fake)
    adversarial_term = opponent.generator_loss(
      discriminator_params["network"], extras["discriminator"], fake, planes, labels
    )
    metrics = {"generator/loss": adversarial_term, "generator/adversarial": adversarial_term}
    if l1_weight:
      metrics["generator/l1"] = mean_absolute_error(fake, batch["target"])
      metrics["generator/loss"] = adversarial_term + l1_weight * metrics["generator/l1"]
    return metrics["generator/loss"], metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction
    if static:
      check_size(generator, source)
    first, *code = generator_inputs(generator_params, read(source, key))
    return translate_each(
      generator, generator_params["network"], extras["generator"], first, key, *code, mode=mode
    )

  return Method(init, generate, discriminator_loss, generator_loss, translate)
