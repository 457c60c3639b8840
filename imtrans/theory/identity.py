"""The identity loss on colours: a soft threshold on the shift that a translation wants to make.

A translation wants to move a colour by d; near its optimum the adversarial and cycle terms cost
a (δ - d)² for moving it by δ instead, and the identity loss (Taigman et al., 2017,
https://arxiv.org/abs/1611.02200; Zhu et al., 2017, Sec. 5.2, https://arxiv.org/abs/1703.10593)
costs b |δ|. In the notation of a curvature κ = 2 a, the threshold is b / κ.
"""

import jax
import jax.numpy as jnp
from jax import Array


def soft_threshold(shift: Array, threshold: Array | float) -> Array:
  """Proximal operator of `threshold * |x|`: sign(shift) * max(|shift| - threshold, 0).

  Args:
    shift: any shape.
    threshold: at least zero, a scalar or the same shape.

  Returns:
    The shape of `shift`: zero below the threshold, shortened by the threshold above it.
  """
  return jnp.sign(shift) * jnp.maximum(jnp.abs(shift) - threshold, 0.0)


def identity_objective(
  shift: Array,
  wanted: Array | float,
  *,
  translation_weight: Array | float,
  identity_weight: Array | float,
) -> Array:
  """The loss a (δ - d)² + b |δ|, elementwise.

  Args:
    shift: δ, any shape, in the unit of the colours.
    wanted: d, the shift without an identity loss, a scalar or the same shape.
    translation_weight: a > 0, half the curvature of the other terms in the shift.
    identity_weight: b >= 0.

  Returns:
    The shape of `shift`.
  """
  return translation_weight * jnp.square(shift - wanted) + identity_weight * jnp.abs(shift)


def best_shift(
  wanted: Array, *, translation_weight: Array | float, identity_weight: Array | float
) -> Array:
  """The minimizer over δ of a (δ - d)² + b |δ|: soft_threshold(d, b / (2 a)).

  An identity loss of weight b cancels every shift smaller than b / (2 a) and shortens larger ones
  by that much. Acting on each channel alone it also turns the hue of a shift towards its largest
  channel.

  Args:
    wanted: d, any shape, for example [colours, channels].
    translation_weight: a > 0, a scalar or the same shape.
    identity_weight: b >= 0, a scalar or the same shape.

  Returns:
    δ*, the shape of `wanted`.
  """
  return soft_threshold(wanted, identity_weight / (2.0 * translation_weight))


def critical_weight(wanted: Array, *, translation_weight: Array | float) -> Array:
  """The identity weight from which on nothing of a shift is left, b = 2 a |d|.

  Args:
    wanted: d, any shape.
    translation_weight: a > 0.

  Returns:
    The shape of `wanted`.
  """
  return 2.0 * translation_weight * jnp.abs(wanted)


def shift_path(
  wanted: Array, identity_weights: Array, *, translation_weight: Array | float
) -> Array:
  """The best shift as the identity weight grows: a straight line to zero at the critical weight.

  Args:
    wanted: d, any shape.
    identity_weights: [weights], the values of b.
    translation_weight: a > 0.

  Returns:
    [weights, *wanted.shape].
  """
  return jax.vmap(
    lambda weight: best_shift(wanted, translation_weight=translation_weight, identity_weight=weight)
  )(identity_weights)


def local_threshold(
  source_density: Array,
  target_density: Array,
  *,
  translation_weight: Array | float,
  identity_weight: Array | float,
) -> Array:
  """The threshold where the two losses see different colours: b p_Y(v) / (2 a p_X(v)).

  The generator translates source colours v ~ p_X but the identity loss feeds it target colours
  v ~ p_Y, so it minimizes ∫ a p_X(v) (δ(v) - d(v))² + b p_Y(v) |δ(v)| dv: the identity loss bites
  only on colours that both domains have, and most on those that are common in the target.

  Args:
    source_density: p_X at the colours, any shape, above zero.
    target_density: p_Y at the same colours, the same shape.
    translation_weight: a > 0.
    identity_weight: b >= 0.

  Returns:
    The same shape, in the unit of the colours.
  """
  ratio = target_density / source_density
  return ratio * (identity_weight / (2.0 * translation_weight))


def local_translation(
  colors: Array,
  targets: Array,
  source_density: Array,
  target_density: Array,
  *,
  translation_weight: Array | float,
  identity_weight: Array | float,
) -> Array:
  """Where each colour goes under the identity loss: v + soft(t(v) - v, local threshold).

  Args:
    colors: v, any shape.
    targets: t(v), where the translation alone would send them, the same shape.
    source_density: p_X(v), the same shape, above zero.
    target_density: p_Y(v), the same shape.
    translation_weight: a > 0.
    identity_weight: b >= 0.

  Returns:
    The translated colours, the same shape.

  Raises:
    ValueError: if the shapes differ.
  """
  arrays = (colors, targets, source_density, target_density)
  shapes = [jnp.shape(array) for array in arrays]
  if len(set(shapes)) > 1:
    raise ValueError(
      f"colors, targets, source_density and target_density must have the same shape, got {shapes}."
    )
  threshold = local_threshold(
    source_density,
    target_density,
    translation_weight=translation_weight,
    identity_weight=identity_weight,
  )
  return colors + soft_threshold(targets - colors, threshold)


def fit_threshold(wanted: Array, measured: Array) -> Array:
  """The threshold τ >= 0 that best explains measured shifts, in least squares.

  The sum of (soft_threshold(d, τ) - m)² is one parabola in τ between any two neighbouring |d|, so
  its exact minimum is the best of their minima.

  Args:
    wanted: [shifts], d, of a model trained without identity loss.
    measured: [shifts], m, of one trained with it.

  Returns:
    Scalar τ, an estimate of b / (2 a).

  Raises:
    ValueError: if the arrays are not one-dimensional of the same length.
  """
  if wanted.ndim != 1 or wanted.shape != measured.shape:
    raise ValueError(
      f"wanted and measured must be [shifts] of one length, got {wanted.shape} "
      f"and {measured.shape}."
    )
  order = jnp.argsort(-jnp.abs(wanted))
  wanted, measured = wanted[order], measured[order]
  upper = jnp.abs(wanted)
  lower = jnp.append(upper[1:], 0.0)
  along = jnp.sign(wanted) * measured
  # Sums over the shifts that are longer than the threshold; the others are cancelled.
  count = jnp.arange(1, len(wanted) + 1, dtype=wanted.dtype)
  first = jnp.cumsum(upper - along)
  second = jnp.cumsum(jnp.square(upper - along))
  cancelled = jnp.sum(jnp.square(along)) - jnp.cumsum(jnp.square(along))
  candidates = jnp.clip(first / count, lower, upper)
  errors = second - 2.0 * candidates * first + count * jnp.square(candidates) + cancelled
  return candidates[jnp.argmin(errors)]
