"""The bilinear game with a normalised discriminator: slower, and still going round."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.finding import BLACK, BLUE, RED, Finding, in_style, new_figure
from imtrans.theory.games import bilinear_loss, play, zero_sum
from imtrans.theory.games.update_rules import Losses
from imtrans.theory.lipschitz import normalized_bilinear_invariant, normalized_bilinear_loss

FLOW_STEP = 2e-3  # Of the simulated gradient flow.
STRIDE = 200  # Steps of it between marks.
STARTS = {1.0: BLACK, 1.5: BLUE, 2.2: RED}  # Lengths of the generator.
NORMALISED, PLAIN = zero_sum(normalized_bilinear_loss), zero_sum(bilinear_loss)


@in_style
def on_paper(*, num_steps: int = 6000) -> Finding:
  """Gradient flow of <g, d> / |d|, from a generator g across a discriminator d of length one.

  Args:
    num_steps: of the simulation, of 0.002 each.

  Returns:
    The finding: g along and across d beside the curves that it cannot leave, and the length of its
    gradient beside that in the game <g, d>.
  """
  times = FLOW_STEP * np.arange(0, num_steps + 1, STRIDE)
  figure, ((left, right),) = new_figure(columns=2, width=4.8, height=3.8)
  g, d, slopes = _flow(NORMALISED, num_steps)
  invariant = jax.jit(jax.vmap(jax.vmap(normalized_bilinear_invariant)))
  conserved = np.asarray(invariant(jnp.asarray(g), jnp.asarray(d)))
  units = d / np.linalg.norm(d, axis=-1, keepdims=True)
  along = np.sum(g * units, axis=-1)
  across = np.abs(g[..., 0] * units[..., 1] - g[..., 1] * units[..., 0])
  rows = []
  for index, (start, color) in enumerate(STARTS.items()):
    if start > 1.0:
      left.plot(*level_curve(start), color=color)
    left.plot(along[index], across[index], "o", color=color, label=f"start at distance {start:g}")
    rows += [
      {
        "start": start,
        "time": time,
        "along": along[index, place],
        "across": across[index, place],
        "conserved": conserved[index, place],
        "conserved_closed_form": 0.5 * start**2 - np.log(start),
        "slope": slopes[index, place],
      }
      for place, time in enumerate(times)
    ]
  left.plot([], [], color=BLACK, label="closed form")
  left.set(xlabel="generator along the discriminator", ylabel="generator across it")
  left.set(ylim=(0.0, 1.45 * across.max()), title="normalised, the game still goes round")
  left.legend(loc="upper center", ncols=2, title="marks: simulated")

  fastest = max(STARTS)
  _, _, plain = _flow(PLAIN, num_steps)
  fine = np.linspace(0.0, times[-1], 300)
  # g' = -d and d' = g turn: d = (cos t, fastest sin t).
  exact = np.hypot(np.cos(fine), fastest * np.sin(fine))
  right.plot(fine, exact, color=RED, label="as it is: |d|")
  right.plot(times, plain[-1], "o", color=RED)
  right.plot(fine, np.ones_like(fine), color=BLUE, label="normalised: 1")
  right.plot(times, slopes[-1], "o", color=BLUE)
  right.set(xlabel="time (steps × step size)", ylabel="length of the generator's gradient")
  right.set(ylim=(0.0, 1.35 * fastest), title="normalising bounds the slope, not the rotation")
  right.legend(
    loc="upper center", ncols=2, title=f"start at distance {fastest:g}; marks: simulated"
  )

  distances = np.hypot(along, across)
  drift = float(np.abs(conserved - conserved[:, :1]).max())
  return Finding(
    figure,
    rows,
    "A normalised discriminator bounds the generator's gradient: "
    f"{slopes.min():.2f} to {slopes.max():.2f} in simulated gradient flow, where the game without "
    f"it reaches {plain.max():.2f} from a distance of {fastest:g}. It does not stop the rotation: "
    f"the flow goes round at distances from {distances.min():.2f} to {distances.max():.2f} and "
    f"arrives nowhere; the quantity that it conserves moves by at most {drift:.1e}.",
  )


def level_curve(start: float, *, num_points: int = 200) -> tuple[np.ndarray, np.ndarray]:
  """The closed curve of the normalised game through (0, start), |d| being one.

  On it a^2 / 2 + b^2 / 2 - log b is what it is there (`normalized_bilinear_invariant`), so that b
  lies between `start` and the other place where a = 0.

  Args:
    start: distance of the generator from zero, above one.
    num_points: along each half.

  Returns:
    a and b, [2 * num_points].
  """
  level = 0.5 * start**2 - np.log(start)
  low, high = 0.0, 1.0
  for _ in range(60):  # 0.5 b^2 - log b falls from b = 0 to b = 1.
    middle = 0.5 * (low + high)
    low, high = (middle, high) if 0.5 * middle**2 - np.log(middle) > level else (low, middle)
  # Closer together where the curve turns.
  share = 0.5 - 0.5 * np.cos(np.linspace(0.0, np.pi, num_points))
  b = high + share * (start - high)
  a = np.sqrt(np.maximum(2.0 * level + 2.0 * np.log(b) - b**2, 0.0))
  return np.concatenate([a, -a[::-1]]), np.concatenate([b, b[::-1]])


def _flow(losses: Losses, num_steps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Positions g, d [starts, marks, 2] of gradient flow, and the lengths of g's gradient."""
  unit = jnp.array([1.0, 0.0])

  @jax.jit
  @jax.vmap
  def run(start: Array):
    # Extragradient steps: plain ones would spiral outward, however small.
    players = play(losses, (start, unit), "extragradient", FLOW_STEP, num_steps).trajectory
    g, d = (player[::STRIDE] for player in players)
    return g, d, jnp.linalg.norm(jax.vmap(jax.grad(losses[0]))(g, d), axis=-1)

  g, d, slopes = run(jnp.asarray([[0.0, start] for start in STARTS]))
  return np.asarray(g), np.asarray(d), np.asarray(slopes)
