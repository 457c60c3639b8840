"""The bilinear game: which update rules spiral outward, circle or arrive, and by how much a step.

On a run, the same question of its own two players: the eigenvalues of their game's Jacobian.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from imtrans.analyses.finding import (
  BLACK,
  BLUE,
  GREEN,
  ORANGE,
  PINK,
  RED,
  SKY,
  Finding,
  in_style,
  new_figure,
)
from imtrans.analyses.trained import TrainedRun
from imtrans.methods.game import method_losses
from imtrans.theory.games import (
  bilinear_loss,
  bilinear_radius,
  consensus_cosine,
  jacobian_spectrum,
  play,
  play_with_optimizers,
  spectral_radius,
  update_matrix,
  zero_sum,
)
from imtrans.theory.games.bilinear import RADII

GAME = zero_sum(bilinear_loss)
RULES = {
  "simultaneous": RED,
  "alternating": BLACK,
  "extragradient": BLUE,
  "optimistic": GREEN,
  "proximal": SKY,
  "negative_momentum": PINK,
}
LEGEND = "lines: spectral radius, marks: simulated play"
SETTLING = 20  # Steps before growth is measured, so that the largest eigenvalue leads.
CONVERGED = 0.1  # Residual over modulus up to which an eigenvalue is believed.


@in_style
def on_paper(
  *,
  step_size: float = 0.25,
  num_steps: int = 40,
  step_sizes: tuple[float, ...] = (0.1, 0.25, 0.4, 0.55, 0.7, 0.85, 1.0),
  growth_steps: int = 100,
  adam_rate: float = 0.01,
  adam_steps: int = 20_000,
  adam_betas: tuple[float, float, float] = (0.9, 0.5, 0.0),
) -> Finding:
  """Plays min over x, max over y of x y by several update rules, and by Adam.

  Args:
    step_size: of the trajectories that are drawn.
    num_steps: their length in steps.
    step_sizes: at which the growth per step is measured.
    growth_steps: length in steps of that simulation, more than `SETTLING`.
    adam_rate: learning rate of Adam.
    adam_steps: how long it plays.
    adam_betas: its β1, three values.

  Returns:
    The finding: trajectories, growth per step against step size, and distance under Adam.
  """
  figure, ((left, middle, right),) = new_figure(columns=3, width=4.4, height=3.8)
  start = (jnp.array(1.0), jnp.array(0.0))
  marks = {"simultaneous": "o", "alternating": "o", "extragradient": "o", "optimistic": "s"}
  for rule, mark in marks.items():
    x, y = play(GAME, start, rule, step_size, num_steps).trajectory
    left.plot(x, y, f"{mark}-", color=RULES[rule], label=rule, markersize=2.5, linewidth=0.8)
  left.plot(0.0, 0.0, "+", color=BLACK, markersize=9)
  left.set(xlabel="player x (minimizes x y)", ylabel="player y (maximizes x y)", aspect="equal")
  left.set_title(f"simultaneous steps spiral outward (size {step_size:g})")
  left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize=8)

  rows, largest = [], 0.0
  fine = jnp.linspace(min(step_sizes), max(step_sizes), 120)
  few = jnp.asarray(step_sizes)
  for rule, color in RULES.items():
    grown = _measured_growth(rule, few, growth_steps)
    exact = _radius(rule, few)
    middle.plot(fine, _radius(rule, fine), color=color, label=rule.replace("_", " "))
    middle.plot(few, grown, "o", color=color)
    largest = max(largest, float(jnp.max(jnp.abs(grown / exact - 1.0))))
    rows += [_row(rule, h, e, g) for h, e, g in zip(few, exact, grown, strict=True)]
  middle.axhline(1.0, color=BLACK, linestyle=":", linewidth=0.8)
  middle.set(xlabel="step size", ylabel="growth of the distance per step (factor)")
  middle.set_title("above 1 it diverges, below it arrives")
  middle.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize=8, title=LEGEND)

  ends = {}
  steps, every = np.arange(adam_steps + 1), max(adam_steps // 400, 1)
  for name, style in (("simultaneous", "-"), ("alternating", ":")):
    played = _adam_distances(adam_betas, adam_rate, adam_steps, alternating=name == "alternating")
    for beta, distances, color in zip(adam_betas, played, (RED, ORANGE, GREEN), strict=True):
      label = f"β1 = {beta:g}, {name}"
      right.plot(steps[::every], distances[::every], style, color=color, label=label)
      ends[beta, name] = float(distances[-1])
      rows.append(_row(f"adam {beta:g} {name}", adam_rate, float("nan"), distances[-1]))
  right.axhline(float(jnp.sqrt(2.0)), color=BLACK, linestyle=":", linewidth=0.8)
  right.set(xlabel="steps", ylabel="distance from the fixed point", ylim=(0.0, None))
  right.set_title("Adam's momentum drives the players apart")
  right.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2, fontsize=8)

  told = ", ".join(f"{ends[b, 'simultaneous']:.2f} with β1 = {b:g}" for b in adam_betas)
  return Finding(
    figure,
    rows,
    f"On the game x y, simultaneous gradient steps of {step_size:g} multiply the distance from the "
    f"fixed point by {float(bilinear_radius('simultaneous', step_size)):.4f} each, alternating "
    f"ones by {float(bilinear_radius('alternating', step_size)):.4f} (a closed orbit) and "
    f"extragradient ones by {float(bilinear_radius('extragradient', step_size)):.4f}. Over "
    f"{len(step_sizes)} step sizes and {len(RULES)} rules the growth in simulated play differs "
    f"from the spectral radius by at most {largest:.1%}. Simultaneous Adam of rate {adam_rate:g} "
    f"that starts at distance {2**0.5:.2f} is after {adam_steps} steps at {told}. (In the table "
    "the last column of an Adam row is this distance.)",
  )


@in_style
def on_run(run: TrainedRun, *, num_steps: int = 12, seed: int = 0) -> Finding:
  """Eigenvalues of the Jacobian of a run's game, on one training batch, by Arnoldi's method.

  A simultaneous gradient step of size h multiplies the part of an error along an eigenvalue e by
  1 + h e, which is shorter than one if h < -2 Re(e) / |e|^2; the training step's optimizer rescales
  gradients, so that its learning rate is not this h. A run is at no fixed point: the eigenvalues
  say how small changes of its players grow. Costs `num_steps` + 1 vectors of all parameters.

  Args:
    run: of any method.
    num_steps: of Arnoldi's method, each a product with the Jacobian.
    seed: of the batch and of the random start.

  Returns:
    The finding: the eigenvalues in the complex plane.
  """
  players = (run.players["generator"], run.players["discriminator"])
  batch = jax.tree.map(jnp.asarray, run.training_batch(seed))
  key = jax.random.fold_in(jax.random.key(seed), run.run.step)
  losses = method_losses(run.run.method, run.run.extras, batch, key)
  spectrum = jacobian_spectrum(losses, players, num_steps=num_steps, key=jax.random.key(seed))
  cosine = float(jax.jit(lambda players: consensus_cosine(losses, players))(players))
  cosine = round(cosine, 2) + 0.0  # No minus before a zero.
  values = spectrum.eigenvalues
  believed = spectrum.residuals <= CONVERGED * np.abs(values)
  told = values[believed] if believed.any() else values[:1]
  limit, growing = stable_step_size(told), int(np.sum(told.real >= 0.0))

  figure, ((axes,),) = new_figure(width=5.6, height=4.4)
  axes.axvline(0.0, color=BLACK, linewidth=0.8)
  if np.isfinite(limit):
    around = np.exp(1j * np.linspace(0.0, 2.0 * np.pi, 400))
    circle = (around - 1.0) / limit
    axes.plot(circle.real, circle.imag, color=GREEN, label=f"stable at step size {limit:.2g}")
  axes.plot(values[believed].real, values[believed].imag, "o", color=BLUE, label="eigenvalue")
  if not believed.all():
    rest = values[~believed]
    axes.plot(rest.real, rest.imag, "o", color=BLUE, fillstyle="none", label="not yet converged")
  axes.set_xlabel("real part: negative descends, positive climbs (per unit of step size)")
  axes.set_ylabel("imaginary part: rotation (radians per unit of step size)")
  axes.set_title(f"the game's Jacobian after {run.run.step} steps of training")
  axes.margins(0.15)
  axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.14), ncols=3, fontsize=8)

  rows = [
    {"real": value.real, "imaginary": value.imag, "modulus": abs(value), "residual": residual}
    for value, residual in zip(values, spectrum.residuals, strict=True)
  ]
  first = values[0]
  stability = (
    f"{growing} of the {len(told)} converged ones have a real part that is not negative: along "
    "those no step size is stable"
    if growing
    else f"all {len(told)} converged ones descend"
  )
  beyond = f"; the others leave stability at step size {limit:.2g}" if np.isfinite(limit) else ""
  return Finding(
    figure,
    rows,
    f"After {run.run.step} steps the eigenvalue of largest modulus among {len(values)} is "
    f"{_spoken(first)} (residual {spectrum.residuals[0]:.1g}). With simultaneous gradient steps, "
    f"{stability}{beyond}. The players' direction has a cosine of {cosine:.2f} with the steepest "
    "descent of its squared length: 1 is descent on which all agree, 0 is pure rotation, below 0 "
    "the gradients grow.",
  )


def stable_step_size(eigenvalues: np.ndarray) -> float:
  """The step size h at which the first |1 + h e| reaches one, of those e that descend at all.

  Args:
    eigenvalues: [count], complex.

  Returns:
    min of -2 Re(e) / |e|^2 over Re(e) < 0, or infinity.
  """
  descending = eigenvalues[eigenvalues.real < 0.0]
  limits = -2.0 * descending.real / np.square(np.abs(descending))
  return float(np.min(limits, initial=np.inf))


def _spoken(value: complex) -> str:
  if not value.imag:
    return f"{value.real:.3g}, without rotation"
  return f"{value.real:.3g} {'-' if value.imag < 0.0 else '+'} {abs(value.imag):.3g} i"


def _radius(rule: str, step_sizes: Array) -> Array:
  """The closed form, or the largest eigenvalue of the rule's matrix where there is none."""
  if rule in RADII:
    return jnp.broadcast_to(bilinear_radius(rule, step_sizes), step_sizes.shape)
  return jax.vmap(lambda step_size: spectral_radius(update_matrix(rule, step_size)))(step_sizes)


