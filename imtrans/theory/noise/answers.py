"""Several right answers to one input: what each loss predicts, and the blur that it leaves.

A value with several right answers is a mixture of narrow Gaussians. The squared error predicts its
mean, the absolute error its median, a mode-seeking loss its mode. The same three say what becomes
of an edge whose position is uncertain: the mean is a ramp, the cumulative distribution of the
position; the median is a sharp edge at the position's median, for medians pass through monotone
maps; and a periodic texture loses `frequency_response` of its amplitude under the mean.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf, ndtr


class Answers(NamedTuple):
  """The distribution of the right value, given the input: a mixture of Gaussians of one width."""

  weights: Array  # [answers], above zero, sum to one.
  centres: Array  # [answers], in the unit of the values.
  deviation: Array | float  # Standard deviation of each answer about its centre, above zero.


def density(answers: Answers, value: Array | float) -> Array:
  """Density of the mixture at one value.

  Args:
    answers: the mixture.
    value: scalar; `jax.vmap` takes arrays.

  Returns:
    Scalar, per unit of the value.
  """
  distances = (value - answers.centres) / answers.deviation
  bells = jnp.exp(-0.5 * jnp.square(distances)) / (math.sqrt(2.0 * math.pi) * answers.deviation)
  return jnp.sum(answers.weights * bells)


def cumulative(answers: Answers, value: Array | float) -> Array:
  """Probability of at most `value`; also the L2 prediction of an edge at an uncertain position.

  Args:
    answers: the mixture, of values or of the position of an edge.
    value: scalar; `jax.vmap` takes arrays.

  Returns:
    Scalar in [0, 1]: the mean of a unit step that begins at the uncertain position.
  """
  return jnp.sum(answers.weights * ndtr((value - answers.centres) / answers.deviation))


def mean_answer(answers: Answers) -> Array:
  """What the L2 loss predicts: the mean, a scalar."""
  return jnp.sum(answers.weights * answers.centres)


def median_answer(answers: Answers, *, num_steps: int = 60) -> Array:
  """What the L1 loss predicts: the median; the middle, where an interval of values is median.

  Two answers of weight w > 1/2 and 1 - w, far apart, have it at the heavier one's centre moved
  towards the other by deviation * Φ⁻¹(1 / (2 w)): sharp but for that.

  Args:
    answers: the mixture.
    num_steps: halvings of the interval that holds it; 60 exhaust float32.

  Returns:
    Scalar, differentiable in the mixture (by the implicit function theorem).
  """
  fixed = jax.lax.stop_gradient(answers)
  reach = 8.0 * fixed.deviation
  ends = (jnp.min(fixed.centres) - reach, jnp.max(fixed.centres) + reach)

  def bisect(is_below: Callable[[Array], Array]) -> Array:
    def halve(_: int, bounds: tuple[Array, Array]) -> tuple[Array, Array]:
      low, high = bounds
      middle = 0.5 * (low + high)
      below = is_below(_balance(fixed, middle))
      return jnp.where(below, middle, low), jnp.where(below, high, middle)

    return jax.lax.fori_loop(0, num_steps, halve, ends)[1]

  # Between equal answers the distribution is flat to rounding: take the middle of the flat part.
  root = 0.5 * (bisect(lambda balance: balance < 0.0) + bisect(lambda balance: balance <= 0.0))
  balance = _balance(answers, root)
  slope = jnp.maximum(2.0 * density(fixed, root), jnp.finfo(balance.dtype).tiny)
  # Zero, with the derivative that Newton's step would have.
  return root - (balance - jax.lax.stop_gradient(balance)) / slope


def modal_answer(
  answers: Answers, *, bandwidth: Array | float = 0.0, num_steps: int = 300
) -> Array:
  """What a mode-seeking loss predicts: the highest peak of the density.

  The loss 1 - exp(-e² / (2 h²)) of bandwidth h has its minimum at the peak of the density blurred
  by h, which is a mixture again: h → 0 is the mode, h → ∞ the mean. The peak is found by mean
  shift from every centre (Comaniciu and Meer, 2002, "Mean Shift", Sec. 2.1).

  Args:
    answers: the mixture.
    bandwidth: h, in the unit of the values.
    num_steps: mean-shift steps; more are needed where two peaks are about to merge.

  Returns:
    Scalar, differentiable in the mixture and the bandwidth.
  """
  width = jnp.sqrt(jnp.square(answers.deviation) + jnp.square(bandwidth))
  blurred = answers._replace(deviation=width)

  def shift(value: Array) -> Array:
    distances = (value - answers.centres) / width
    shares = jax.nn.softmax(jnp.log(answers.weights) - 0.5 * jnp.square(distances))
    return jnp.sum(shares * answers.centres)

  peaks = jax.lax.fori_loop(0, num_steps, lambda _, peaks: jax.vmap(shift)(peaks), answers.centres)
  heights = jax.vmap(lambda peak: density(blurred, peak))(peaks)
  return peaks[jnp.argmax(heights)]


def blur(answers: Answers, prediction: Array | float) -> Array:
  """How far a prediction is from every right answer.

  For two answers at distance D with weights w and 1 - w the mean has D min(w, 1 - w).

  Args:
    answers: the mixture.
    prediction: scalar.

  Returns:
    Scalar, the distance to the nearest centre: zero for a sharp prediction.
  """
  return jnp.min(jnp.abs(prediction - answers.centres))


def spread(answers: Answers) -> Array:
  """Standard deviation of the mixture: the width of an edge that the L2 loss makes of it."""
  offsets = answers.centres - mean_answer(answers)
  return jnp.sqrt(jnp.sum(answers.weights * jnp.square(offsets)) + jnp.square(answers.deviation))


def frequency_response(answers: Answers, frequency: Array | float) -> Array:
  """Share of a wave's amplitude that is left in the mean over its uncertain position.

  |E exp(i ω x)| = |Σ w exp(i ω c)| exp(-ω² s² / 2), the characteristic function: a low-pass.

  Args:
    answers: mixture of the position, in pixels.
    frequency: ω, scalar, in radians per pixel.

  Returns:
    Scalar in [0, 1].
  """
  phases = frequency * answers.centres
  real = jnp.sum(answers.weights * jnp.cos(phases))
  imaginary = jnp.sum(answers.weights * jnp.sin(phases))
  decay = jnp.exp(-0.5 * jnp.square(frequency * answers.deviation))
  return decay * jnp.hypot(real, imaginary)


def draw_answers(key: Array, answers: Answers, num_samples: int) -> Array:
  """Draws right answers.

  Args:
    key: random key.
    answers: the mixture.
    num_samples: how many.

  Returns:
    [num_samples].
  """
  which, around = jax.random.split(key)
  chosen = jax.random.choice(which, answers.centres, (num_samples,), p=answers.weights)
  return chosen + answers.deviation * jax.random.normal(around, (num_samples,))


def cheapest_prediction(samples: Array, candidates: Array, loss: Callable[[Array], Array]) -> Array:
  """The simulation beside the closed forms: which candidate has the least mean loss.

  Args:
    samples: [samples], right answers.
    candidates: [candidates], predictions to try.
    loss: of an array of errors, elementwise: `jnp.square`, `jnp.abs`, ….

  Returns:
    Scalar, the best candidate.
  """
  costs = jax.lax.map(lambda candidate: jnp.mean(loss(candidate - samples)), candidates)
  return candidates[jnp.argmin(costs)]


def _balance(answers: Answers, value: Array) -> Array:
  """Probability below minus probability above: rounds alike on both sides of the median."""
  distances = (value - answers.centres) / answers.deviation
  return jnp.sum(answers.weights * erf(distances / math.sqrt(2.0)))
