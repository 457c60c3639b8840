"""Optimal transport: entropic costs, maps and plans, and how far a translation is from its aim."""

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.analyses.domains import mean_colours, read_domains, split
from imtrans.analyses.finding import BLACK, BLUE, COLORS, GREEN, RED, Finding, in_style, new_figure
from imtrans.analyses.trained import TrainedRun
from imtrans.theory.transport import (
  assignment_cost,
  barycentric_map,
  cycle_step,
  entropic_map,
  entropic_plan,
  entropic_transport_cost,
  gaussian_entropic_cost,
  gaussian_sinkhorn_divergence,
  gaussian_wasserstein,
  monge_map,
  preferred_correlation,
  sinkhorn,
  sinkhorn_divergence,
  squared_distances,
)

NUM_PICTURES = 256
SIDE = 8  # Cells along each axis to which pictures are reduced.
LEVELS = 255.0
STD_A, STD_B, SHIFT = 0.7, 1.3, 0.8


@in_style
def on_paper(
  *,
  temperatures: tuple[float, ...] = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
  map_temperatures: tuple[float, ...] = (0.1, 4.0),
  cycle_weights: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.6, 1.0, 1.6),
  num_points: int = 81,
  num_cycle_points: int = 31,
  num_rounds: int = 60,
) -> Finding:
  """Transport between N(0, 0.7^2) and N(0.8, 1.3^2): closed forms beside plans on grids.

  Args:
    temperatures: ε of the entropic costs, in squared units of the numbers.
    map_temperatures: ε of the plans whose mean target is shown.
    cycle_weights: of the plans that cycle losses choose; the entropy weighs one.
    num_points: of the grids of the costs and the maps.
    num_cycle_points: of those of the cycle losses.
    num_rounds: of decoders and plan in turn; more are needed near the critical weight.

  Returns:
    The finding: cost against ε, mean target against x, correlation against the cycle weight.
  """
  means, covariances = (jnp.zeros(1), jnp.full(1, SHIFT)), (_square(STD_A), _square(STD_B))
  both = (means[0], covariances[0], means[1], covariances[1])
  x, a = _grid(num_points, STD_A, 0.0)
  y, b = _grid(num_points, STD_B, SHIFT)
  cost = squared_distances(x, y)
  options = {"tolerance": 1e-5, "max_steps": 1000}

  @jax.jit
  def formulas(epsilon):
    return (
      gaussian_entropic_cost(*both, epsilon=epsilon),
      gaussian_sinkhorn_divergence(*both, epsilon=epsilon),
    )

  @jax.jit
  def simulated(epsilon):
    return (
      entropic_transport_cost(cost, a, b, epsilon=epsilon, **options),
      sinkhorn_divergence(x, y, epsilon=epsilon, a=a, b=b, **options),
    )

  figure, ((left, middle, right),) = new_figure(columns=3, width=4.1, height=3.5)
  rows: list[dict[str, str | float]] = []
  fine = np.geomspace(0.02, 2.0 * max(temperatures), 100, dtype=np.float32)
  curves = [np.asarray(values) for values in jax.vmap(formulas)(fine)]
  few = np.asarray(temperatures, np.float32)
  exact = [np.asarray(values) for values in jax.vmap(formulas)(few)]
  found = np.asarray([simulated(epsilon) for epsilon in few]).T
  names = ("entropic cost", "Sinkhorn divergence")
  for i, (name, color) in enumerate(zip(names, (BLUE, RED), strict=True)):
    left.plot(fine, curves[i], color=color, label=name)
    left.plot(few, found[i], "o", color=color)
    rows += [_row(name, *values) for values in zip(few, exact[i], found[i], strict=True)]
  exact_cost, means_only = float(gaussian_wasserstein(*both)), SHIFT**2
  independent = SHIFT**2 + STD_A**2 + STD_B**2
  for value, name, place in (
    (independent, "independent plan", 0.02),
    (exact_cost, "exact transport", 0.98),
    (means_only, "means alone", 0.02),
  ):
    left.axhline(value, linestyle=":", color=BLACK, linewidth=1.0)
    left.annotate(
      name,
      (place, value),
      xycoords=("axes fraction", "data"),
      xytext=(0, 2),
      textcoords="offset points",
      ha="left" if place < 0.5 else "right",
    )
  left.set(xscale="log", ylim=(0.0, 1.25 * independent))
  left.set(xlabel="temperature ε (squared units)", ylabel="cost (squared units)")
  left.set_title("heat hides all but the means")
  left.plot([], [], "o", color=BLACK, label="plans on grids")
  left.legend(loc="upper left", ncols=2, fontsize=8)

  places = np.linspace(-2.0 * STD_A, 2.0 * STD_A, 60, dtype=np.float32)[:, None]
  straight = np.asarray(monge_map(*both)(jnp.asarray(places)))[:, 0]
  middle.plot(places, straight, "--", color=BLACK, label="Monge map")
  shown = np.flatnonzero(np.abs(np.asarray(x[:, 0])) < 2.0 * STD_A)[::3]
  for epsilon, color in zip(map_temperatures, (BLUE, RED, GREEN), strict=False):
    potentials = sinkhorn(cost, a, b, epsilon=epsilon, **options)
    plan = entropic_plan(cost, a, b, potentials, epsilon=epsilon)
    targets = np.asarray(barycentric_map(plan, y))[shown, 0]
    affine = entropic_map(*both, epsilon=epsilon)
    line = affine(jnp.asarray(places))[:, 0]
    middle.plot(places, line, color=color, label=f"mean target, ε = {epsilon:g}")
    middle.plot(x[shown, 0], targets, "o", color=color)
    closed = np.asarray(affine(x[shown]))[:, 0]
    rows += [
      _row(f"mean target, ε = {epsilon:g}", *values)
      for values in zip(np.asarray(x[shown, 0]), closed, targets, strict=True)
    ]
  middle.plot([], [], "o", color=BLACK, label="plans on grids")
  middle.set(xlabel="source x", ylabel="mean target of x")
  middle.set_title("a hot plan's mean shrinks to the centre")
  middle.legend(loc="upper left", fontsize=8)

  weights = np.asarray(cycle_weights, np.float32)
  u, mass_u = _grid(num_cycle_points, STD_A, 0.0)
  v, mass_v = _grid(num_cycle_points, STD_B, 0.0)
  nothing = jnp.zeros((num_cycle_points, num_cycle_points))

  @jax.jit
  def settled(weight, start):
    """The correlation to which rounds of decoders and plan lead from a slightly tilted plan."""
    tilt = 0.3 * start * (u / STD_A) * (v / STD_B).T
    potentials = sinkhorn(-tilt, mass_u, mass_v, epsilon=1.0)
    plan = entropic_plan(-tilt, mass_u, mass_v, potentials, epsilon=1.0)

    def advance(_, plan):
      return cycle_step(plan, u, v, nothing, cycle_weight=weight, epsilon=1.0, max_steps=200)

    plan = jax.lax.fori_loop(0, num_rounds, advance, plan)
    products = jnp.sum(plan * u * v.T)
    squares = jnp.sum(plan * jnp.square(u)) * jnp.sum(plan * jnp.square(v).T)
    return products / jnp.sqrt(squares)

  wide = np.linspace(0.02, 1.1 * max(cycle_weights), 300, dtype=np.float32)

  def preferred(weight: np.ndarray) -> np.ndarray:
    stds = (jnp.asarray(STD_A), jnp.asarray(STD_B))
    options = {"cycle_weight": jnp.asarray(weight), "epsilon": 1.0}
    return np.asarray(preferred_correlation(*stds, **options))

  curve, expected = preferred(wide), preferred(weights)
  for sign, name, color in ((1.0, "order kept", BLUE), (-1.0, "order turned round", RED)):
    ends = np.asarray([settled(weight, np.float32(sign)) for weight in weights])
    right.plot(wide, sign * curve, color=color)
    right.plot(weights, ends, "o", color=color, label=f"start: {name}")
    rows += [
      _row(f"correlation, {name}", *values)
      for values in zip(weights, sign * expected, ends, strict=True)
    ]
  critical = 0.5 / (STD_A**2 + STD_B**2)
  right.axvline(critical, linestyle=":", color=BLACK)
  right.set(xlabel="cycle weight (entropy weighs 1)", ylabel="correlation of source and output")
  right.set(ylim=(-1.05, 1.05))
  right.set_title("a cycle penalty likes both orders")
  right.plot([], [], color=BLACK, label="closed form")
  right.plot([], [], "o", color=BLACK, label="plans on grids")
  right.legend(loc="center right", fontsize=8)

  def worst(start):
    chosen = [row for row in rows if str(row["quantity"]).startswith(start)]
    return max(abs(float(row["closed_form"]) - float(row["simulated"])) for row in chosen)

  return Finding(
    figure,
    rows,
    f"Between N(0, {STD_A:g}²) and N({SHIFT:g}, {STD_B:g}²) exact transport costs "
    f"{exact_cost:.2f}; with entropy it costs {exact[0][0]:.3f} at ε = {few[0]:g} and "
    f"{exact[0][-1]:.3f} at ε = {few[-1]:g}, near the independent plan's {independent:.2f}. The "
    f"Sinkhorn divergence falls from {exact_cost:.2f} towards {means_only:.2f}, the squared "
    f"distance of the means. Plans on a grid differ by at most {worst('entropic'):.0e} (cost), "
    f"{worst('Sinkhorn'):.0e} (divergence), {worst('mean target'):.0e} (mean target) and "
    f"{worst('correlation'):.0e} (correlation). Cycle losses without transport cost choose an "
    f"output that ignores the input below a weight of {critical:.2f}, and above it one of two "
    "equally good correlations, of either sign.",
  )


