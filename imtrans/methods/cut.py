"""CUT: unpaired translation in one direction, by contrast between patches."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.contrast import LAYERS, patch_contrast
from imtrans.methods.features import apply_with_features
from imtrans.methods.judging import deceive
from imtrans.methods.method import Method, check_equal_channels, initialize, translate_each
from imtrans.methods.penalties import penalized


def cut(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  nce_weight: float = 0.5,
  identity_nce_weight: float = 0.5,
  layers: Sequence[str] = LAYERS,
  num_patches: int = 256,
  head_features: int = 256,
  temperature: float = 0.07,
  negatives: str = "image",
  flip_equivariance: bool = False,
  discriminator_weight: float = 1.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Contrastive unpaired translation (Park et al., 2020, https://arxiv.org/abs/2007.15651).

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1], that do not
  belong together. What holds a translation to its source is that a patch of it can be told, by
  features of the generator's own encoder, from other patches of the source (Eq. 3).

  The defaults are CUT: its code weighs the contrastive terms of translations and of identities by
  1 and halves their sum. FastCUT is nce_weight=10, identity_nce_weight=0, flip_equivariance=True.

  Args:
    generator: source to target; it notes the layers of its encoder, as ResNet does.
    discriminator: of images of the target domain, of one scale or several.
    adversarial: name of the adversarial pair.
    adversarial_weight: weight of the generator's adversarial term.
    nce_weight: weight of the contrast between a translated source and its source.
    identity_nce_weight: weight of the contrast between a translated target and that target, which
      keeps the generator from needless changes (Sec. 3.3); 0 leaves it out, as it must be when the
      domains differ in their channels.
    layers: of the encoder, whose features are compared, each at its own scale; the loss is the mean
      over them. More layers make the contrast one of small and of large patches at once.
    num_patches: places that are compared in each layer, at most all.
    head_features: width of the head that features go through.
    temperature: of the contrast.
    negatives: "image": other patches of the same image; "batch": also those of the other images.
    flip_equivariance: whether a source is mirrored, at every second draw, before it is translated
      and the features of its translation are mirrored back (the authors' code, FastCUT).
    discriminator_weight: the code halves the least-squares objective; ours has the half inside.
    gradient_penalty_weight: of WGAN-GP, see `penalties`, and so the next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method; the head is the generator's own, its parameters are under "head".

  Raises:
    ValueError: for unknown negatives, no layers, or what `penalties` refuses; by `init`, for
      domains of different channels.
  """
  patches = patch_contrast(
    nce_weight=nce_weight,
    identity_nce_weight=identity_nce_weight,
    layers=layers,
    num_patches=num_patches,
    head_features=head_features,
    temperature=temperature,
    negatives=negatives,
  )
  judge = penalized(
    discriminator,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )

  def translate_and_encode(params, state, images, key):
    return apply_with_features(generator, params["images"], state, images, tuple(layers), key)

  def init(key, batch):
    check_equal_channels(
      batch["source"],
      batch["target"],
      "cut encodes translations as it does sources and",
      "set data.options.channels, or train cyclegan",
    )
    generator_key, head_key, discriminator_key = jax.random.split(key, 3)
    params, state = initialize(generator, generator_key, batch["source"])
    judge_params, judge_state = initialize(discriminator, discriminator_key, batch["target"])

    def encode():
      return translate_and_encode({"images": params}, state, [batch["source"]], generator_key)[1][0]

    head = patches.init(head_key, encode)
    return (
      {"generator": {"images": params, "head": head}, "discriminator": judge_params},
      {"generator": state, "discriminator": judge.start(judge_state)},
    )

  def generate(generator_params, extras, batch, key):
    dropout_key, again_key, flip_key, *patch_keys = jax.random.split(key, 5)
    coins = jax.random.bernoulli(flip_key, 0.5, batch["source"].shape[:1])

    def flip(values):
      return mirror(values, coins) if flip_equivariance else values

    sources = patches.images(batch)
    images, keys, state = translate_and_encode(
      generator_params, extras["generator"], [flip(image) for image in sources], dropout_key
    )
    outputs: dict[str, Any] = dict(zip(("fake", "identity"), images, strict=False))
    if flip_equivariance:
      _, keys, _ = translate_and_encode(generator_params, state, sources, dropout_key)
    _, queries, _ = translate_and_encode(generator_params, state, images, again_key)
    queries = jax.tree.map(flip, queries)
    outputs |= patches.compare(generator_params["head"], queries, keys, patch_keys)
    return outputs, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    loss, penalty, state, metrics = judge.tell_apart(
      discriminator_params, extras["discriminator"], batch["target"], outputs["fake"], key
    )
    loss = discriminator_weight * loss + penalty
    metrics = {f"discriminator/{name}": value for name, value in metrics.items()}
    return loss, ({**extras, "discriminator": state}, {"discriminator/loss": loss, **metrics})

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del batch, key
    deceived = deceive(
      discriminator,
      discriminator_params,
      extras["discriminator"],
      outputs["fake"],
      adversarial=adversarial,
    )
    terms = {"adversarial": (adversarial_weight, deceived), **patches.terms(outputs)}
    loss = sum((weight * value for weight, value in terms.values()), jnp.zeros(()))
    metrics = {f"generator/{name}": value for name, (_, value) in terms.items()}
    return loss, {"generator/loss": loss, **metrics}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    params, state = generator_params["images"], extras["generator"]
    return translate_each(generator, params, state, source, key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def mirror(images: Array, chosen: Array) -> Array:
  """Mirrors some images left to right.

  Args:
    images: [batch, height, width, channels].
    chosen: booleans [batch].

  Returns:
    The same shape.
  """
  return jnp.where(chosen[:, None, None, None], images[:, :, ::-1], images)
