"""Neural optimal transport: a map and a potential, in place of generator and discriminator."""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.judging import check_one_scale
from imtrans.methods.method import (
  Method,
  apply,
  apply_together,
  check_equal_channels,
  initialize,
  translate_each,
)
from imtrans.objectives import mean_squared_error

NOISE = 1  # Folded into a key for the code, so that dropout's draws stay what they are without.


def neural_transport(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  transport_weight: float = 1.0,
  weakness: float = 0.0,
  weakness_steps: int = 25_000,
  latent_size: int = 0,
  num_codes: int = 4,
  latent_scale: float = 0.1,
) -> Method:
  """Optimal transport maps by a saddle point (Korotin et al., 2023).

  "Neural Optimal Transport", Eq. 15, https://arxiv.org/abs/2201.12220:
  sup over f, inf over T of E f(y) - E f(T(x)) + E C(x, T(x)), with the mean squared error as C.
  The potential f is not bounded in its slope, as a Wasserstein critic is: the cost holds it. T
  should move several times for each move of f (config.updates; the paper's is 10).

  With a latent size the plan may be stochastic, T(x, z), and the cost is the weak one that
  subtracts `weakness` times the variance over z (Eq. 8): more of it means more diverse answers.

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1], that do not
  belong together.

  Args:
    generator: T, of source to target, which have the same channels.
    discriminator: f; the mean of its logits is an image's potential.
    transport_weight: of the cost, a mean per value. The potential's scale follows it.
    weakness: the gamma of the weak cost, at least 0; needs a code.
    weakness_steps: over which it grows from zero; 0 has it at once.
    latent_size: numbers in the code z; 0 gives a deterministic map.
    num_codes: codes per image that the weak cost is estimated from, at least 2.
    latent_scale: standard deviation of a code.

  Returns:
    The method.

  Raises:
    ValueError: for a weakness without a code, too few codes, or a discriminator of several scales;
      by `init`, for domains of different channels.
  """
  check_one_scale(discriminator, "neural_transport")
  if weakness and not latent_size:
    raise ValueError("method.weakness needs a code: set method.latent_size, or weakness to 0.")
  if latent_size and num_codes < 2:
    raise ValueError(f"a variance over codes needs num_codes of at least 2, got {num_codes}.")

  def draw(key: Array, count: int) -> Array | None:
    if not latent_size:
      return None
    normal = jax.random.normal(jax.random.fold_in(key, NOISE), (count, latent_size))
    return latent_scale * normal

  def init(key, batch):
    source, target = batch["source"], batch["target"]
    check_equal_channels(source, target, "the transport cost", "set data.options.channels")
    generator_key, discriminator_key = jax.random.split(key)
    latent = draw(generator_key, source.shape[0])
    inputs = (source,) if latent is None else (source, latent)
    generator_params, generator_state = initialize(generator, generator_key, *inputs)
    discriminator_params, discriminator_state = initialize(discriminator, discriminator_key, target)
    params = {"generator": generator_params, "discriminator": discriminator_params}
    state = {"generator": generator_state, "discriminator": discriminator_state}
    return params, {**state, "step": jnp.zeros((), jnp.int32)}

  def generate(generator_params, extras, batch, key):
    source = batch["source"]
    if latent_size:  # The codes of an image are neighbours in the batch.
      source = jnp.repeat(source, num_codes, axis=0)
    fake, state = apply(
      generator,
      generator_params,
      extras["generator"],
      source,
      key,
      draw(key, source.shape[0]),
    )
    return {"fake": fake}, {**extras, "generator": state, "step": extras["step"] + 1}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    target, fake = batch["target"], outputs["fake"]
    if fake.shape == target.shape:
      (real, moved), state = apply_together(
        discriminator, discriminator_params, extras["discriminator"], (target, fake)
      )
    else:
      state = extras["discriminator"]
      real, state = apply(discriminator, discriminator_params, state, target)
      moved, state = apply(discriminator, discriminator_params, state, fake)
    loss = jnp.mean(moved) - jnp.mean(real)
    metrics = {
      "discriminator/loss": loss,
      "discriminator/real_logits": jnp.mean(real),
      "discriminator/fake_logits": jnp.mean(moved),
    }
    return loss, ({**extras, "discriminator": state}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    fake = outputs["fake"]
    logits, _ = apply(discriminator, discriminator_params, extras["discriminator"], fake)
    metrics = {"generator/potential": jnp.mean(logits)}
    if latent_size:
      steps = extras["step"].astype(jnp.float32)
      gamma = weakness * jnp.minimum(1.0, steps / weakness_steps) if weakness_steps else weakness
      answers = fake.reshape(-1, num_codes, *fake.shape[1:])
      cost, metrics["generator/variance"] = weak_cost(batch["source"], answers, weakness=gamma)
    else:
      cost = mean_squared_error(fake, batch["source"])
    metrics["generator/transport"] = cost
    loss = transport_weight * cost - metrics["generator/potential"]
    return loss, {"generator/loss": loss, **metrics}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    latent = draw(key, source.shape[0])
    state = extras["generator"]
    return translate_each(generator, generator_params, state, source, key, latent, mode=mode)

  return Method(init, generate, discriminator_loss, generator_loss, translate)


def weak_cost(source: Array, answers: Array, *, weakness: float | Array) -> tuple[Array, Array]:
  """The weak quadratic cost, unbiased from a few answers to every source.

  Korotin et al., 2023, Eq. 8: E_z |x - T(x, z)|^2 - weakness Var_z T(x, z), per value. The mean of
  Z answers is off by another Var / Z, which is taken out.

  Args:
    source: [batch, height, width, channels].
    answers: [batch, codes, height, width, channels], two codes at least.
    weakness: gamma >= 0; with 1 all that counts is where the mean of the answers is.

  Returns:
    Two scalars: the cost, and the (unbiased) variance over codes.
  """
  codes = answers.shape[1]
  variance = jnp.mean(jnp.var(answers, axis=1, ddof=1))
  distance = mean_squared_error(jnp.mean(answers, axis=1), source)
  return distance + (1.0 - weakness - 1.0 / codes) * variance, variance
