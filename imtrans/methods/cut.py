"""CUT: unpaired translation in one direction, by contrast between patches."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.features import (
  Features,
  apply_with_features,
  at_positions,
  sample_positions,
)
from imtrans.methods.judging import deceive
from imtrans.methods.method import Method, check_equal_channels, initialize, translate_each
from imtrans.methods.penalties import penalized
from imtrans.networks import PatchHead
from imtrans.objectives import patch_nce_loss

LAYERS = ("image", "down_1", "down_2", "block_0", "block_4")
NEGATIVES = ("image", "batch")


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
  if negatives not in NEGATIVES:
    raise ValueError(f"negatives must be one of {', '.join(NEGATIVES)}, got {negatives!r}.")
  if isinstance(layers, str) or not layers:
    raise ValueError(f"layers must be names of at least one layer, got {layers!r}.")
  head = PatchHead(head_features)
  judge = penalized(
    discriminator,
    adversarial=adversarial,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )
  weights = {"nce": nce_weight, "identity_nce": identity_nce_weight}
  used = [name for name, weight in weights.items() if weight]

  def translate_and_encode(params, state, images, key):
    return apply_with_features(generator, params["images"], state, images, tuple(layers), key)

  def project(params, features, positions):
    return head.apply({"params": params["head"]}, at_positions(features, positions))

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

    def features_of(source):
      _, (features,), _ = translate_and_encode({"images": params}, state, (source,), generator_key)
      return at_positions(features, sample_positions(features, 1, head_key))

    vectors = jax.tree.map(
      lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), jax.eval_shape(features_of, batch["source"])
    )
    head_params = head.init(head_key, vectors)["params"]
    generator_params = {"images": params, "head": head_params}
    return (
      {"generator": generator_params, "discriminator": judge_params},
      {"generator": state, "discriminator": judge.start(judge_state)},
    )

  def generate(generator_params, extras, batch, key):
    dropout_key, again_key, flip_key, *patch_keys = jax.random.split(key, 5)
    coins = jax.random.bernoulli(flip_key, 0.5, batch["source"].shape[:1])

    def flip(values):
      return mirror(values, coins) if flip_equivariance else values

    sources = [batch["source"], batch["target"]] if identity_nce_weight else [batch["source"]]
    images, keys, state = translate_and_encode(
      generator_params, extras["generator"], [flip(image) for image in sources], dropout_key
    )
    outputs: dict[str, Any] = dict(zip(("fake", "identity"), images, strict=False))
    if not used:
      return outputs, {**extras, "generator": state}
    if flip_equivariance:
      _, keys, _ = translate_and_encode(generator_params, state, sources, dropout_key)
    _, queries, _ = translate_and_encode(generator_params, state, images, again_key)
    for name, own_queries, own_keys, patch_key in zip(
      weights, queries, keys, patch_keys, strict=False
    ):
      positions = sample_positions(own_keys, num_patches, patch_key)
      # Keys are what queries are to be like, and not the other way round: held here, so that
      # nothing is pulled back through them.
      outputs[f"{name}_keys"] = jax.lax.stop_gradient(
        project(generator_params, own_keys, positions)
      )
      outputs[f"{name}_queries"] = project(
        generator_params, jax.tree.map(flip, own_queries), positions
      )
    return outputs, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    loss, penalty, state, metrics = judge.tell_apart(
      discriminator_params, extras["discriminator"], batch["target"], outputs["fake"], key
    )
    loss = discriminator_weight * loss + penalty
    if not adversarial_weight:  # Nobody plays against it, and it always wins.
      del metrics["accuracy"]
    metrics = {f"discriminator/{name}": value for name, value in metrics.items()}
    return loss, ({**extras, "discriminator": state}, {"discriminator/loss": loss, **metrics})

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del batch, key
    adversarial_term = deceive(
      discriminator,
      discriminator_params,
      extras["discriminator"],
      outputs["fake"],
      adversarial=adversarial,
    )
    loss = adversarial_weight * adversarial_term
    metrics = {"generator/adversarial": adversarial_term}
    for name in used:
      term = contrast(
        outputs[f"{name}_queries"],
        outputs[f"{name}_keys"],
        temperature=temperature,
        across_batch=negatives == "batch",
      )
      metrics[f"generator/{name}"] = term
      loss = loss + weights[name] * term
    return loss, {"generator/loss": loss, **metrics}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    params, state = generator_params["images"], extras["generator"]
    return translate_each(generator, params, state, source, key, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def contrast(queries: Features, keys: Features, *, temperature: float, across_batch: bool) -> Array:
  """The contrastive loss, as a mean over layers.

  Args:
    queries: {layer: [batch, places, features]}, unit vectors of generated images.
    keys: the same of their sources.
    temperature: of the contrast.
    across_batch: whether the patches of all images are negatives of each other.

  Returns:
    Scalar in nats.
  """

  def grouped(values: Array) -> Array:
    return values.reshape(1, -1, values.shape[-1]) if across_batch else values

  losses = [
    patch_nce_loss(grouped(queries[name]), grouped(keys[name]), temperature=temperature)
    for name in queries
  ]
  return jnp.mean(jnp.stack(losses))


def mirror(images: Array, chosen: Array) -> Array:
  """Mirrors some images left to right.

  Args:
    images: [batch, height, width, channels].
    chosen: booleans [batch].

  Returns:
    The same shape.
  """
  return jnp.where(chosen[:, None, None, None], images[:, :, ::-1], images)
