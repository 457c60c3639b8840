"""UNIT: unpaired translation by one latent space that two domains share."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from imtrans.methods.judging import deceive, domains_loss
from imtrans.methods.method import Method, initialize
from imtrans.methods.munit import DOMAINS, OTHER
from imtrans.methods.penalties import penalized
from imtrans.networks import ContentGenerator
from imtrans.objectives import mean_absolute_error


def unit(
  generator_a: nn.Module,
  generator_b: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  image_weight: float = 10.0,
  cycle_weight: float = 10.0,
  kl_weight: float = 0.01,
  cycle_kl_weight: float = 0.01,
  discriminator_weight: float = 2.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Translation networks with a shared latent space (Liu et al., 2017, Sec. 2).

  https://arxiv.org/abs/1703.00848. Each domain has a variational autoencoder whose codes, images
  themselves, have unit variance; a translation is the code of one domain decoded in the other.
  Batches hold "a" and "b", [batch, height, width, channels] in [-1, 1], that do not belong
  together.

  As in the authors' later code (that of MUNIT, whose weights these are) no layers are shared
  between the domains: what keeps the codes together are the cycle and the prior.

  Args:
    generator_a: encoder and decoder of domain a, as `ContentGenerator` has them.
    generator_b: those of domain b; the codes of both have the same shape.
    discriminator: the architecture of both discriminators, of one scale or several, whose terms
      are added.
    adversarial: name of the adversarial pair.
    adversarial_weight: of each generator's adversarial term (Eq. 4).
    image_weight: of an image made again from its own code (Eq. 3).
    cycle_weight: of the image made again from its translation (Eq. 5).
    kl_weight: of the mean square of the codes, which is twice their divergence from N(0, I) a
      number (Eq. 3).
    cycle_kl_weight: of the same of the translations' codes (Eq. 5).
    discriminator_weight: the code adds the least-squares terms; ours has a half inside. Other
      losses have none: 1 is theirs, and 2 would double them against the penalties.
    gradient_penalty_weight: of WGAN-GP, see `penalties`, and so the next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method. Noise is added to codes in training alone.

  Raises:
    ValueError: for generators that are no autoencoders, or what `penalties` refuses.
  """
  generators = {"a": generator_a, "b": generator_b}
  if not all(isinstance(generator, ContentGenerator) for generator in generators.values()):
    raise ValueError("unit decodes what it encodes: set generator.name to content.")

  judge = penalized(
    discriminator,
    adversarial=adversarial,
    adversarial_weight=adversarial_weight,
    gradient_penalty_weight=gradient_penalty_weight,
    r1_weight=r1_weight,
    r2_weight=r2_weight,
    lecam_weight=lecam_weight,
  )

  def encode(params, name, images):
    return generators[name].apply({"params": params[name]}, images, method="encode")

  def decode(params, name, codes):
    return generators[name].apply({"params": params[name]}, codes, method="decode")

  def init(key, batch):
    params, state = {"generator": {}, "discriminator": {}}, {"discriminator": {}}
    for name, own_key in zip(DOMAINS, jax.random.split(key), strict=True):
      keys = jax.random.split(own_key)
      params["generator"][name], _ = initialize(generators[name], keys[0], batch[name])
      params["discriminator"][name], judged = initialize(discriminator, keys[1], batch[name])
      state["discriminator"][name] = judge.start(judged)
    return params, state

  def generate(generator_params, extras, batch, key):
    outputs, keys = {}, iter(jax.random.split(key, 4))

    def disturbed(codes):
      return codes + jax.random.normal(next(keys), codes.shape)

    for name in DOMAINS:
      outputs[f"code_{name}"] = encode(generator_params, name, batch[name])
      codes = disturbed(outputs[f"code_{name}"])
      outputs[f"image_{name}"] = decode(generator_params, name, codes)
      outputs[f"fake_{OTHER[name]}"] = decode(generator_params, OTHER[name], codes)
    for name in DOMAINS:
      found = encode(generator_params, OTHER[name], outputs[f"fake_{OTHER[name]}"])
      outputs[f"found_code_{name}"] = found
      outputs[f"reconstructed_{name}"] = decode(generator_params, name, disturbed(found))
    return outputs, extras

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    metrics, loss = {}, jnp.zeros(())
    for name in DOMAINS:
      adversarial_term = deceive(
        discriminator,
        discriminator_params[name],
        extras["discriminator"][name],
        outputs[f"fake_{name}"],
        adversarial=adversarial,
      )
      cycle = mean_absolute_error(outputs[f"reconstructed_{name}"], batch[name])
      terms = {
        "adversarial": (adversarial_weight, adversarial_term),
        "image": (image_weight, mean_absolute_error(outputs[f"image_{name}"], batch[name])),
        "cycle": (cycle_weight, cycle),
        "kl": (kl_weight, jnp.mean(jnp.square(outputs[f"code_{name}"]))),
        "cycle_kl": (cycle_kl_weight, jnp.mean(jnp.square(outputs[f"found_code_{name}"]))),
      }
      loss = loss + sum(weight * value for weight, value in terms.values())
      metrics |= {f"generator/{title}_{name}": value for title, (_, value) in terms.items()}
    metrics["generator/loss"] = loss
    return loss, metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    del extras, key, mode  # Neither noise, dropout nor running statistics.
    if direction not in ("ab", "ba"):
      raise ValueError(f"direction must be 'ab' or 'ba', got {direction!r}.")
    start, end = direction
    return decode(generator_params, end, encode(generator_params, start, source))

  discriminator_loss = domains_loss(judge.tell_apart, DOMAINS, weight=discriminator_weight)
  return Method(init, generate, discriminator_loss, generator_loss, translate)
