"""What a reconstruction weight says about the noise: divergences, best scales, weights.

The L1 loss is the negative log-likelihood of Laplace noise, the L2 loss that of Gaussian noise.
Choosing one of them and its weight is an assumption about the noise of the targets; a wrong one
costs the divergence between the true noise and the assumed one. All divergences are in nats per
value; scales and shifts have the unit of the values (images are in [-1, 1]).
"""

import math

import jax.numpy as jnp
from jax import Array
from jax.scipy.special import erf

# Asymptotic variance of the best estimator of a location over that of the assumed loss's one:
# the sample median (L1) when the noise is Gaussian, the sample mean (L2) when it is Laplace.
L1_EFFICIENCY_UNDER_GAUSS = 2.0 / math.pi
L2_EFFICIENCY_UNDER_LAPLACE = 0.5


def gauss_gauss_divergence(
  deviation: Array | float, model_deviation: Array | float, *, shift: Array | float = 0.0
) -> Array:
  """KL(N(m, s²) ‖ N(0, t²)) = log(t / s) + (s² + m²) / (2 t²) - 1/2.

  Args:
    deviation: s > 0, standard deviation of the true noise.
    model_deviation: t > 0, standard deviation that the loss assumes.
    shift: m, distance between the two centres.

  Returns:
    Nats per value, at least zero; the shape of the arguments.
  """
  ratio = deviation / model_deviation
  return 0.5 * (jnp.square(ratio) + jnp.square(shift / model_deviation) - 1.0) - jnp.log(ratio)


def laplace_laplace_divergence(
  scale: Array | float, model_scale: Array | float, *, shift: Array | float = 0.0
) -> Array:
  """KL(Laplace(m, b) ‖ Laplace(0, c)) = log(c / b) + (b exp(-|m| / b) + |m|) / c - 1.

  Args:
    scale: b > 0, mean absolute deviation of the true noise.
    model_scale: c > 0, the one that the loss assumes.
    shift: m, distance between the two centres.

  Returns:
    Nats per value, at least zero; the shape of the arguments.
  """
  distance = jnp.abs(shift)
  mean_distance = scale * jnp.exp(-distance / scale) + distance
  return mean_distance / model_scale - 1.0 - jnp.log(scale / model_scale)


def gauss_laplace_divergence(
  deviation: Array | float, model_scale: Array | float, *, shift: Array | float = 0.0
) -> Array:
  """KL(N(m, s²) ‖ Laplace(0, b)): what the L1 loss pays where the noise is Gaussian.

  log(2 b) + E|x| / b - log(2 π e s²) / 2, with the mean of a folded Gaussian,
  E|x| = s √(2 / π) exp(-m² / (2 s²)) + m erf(m / (s √2)). Without a shift its least value over b
  is 1/2 - log(π / 2) = 0.0484 nats, at `best_laplace_scale(s)`.

  Args:
    deviation: s > 0, standard deviation of the true noise.
    model_scale: b > 0, scale that the loss assumes.
    shift: m, distance between the two centres.

  Returns:
    Nats per value, above zero; the shape of the arguments.
  """
  ratio = shift / deviation
  folded = math.sqrt(2.0 / math.pi) * jnp.exp(-0.5 * jnp.square(ratio))
  folded = folded + ratio * erf(ratio / math.sqrt(2.0))
  relative = deviation / model_scale
  constant = math.log(2.0) - 0.5 * (1.0 + math.log(2.0 * math.pi))
  return relative * folded - jnp.log(relative) + constant


def laplace_gauss_divergence(
  scale: Array | float, model_deviation: Array | float, *, shift: Array | float = 0.0
) -> Array:
  """KL(Laplace(m, b) ‖ N(0, s²)): what the L2 loss pays where the noise is Laplace.

  log(2 π s²) / 2 + (2 b² + m²) / (2 s²) - 1 - log(2 b). Without a shift its least value over s is
  (log π - 1) / 2 = 0.0724 nats, at `best_gauss_deviation(b)`.

  Args:
    scale: b > 0, mean absolute deviation of the true noise.
    model_deviation: s > 0, standard deviation that the loss assumes.
    shift: m, distance between the two centres.

  Returns:
    Nats per value, above zero; the shape of the arguments.
  """
  ratio = scale / model_deviation
  constant = 0.5 * math.log(2.0 * math.pi) - 1.0 - math.log(2.0)
  moved = 0.5 * jnp.square(shift / model_deviation)
  return jnp.square(ratio) + moved - jnp.log(ratio) + constant


def best_laplace_scale(deviation: Array | float) -> Array | float:
  """The Laplace scale nearest to Gaussian noise, b* = E|e| = σ √(2 / π) = 0.798 σ.

  It minimizes `gauss_laplace_divergence` over the scale: a maximum-likelihood fit matches the
  mean absolute deviation.

  Args:
    deviation: σ, standard deviation of the noise.

  Returns:
    The scale b*, in the same unit.
  """
  return deviation * math.sqrt(2.0 / math.pi)


def best_gauss_deviation(scale: Array | float) -> Array | float:
  """The Gaussian standard deviation nearest to Laplace noise, σ* = √2 b: the same variance.

  Args:
    scale: b, mean absolute deviation of the noise.

  Returns:
    The standard deviation σ*, in the same unit.
  """
  return scale * math.sqrt(2.0)


def l1_weight(scale: Array | float, *, num_values: int = 1) -> Array | float:
  """Weight of a mean absolute error as the negative log-likelihood of an image.

  -log p = (N / b) mean|e| + N log(2 b): the weight falls as the noise grows. For Gaussian noise of
  standard deviation σ the scale to use is `best_laplace_scale(σ)`.

  Args:
    scale: b > 0, scale of the Laplace noise.
    num_values: N, over how many values the loss takes its mean; with one, the weight per value.

  Returns:
    The weight N / b, in nats per unit of the loss.
  """
  return num_values / scale


def l2_weight(deviation: Array | float, *, num_values: int = 1) -> Array | float:
  """Weight of a mean squared error as the negative log-likelihood of an image.

  -log p = (N / (2 σ²)) mean(e²) + N log(2 π σ²) / 2.

  Args:
    deviation: σ > 0, standard deviation of the Gaussian noise.
    num_values: N, over how many values the loss takes its mean; with one, the weight per value.

  Returns:
    The weight N / (2 σ²), in nats per squared unit of the values.
  """
  return num_values / (2.0 * deviation * deviation)


def inverse_temperature(weight: Array | float, likelihood_weight: Array | float) -> Array | float:
  """The power to which a reconstruction weight raises the likelihood of the targets.

  With the adversarial term read as one log-density per image, weight λ on the mean absolute error
  makes the posterior p(y) p(target | y)^β with β = λ b / N. Isola et al., 2017, Sec. 4.2,
  https://arxiv.org/abs/1611.07004, take λ = 100: on 256 x 256 x 3 values with b = 0.1 that is
  β = 5.1e-5, so the data weigh 2e4 times less than their likelihood would.

  Args:
    weight: λ, the weight in use.
    likelihood_weight: what `l1_weight` or `l2_weight` gives for the noise.

  Returns:
    β, one where the weight is that of the likelihood, below one where the data count for less.
  """
  return weight / likelihood_weight