@in_style
def on_run(run: TrainedRun, *, num_splits: int = 8) -> Finding:
  """How far translated pictures are from real ones by exact transport, and what a map costs.

  Pictures are reduced to 8 x 8 colours. The distance of two sets is the root mean square difference
  of colours under the best assignment of one to the other; two halves of the real pictures say
  how far two samples of one distribution are from each other.

  Args:
    run: any.
    num_splits: random splits of the test pictures.

  Returns:
    The finding: distances to real pictures; and, where both domains have the same channels, how far
    the translation moves its sources, beside the best assignment of sources to translations.

  Raises:
    NotForThisRun: for fewer than four test pictures of either domain.
  """
  domains = read_domains(run, NUM_PICTURES)
  real, translated = _reduced(domains.targets), _reduced(domains.translated)
  sources = _reduced(domains.sources) if domains.comparable else None
  random = np.random.default_rng(0)
  found: dict[str, list[float]] = {"real, other half": [], "translated": []}
  moved: dict[str, list[float]] = {}
  if sources is not None:
    found["sources, copied"] = []
    moved = {"best partners": [], "as translated": [], "random partners": []}
  number = 0
  for _ in range(num_splits):
    halves = split(domains, random)
    number = len(halves.targets)
    aim = real[halves.targets]
    found["real, other half"].append(_distance(real[halves.others], aim))
    found["translated"].append(_distance(translated[halves.sources], aim))
    if sources is not None:
      origins, ends = sources[halves.sources], translated[halves.sources]
      found["sources, copied"].append(_distance(origins, aim))
      cost = _cost(origins, ends)
      moved["best partners"].append(_distance(origins, ends))
      moved["as translated"].append(_root(np.mean(np.diagonal(cost))))
      moved["random partners"].append(_root(np.mean(cost)))

  panels = [("to real pictures", found)] + (
    [("from source to translation", moved)] if moved else []
  )
  figure, axes = new_figure(columns=len(panels), width=5.2, height=2.6)
  rows: list[dict[str, str | float]] = []
  for panel, (title, groups) in zip(axes[0], panels, strict=True):
    for place, (name, values) in enumerate(groups.items()):
      panel.barh(place, np.mean(values), color=COLORS[1 + place], alpha=0.35, height=0.6)
      panel.plot(values, np.full(len(values), place), "o", color=COLORS[1 + place])
      rows += [
        {"distance": title, "of": name, "split": str(i), "levels": value}
        for i, value in enumerate(values)
      ]
    panel.set_yticks(range(len(groups)), list(groups))
    panel.invert_yaxis()
    panel.set_xlim(0.0, 1.08 * max(max(values) for values in groups.values()))
    panel.set(xlabel="rms difference of 8 x 8 colours (levels of 255)", title=title)

  spoken = ", ".join(f"{name} {_spread(values)}" for name, values in found.items())
  text = (
    f"Transport distance to {number} real pictures, in 8-bit levels of 8 x 8 colours (mean and "
    f"range of {num_splits} splits): {spoken}. Two samples of one distribution are not at "
    "distance zero: the other half of the real pictures is the floor."
  )
  if moved:
    share = np.mean(np.square(moved["best partners"])) / max(
      float(np.mean(np.square(moved["as translated"]))), 1e-12
    )
    text += (
      f" The translation moves its sources by {_spread(moved['as translated'])}, the best "
      f"assignment to the same translations by {_spread(moved['best partners'])}, random partners "
      f"by {_spread(moved['random partners'])}: {share:.0%} of its squared cost is needed."
    )
  return Finding(figure, rows, text)


