"""The Dirac-GAN: R1 and noise on the images turn a rotation into a convergence."""

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.analyses.finding import BLACK, BLUE, RED, Finding, in_style, new_figure
from imtrans.objectives import adversarial_losses
from imtrans.theory.games import critical_penalty_weight, dirac_eigenvalues, dirac_losses, play

SLOPE, CURVATURE = 0.5, -0.25  # f'(0) and f''(0) of the minimax pair.
DURATION, STEP_SIZE, START = 2.0, 1e-3, 1e-3  # Of the simulated flow.


@in_style
def on_paper(
  *,
  weights: tuple[float, ...] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 2.5),
  noises: tuple[float, ...] = (0.0, 0.4, 0.8, 1.0, 1.2, 1.4142, 1.5, 1.75, 2.0),
) -> Finding:
  """Eigenvalues with R1 and with instance noise, in closed form and of a simulated flow.

  The simulation follows the minimax losses from two small starts for a while; the logarithms of
  the eigenvalues of the map from starts to ends, over the duration, are the measured ones.

  Args:
    weights: of R1, in its (weight / 2) |gradient|^2.
    noises: standard deviations of the instance noise, in units of the data.

  Returns:
    The finding: the eigenvalues in the complex plane, and their real parts against the weight and
    against the noise.
  """
  critical_weight = float(critical_penalty_weight(SLOPE))
  # The noise whose friction is that of the critical weight.
  critical_noise = (0.5 * critical_weight / abs(CURVATURE)) ** 0.5
  remedies = (
    ("R1", "penalty_weight", weights, critical_weight, BLUE),
    ("noise", "noise", noises, critical_noise, RED),
  )
  figure, (axes,) = new_figure(columns=3, width=4.0, height=3.6)
  plane, *panels = axes
  rows, largest = [], 0.0
  for (name, option, values, critical, color), panel in zip(remedies, panels, strict=True):
    fine = jnp.linspace(0.0, max(values), 401)
    paths = jax.vmap(lambda value, option=option: _closed(option, value))(fine)
    points = jnp.asarray(values)
    exact = np.asarray(jax.vmap(lambda value, option=option: _closed(option, value))(points))
    measured = _simulated(option, values)
    measured = np.stack([_ordered(row, like) for row, like in zip(measured, exact, strict=True)])
    apart = np.abs(np.asarray(values) / critical - 1.0) > 0.05
    largest = max(largest, float(np.max(np.abs(measured.real - exact.real)[apart])))

    for root in range(2):
      line = {"color": color, "linestyle": "-" if name == "R1" else "--"}
      plane.plot(paths[:, root].real, paths[:, root].imag, **line)
      panel.plot(fine, paths[:, root].real, color=color, label="closed form" if not root else None)
      panel.plot(
        values, measured[:, root].real, "o", color=color, label=None if root else "simulated"
      )
    marker = "o" if name == "R1" else "s"
    plane.plot(
      measured.real, measured.imag, marker, color=color, fillstyle="none" if name != "R1" else None
    )
    panel.axvline(critical, color=BLACK, linestyle=":", label=f"critical: {critical:.3g}")
    panel.axhline(0.0, color=BLACK, linewidth=0.8)
    panel.set_ylabel("real part (decay rate per unit of time)")
    panel.legend(loc="lower left")
    for value, pair, found in zip(values, exact, measured, strict=True):
      rows += [
        {
          "remedy": name,
          "strength": value,
          "real": root.real,
          "imaginary": root.imag,
          "simulated_real": seen.real,
          "simulated_imaginary": seen.imag,
        }
        for root, seen in zip(pair, found, strict=True)
      ]
  panels[0].set(xlabel="penalty weight γ of R1", title="R1: best at γ = 2 |f'(0)|")
  panels[1].set(
    xlabel="noise σ (units of the data)", title="instance noise: best where the roots meet"
  )
  plane.axvline(0.0, color=BLACK, linewidth=0.8)
  plane.plot([], [], "o-", color=BLUE, label="R1, γ from 0 up")
  plane.plot([], [], "s--", color=RED, fillstyle="none", label="noise, σ from 0 up")
  plane.plot([0.0, 0.0], [SLOPE, -SLOPE], "*", color=BLACK, markersize=11, label="unregularised")
  plane.set(xlabel="real part (1 / time)", ylabel="imaginary part (radians / time)")
  plane.set(ylim=(-0.6, 0.95), title="without a remedy it only rotates")
  plane.legend(loc="upper left", title="lines: closed form, marks: simulated")

  slowest = float(np.max(np.real(_closed("penalty_weight", max(weights)))))
  best = float(np.max(np.real(_closed("penalty_weight", critical_weight))))
  unit = complex(_closed("noise", 1.0)[0])
  return Finding(
    figure,
    rows,
    f"Without a remedy the Dirac-GAN of the minimax pair has the eigenvalues ± {SLOPE:g} i and "
    f"turns for ever. R1 moves them into the left half plane; at γ = {critical_weight:g} they meet "
    f"and the slower one decays at rate {-best:.2f}, the fastest that R1 gives: at "
    f"γ = {max(weights):g} it is only {-slowest:.3f}. Instance noise damps likewise "
    f"({unit.real:.2f} ± {abs(unit.imag):.3f} i at σ = 1), critically at σ = {critical_noise:.3f}. "
    f"Simulated rates differ from the closed form by at most {largest:.1e} (but for the critical "
    "points themselves, where the smallest error parts the two roots).",
  )


def _closed(option: str, value):
  curvature = CURVATURE if option == "noise" else 0.0
  return dirac_eigenvalues(SLOPE, curvature=curvature, **{option: value})


def _simulated(option: str, values: tuple[float, ...]) -> np.ndarray:
  """Eigenvalues of the flow near the fixed point, [values, 2], each from two simulated starts."""
  steps = round(DURATION / STEP_SIZE)

  def end(value, first, second):
    losses = dirac_losses(*adversarial_losses("minimax"), **{option: value})
    x, y = play(losses, (first, second), "extragradient", STEP_SIZE, steps).trajectory
    return jnp.stack([x[-1], y[-1]])

  ends = jax.jit(jax.vmap(jax.vmap(end, in_axes=(None, 0, 0)), in_axes=(0, None, None)))
  columns = ends(jnp.asarray(values), jnp.array([START, 0.0]), jnp.array([0.0, START]))
  flows = np.asarray(columns, np.float64).swapaxes(1, 2) / START
  return np.log(np.linalg.eigvals(flows).astype(complex)) / DURATION


def _ordered(found: np.ndarray, like: np.ndarray) -> np.ndarray:
  """The two values in the order that is closer to that of `like`."""
  straight, swapped = np.abs(found - like).sum(), np.abs(found[::-1] - like).sum()
  return found if straight <= swapped else found[::-1]