def _measured_growth(rule: str, step_sizes: Array, num_steps: int) -> Array:
  """The factor by which the distance grows per step: the slope of its logarithm, exponentiated."""

  def distances(step_size):
    x, y = play(GAME, (jnp.array(1.0), jnp.array(0.5)), rule, step_size, num_steps).trajectory
    return jnp.log(jnp.hypot(x, y))[SETTLING:]

  logs = jax.jit(jax.vmap(distances))(step_sizes)
  times = jnp.linspace(-1.0, 1.0, logs.shape[1])
  slopes = logs @ times / jnp.vdot(times, times) * 2.0 / (logs.shape[1] - 1)
  return jnp.exp(slopes)


def _adam_distances(
  betas: tuple[float, ...], rate: float, num_steps: int, *, alternating: bool
) -> np.ndarray:
  """Distances from the fixed point, [betas, num_steps + 1]."""

  def distances(beta):
    optimizer = optax.adam(rate, b1=beta, b2=0.999)
    start = (jnp.array(1.0), jnp.array(1.0))
    x, y = play_with_optimizers(
      GAME, start, (optimizer, optimizer), num_steps, alternating=alternating
    ).trajectory
    return jnp.hypot(x, y)

  return np.asarray(jax.jit(jax.vmap(distances))(jnp.asarray(betas)))


def _row(rule: str, step_size, exact, measured) -> dict[str, str | float]:
  values = {"step_size": step_size, "spectral_radius": exact, "measured": measured}
  return {"rule": rule, **{name: float(value) for name, value in values.items()}}
