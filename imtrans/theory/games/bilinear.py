"""The bilinear game in closed form: min over x, max over y of x y, one step as a matrix.

The simplest game that adversarial training contains: a linear discriminator against one generated
number. A matrix game x^T A y falls apart into one such game per singular value s of A, so a step
size here stands for step size times s. `update_rules` has the same rules for any pair of losses.
"""

import jax.numpy as jnp
from jax import Array

Number = Array | float


def bilinear_loss(first: Array, second: Array) -> Array:
  """The game itself, x y: the first player minimizes it, the second maximizes it.

  Args:
    first: x, any shape.
    second: y, the same shape.

  Returns:
    Scalar, the inner product of the two.
  """
  return jnp.vdot(first, second)


def update_matrix(rule: str, step_size: Number, **options: Number) -> Array:
  """One step of an update rule on x y, as a matrix that acts on the players and their memory.

  With J = [[0, 1], [-1, 0]] the players' gradients at z = (x, y) are J z, and with step size h

    simultaneous           z' = z - h J z
    alternating            x first, then y against the new x
    proximal               z' = z - h J z': each player foresees the other
    extragradient          z' = z - h J (z - e J z), `extrapolation` e, by default h
    consensus              z' = z - h (J z + c J^T J z), `weight` c, by default 1
    optimistic             z' = z - 2 h J z + h J z_before; the state is (z, z_before)
    simultaneous_momentum  z' = z - h J z + b (z - z_before), `momentum` b, by default -1/2
    negative_momentum      the same with x first, `first_momentum`, by default -1/2, and
                           `second_momentum`, by default 0

  Gidel et al., 2019, "Negative Momentum for Improved Game Dynamics",
  https://arxiv.org/abs/1807.04740 (momentum) and "A Variational Inequality Perspective on
  Generative Adversarial Networks", https://arxiv.org/abs/1802.10551 (extragradient); Daskalakis et
  al., 2018, https://arxiv.org/abs/1711.00141 (optimistic); Mescheder et al., 2017,
  https://arxiv.org/abs/1705.10461 (consensus).

  Args:
    rule: one of the names above.
    step_size: h > 0.
    **options: of the rule, as above.

  Returns:
    [2, 2], or [4, 4] for the last three, which remember the step before.

  Raises:
    ValueError: for an unknown rule.
  """
  if rule not in UPDATE_MATRICES:
    raise ValueError(f"unknown update rule {rule!r}: choose one of {', '.join(UPDATE_MATRICES)}.")
  return UPDATE_MATRICES[rule](step_size, **options)


def spectral_radius(matrix: Array) -> Array:
  """Largest modulus of the eigenvalues: what an error grows by per step, in the long run.

  Args:
    matrix: [size, size]; not every accelerator finds eigenvalues of general matrices, CPUs do.

  Returns:
    Scalar. Repeated steps converge from everywhere if and only if it is below one.
  """
  return jnp.max(jnp.abs(jnp.linalg.eigvals(matrix)))


def bilinear_radius(rule: str, step_size: Number, **options: Number) -> Array:
  """The spectral radius of `update_matrix` as a formula.

    simultaneous             sqrt(1 + h^2): above one for every step size
    alternating              1 up to h = 2: it rotates for ever
    proximal                 1 / sqrt(1 + h^2)
    extragradient, consensus sqrt((1 - h e)^2 + h^2), best at h = e / (1 + e^2)
    optimistic               sqrt((1 + sqrt(1 - 4 h^2)) / 2) up to h = 1/2, then
                             sqrt(1 + (2 h + sqrt(4 h^2 - 1))^2) / 2, below one up to h = 1/sqrt(3)

  Zhang and Yu, 2020, "Convergence of Gradient Methods on Bilinear Zero-Sum Games",
  https://arxiv.org/abs/1908.05699, compare them.

  Args:
    rule: one of these; the momentum rules are roots of a quartic, see `negative_momentum_bound`.
    step_size: h > 0.
    **options: of the rule, as for `update_matrix`.

  Returns:
    Scalar.

  Raises:
    ValueError: for a rule without a formula.
  """
  if rule not in RADII:
    raise ValueError(f"no formula for the rule {rule!r}: choose one of {', '.join(RADII)}.")
  return RADII[rule](step_size, **options)


def negative_momentum_bound(step_size: Number) -> Array:
  """A bound of the radius of "negative_momentum" at its default options.

  Gidel et al., 2019, Theorem 6: rho^2 <= max(1/2, 1 - h^2 / 16), for one player with momentum -1/2
  and the other without. With -1/2 for both players it does not hold: the radius is 1 at h = 1.

  Args:
    step_size: 0 < h <= 1.

  Returns:
    Scalar, below one.
  """
  return jnp.sqrt(jnp.maximum(0.5, 1.0 - jnp.square(step_size) / 16.0))


