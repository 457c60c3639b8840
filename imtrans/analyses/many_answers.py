"""Several right answers to one input: what L2, L1 and a mode-seeking loss make of them."""

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.analyses.finding import (
  BLACK,
  BLUE,
  GREEN,
  RED,
  Finding,
  Rows,
  comparison,
  in_style,
  new_figure,
)
from imtrans.theory.noise import (
  Answers,
  blur,
  cheapest_prediction,
  density,
  draw_answers,
  frequency_response,
  mean_answer,
  median_answer,
  modal_answer,
)

THREE = Answers(jnp.array([0.4, 0.35, 0.25]), jnp.array([-0.7, 0.3, 0.8]), 0.08)
BANDWIDTH = 0.1  # Of the mode-seeking loss, colour units.
CANDIDATES = jnp.linspace(-1.0, 1.0, 401)
HEAVIER = (0.55, 0.65, 0.75, 0.85, 0.95)  # Weights of the first of two answers.
POSITIONS = (1.0, 2.0, 4.0)  # Deviations of an uncertain position, pixels.


def _mode_seeking(errors: Array) -> Array:
  """1 - exp(-e² / (2 h²)), cheap only close to an answer."""
  return 1.0 - jnp.exp(-0.5 * jnp.square(errors / BANDWIDTH))


LOSSES = (
  ("L2: mean", BLUE, jnp.square, mean_answer),
  ("L1: median", RED, jnp.abs, median_answer),
  ("GAN: mode", GREEN, _mode_seeking, lambda answers: modal_answer(answers, bandwidth=BANDWIDTH)),
)


@in_style
def on_paper(*, num_samples: int = 20_000, seed: int = 0) -> Finding:
  """What each loss predicts for a mixture of answers, in closed form and by search.

  Args:
    num_samples: right answers drawn for the search.
    seed: of these.

  Returns:
    The finding: the mixture, the mean losses, the blur of two answers, and what is left of a wave
    at an uncertain position.
  """
  keys = jax.random.split(jax.random.key(seed), 3)
  figure, ((mixture, costs), (blurs, waves)) = new_figure(columns=2, rows=2, height=3.0)
  rows = [
    *_draw_predictions(mixture, costs, draw_answers(keys[0], THREE, num_samples)),
    *_draw_blurs(blurs, keys[1], num_samples),
    *_draw_waves(waves, keys[2], num_samples),
  ]
  left = {row["series"]: row for row in rows if row["quantity"] == "prediction"}
  blurred = {name: float(blur(THREE, float(row["closed_form"]))) for name, row in left.items()}
  told = "; ".join(
    f"{name} at {row['closed_form']:.3f} (by search {row['measured']:.3f}), "
    f"{blurred[name]:.3f} from the nearest answer"
    for name, row in left.items()
  )
  kept = float(_response(POSITIONS[1], 0.125))
  return Finding(
    figure,
    rows,
    f"With three right answers the losses disagree: {told}. Of two answers the mean is "
    "off both by the lighter one's weight times their distance, the median by no more than about "
    "an answer's own width once one of them is clearly more than half, the mode by nothing. A mean "
    "over an uncertain position is a low-pass: "
    f"a position uncertain by {POSITIONS[1]:g} pixels leaves {kept:.0%} of a wave of 8 pixels.",
  )


def _draw_predictions(mixture, costs, samples: Array) -> Rows:
  """The density with each loss's prediction, and the mean loss of every prediction."""
  fine = jnp.linspace(-1.2, 1.2, 600)
  heights = jax.vmap(lambda value: density(THREE, value))(fine)
  mixture.fill_between(fine, heights, color=BLACK, alpha=0.15, linewidth=0)
  mixture.plot(fine, heights, color=BLACK, linewidth=1)
  rows = []
  for (name, color, loss, predict), style in zip(LOSSES, ("-", "--", "-."), strict=True):

    @jax.jit
    def solve(loss=loss, predict=predict):
      found = cheapest_prediction(samples, CANDIDATES, loss)
      # The mean loss over the density itself; its minimum is the closed form's prediction.
      over = jax.vmap(lambda candidate: jnp.trapezoid(heights * loss(candidate - fine), fine))
      return predict(THREE), found, over(CANDIDATES)

    exact, found, mean_losses = solve()
    lowest, highest = jnp.min(mean_losses), jnp.max(mean_losses)
    costs.plot(CANDIDATES, (mean_losses - lowest) / (highest - lowest), color=color, label=name)
    costs.axvline(float(exact), 0.0, 0.7, color=color, linestyle=":", linewidth=1)
    costs.plot(found, 0.0, "o", color=color, clip_on=False, zorder=3)
    mixture.axvline(float(exact), 0.0, 0.82, color=color, linestyle=style, label=name)
    rows.append(comparison("prediction", name, 0.0, float(exact), float(found)))
  costs.plot([], [], "o", color=BLACK, label="search over samples")
  mixture.set(xlabel="answer (colour, -1 to 1)", ylabel="density (per colour unit)", ylim=(0, None))
  mixture.set_title("the mean falls between the answers")
  mixture.legend(loc="upper center", ncols=3, columnspacing=1.0, handlelength=1.6)
  mixture.set_ylim(0, 1.35 * float(jnp.max(heights)))
  costs.set(xlabel="prediction (colour, -1 to 1)", ylabel="mean loss (best 0, worst 1)")
  costs.set(ylim=(0, 1.5), xticks=(-1.0, -0.5, 0.0, 0.5, 1.0), yticks=(0.0, 0.5, 1.0))
  costs.set_title("each loss is least at another prediction")
  costs.legend(loc="upper center", ncols=2)
  return rows


