"""CycleGAN: unpaired translation in both directions."""

from collections.abc import Sequence

import flax.linen as nn
import jax

from imtrans.methods.image_pool import empty_pool, query_pool
from imtrans.methods.judging import check_one_scale, deceive
from imtrans.methods.method import (
  Method,
  apply_together,
  check_equal_channels,
  initialize,
  translate_each,
)
from imtrans.methods.penalties import penalized
from imtrans.objectives import mean_absolute_error

PENALTY = 2  # Folded into a pool's key for its discriminator's penalty.
CYCLES = ("forward", "backward")  # a -> b -> a and b -> a -> b.
LEVEL = 2.0 / 255.0  # Of an 8-bit picture, for values in [-1, 1].


def cyclegan(
  generator_ab: nn.Module,
  generator_ba: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  cycle_weight: float = 10.0,
  cycles: Sequence[str] = CYCLES,
  identity_weight: float = 5.0,
  pool_size: int = 50,
  discriminator_weight: float = 1.0,
  cycle_noise: float = 0.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Cycle-consistent adversarial networks (Zhu et al., 2017, https://arxiv.org/abs/1703.10593).

  Batches hold "a" and "b", [batch, height, width, channels] in [-1, 1], that do not belong
  together.

  Args:
    generator_ab: images of domain a to domain b.
    generator_ba: the other way.
    discriminator: the architecture of both discriminators, one per domain.
    adversarial: name of the adversarial pair.
    adversarial_weight: weight of each generator's adversarial term.
    cycle_weight: weight of each cycle term (Eq. 3: 10).
    cycles: some of "forward", a to b and back, and "backward" (Sec. 5.1.4 leaves one of them out).
    identity_weight: weight of each identity term (Sec. 5.2: half the cycle weight); 0 leaves the
      terms out, as it must be when the domains differ in their channels.
    pool_size: generated images kept per domain for the discriminators (Sec. 4: 50).
    discriminator_weight: the paper halves the least-squares objective; ours has the half inside.
    cycle_noise: standard deviation, in levels of an 8-bit picture, of Gaussian noise on a
      translation before it goes back, which spoils messages hidden in it (Bashkirova et al., 2019,
      Sec. 4.1, https://arxiv.org/abs/1908.01517).
    gradient_penalty_weight: of WGAN-GP, with adversarial=wasserstein; see `penalties`, and so the
      next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method.

  Raises:
    ValueError: for a discriminator of several scales, other cycles, or what `penalties` refuses; by
      `init`, for an identity term between domains of different channels.
  """
  check_one_scale(discriminator, "cyclegan")
  if isinstance(cycles, str) or not set(cycles) <= set(CYCLES):
    raise ValueError(
      f"method.cycles must be some of {', '.join(CYCLES)}, got {cycles!r}: set it to ('forward',), "
      "('backward',), both or ()."
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
  generators = {"ab": generator_ab, "ba": generator_ba}

  def init(key, batch):
    if identity_weight:
      remedy = "set method.identity_weight to 0"
      check_equal_channels(batch["a"], batch["b"], "the identity loss", remedy)
    keys = jax.random.split(key, 4)
    params, state = {"generator": {}, "discriminator": {}}, {"generator": {}, "discriminator": {}}
    for index, (name, start) in enumerate((("ab", "a"), ("ba", "b"))):
      params["generator"][name], state["generator"][name] = initialize(
        generators[name], keys[index], batch[start]
      )
    for index, name in enumerate(("a", "b")):
      params["discriminator"][name], judged = initialize(
        discriminator, keys[2 + index], batch[name]
      )
      state["discriminator"][name] = judge.start(judged)
    pools = {name: empty_pool(pool_size, batch[name].shape[1:]) for name in ("a", "b")}
    return params, {**state, "pool": pools}

  def generate(generator_params, extras, batch, key):
    keys = iter(jax.random.split(key, 4))
    noise_keys = jax.random.split(jax.random.fold_in(key, 4))

    def disturbed(image, noise_key):
      if not cycle_noise:
        return image
      noise = jax.random.normal(noise_key, image.shape, image.dtype)
      return image + LEVEL * cycle_noise * noise

    state = dict(extras["generator"])

    def run(name, *images):
      outputs, state[name] = apply_together(
        generators[name], generator_params[name], state[name], images, next(keys)
      )
      return outputs

    outputs = {}
    if identity_weight:
      outputs["fake_b"], outputs["identity_b"] = run("ab", batch["a"], batch["b"])
      outputs["fake_a"], outputs["identity_a"] = run("ba", batch["b"], batch["a"])
    else:
      (outputs["fake_b"],), (outputs["fake_a"],) = run("ab", batch["a"]), run("ba", batch["b"])
    if "forward" in cycles:
      (outputs["reconstructed_a"],) = run("ba", disturbed(outputs["fake_b"], noise_keys[0]))
    if "backward" in cycles:
      (outputs["reconstructed_b"],) = run("ab", disturbed(outputs["fake_a"], noise_keys[1]))
    return outputs, {**extras, "generator": state}

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    state, pools = dict(extras["discriminator"]), dict(extras["pool"])
    metrics, loss = {}, 0.0
    for name, pool_key in zip(("a", "b"), jax.random.split(key), strict=True):
      fake, pools[name] = query_pool(pools[name], outputs[f"fake_{name}"], pool_key)
      term, penalty, state[name], seen = judge.tell_apart(
        discriminator_params[name],
        state[name],
        batch[name],
        fake,
        jax.random.fold_in(pool_key, PENALTY),
      )
      metrics |= {f"discriminator/{title}_{name}": value for title, value in seen.items()}
      metrics[f"discriminator/{name}"] = term
      loss = loss + discriminator_weight * term + penalty
    metrics["discriminator/loss"] = loss
    return loss, ({**extras, "discriminator": state, "pool": pools}, metrics)

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del key
    metrics, loss = {}, 0.0
    for name in ("a", "b"):
      adversarial_term = deceive(
        discriminator,
        discriminator_params[name],
        extras["discriminator"][name],
        outputs[f"fake_{name}"],
        adversarial=adversarial,
      )
      metrics[f"generator/adversarial_{name}"] = adversarial_term
      loss = loss + adversarial_weight * adversarial_term
      if f"reconstructed_{name}" in outputs:
        cycle = mean_absolute_error(outputs[f"reconstructed_{name}"], batch[name])
        metrics[f"generator/cycle_{name}"] = cycle
        loss = loss + cycle_weight * cycle
      if identity_weight:
        identity = mean_absolute_error(outputs[f"identity_{name}"], batch[name])
        metrics[f"generator/identity_{name}"] = identity
        loss = loss + identity_weight * identity
    metrics["generator/loss"] = loss
    return loss, metrics

  def translate(generator_params, extras, source, key, *, direction, mode):
    if direction not in generators:
      raise ValueError(f"direction must be 'ab' or 'ba', got {direction!r}.")
    return translate_each(
      generators[direction],
      generator_params[direction],
      extras["generator"][direction],
      source,
      key,
      mode=mode,
    )

  return Method(init, generate, discriminator_loss, generator_loss, translate)
