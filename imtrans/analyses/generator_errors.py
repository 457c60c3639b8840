"""A trained generator's errors seen as noise: their density, and the L1 weight that they ask for.

For `imtrans.analyses.loss_and_noise`, which says what they mean.
"""

import math

import jax.numpy as jnp
import numpy as np
from jax.scipy import stats

from imtrans.analyses.finding import BLACK, BLUE, RED, Rows
from imtrans.analyses.trained import TrainedRun
from imtrans.theory.noise import l1_weight

NUM_BINS = 51


def weight_in_use(run: TrainedRun) -> float:
  """Returns the weight of L1 over that of the adversarial loss; zero where there is not both."""
  method = run.run.config.method
  adversarial = method.get("adversarial_weight", 1.0)
  return method.get("l1_weight", 0.0) / adversarial if adversarial else 0.0


def draw_errors(axes, errors: np.ndarray, scale: float, deviation: float) -> Rows:
  """Draws the density of errors, and of Laplace and Gauss noise.

  Args:
    axes: to draw on.
    errors: any shape, not all zero, values of pictures in [-1, 1].
    scale: of the Laplace noise, their mean size.
    deviation: standard deviation of the Gauss noise, their root mean square.

  Returns:
    The rows: "measured", and what either noise gives, in the mean over each bin of errors.
  """
  reach = float(np.max(np.abs(errors)))
  counts, edges = np.histogram(errors, NUM_BINS, (-reach, reach))
  width, middles = edges[1] - edges[0], 0.5 * (edges[1:] + edges[:-1])
  seen = counts / (errors.size * width)
  # Means over the bins, for a narrow peak is higher than any bin.
  fits = {
    name: np.diff(np.asarray(model.cdf(edges, 0.0, size))) / width
    for name, model, size in (("L1", stats.laplace, scale), ("L2", stats.norm, deviation))
  }
  for (name, fit), color in zip(fits.items(), (BLUE, RED), strict=True):
    noise = f"Laplace, b = {scale:.2g}" if name == "L1" else f"Gauss, σ = {deviation:.2g}"
    axes.plot(middles, fit, color=color, label=f"{noise} ({name} loss)")
  some = counts > 0
  axes.plot(middles[some], seen[some], "o", color=BLACK, label="measured errors")
  axes.set(yscale="log", ylim=(0.3 * float(seen[some].min()), 30.0 * float(seen.max())))
  axes.set(xlabel="error of a value (-2 to 2)", ylabel="density (per unit of the values)")
  axes.set_title("errors on test pictures, and the noise that fits")
  axes.legend(loc="upper center", fontsize=8)
  return [
    {"quantity": "density", "at": x, "l1_fit": one, "l2_fit": two, "measured": value}
    for x, one, two, value in zip(middles, fits["L1"], fits["L2"], seen, strict=True)
  ]


def draw_asked_weights(axes, each: np.ndarray, scale: float, num_values: int, used: float) -> Rows:
  """Draws the L1 weight that errors ask for as a likelihood, beside the one in use.

  Args:
    axes: to draw on.
    each: [pictures], their mean absolute errors, above zero.
    scale: that of all pictures.
    num_values: of a picture.
    used: the weight in use; zero for none.

  Returns:
    The rows, one per picture.
  """
  span = np.geomspace(0.5 * each.min(), 2.0 * each.max(), 50)
  asked = float(l1_weight(scale, num_values=num_values))
  axes.plot(span, l1_weight(jnp.asarray(span), num_values=num_values), color=BLUE, label="N / b")
  weights = np.asarray(l1_weight(jnp.asarray(each), num_values=num_values))
  axes.plot(each, weights, "o", color=BLACK, fillstyle="none", label="measured, each picture")
  axes.plot(scale, asked, "*", color=BLUE, markersize=13, label=f"all pictures: {asked:.3g}")
  if used:
    axes.axhline(used, color=BLACK, linestyle="--", linewidth=1, label=f"weight in use: {used:g}")
    arrow = {"arrowstyle": "<->", "color": BLACK, "linewidth": 0.8}
    axes.annotate("", (scale, 1.1 * used), xytext=(scale, 0.8 * asked), arrowprops=arrow)
    ratio = asked / used
    text = f"÷ {ratio:,.0f}" if ratio >= 10.0 else f"÷ {ratio:.2g}"
    axes.text(1.1 * scale, math.sqrt(used * asked), text, fontsize=8)
  low = min(float(weights.min()), used or math.inf)
  axes.set(xscale="log", yscale="log", ylim=(0.3 * low, 100.0 * float(max(weights.max(), used))))
  axes.set(xlabel="mean absolute error b (values in [-1, 1])")
  axes.set_ylabel("weight (nats per unit of mean loss)")
  axes.set_title(f"the L1 weight that they ask for (N = {num_values:,})")
  axes.legend(loc="upper right", fontsize=8)
  row = {"quantity": "weight", "l2_fit": math.nan}
  return [
    {**row, "at": float(size), "l1_fit": float(num_values / size), "measured": float(weight)}
    for size, weight in zip(each, weights, strict=True)
  ]