def _square(deviation: float) -> jax.Array:
  return jnp.full((1, 1), deviation**2)


def _grid(num_points: int, deviation: float, mean: float) -> tuple[jax.Array, jax.Array]:
  """Points [n, 1] over ± 5 deviations and the weights [n] of the normal distribution."""
  points = np.linspace(-5.0, 5.0, num_points)
  weights = np.exp(-0.5 * points**2)
  return (
    jnp.asarray((mean + deviation * points)[:, None], jnp.float32),
    jnp.asarray(weights / weights.sum(), jnp.float32),
  )


def _row(quantity: str, at: float, closed: float, simulated: float) -> dict[str, str | float]:
  return {"quantity": quantity, "at": at, "closed_form": closed, "simulated": simulated}


def _reduced(images: np.ndarray) -> np.ndarray:
  return mean_colours(images, SIDE).reshape(len(images), -1)


def _cost(x: np.ndarray, y: np.ndarray) -> np.ndarray:
  """Mean squared differences [n, m] of reduced pictures."""
  return np.asarray(squared_distances(jnp.asarray(x), jnp.asarray(y))) / x.shape[1]


def _distance(x: np.ndarray, y: np.ndarray) -> float:
  return _root(assignment_cost(jnp.asarray(_cost(x, y))))


def _root(cost: jax.Array | np.ndarray | np.floating) -> float:
  return LEVELS * float(np.sqrt(max(float(cost), 0.0)))


def _spread(values: list[float]) -> str:
  return f"{np.mean(values):.1f} ({min(values):.1f} to {max(values):.1f})"
