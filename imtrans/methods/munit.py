"""MUNIT: unpaired translation with many answers, by exchanging styles over a shared content."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from imtrans.methods.judging import deceive, domains_loss
from imtrans.methods.method import Method, initialize
from imtrans.networks import ContentStyleGenerator
from imtrans.objectives import mean_absolute_error

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
    discriminator_weight: the code adds the least-squares terms; ours has a half inside.

  Returns:
    The method. `translate` draws a style for every image.

  Raises:
    ValueError: for generators that do not take an image apart, or a style of no numbers.
  """
  generators = {"a": generator_a, "b": generator_b}
  if not all(isinstance(generator, ContentStyleGenerator) for generator in generators.values()):
    raise ValueError("munit exchanges contents and styles: set generator.name to content_style.")
  if latent_size < 1:
    raise ValueError(f"method.latent_size must be at least 1 for munit, got {latent_size}.")

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
      params["discriminator"][name], state["discriminator"][name] = initialize(
        discriminator, keys[1], batch[name]
      )
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
      loss = loss + sum(weight * value for weight, value in terms.values())
      metrics |= {f"generator/{title}_{name}": value for title, (_, value) in terms.items()}
    metrics["generator/loss"] = loss
    return loss, metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del extras, mode  # Neither dropout nor running statistics.
    if direction not in ("ab", "ba"):
      raise ValueError(f"direction must be 'ab' or 'ba', got {direction!r}.")
    start, end = direction
    content, _ = find(generator_params, start, source)
    return decode(generator_params, end, content, draw(key, len(source)))

  discriminator_loss = domains_loss(
    discriminator, DOMAINS, adversarial=adversarial, weight=discriminator_weight
  )
  return Method(init, generate, discriminator_loss, generator_loss, translate)
