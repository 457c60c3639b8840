"""The identity loss as a soft threshold on colour shifts."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.analyses.finding import BLUE, COLORS, GREEN, RED, Finding, in_style, new_figure
from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.theory.identity import (
  best_shift,
  critical_weight,
  fit_threshold,
  identity_objective,
  shift_path,
  soft_threshold,
)

NUM_PICTURES = 64
CHANNELS = {"red": RED, "green": GREEN, "blue": BLUE}


@in_style
def on_paper(
  *,
  wanted: tuple[float, ...] = (0.1, 0.25, 0.5),
  translation_weight: float = 2.0,
  num_weights: int = 9,
  num_candidates: int = 4001,
) -> Finding:
  """The shift that a (δ - d)² + b |δ| leaves, in closed form and by search over a grid.

  Args:
    wanted: the shifts d without an identity loss, in colour units of [0, 1].
    translation_weight: a, half the curvature of the other losses.
    num_weights: identity weights b at which the search is made.
    num_candidates: shifts that it tries.

  Returns:
    The finding: δ against b for each d, and δ against d for one b.
  """
  shifts = jnp.asarray(wanted)
  last = 1.25 * float(jnp.max(critical_weight(shifts, translation_weight=translation_weight)))
  weights = jnp.linspace(0.0, last, num_weights)
  candidates = jnp.linspace(-1.0, 1.0, num_candidates)

  def search(weight, shift):
    losses = identity_objective(
      candidates, shift, translation_weight=translation_weight, identity_weight=weight
    )
    return candidates[jnp.argmin(losses)]

  found = jax.vmap(lambda weight: jax.vmap(lambda shift: search(weight, shift))(shifts))(weights)
  exact = shift_path(shifts, weights, translation_weight=translation_weight)
  fine = jnp.linspace(0.0, last, 200)
  path = shift_path(shifts, fine, translation_weight=translation_weight)

  figure, ((left, right),) = new_figure(columns=2)
  for index, shift in enumerate(wanted):
    color = COLORS[1 + index % (len(COLORS) - 1)]
    left.plot(fine, path[:, index], color=color, label=f"d = {shift:g}")
    left.plot(weights, found[:, index], "o", color=color)
  left.plot([], [], "o", color=COLORS[0], label="search over a grid")
  left.set(xlabel="identity weight b", ylabel="shift left δ (colour, 0 to 1)")
  left.set_title("each shift ends at b = 2 a d")
  left.legend(title="wanted shift", loc="upper right")

  span = jnp.linspace(-0.6, 0.6, 200)
  few = jnp.linspace(-0.6, 0.6, 13)
  middle = float(weights[num_weights // 2])
  threshold = middle / (2.0 * translation_weight)
  right.plot(span, span, ":", color=COLORS[0], label="no identity loss")
  closed = best_shift(span, translation_weight=translation_weight, identity_weight=middle)
  right.plot(span, closed, label="closed form")
  sought = jax.vmap(lambda shift: search(middle, shift))(few)
  right.plot(few, sought, "o", label="search over a grid")
  right.axvspan(-threshold, threshold, color=COLORS[0], alpha=0.08, linewidth=0)
  right.set(xlabel="wanted shift d (colour, -1 to 1)", ylabel="shift left δ (colour, -1 to 1)")
  right.set_title(f"b = {middle:.3g}: shifts below {threshold:.3g} are lost")
  right.legend(loc="upper left")

  rows = [
    {
      "identity_weight": float(weight),
      "wanted": shift,
      "closed_form": float(exact[i, j]),
      "search": float(found[i, j]),
    }
    for i, weight in enumerate(weights)
    for j, shift in enumerate(wanted)
  ]
  return Finding(
    figure,
    rows,
    "The loss a (δ - d)² + b |δ| is smallest at the wanted shift d, shortened by b / (2 a) and "
    f"never turned round. With a = {translation_weight:g} and b = {middle:.3g} every shift below "
    f"{threshold:.3g} is cancelled. Search and closed form differ by at most "
    f"{float(jnp.max(jnp.abs(found - exact))):.1e}, the grid's step being "
    f"{2.0 / (num_candidates - 1):.1e}.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """The colour shifts that a run's generator makes, against those that the answers ask for.

  A picture's shift is the difference of mean colours, one number per channel. Where the test
  pictures have answers, each is asked for its own shift; else all for that between the domains.

  Args:
    run: with equal channels in both domains.

  Returns:
    The finding, with the threshold that explains the shifts best.

  Raises:
    NotForThisRun: if the domains differ in their channels, or the sources are not pictures alone.
  """
  run.check_colours()
  generator = run.generators[0]
  sources, answers = run.test_pictures(generator.direction, NUM_PICTURES)
  outputs = generator(sources)
  if outputs.shape[-1] != sources.shape[-1]:
    raise NotForThisRun(
      f"a colour shift needs domains of equal channels, got {sources.shape[-1]} and "
      f"{outputs.shape[-1]}."
    )
  if answers is None:
    others, _ = run.test_pictures(generator.direction[::-1], NUM_PICTURES)
    asked = np.broadcast_to(_colors(others).mean(0), _colors(sources).shape)
    whose = "the mean colour of the other domain"
  else:
    asked, whose = _colors(answers), "the mean colour of the answer"
  wanted, measured = asked - _colors(sources), _colors(outputs) - _colors(sources)
  threshold = float(fit_threshold(jnp.ravel(wanted), jnp.ravel(measured)))

  figure, ((axes,),) = new_figure(width=5.0, height=4.0)
  channels = CHANNELS
  if wanted.shape[1] != len(CHANNELS):
    colors = itertools.cycle(COLORS[1:])
    channels = {f"channel {i}": next(colors) for i in range(wanted.shape[1])}
  for made, asked_of, (channel, color) in zip(measured.T, wanted.T, channels.items(), strict=True):
    axes.plot(asked_of, made, "o", color=color, label=f"measured, {channel}", alpha=0.6)
  span = np.linspace(*_limits(wanted), 200)
  axes.plot(span, span, ":", color=COLORS[0], label="no identity loss")
  curve = soft_threshold(jnp.asarray(span), threshold)
  axes.plot(span, curve, color=COLORS[0], label=f"soft threshold {threshold:.3f}")
  axes.set(xlabel=f"shift to {whose} (-1 to 1)", ylabel="shift made (-1 to 1)")
  axes.set_title("mean colours of test pictures")
  axes.legend()

  rows = [
    {"picture": str(i), "channel": str(c), "wanted": wanted[i, c], "measured": measured[i, c]}
    for i in range(wanted.shape[0])
    for c in range(wanted.shape[1])
  ]
  slope = float(np.sum(wanted * measured) / max(np.sum(np.square(wanted)), 1e-12))
  return Finding(
    figure,
    rows,
    f"Over {len(sources)} test pictures the generator makes {slope:.0%} of the colour shift to "
    f"{whose}; the soft threshold that explains the shifts best is {threshold:.3f} of the range "
    f"from black to white (identity weight: {_identity_weight(run)}). A threshold near zero means "
    "that small shifts are made like large ones, whatever share of them all is missing; one above "
    "the largest wanted shift, that none is made.",
  )


def _colors(images: np.ndarray) -> np.ndarray:
  """Mean colours of pictures in [-1, 1], as [pictures, channels] in [0, 1]."""
  return 0.5 + 0.5 * np.mean(images, axis=(1, 2))


def _limits(wanted: np.ndarray) -> tuple[float, float]:
  reach = max(1.1 * float(np.max(np.abs(wanted))), 0.05)
  return -reach, reach


def _identity_weight(run: TrainedRun) -> str:
  weight = run.run.config.method.get("identity_weight", None)
  return "none" if weight is None else f"{weight:g}"
