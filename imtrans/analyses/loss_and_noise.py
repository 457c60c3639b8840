"""The L1 weight as a statement about noise: the scale that fits best, and the weight it implies.

On a run, the same question of its generator's errors.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy import stats

from imtrans.analyses.finding import BLACK, BLUE, RED, Finding, Rows, in_style, new_figure
from imtrans.analyses.generator_errors import draw_asked_weights, draw_errors, weight_in_use
from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.theory.noise import (
  best_gauss_deviation,
  best_laplace_scale,
  gauss_laplace_divergence,
  inverse_temperature,
  l1_weight,
  l2_weight,
  laplace_gauss_divergence,
)

ISOLA_WEIGHT = 100.0  # Isola et al., 2017, Sec. 4.2, https://arxiv.org/abs/1611.07004.
NUM_VALUES = 256 * 256 * 3
RELATIVE_SCALES = (0.4, 0.55, 0.7, 0.8, 1.0, 1.2, 1.4142, 1.7, 2.1, 2.5)
WEIGHT_DEVIATIONS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
NUM_PICTURES = 64


@in_style
def on_paper(*, deviation: float = 0.1, num_samples: int = 20_000, seed: int = 0) -> Finding:
  """What the wrong noise model costs, and the weight that a level of noise asks for.

  Args:
    deviation: scale of the true noise where the divergences are shown, values in [-1, 1].
    num_samples: errors drawn, from which the weights are measured.
    seed: of these.

  Returns:
    The finding: divergence against the assumed scale by closed form and quadrature, and the weight
    of L1 and L2 against the noise by closed form and from errors drawn.
  """
  figure, ((left, right),) = new_figure(columns=2, width=4.6, height=3.6)
  rows = []
  fine = deviation * jnp.geomspace(RELATIVE_SCALES[0], RELATIVE_SCALES[-1], 200)
  few = deviation * jnp.asarray(RELATIVE_SCALES)
  grid = deviation * jnp.linspace(-25.0, 25.0, 20_001)
  cases = (
    ("Gauss noise, L1 loss", BLUE, gauss_laplace_divergence, stats.norm, stats.laplace),
    ("Laplace noise, L2 loss", RED, laplace_gauss_divergence, stats.laplace, stats.norm),
  )
  bests = (best_laplace_scale(deviation), best_gauss_deviation(deviation))
  for (label, color, closed_form, true, model), best in zip(cases, bests, strict=True):
    true_log = true.logpdf(grid, 0.0, deviation)

    def quadrature(scale, true_log=true_log, model=model):
      model_log = model.logpdf(grid, 0.0, scale)
      return jnp.trapezoid(jnp.exp(true_log) * (true_log - model_log), grid)

    measured = jax.lax.map(quadrature, few)
    exact, least = closed_form(deviation, few), float(closed_form(deviation, best))
    left.plot(fine / deviation, closed_form(deviation, fine), color=color, label=label)
    left.plot(few / deviation, measured, "o", color=color)
    left.axvline(best / deviation, color=color, linestyle=":", linewidth=1)
    left.plot(best / deviation, least, "*", color=color, markersize=12, zorder=3)
    left.annotate(
      f"{best / deviation:.3f}, {least:.4f} nats",
      (best / deviation, least),
      xytext=(2, -13),
      textcoords="offset points",
      color=color,
      fontsize=8,
    )
    rows += [
      _row(f"divergence: {label}", float(scale), float(value), float(seen))
      for scale, value, seen in zip(few, exact, measured, strict=True)
    ]
  left.plot([], [], "o", color=BLACK, label="quadrature")
  left.plot([], [], "*", color=BLACK, markersize=10, label="best scale")
  left.set(xlabel="assumed scale / true scale", ylabel="divergence (nats per value)", xscale="log")
  left.set(ylim=(-0.06, 1.0))
  ticks = (0.5, 0.8, 1.0, 1.4, 2.0)
  left.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
  left.minorticks_off()
  left.set_title("the best Laplace scale for Gauss noise is √(2/π) σ")
  left.legend(loc="upper right")

  rows += _weights(right, num_samples, seed)
  scale = 0.1
  per_image = l1_weight(scale, num_values=NUM_VALUES)
  temperature = float(inverse_temperature(ISOLA_WEIGHT, per_image))
  return Finding(
    figure,
    rows,
    "An L1 loss assumes Laplace noise. Under Gauss noise of deviation σ the Laplace scale that "
    f"fits best is b* = σ √(2/π) = {bests[0] / deviation:.4f} σ, and the wrong shape then costs "
    f"{float(gauss_laplace_divergence(deviation, bests[0])):.4f} nats per value; an L2 loss under "
    f"Laplace noise fits best at {bests[1] / deviation:.4f} b and costs "
    f"{float(laplace_gauss_divergence(deviation, bests[1])):.4f}. The weight is the noise: L1 asks "
    "for N / b and L2 for N / (2 σ²), so that half the noise doubles the one and quadruples the "
    f"other. Read as a likelihood of {NUM_VALUES:,} values with b = {scale:g}, a mean absolute "
    f"error would weigh {per_image:.3g}; λ = {ISOLA_WEIGHT:g} is the same likelihood to the power "
    f"β = {temperature:.2g}, a temperature of {1.0 / temperature:,.0f}: the data count that many "
    "times less than they would if all values had independent noise.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """The errors of a run's generator as noise: their shape, and the L1 weight that they ask for.

  To a reconstruction loss all that a generator cannot predict is noise. Its scales are those of
  largest likelihood, the mean absolute error and the root mean square, on test pictures.

  Args:
    run: with true answers to its test pictures.

  Returns:
    The finding: density of the errors beside both fits, and the weight that the errors of each
    picture ask for beside the one in use.

  Raises:
    NotForThisRun: if the answers are not known, or nothing is wrong with any output.
  """
  generator = run.generators[0]
  sources, answers = run.test_pictures(generator.direction, NUM_PICTURES)
  if answers is None:
    raise NotForThisRun("it needs true answers, and the test pictures of this run have none.")
  errors = np.asarray(generator(sources) - answers, np.float64)
  scale, deviation = float(np.mean(np.abs(errors))), float(np.sqrt(np.mean(np.square(errors))))
  if not scale:
    raise NotForThisRun("it needs errors, and every output is its answer.")
  num_values = math.prod(errors.shape[1:])
  figure, ((left, right),) = new_figure(columns=2, width=4.6, height=3.6)
  each = np.mean(np.abs(errors), axis=tuple(range(1, errors.ndim)))
  used = weight_in_use(run)
  rows = [
    *draw_errors(left, errors, scale, deviation),
    *draw_asked_weights(right, each[each > 0.0], scale, num_values, used),
  ]

  asked = float(l1_weight(scale, num_values=num_values))
  # Nats per value: the mean of -log p at the scale of largest likelihood.
  laplace = math.log(2.0 * scale) + 1.0
  gauss = 0.5 * math.log(2.0 * math.pi * math.e * deviation**2)
  better, other = ("Laplace", "Gauss") if laplace < gauss else ("Gauss", "Laplace")
  power = float(inverse_temperature(used, asked)) if used else math.nan
  in_use = (
    f"the weight in use, {used:g} times that of the adversarial loss, is this likelihood to the "
    f"power β = {power:.2g}"
    if used
    else "this run has no L1 term beside an adversarial one"
  )
  return Finding(
    figure,
    rows,
    f"On {len(errors)} test pictures the generator's errors have a mean size b of {scale:.3g} and "
    f"a root mean square σ of {deviation:.3g} (values in [-1, 1]). b / σ is "
    f"{scale / deviation:.2f}, where Gauss noise has 0.80 and Laplace noise 0.71; less means many "
    f"small errors and a few large ones. {better} noise explains them better than {other} noise, "
    f"by {abs(laplace - gauss):.2f} nats per value. As the likelihood of {num_values:,} values "
    f"they ask for the weight N / b = {asked:.3g} of the mean absolute error (by picture "
    f"{num_values / each.max():.2g} and more); {in_use}. A likelihood takes the errors of "
    "neighbouring pixels for independent, which they are not: the weight it asks for is an upper "
    "bound.",
  )


def _weights(axes, num_samples: int, seed: int) -> Rows:
  """Draws the weights of an image against the noise, and returns their rows."""
  fine = jnp.geomspace(WEIGHT_DEVIATIONS[0], WEIGHT_DEVIATIONS[-1], 50)
  few = jnp.asarray(WEIGHT_DEVIATIONS)
  errors = few[:, None] * jax.random.normal(jax.random.key(seed), (len(few), num_samples))

  def closed_l1(deviations: Array) -> Array | float:
    return l1_weight(best_laplace_scale(deviations), num_values=NUM_VALUES)

  def closed_l2(deviations: Array) -> Array | float:
    return l2_weight(deviations, num_values=NUM_VALUES)

  # The scales of largest likelihood: mean absolute error and root mean square.
  drawn_l1 = l1_weight(jnp.mean(jnp.abs(errors), axis=1), num_values=NUM_VALUES)
  drawn_l2 = l2_weight(jnp.sqrt(jnp.mean(jnp.square(errors), axis=1)), num_values=NUM_VALUES)
  rows = []
  for label, color, closed, drawn in (
    ("L1, N / b*", BLUE, closed_l1, drawn_l1),
    ("L2, N / (2 σ²)", RED, closed_l2, drawn_l2),
  ):
    axes.plot(fine, closed(fine), color=color, label=label)
    axes.plot(few, drawn, "o", color=color)
    rows += [
      _row(f"weight: {label}", float(level), float(exact), float(seen))
      for level, exact, seen in zip(few, jnp.asarray(closed(few)), jnp.asarray(drawn), strict=True)
    ]
  axes.plot([], [], "o", color=BLACK, label=f"from {num_samples:,} errors drawn")
  axes.axhline(ISOLA_WEIGHT, color=BLACK, linestyle="--", linewidth=1)
  axes.text(0.0105, 1.3 * ISOLA_WEIGHT, "λ = 100 of pix2pix", fontsize=8)
  level = 0.1 / math.sqrt(2.0 / math.pi)  # Where b* is 0.1.
  full = float(closed_l1(jnp.asarray(level)))
  axes.annotate(
    "",
    (level, 1.1 * ISOLA_WEIGHT),
    xytext=(level, full),
    arrowprops={"arrowstyle": "<->", "color": BLACK, "linewidth": 0.8},
  )
  axes.text(1.1 * level, 3e3, f"÷ {full / ISOLA_WEIGHT:,.0f}", fontsize=8)
  axes.set(xscale="log", yscale="log", ylim=(30.0, 3e9))
  axes.set(xlabel="noise σ (values in [-1, 1])", ylabel="weight (nats per unit of mean loss)")
  axes.set_title("more noise, less weight (256 x 256 x 3 values)")
  axes.legend(loc="upper right")
  return rows


def _row(quantity: str, scale: float, closed_form: float, measured: float):
  return {
    "quantity": quantity,
    "scale": scale,
    "closed_form": closed_form,
    "measured": measured,
  }