def alternating_invariant(first: Array, second: Array, step_size: Number) -> Array:
  """What alternating steps on x y conserve: x^2 + y^2 - h x y, where x moves first.

  The level sets are ellipses for h < 2, so the players stay on one and never arrive.

  Args:
    first: x, of any shape.
    second: y, of the same shape.
    step_size: h, of both players.

  Returns:
    Scalar.
  """
  squares = jnp.vdot(first, first) + jnp.vdot(second, second)
  return squares - step_size * jnp.vdot(first, second)


def alternating_angle(step_size: Number) -> Array:
  """Angle by which an alternating step turns the players: cos(angle) = 1 - h^2 / 2.

  Args:
    step_size: 0 <= h <= 2.

  Returns:
    Scalar in radians, close to h for small steps.
  """
  return jnp.arccos(1.0 - 0.5 * jnp.square(step_size))


def _rotation() -> Array:
  return jnp.array([[0.0, 1.0], [-1.0, 0.0]])


def _simultaneous(step_size):
  return jnp.eye(2) - step_size * _rotation()


def _alternating(step_size):
  return jnp.array([[1.0, -step_size], [step_size, 1.0 - step_size**2]])


def _proximal(step_size):
  return _simultaneous(step_size) / (1.0 + step_size**2)


def _extragradient(step_size, *, extrapolation=None):
  return _consensus(step_size, weight=step_size if extrapolation is None else extrapolation)


def _consensus(step_size, *, weight=1.0):
  # J^T J = 1 = -J J: on this game looking ahead and seeking consensus are the same thing.
  return (1.0 - step_size * weight) * jnp.eye(2) - step_size * _rotation()


def _optimistic(step_size):
  now = jnp.eye(2) - 2.0 * step_size * _rotation()
  return _with_memory(now, step_size * _rotation())


def _simultaneous_momentum(step_size, *, momentum=-0.5):
  now = (1.0 + momentum) * jnp.eye(2) - step_size * _rotation()
  return _with_memory(now, -momentum * jnp.eye(2))


def _negative_momentum(step_size, *, first_momentum=-0.5, second_momentum=0.0):
  x, y, x_before, y_before = jnp.eye(4)
  first = (1.0 + first_momentum) * x - step_size * y - first_momentum * x_before
  second = (1.0 + second_momentum) * y + step_size * first - second_momentum * y_before
  return jnp.stack([first, second, x, y])


def _with_memory(now: Array, before: Array) -> Array:
  return jnp.block([[now, before], [jnp.eye(2), jnp.zeros((2, 2))]])


UPDATE_MATRICES = {
  "simultaneous": _simultaneous,
  "alternating": _alternating,
  "proximal": _proximal,
  "extragradient": _extragradient,
  "consensus": _consensus,
  "optimistic": _optimistic,
  "simultaneous_momentum": _simultaneous_momentum,
  "negative_momentum": _negative_momentum,
}


def _alternating_radius(step_size):
  # Determinant 1 and trace 2 - h^2: complex eigenvalues of modulus one while |trace| <= 2.
  trace = jnp.abs(2.0 - jnp.square(step_size))
  return jnp.maximum(1.0, 0.5 * (trace + _safe_sqrt(jnp.square(trace) - 4.0)))


def _extragradient_radius(step_size, *, extrapolation=None):
  return _consensus_radius(step_size, weight=step_size if extrapolation is None else extrapolation)


def _consensus_radius(step_size, *, weight=1.0):
  return jnp.sqrt(jnp.square(1.0 - step_size * weight) + jnp.square(step_size))


def _optimistic_radius(step_size):
  inside = 4.0 * jnp.square(step_size) - 1.0
  small = jnp.sqrt(0.5 * (1.0 + _safe_sqrt(-inside)))
  large = 0.5 * jnp.sqrt(1.0 + jnp.square(2.0 * step_size + _safe_sqrt(inside)))
  return jnp.where(inside <= 0.0, small, large)


def _safe_sqrt(number: Array) -> Array:
  """Square root of the positive part, whose gradient is zero rather than NaN below zero."""
  positive = number > 0.0
  return jnp.where(positive, jnp.sqrt(jnp.where(positive, number, 1.0)), 0.0)


RADII = {
  "simultaneous": lambda step_size: jnp.sqrt(1.0 + jnp.square(step_size)),
  "alternating": _alternating_radius,
  "proximal": lambda step_size: 1.0 / jnp.sqrt(1.0 + jnp.square(step_size)),
  "extragradient": _extragradient_radius,
  "consensus": _consensus_radius,
  "optimistic": _optimistic_radius,
}