def _draw_blurs(axes, key: Array, num_samples: int) -> Rows:
  """The distance of predictions to the nearer of two answers, against the heavier's weight."""

  def two(weight: Array) -> Answers:
    return Answers(jnp.stack([weight, 1.0 - weight]), jnp.array([-0.5, 0.5]), 0.05)

  fine, few = jnp.linspace(0.505, 0.99, 100), jnp.asarray(HEAVIER)
  drawn = jax.lax.map(
    lambda given: draw_answers(given[0], two(given[1]), num_samples),
    (jax.random.split(key, len(few)), few),
  )
  rows = []
  for (name, color, loss, predict), style in zip(LOSSES, ("-", "-", "--"), strict=True):

    def left(weight, predict=predict):
      answers = two(weight)
      return blur(answers, predict(answers))

    def search(given, loss=loss):
      return blur(two(given[0]), cheapest_prediction(given[1], CANDIDATES, loss))

    @jax.jit
    def solve(left=left, search=search):
      return jax.vmap(left)(jnp.concatenate([fine, few])), jax.lax.map(search, (few, drawn))

    exact, found = solve()
    axes.plot(fine, exact[: len(fine)], style, color=color, label=name)
    axes.plot(few, found, "o", color=color)
    rows += [
      comparison("blur", name, float(weight), float(value), float(seen))
      for weight, value, seen in zip(few, exact[len(fine) :], found, strict=True)
    ]
  axes.plot([], [], "o", color=BLACK, label="search over samples")
  axes.set(xlabel="weight of the heavier of two answers", ylabel="blur left (colour units)")
  axes.set_title("two answers at distance 1: only the mean is blurred")
  axes.legend(loc="upper right")
  return rows


def _draw_waves(axes, key: Array, num_samples: int) -> Rows:
  """The amplitude left in the mean of a wave at an uncertain position."""
  fine, few = jnp.linspace(0.0, 0.5, 200), jnp.linspace(0.02, 0.3, 8)
  rows = []
  for index, deviation in enumerate(POSITIONS):
    color = (BLUE, RED, GREEN)[index]
    places = draw_answers(
      jax.random.fold_in(key, index), Answers(jnp.ones(1), jnp.zeros(1), deviation), num_samples
    )
    angles = 2.0 * jnp.pi * few[:, None] * places[None, :]
    seen = jnp.hypot(jnp.mean(jnp.cos(angles), axis=1), jnp.mean(jnp.sin(angles), axis=1))
    response = jax.jit(jax.vmap(lambda cycles, deviation=deviation: _response(deviation, cycles)))
    axes.plot(fine, response(fine), color=color, label=f"{deviation:g} px")
    axes.plot(few, seen, "o", color=color)
    rows += [
      comparison(
        "amplitude left", f"{deviation:g} pixels", float(place), float(exact), float(measured)
      )
      for place, exact, measured in zip(few, response(few), seen, strict=True)
    ]
  axes.plot([], [], "o", color=BLACK, label="positions drawn")
  axes.set(xlabel="frequency (cycles per pixel)", ylabel="share of the amplitude left")
  axes.set_title("the mean over positions is a low-pass")
  axes.legend(title="position uncertain by", loc="upper right")
  return rows


def _response(deviation: float, cycles: Array | float) -> Array:
  position = Answers(jnp.ones(1), jnp.zeros(1), deviation)
  return frequency_response(position, 2.0 * jnp.pi * cycles)
