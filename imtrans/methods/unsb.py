"""UNSB: unpaired translation in a few steps along a Schrödinger bridge."""

from collections.abc import Sequence
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from imtrans.methods.bridge import advance, walk
from imtrans.methods.contrast import LAYERS, patch_contrast
from imtrans.methods.energy import beside, pair_energy
from imtrans.methods.features import apply_with_features
from imtrans.methods.judging import check_one_scale, deceive
from imtrans.methods.method import Method, check_equal_channels, initialize, translate_each
from imtrans.methods.penalties import penalized
from imtrans.networks import ResNet
from imtrans.objectives import (
  information_critic_loss,
  mean_squared_error,
  mutual_information_bound,
)
from imtrans.theory.transport import refinement_times


def unsb(
  generator: nn.Module,
  discriminator: nn.Module,
  *,
  adversarial: str = "least_squares",
  adversarial_weight: float = 1.0,
  transport_weight: float = 0.01,
  entropy_weight: float = 0.01,
  nce_weight: float = 0.5,
  identity_nce_weight: float = 0.5,
  num_times: int = 5,
  num_refinements: int = 0,
  tau: float = 0.01,
  latent_size: int = 256,
  layers: Sequence[str] = LAYERS,
  num_patches: int = 256,
  head_features: int = 256,
  temperature: float = 0.07,
  discriminator_weight: float = 1.0,
  gradient_penalty_weight: float = 0.0,
  r1_weight: float = 0.0,
  r2_weight: float = 0.0,
  lecam_weight: float = 0.0,
) -> Method:
  """Unpaired neural Schrödinger bridge (Kim et al., 2024, https://arxiv.org/abs/2305.15086).

  Batches hold "source" and "target", [batch, height, width, channels] in [-1, 1], that do not
  belong together; a batch is even. A translation is refined in steps: the generator guesses the end
  x_1 of a bridge from a point x_t on it, and the next point is drawn between the two
  (`imtrans.theory.transport`). In training a time t is drawn for the batch, x_t is walked to
  without gradients, and what is learned is the guess from there (Eq. 13): an adversarial term for
  x_1, the transport cost of a bridge (Eq. 11), the mean of |x_t - x_1|^2 less 2 tau (1 - t) times
  the entropy of (x_t, x_1), and the contrastive terms of CUT, between x_1 and the source.

  A second critic, "energy", finds the entropy as what pairs (x_t, x_1) tell of themselves and not
  of another pair, which here is that of a neighbour in the batch. It bounds the entropy from
  below, far from tight, so its weight is one of its own. The authors' code weighs both terms by
  tau and has 1 - i / num_times in the place of 1 - t_i.

  Args:
    generator: a ResNet with the code in its blocks, (x_t, code) to x_1; the code is which time it
      is, and noise.
    discriminator: of an image of the target domain, beside which planes tell the time; so are the
      energy's four images.
    adversarial: name of the adversarial pair.
    adversarial_weight: weight of the generator's adversarial term.
    transport_weight: of the mean squared difference of x_t and x_1. In the authors' code it is
      lambda_SB tau: ours is that of lambda_SB = 1, as in its README; the code's default of 0.1
      would be 0.001.
    entropy_weight: of the entropy, times 1 - t; 0 leaves the second critic out.
    nce_weight: of the contrast between translation and source, see `cut`.
    identity_nce_weight: of the same for target images that are translated; 0 leaves it out.
    num_times: steps of the bridge in training (5).
    num_refinements: guesses that a translation takes, from 1 to num_times; 0 takes them all.
    tau: variance that the bridge's Brownian motion gains in a unit of time.
    latent_size: numbers of the noise of a guess, four per feature in the authors' code.
    layers: of the encoder, whose features are compared, see `cut`, and so the next three.
    num_patches: places that are compared in each layer, at most all.
    head_features: width of the head that features go through.
    temperature: of the contrast.
    discriminator_weight: the code halves the least-squares objective; ours has the half inside.
    gradient_penalty_weight: of WGAN-GP, see `penalties`, and so the next three; 0 leaves it out.
    r1_weight: on real images.
    r2_weight: on generated images.
    lecam_weight: for few images.

  Returns:
    The method. The generator player owns "images" and the contrastive "head", the discriminator
    "images" and "energy".

  Raises:
    ValueError: for a generator whose blocks take no code, a discriminator of several scales, no
      noise, no layers, more refinements than times, or what `penalties` refuses; by `init`, for
      domains of different channels.
  """
  check_one_scale(discriminator, "unsb")
  if not isinstance(generator, ResNet) or generator.latent_at != "blocks":
    raise ValueError(
      "unsb tells its generator the time by a code: set generator.name=resnet and "
      "generator.latent_at=blocks."
    )
  if latent_size < 1:
    raise ValueError(f"method.latent_size must be at least 1 for unsb, got {latent_size}.")
  if not 0 <= num_refinements <= num_times:
    raise ValueError(
      f"num_refinements must be from 1 to num_times, {num_times}, or 0 for all of them, got "
      f"{num_refinements}."
    )
  times = refinement_times(num_times)
  energy = pair_energy(discriminator)
  patches = patch_contrast(
    nce_weight=nce_weight,
    identity_nce_weight=identity_nce_weight,
    layers=layers,
    num_patches=num_patches,
    head_features=head_features,
    temperature=temperature,
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

  def place(index: int | Array) -> Array:
    return jax.nn.one_hot(index, num_times)

  def coded(index: int | Array, count: int, key: Array) -> Array:
    """What the generator is told: the time and the noise, [count, num_times + latent_size]."""
    which = jnp.broadcast_to(place(index)[None], (count, num_times))
    return jnp.concatenate([which, jax.random.normal(key, (count, latent_size))], axis=-1)

  def guess(params, collections, points, index, key, chosen=()):
    """The ends of bridges, for batches of points at one time, and features of the points."""
    dropout_key, *keys = jax.random.split(key, 1 + len(points))
    codes = [coded(index, len(own), own_key) for own, own_key in zip(points, keys, strict=True)]
    return apply_with_features(
      generator, params["images"], collections, points, tuple(chosen), dropout_key, codes
    )

  def init(key, batch):
    source, target = batch["source"], batch["target"]
    check_equal_channels(source, target, "a bridge between domains", "set data.options.channels")
    keys = jax.random.split(key, 5)
    params, state = initialize(generator, keys[0], source, coded(0, len(source), keys[0]))

    def encode():
      return guess({"images": params}, state, [source], 0, keys[1], layers)[1][0]

    head = patches.init(keys[4], encode)
    own, own_state = initialize(discriminator, keys[2], beside(place(0), target))
    judges, judge_states = {"images": own}, {"images": judge.start(own_state)}
    if entropy_weight:
      judges["energy"], judge_states["energy"] = energy.init(keys[3], place(0), target)
    return (
      {"generator": {"images": params, "head": head}, "discriminator": judges},
      {"generator": state, "discriminator": judge_states},
    )

  def generate(generator_params, extras, batch, key):
    time_key, walk_key, guess_key, code_key, *patch_keys = jax.random.split(key, 6)
    state, starts = extras["generator"], patches.images(batch)
    index = jax.random.randint(time_key, (), 0, num_times)
    held = jax.lax.stop_gradient(generator_params)

    def ends(points, step, key):
      return guess(held, state, points, step, key)[0]

    points = walk(starts, index, walk_key, ends, times=times, tau=tau)
    images, _, state = guess(generator_params, state, points, index, guess_key)
    outputs: dict[str, Any] = dict(zip(("fake", "identity"), images, strict=False))
    outputs |= {"point": points[0], "place": place(index)}
    # Both are read at the time 0 and with the same noise: what differs are the images.
    _, queries, _ = guess(generator_params, state, images, 0, code_key, layers)
    _, keys, _ = guess(held, state, starts, 0, code_key, layers)
    outputs |= patches.compare(generator_params["head"], queries, keys, patch_keys)
    return outputs, {**extras, "generator": state}

  def scores(params, collections, outputs):
    pairs = outputs["place"], outputs["point"], outputs["fake"]
    return energy.scores(params["energy"], collections["energy"], *pairs)

  def discriminator_loss(discriminator_params, extras, outputs, batch, key):
    state, target = dict(extras["discriminator"]), batch["target"]
    params, planes = discriminator_params["images"], beside(outputs["place"], target[..., :0])
    loss, penalty, state["images"], seen = judge.tell_apart(
      params, state["images"], target, outputs["fake"], key, planes
    )
    loss = discriminator_weight * loss + penalty
    metrics = {f"discriminator/{name}": value for name, value in seen.items()}
    if entropy_weight:
      both, state["energy"] = scores(discriminator_params, state, outputs)
      metrics["discriminator/energy"] = information_critic_loss(*both)
      loss = loss + metrics["discriminator/energy"]
    return loss, ({**extras, "discriminator": state}, {"discriminator/loss": loss, **metrics})

  def generator_loss(discriminator_params, extras, outputs, batch, key):
    del batch, key
    state, fake, place = extras["discriminator"], outputs["fake"], outputs["place"]
    params, shown = discriminator_params["images"], beside(place, fake)
    deceived = deceive(discriminator, params, state["images"], shown, adversarial=adversarial)
    terms: dict[str, tuple[float | Array, Array]] = {
      "adversarial": (adversarial_weight, deceived),
      "transport": (transport_weight, mean_squared_error(fake, outputs["point"])),
    }
    if entropy_weight:
      both, _ = scores(discriminator_params, state, outputs)
      left = 1.0 - jnp.sum(place * jnp.asarray(times[:-1]))
      terms["entropy"] = -entropy_weight * left, mutual_information_bound(*both)
    terms |= patches.terms(outputs)
    loss = sum((weight * value for weight, value in terms.values()), jnp.zeros(()))
    metrics = {f"generator/{name}": value for name, (_, value) in terms.items()}
    return loss, {"generator/loss": loss, **metrics}

  def translate(generator_params, extras, source, key, *, direction, mode):
    del direction  # One generator: the data decided which way it goes.
    params, state, point = generator_params["images"], extras["generator"], source
    last = (num_refinements or num_times) - 1
    for index in range(last + 1):
      code_key, dropout_key, walk_key = jax.random.split(jax.random.fold_in(key, index), 3)
      code = coded(index, len(source), code_key)
      end = translate_each(generator, params, state, point, dropout_key, code, mode=mode)
      point = advance(point, end, index, walk_key, times=times, tau=tau) if index < last else end
    return point

  return Method(init, generate, discriminator_loss, generator_loss, translate)
