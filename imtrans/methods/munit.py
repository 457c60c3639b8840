"""MUNIT: unpaired translation with many answers, by exchanging styles over a shared content."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import deceive, domains_loss
from imtrans.methods.method import EXAMPLE, Method, initialize
from imtrans.methods.penalties import penalized
from imtrans.networks import ContentStyleGenerator
from imtrans.objectives import content_loss, mean_absolute_error

DOMAINS = ("a", "b")
OTHER = {"a": "b", "b": "a"}


def munit(
  generator_a: nn.Module,
  generator_b: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  image_weight: float = 10.0,
  content_weight: float = 1.0,
  style_weight: float = 1.0,
  cycle_weight: float = 0.0,
  latent_size: int = 8,
  discriminator_weight: float = 2.0,
  perceptual_weight: float = 0.0,
  content_features: Callable[[Array], Array] | None = None,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Multimodal unsupervised translation (Huang et al., 2018, https://arxiv.org/abs/1804.04732).

  An image is a content, which the domains share, and a style of its own domain. A translation
  keeps the content and takes a style of the other domain, drawn from N(0, I) or found in an
  example. Batches hold "a" and "b", [batch, height, width, channels] in [-1, 1], that do not belong
  together.

  Args:
    generator_a: encoders and decoder of domain a, as `ContentStyleGenerator` has them.
    generator_b: those of domain b; the contents of both have the same shape.
    discriminator: the architecture of both discriminators, of one scale or several, whose terms
      are added.
    adversarial: name of the adversarial pair.
    adversarial_weight: of each generator's adversarial term.
    image_weight: of an image made again from its own content and style (Eq. 1: 10).
    content_weight: of a content found again in the translation (Eq. 2).
    style_weight: of a style found again in the translation (Eq. 3).
    cycle_weight: of the image made again from its translation (Sec. 5.1; 10 in the animals' runs).
    latent_size: numbers in a style.
    discriminator_weight: the code adds the least-squares terms; ours has a half inside. Other
      losses have none: 1 is theirs, and 2 would double them against the penalties.
    perceptual_weight: of what a translation changes in standardised features of a trained network
      (Sec. 5.1, for pictures of 512 pixels and more).
    content_features: images -> activation of that network, needed with that weight.
    gradient_penalty_weight: of WGAN-GP, see `penalties`, and so the next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method. `translate` draws a style for every image, or takes that of `extras["reference"]`,
    [height, width, channels] of the domain that it goes to, if there is one.

  Raises:
    ValueError: for generators that do not take an image apart, a style of no numbers, a
      perceptual weight without features, or what `penalties` refuses.
  """
  generators = {"a": generator_a, "b": generator_b}
  if not all(isinstance(generator, ContentStyleGenerator) for generator in generators.values()):
    raise ValueError("munit exchanges contents and styles: set generator.name to content_style.")
  if latent_size < 1:
    raise ValueError(f"method.latent_size must be at least 1 for munit, got {latent_size}.")

  if perceptual_weight and content_features is None:
    raise ValueError(
      "perceptual_weight of munit needs content_features, such as those of "
      "imtrans.methods.perceptual: give them, or set method.perceptual_weight to 0."
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

  def find(params, name, images):
    return generators[name].apply({"params": params[name]}, images, method="encode")

  def decode(params, name, content, style):
    return generators[name].apply({"params": params[name]}, content, style, method="decode")

  def draw(key, count):
    return jax.random.normal(key, (count, latent_size))

  def init(key, batch):
    params, state = {"generator": {}, "discriminator": {}}, {"discriminator": {}}
    for name, own_key in zip(DOMAINS, jax.random.split(key), strict=True):
      keys = jax.random.split(own_key)
      params["generator"][name], _ = initialize(generators[name], keys[0], batch[name])
      params["discriminator"][name], judged = initialize(discriminator, keys[1], batch[name])
      state["discriminator"][name] = judge.start(judged)
    return params, state

  def generate(generator_params, extras, batch, key):
    outputs = {}
    for name, own_key in zip(DOMAINS, jax.random.split(key), strict=True):
      content, style = find(generator_params, name, batch[name])
      outputs[f"content_{name}"] = content
      outputs[f"drawn_style_{name}"] = draw(own_key, len(content))
      outputs[f"image_{name}"] = decode(generator_params, name, content, style)
      outputs[f"style_{name}"] = style
    for name in DOMAINS:
      source = outputs[f"content_{OTHER[name]}"]
      fake = decode(generator_params, name, source, outputs[f"drawn_style_{name}"])
      outputs[f"fake_{name}"] = fake
      found = find(generator_params, name, fake)
      outputs[f"found_content_{OTHER[name]}"], outputs[f"found_style_{name}"] = found
    if cycle_weight:
      for name in DOMAINS:
        content, style = outputs[f"found_content_{name}"], outputs[f"style_{name}"]
        outputs[f"reconstructed_{name}"] = decode(generator_params, name, content, style)
    return outputs, extras

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    metrics, loss = {}, jnp.zeros(())
    for name in DOMAINS:
      terms = {
        "adversarial": (
          adversarial_weight,
          deceive(
            discriminator,
            discriminator_params[name],
            extras["discriminator"][name],
            outputs[f"fake_{name}"],
            adversarial=adversarial,
          ),
        ),
        "image": (image_weight, mean_absolute_error(outputs[f"image_{name}"], batch[name])),
        "content": (
          content_weight,
          mean_absolute_error(outputs[f"found_content_{name}"], outputs[f"content_{name}"]),
        ),
        "style": (
          style_weight,
          mean_absolute_error(outputs[f"found_style_{name}"], outputs[f"drawn_style_{name}"]),
        ),
      }
      if cycle_weight:
        error = mean_absolute_error(outputs[f"reconstructed_{name}"], batch[name])
        terms["cycle"] = (cycle_weight, error)
      if perceptual_weight and content_features is not None:
        seen = [content_features(own) for own in (outputs[f"fake_{name}"], batch[OTHER[name]])]
        terms["perceptual"] = (perceptual_weight, content_loss(*seen))
      loss = loss + sum(weight * value for weight, value in terms.values())
      metrics |= {f"generator/{title}_{name}": value for title, (_, value) in terms.items()}
    metrics["generator/loss"] = loss
    return loss, metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del mode  # Neither dropout nor running statistics.
    if direction not in ("ab", "ba"):
      raise ValueError(f"direction must be 'ab' or 'ba', got {direction!r}.")
    start, end = direction
    content, _ = find(generator_params, start, source)
    style = draw(key, len(source))
    if EXAMPLE in extras:
      examples = jnp.broadcast_to(extras[EXAMPLE], (len(source), *extras[EXAMPLE].shape))
      _, style = find(generator_params, end, examples)
    return decode(generator_params, end, content, style)

  discriminator_loss = domains_loss(judge.tell_apart, DOMAINS, weight=discriminator_weight)
  return Method(init, generate, discriminator_loss, generator_loss, translate)
