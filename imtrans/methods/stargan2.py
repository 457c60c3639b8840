"""StarGAN v2: one generator for many domains, in styles that are drawn or found in an example."""

from typing import TypeVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.adversary import adversary
from imtrans.methods.conditions import labels_of_plane
from imtrans.methods.method import (
  EXAMPLE,
  Method,
  apply,
  initialize,
  interleave,
  run_together,
)
from imtrans.networks.adain import AdaINGenerator
from imtrans.networks.domains import DomainDiscriminator, DomainEncoder, MappingNetwork
from imtrans.objectives import mean_absolute_error

Network = TypeVar("Network", bound=nn.Module)
# Two games, by where their styles come from, and what the names of their outputs end in.
GAMES = {"latent": "", "reference": "_reference"}


def stargan2(
  generator: nn.Module,
  encoder: nn.Module | None,
  discriminator: nn.Module,
  *,
  num_classes: int = 2,
  latent_size: int = 16,
  mapping_features: int = 512,
  adversarial: str = "vanilla",
  adversarial_weight: float = 1.0,
  style_weight: float = 1.0,
  diversity_weight: float = 1.0,
  diversity_steps: int = 100_000,
  cycle_weight: float = 1.0,
  discriminator_weight: float = 1.0,
  r1_weight: float = 1.0,
) -> Method:
  """Translation among domains (Choi et al., 2020, https://arxiv.org/abs/1912.01865).

  Batches hold pictures with the plane of their own domain behind their channels (see
  `conditions`), [batch, height, width, channels + 1] in [-1, 1]: "source", and of another domain,
  or the same, "target" and "reference".

  A style of the target's domain is made by the mapping network F of a code z, or found by the
  encoder E in the target. The generator G makes an image of the source in it. E is to find the
  style again (Eq. 2), another style is to give another image (Eq. 3), the source's own style is to
  bring the source back (Eq. 4), and the discriminator, which has a logit for each domain, is to
  take the image for a real one (Eq. 1). With styles of codes this moves G, F and E; with styles of
  targets, G alone. The authors' code takes a step for each; here one step takes the sum, and the
  discriminator the mean over both. Its real images are the targets and references.

  Args:
    generator: (image, style) to image.
    encoder: (image, one-hot labels) to style.
    discriminator: (image, one-hot labels) to logits.
    num_classes: domains.
    latent_size: numbers in z.
    mapping_features: channels of the layers of F.
    adversarial: name of the adversarial pair.
    adversarial_weight: of the generator's adversarial term.
    style_weight: of the mean absolute error of the style.
    diversity_weight: of the mean absolute difference of two images of one source, which is to be
      large; 2 for animals in the authors' code.
    diversity_steps: over which that weight falls to zero, in a straight line; 0 leaves it. Where
      a step makes several updates of a player, each counts as one.
    cycle_weight: of the mean absolute error of the source brought back.
    discriminator_weight: of the discriminator's adversarial objective.
    r1_weight: of its gradient penalty on real images.

  Returns:
    The method; the generator player owns G, "images", F, "mapping", and E, "encoder". The source
    of `translate` has the plane of the domain that is wanted; the style is drawn, or found in the
    image `extras["reference"]`, [height, width, channels], if there is one.

  Raises:
    ValueError: for other networks, one domain, or a code of no numbers; by `init`, for pictures
      without a plane.
  """
  translator = _expected(generator, AdaINGenerator, "generator.name to adain")
  style_encoder = _expected(encoder, DomainEncoder, "encoder.name to domain")
  critic = _expected(discriminator, DomainDiscriminator, "discriminator.name to domain")
  if num_classes < 2:
    raise ValueError(f"method.num_classes must be at least 2 for stargan2, got {num_classes}.")
  if latent_size < 1:
    raise ValueError(f"method.latent_size must be at least 1 for stargan2, got {latent_size}.")
  mapping = MappingNetwork(latent_size, style_encoder.style_size, mapping_features)
  opponent = adversary(
    critic,
    adversarial=adversarial,
    discriminator_weight=discriminator_weight,
    r1_weight=r1_weight,
  )

  def read(pictures: Array) -> tuple[Array, Array]:
    """Pictures without their planes, and one-hot labels."""
    return pictures[..., :-1], labels_of_plane(pictures[..., -1], num_classes)

  def paint(params, images, style) -> Array:
    return apply(translator, params["images"], {}, images, latent=style)[0]

  def encode(params, images, labels) -> Array:
    return apply(style_encoder, params["encoder"], {}, images, latent=labels)[0]

  def drawn(params, key, labels) -> Array:
    latent = jax.random.normal(key, (len(labels), latent_size))
    return apply(mapping, params["mapping"], {}, latent, latent=labels)[0]

  def both(function, *pairs) -> list[Array]:
    """A function of each of two batches, in one pass."""
    outputs, _ = run_together(lambda _, given, key: (function(*given), {}), {}, pairs)
    return outputs

  def init(key, batch):
    keys, (source, labels) = jax.random.split(key, 4), read(batch["source"])
    if source.shape[-1] != translator.out_channels:
      raise ValueError(
        f"stargan2 makes pictures of {translator.out_channels} channel(s) of sources that have as "
        f"many and the plane of their domain, got {batch['source'].shape[-1]}."
      )
    latent, style = (jnp.zeros((len(source), n)) for n in (latent_size, style_encoder.style_size))
    params = {"generator": {}}
    for (name, module, *inputs), own_key in zip(
      (
        ("images", translator, source, style),
        ("mapping", mapping, latent, labels),
        ("encoder", style_encoder, source, labels),
      ),
      keys[:3],
      strict=True,
    ):
      params["generator"][name], _ = initialize(module, own_key, *inputs)
    params["discriminator"], collections = initialize(critic, keys[3], source, labels)
    return params, {
      "discriminator": opponent.start(collections),
      "step": jnp.zeros((), jnp.int32),
    }

  def generate(generator_params, extras, batch, key):
    params, held = generator_params, jax.lax.stop_gradient(generator_params)
    (source, own), (target, wanted), (second, _) = (
      read(batch[name]) for name in ("source", "target", "reference")
    )
    first_key, second_key = jax.random.split(key)
    styles = {"latent": drawn(params, first_key, wanted)}
    others = {"latent": drawn(held, second_key, wanted)}
    styles["reference"], others["reference"] = both(
      lambda *given: encode(held, *given), (target, wanted), (second, wanted)
    )
    fakes = both(lambda *given: paint(params, *given), *((source, styles[g]) for g in GAMES))
    again = both(lambda *given: paint(held, *given), *((source, others[g]) for g in GAMES))
    # In the second game E is held: the source's own style and the one that is found do not move it.
    home, recovered = both(lambda *given: encode(params, *given), (source, own), (fakes[0], wanted))
    found = [recovered, encode(held, fakes[1], wanted)]
    homes = [home, jax.lax.stop_gradient(home)]
    returned = both(lambda *given: paint(params, *given), *zip(fakes, homes, strict=True))
    outputs = {}
    for index, (game, suffix) in enumerate(GAMES.items()):
      outputs |= {
        f"fake{suffix}": fakes[index],
        f"other{suffix}": again[index],
        f"style{suffix}": styles[game],
        f"found{suffix}": found[index],
        f"reconstructed{suffix}": returned[index],
      }
    return outputs, {**extras, "step": extras["step"] + 1}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    (target, wanted), (second, _) = read(batch["target"]), read(batch["reference"])
    loss, (moved, metrics) = opponent.discriminator_loss(
      discriminator_params,
      extras["discriminator"],
      interleave(target, second),
      interleave(outputs["fake"], outputs["fake_reference"]),
      None,
      interleave(wanted, wanted),
      key,
    )
    return loss, ({**extras, "discriminator": moved}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    source, _ = read(batch["source"])
    _, wanted = read(batch["target"])
    steps = (extras["step"] - 1).astype(jnp.float32)  # Done before this one.
    left = jnp.maximum(0.0, 1.0 - steps / diversity_steps) if diversity_steps else 1.0
    # Of both games in one pass: the mean, so that it counts twice.
    deceived = opponent.generator_loss(
      discriminator_params,
      extras["discriminator"],
      interleave(outputs["fake"], outputs["fake_reference"]),
      None,
      interleave(wanted, wanted),
    )
    metrics, loss = {"generator/adversarial": deceived}, 2.0 * adversarial_weight * deceived
    for suffix in GAMES.values():
      fake = outputs[f"fake{suffix}"]
      terms = {
        "style": (
          style_weight,
          mean_absolute_error(outputs[f"found{suffix}"], outputs[f"style{suffix}"]),
        ),
        "diversity": (
          -diversity_weight * left,
          mean_absolute_error(fake, outputs[f"other{suffix}"]),
        ),
        "cycle": (cycle_weight, mean_absolute_error(outputs[f"reconstructed{suffix}"], source)),
      }
      loss = loss + sum(weight * value for weight, value in terms.values())
      metrics |= {f"generator/{name}{suffix}": value for name, (_, value) in terms.items()}
    metrics["generator/loss"] = loss
    return loss, metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction, mode  # The plane says where to; neither dropout nor running statistics.
    images, wanted = read(source)
    if EXAMPLE in extras:
      example = jnp.broadcast_to(extras[EXAMPLE], (len(images), *extras[EXAMPLE].shape))
      return paint(generator_params, images, encode(generator_params, example, wanted))
    return paint(generator_params, images, drawn(generator_params, key, wanted))

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def _expected(given: nn.Module | None, kind: type[Network], setting: str) -> Network:
  """Returns a network; ValueError unless it is one of styles and domains."""
  if not isinstance(given, kind):
    raise ValueError(f"stargan2 needs networks of styles and domains: set {setting}.")
  return given
