"""What a discriminator's loss says about how far apart real and generated pictures are."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from imtrans.analyses.discriminators import TrainedDiscriminator, trained_discriminators
from imtrans.analyses.finding import BLACK, BLUE, GREEN, ORANGE, RED, Finding, in_style, new_figure
from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.objectives import adversarial_losses
from imtrans.theory.divergences import (
  discriminator_value,
  expected_discriminator_loss,
  jensen_shannon,
  jensen_shannon_bound,
  optimal_discriminator,
)

NUM_PICTURES = 32
LEARNING_RATE = 0.1  # Of Adam on the logits of the grid.
DIVERGENCES = {  # What a pair of losses measures, and its value where nothing overlaps.
  "minimax": ("Jensen-Shannon divergence", "nats", float(np.log(2.0))),
  "vanilla": ("Jensen-Shannon divergence", "nats", float(np.log(2.0))),
  "least_squares": ("triangular discrimination", "of 2", 2.0),
  "hinge": ("total variation", "of 1", 1.0),
}


class _Judged(NamedTuple):
  """Per test picture: the loss on it and its fake, and the divergence that this bounds."""

  losses: np.ndarray
  bounds: np.ndarray


@in_style
def on_paper(
  *,
  distances: tuple[float, ...] = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0),
  shown: float = 2.0,
  num_points: int = 161,
  num_steps: int = 400,
) -> Finding:
  """Discriminators trained on two Gaussians of deviation one, against the optimal one.

  A discriminator is a free logit at each point of a grid, descended by Adam from zero.

  Args:
    distances: between the means, in standard deviations.
    shown: the one of them whose discriminator is drawn.
    num_points: of the grid.
    num_steps: of Adam.

  Returns:
    The finding: the loss against the distance, D(x), and the bound as training proceeds.

  Raises:
    ValueError: if `shown` is not among the distances.
  """
  if shown not in distances:
    raise ValueError(f"shown must be one of the distances {distances}, got {shown}.")
  reach = 0.5 * max(distances) + 4.0
  points = jnp.linspace(-reach, reach, num_points)
  means = 0.5 * jnp.asarray(distances)
  real, fake = (_gaussians(points, side * means) for side in (1.0, -1.0))
  logits, losses = (np.asarray(found) for found in _train(real, fake, num_steps))
  exact = np.asarray(jax.vmap(lambda p, q: discriminator_value("vanilla", p, q))(real, fake))

  figure, ((left, middle, right),) = new_figure(columns=3, width=4.1, height=3.6)
  fine = jnp.linspace(0.0, max(distances), 121)
  pairs = [_gaussians(points, side * 0.5 * fine) for side in (1.0, -1.0)]
  line = jax.vmap(lambda p, q: discriminator_value("vanilla", p, q))(*pairs)
  left.plot(fine, line, color=BLUE, label="closed form: log 4 - 2 JS")
  left.plot(distances, losses[:, -1], "o", color=BLUE, label="trained discriminator")
  left.axhline(float(np.log(4.0)), color=BLACK, linestyle=":", label="log 4: a coin")
  left.set(xlabel="distance of the means (standard deviations)", ylabel="loss (nats)")
  left.set(ylim=(-0.05, 1.9), title="the best loss tells the divergence")
  left.legend(loc="upper right")

  place = distances.index(shown)
  best = optimal_discriminator(real[place], fake[place])
  scale = float(jnp.max(real[place]))
  seen = jnp.abs(points) <= 0.5 * shown + 4.0
  for masses, color, name in ((real, GREEN, "real p"), (fake, RED, "fake q")):
    heights = masses[place][seen] / scale * 0.4
    middle.fill_between(points[seen], heights, color=color, alpha=0.25, linewidth=0, label=name)
  middle.plot(points[seen], best[seen], color=BLUE, label="D* = p / (p + q)")
  trained = jax.nn.sigmoid(logits[place])
  marked = np.flatnonzero(seen)[::4]
  middle.plot(points[marked], trained[marked], "o", color=BLUE, label="trained D")
  middle.set(xlabel="x (standard deviations)", ylabel="D(x), probability of being real")
  middle.set(ylim=(-0.03, 1.55), title=f"it learns p / (p + q) (distance {shown:g})")
  middle.legend(loc="upper left", ncols=2)

  steps = np.unique(np.geomspace(1, num_steps, 25).astype(int))
  divergences = np.asarray(jax.vmap(jensen_shannon)(real, fake))
  chosen = [index for index, distance in enumerate(distances) if distance in (1.0, shown, 4.0)]
  for index, color in zip(chosen, (ORANGE, BLUE, GREEN), strict=False):
    bounds = jensen_shannon_bound(losses[index])
    right.axhline(float(divergences[index]), color=color)
    right.plot(steps, bounds[steps - 1], "o", color=color, label=f"distance {distances[index]:g}")
  right.axhline(float(np.log(2.0)), color=BLACK, linestyle=":", label="log 2: no overlap")
  right.set(xscale="log", xlabel="steps of training", ylabel="Jensen-Shannon divergence (nats)")
  right.set(ylim=(-0.03, 1.08), title="any discriminator bounds it from below")
  right.legend(loc="upper left", title="marks: (log 4 - loss) / 2, lines: JS", ncols=2, fontsize=8)

  rows = [
    {
      "distance": distance,
      "jensen_shannon": divergences[index],
      "closed_form": exact[index],
      "trained": losses[index, -1],
      "bound": float(jensen_shannon_bound(losses[index, -1])),
    }
    for index, distance in enumerate(distances)
  ]
  error = float(jnp.max(jnp.abs(trained - best)[seen]))
  return Finding(
    figure,
    rows,
    f"The best discriminator of two Gaussians has the loss log 4 - 2 JS. At a distance of "
    f"{shown:g} standard deviations that is {exact[place]:.4f}, JS being {divergences[place]:.4f} "
    f"nats; a discriminator trained for {num_steps} steps arrives at {losses[place, -1]:.4f}, "
    f"nowhere more than {error:.1e} from p / (p + q). Over all distances the loss is at most "
    f"{float(np.max(losses[:, -1] - exact)):.1e} above the closed form and never below it by more "
    f"than {max(0.0, float(np.max(exact - losses[:, -1]))):.1e}: what a discriminator tells is a "
    "lower bound, of log 2 at most.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """The loss of a run's discriminators at test pictures, and the divergence that it implies.

  The bound is that of one patch, averaged over the places of the patches; that of whole pictures
  is no smaller. It is an estimate from few pictures; its standard error is over them.

  Args:
    run: of pix2pix or a CycleGAN, with a patch or pixel discriminator and an adversarial pair that
      measures a divergence.

  Returns:
    The finding: logits of real and generated pictures, and the bound picture by picture.

  Raises:
    NotForThisRun: for the Wasserstein pair, whose critic needs a bound of its own; for another
      method or discriminator; if it judges pairs and the test pictures have no answers.
  """
  method = run.run.config.method
  pair = method.get("adversarial", "least_squares" if method.name == "cyclegan" else "vanilla")
  if pair not in DIVERGENCES:
    raise NotForThisRun(
      f"the loss of the {pair} pair bounds no divergence without a bound of the critic: choose a "
      f"run with {', '.join(DIVERGENCES)}."
    )
  divergence, unit, most = DIVERGENCES[pair]
  discriminators = trained_discriminators(run, NUM_PICTURES)
  figure, axes = new_figure(columns=2, rows=len(discriminators), width=4.6, height=3.4)
  rows, told = [], []
  for discriminator, (left, right) in zip(discriminators, axes, strict=True):
    real, fake = discriminator.logits()
    judged = _judge(pair, real, fake)
    low, high = np.quantile(np.concatenate([real.ravel(), fake.ravel()]), [0.002, 0.998])
    bins = np.linspace(low, max(high, low + 1e-3), 60)
    for logits, color, name in ((real, GREEN, "real"), (fake, RED, "generated")):
      weights = np.full(logits.size, 1.0 / logits.size)
      left.hist(logits.ravel(), bins, weights=weights, color=color, alpha=0.5, label=name)
    left.set(xlabel="output per patch (logit)", ylabel="share of the patches")
    left.set_title(discriminator.title)
    left.legend()

    mean, error = float(judged.bounds.mean()), _standard_error(judged.bounds)
    places = np.arange(len(judged.bounds))
    right.plot(places, judged.bounds, "o", color=BLUE, label="picture and fake")
    right.axhline(mean, color=BLUE, label=f"mean: {mean:.3f} ± {error:.3f}")
    right.axhline(most, color=BLACK, linestyle=":", label=f"no overlap: {most:.3f}")
    right.axhline(0.0, color=BLACK, linewidth=0.8, label="no better than chance")
    right.set(xlabel="test picture", ylabel=f"divergence, at least ({unit})")
    right.set_title(f"lower bound of the {divergence}", fontsize=9)
    bottom, top = min(float(judged.bounds.min()), 0.0), max(float(judged.bounds.max()), most)
    right.set_ylim(bottom - 0.08 * (top - bottom), top + 0.5 * (top - bottom))
    right.legend(loc="upper center", ncols=2, fontsize=8)

    rows += [
      {"discriminator": discriminator.title, "picture": str(index), "loss": loss, "bound": bound}
      for index, (loss, bound) in enumerate(zip(*judged, strict=True))
    ]
    same, apart = _extremes(pair)
    told.append(
      f"the {discriminator.title} has a loss of {float(judged.losses.mean()):.3f} (chance "
      f"{same:.3f}, no overlap {apart:.3f}), {conclusion(mean, error)}"
    )
  caution = _caution(discriminators)
  return Finding(
    figure,
    rows,
    f"The {pair.replace('_', ' ')} pair measures the {divergence} of real and generated patches, "
    f"{most:.3f} where nothing overlaps. At {len(discriminators[0].real)} test pictures "
    f"{'; '.join(told)}. {caution}",
  )


def divergence_bound(pair: str, loss: np.ndarray | float) -> np.ndarray | float:
  """Lower bound of the divergence that a pair of losses measures, from a discriminator's loss.

  `discriminator_value` falls in proportion to the divergence, from where real and fake are the same
  to where they do not overlap; for the vanilla pair this is `jensen_shannon_bound`.

  Args:
    pair: one of `DIVERGENCES`.
    loss: of any discriminator.

  Returns:
    As `loss`; negative for a discriminator worse than a constant.
  """
  same, apart = _extremes(pair)
  return DIVERGENCES[pair][2] * (same - loss) / (same - apart)


def _extremes(pair: str) -> tuple[float, float]:
  """The best loss where real and fake are the same, and where they do not overlap."""
  one, other = jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])
  return float(discriminator_value(pair, one, one)), float(discriminator_value(pair, one, other))


def _judge(pair: str, real: np.ndarray, fake: np.ndarray) -> _Judged:
  """Loss and bound per picture; unpaired domains may have different numbers of pictures."""
  count = min(len(real), len(fake))
  loss, _ = adversarial_losses(pair)
  losses = np.asarray(jax.vmap(loss)(jnp.asarray(real[:count]), jnp.asarray(fake[:count])))
  return _Judged(losses, np.asarray(divergence_bound(pair, losses)))


def conclusion(bound: float, error: float) -> str:
  """What a bound says; no divergence is negative, so that one below zero says nothing.

  Args:
    bound: lower bound of a divergence.
    error: its standard error.

  Returns:
    The end of a sentence.
  """
  if bound > 0.0:
    return f"so the divergence is at least {bound:.3f} ± {error:.3f}"
  return (
    f"worse than a coin: its bound of {bound:.3f} ± {error:.3f} says nothing, for no divergence is "
    "negative"
  )


def _caution(discriminators: tuple[TrainedDiscriminator, ...]) -> str:
  if discriminators[0].module.norm == "batch" and discriminators[0].mode == "train":
    return "Each picture was judged with its own batch statistics, as in training on single ones."
  return "A discriminator that is worse than a coin on test pictures is fooled, or out of its data."


def _standard_error(values: np.ndarray) -> float:
  return float(values.std() / max(len(values) - 1, 1) ** 0.5)


def _gaussians(points: Array, means: Array) -> Array:
  """Masses [means, points] of Gaussians of deviation one on a grid."""
  masses = jnp.exp(-0.5 * jnp.square(points[None] - means[:, None]))
  return masses / jnp.sum(masses, axis=1, keepdims=True)


def _train(real: Array, fake: Array, num_steps: int) -> tuple[Array, Array]:
  """Descends a logit per point, [problems, points]; also the loss after each step."""
  loss, _ = adversarial_losses("vanilla")
  optimizer = optax.adam(LEARNING_RATE)

  def train(p, q):
    def objective(logits):
      return expected_discriminator_loss(loss, logits, logits, p, q)

    def step(carry, _):
      logits, memory = carry
      # optax raises decay rates to an integer count, which strict dtype promotion would refuse.
      with jax.numpy_dtype_promotion("standard"):
        updates, memory = optimizer.update(jax.grad(objective)(logits), memory)
      logits = optax.apply_updates(logits, updates)
      return (logits, memory), objective(logits)

    start = jnp.zeros_like(p)
    (logits, _), losses = jax.lax.scan(step, (start, optimizer.init(start)), length=num_steps)
    return logits, losses

  return jax.jit(jax.vmap(train))(real, fake)
