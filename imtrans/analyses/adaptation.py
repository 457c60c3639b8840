"""Domain adaptation: the error on a target is bounded by how well the domains can be told apart."""

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.analyses.domains import Domains, mean_colours, read_domains, split
from imtrans.analyses.finding import (
  BLACK,
  BLUE,
  COLORS,
  ORANGE,
  RED,
  SKY,
  Finding,
  in_style,
  new_figure,
)
from imtrans.analyses.trained import TrainedRun
from imtrans.theory.adaptation import (
  Normal,
  gaussian_a_distance,
  interval_divergence,
  normal_differences,
  proxy_a_distance,
  sample_differences,
  target_error_bound,
  threshold_error,
  threshold_joint_error,
)

NUM_PICTURES = 256
SIDE = 8  # Cells along each axis of a picture whose colours are features.
TERMS = ("source error", "half the divergence", "joint error")


@in_style
def on_paper(
  *,
  shifts: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 2.5, 3.0),
  threshold: float = 0.1,
  target_deviation: float = 1.2,
  label_slope: float = 0.7,
  num_samples: int = 2000,
  dimension: int = 5,
) -> Finding:
  """The bound for thresholds on a line, and the proxy A-distance, as two domains move apart.

  The source is N(0, 1) with labels above 0; the target is N(shift, target_deviation^2) with labels
  above label_slope * shift.

  Args:
    shifts: distances of the means that are simulated, in the source's standard deviations.
    threshold: of the classifier, which is right but for the part between 0 and it.
    target_deviation: of the target.
    label_slope: how far the target's labels move with its mean.
    num_samples: of each domain, in each simulation.
    dimension: of the normal distributions that a linear classifier tells apart.

  Returns:
    The finding: target error and the terms of its bound against the shift; the A-distance of a
    fitted classifier against that of the best one.
  """
  source = Normal(jnp.zeros(()), jnp.ones(()))
  right, ours = jnp.zeros(()), jnp.asarray(threshold)

  @jax.jit
  @jax.vmap
  def exact(shift):
    target = Normal(shift, jnp.asarray(target_deviation))
    moved = label_slope * shift
    terms = (
      threshold_error(source, ours, right),
      interval_divergence(normal_differences(source, target)),
      threshold_joint_error(source, target, right, moved),
    )
    parts = jnp.stack([terms[0], 0.5 * terms[1], terms[2]])
    return threshold_error(target, ours, moved), parts, target_error_bound(*terms)

  @jax.jit
  def sampled(shift, key):
    keys = jax.random.split(key)
    from_source = jax.random.normal(keys[0], (num_samples,))
    from_target = shift + target_deviation * jax.random.normal(keys[1], (num_samples,))
    moved = label_slope * shift

    def error(points, tried, truth):
      return jnp.mean(((points > tried) != (points > truth)).astype(points.dtype))

    divergence = interval_divergence(sample_differences(from_source, from_target))
    tried = jnp.linspace(-1.0, 1.0 + moved, 201)
    sums = jax.vmap(lambda t: error(from_source, t, right) + error(from_target, t, moved))(tried)
    bound = target_error_bound(error(from_source, ours, right), divergence, jnp.min(sums))
    return error(from_target, ours, moved), bound

  few = np.asarray(shifts, np.float32)
  fine = np.linspace(0.0, max(shifts), 200, dtype=np.float32)
  keys = jax.random.split(jax.random.key(0), len(shifts))
  measured = [sampled(shift, key) for shift, key in zip(few, keys, strict=True)]
  errors, bounds = (np.asarray([pair[i] for pair in measured]) for i in (0, 1))
  closed_errors, _, closed_bounds = (np.asarray(values) for values in exact(few))
  curve, parts, top = (np.asarray(values) for values in exact(fine))

  figure, ((left, middle),) = new_figure(columns=2, width=4.6, height=3.6)
  floor = np.zeros(len(fine))
  for part, name, color in zip(parts.T, TERMS, (ORANGE, SKY, BLACK), strict=True):
    left.fill_between(fine, floor, floor + part, color=color, alpha=0.3, linewidth=0, label=name)
    floor = floor + part
  left.plot(fine, top, color=BLUE, label="bound (sum of the terms)")
  left.plot(few, bounds, "o", color=BLUE)
  left.plot(fine, curve, color=RED, label="target error")
  left.plot(few, errors, "o", color=RED)
  left.plot([], [], "o", color=BLACK, label=f"{num_samples:,} samples drawn")
  left.set(
    xlabel="distance of the domains (standard deviations)",
    ylabel="error, and the terms of its bound",
  )
  left.set(ylim=(0.0, 1.15 * float(np.max(top))))
  left.set_title("the bound holds, and grows with the distance")
  left.legend(loc="upper left", fontsize=8)

  zero, identity = jnp.zeros(dimension), jnp.eye(dimension)
  aside = zero.at[0].set(1.0)

  @jax.jit
  @jax.vmap
  def best(shift):
    return gaussian_a_distance(zero, shift * aside, identity)

  @jax.jit
  def fitted(shift, key):
    draws = jax.random.normal(key, (2, num_samples // 4, dimension))
    return proxy_a_distance(draws[0], draws[1] + shift * aside[None, :], key)

  found = [fitted(shift, key) for shift, key in zip(few, keys, strict=True)]
  exact_distances, line = np.asarray(best(few)), np.asarray(best(fine))
  distances = np.asarray([estimate.distance for estimate in found])
  deviations = np.asarray([estimate.deviation for estimate in found])
  middle.plot(fine, line, color=BLUE, label="best linear classifier")
  middle.errorbar(
    few, distances, 2.0 * deviations, fmt="o", color=RED, label="fitted, ± 2 standard errors"
  )
  middle.axhline(0.0, linestyle=":", color=BLACK)
  middle.set(xlabel="distance of the domains (standard deviations)", ylabel="A-distance (0 to 2)")
  middle.set_title("a domain classifier measures the distance")
  middle.legend(loc="upper left")

  rows = [
    {
      "shift": shift,
      "target_error": closed_errors[i],
      "target_error_sampled": errors[i],
      "bound": closed_bounds[i],
      "bound_sampled": bounds[i],
      "a_distance": exact_distances[i],
      "a_distance_fitted": distances[i],
      "standard_error": deviations[i],
    }
    for i, shift in enumerate(shifts)
  ]
  slack = closed_bounds - closed_errors
  closest = int(np.argmin(slack))
  return Finding(
    figure,
    rows,
    "Error on the target <= error on the source + half the divergence + joint error. As the "
    f"domains move {max(shifts):g} standard deviations apart, the error of a threshold goes from "
    f"{float(closed_errors[0]):.3f} to {float(closed_errors[-1]):.3f} and its bound from "
    f"{float(closed_bounds[0]):.3f} to {float(closed_bounds[-1]):.3f}; they are closest at "
    f"{shifts[closest]:g} ({float(slack[closest]):.3f} between them). Samples of {num_samples} "
    f"differ from the closed forms by at most {_gap(errors, closed_errors):.3f} (error) and "
    f"{_gap(bounds, closed_bounds):.3f} (bound). A linear classifier fitted to "
    f"{num_samples // 4} samples of each domain in {dimension} dimensions finds the A-distance "
    f"within {_gap(distances, exact_distances):.2f}.",
  )


@in_style
def on_run(run: TrainedRun, *, num_splits: int = 8) -> Finding:
  """Whether translated pictures can be told from real ones, by simple features.

  Features are the mean colours of 8 x 8 cells, and per channel the contrast within cells and
  between neighbouring pixels. Each split compares equally many pictures, and no translation with
  its own answer; two halves of the real ones say what chance looks like.

  Args:
    run: any.
    num_splits: random splits of the test pictures.

  Returns:
    The finding: proxy A-distances to the real pictures.

  Raises:
    NotForThisRun: for fewer than four test pictures of either domain.
  """
  domains = read_domains(run, NUM_PICTURES)
  described = {name: features(images) for name, images in _pictures(domains).items()}
  random = np.random.default_rng(0)
  fit = jax.jit(proxy_a_distance, static_argnames="num_folds")
  found: dict[str, list[float]] = {name: [] for name in described}
  number, error = 0, 0.0
  for key in jax.random.split(jax.random.key(0), num_splits):
    halves = split(domains, random)
    number = len(halves.targets)
    for name, values in described.items():
      chosen = halves.others if name == "real, other half" else halves.sources
      real = described["real, other half"][halves.targets]
      estimate = fit(values[chosen], real, key, num_folds=min(5, number))
      found[name].append(float(estimate.distance))
      error = max(error, float(estimate.deviation))

  figure, ((axes,),) = new_figure(width=6.4, height=2.6)
  for row, values in enumerate(found.values()):
    color = COLORS[1 + row]
    axes.barh(row, np.mean(values), color=color, alpha=0.35, height=0.6)
    axes.plot(values, np.full(len(values), row), "o", color=color)
  axes.axvline(0.0, linestyle=":", color=BLACK)
  axes.axvline(2.0, linestyle=":", color=BLACK)
  axes.set_yticks(range(len(found)), list(found))
  axes.invert_yaxis()
  lowest = min(min(values) for values in found.values())
  axes.set(xlim=(min(-0.3, lowest - 0.1), 2.1))
  axes.set(xlabel="proxy A-distance to real pictures (0: chance, 2: always told apart)")
  axes.set_title("can they be told from real pictures?")

  rows = [
    {"compared_with_real": name, "split": str(i), "proxy_a_distance": value}
    for name, values in found.items()
    for i, value in enumerate(values)
  ]
  spoken = ", ".join(
    f"{name} {np.mean(values):.2f} ({min(values):.2f} to {max(values):.2f})"
    for name, values in found.items()
  )
  without = "" if domains.comparable else " Sources have other channels and are not compared."
  return Finding(
    figure,
    rows,
    f"Proxy A-distance to {number} real pictures, mean and range of {num_splits} splits: {spoken}. "
    "0 is chance, 2 means always told apart; half of it stands for the divergence in the bound on "
    f"a classifier trained on the translations. The standard error of a split is up to "
    f"{error:.2f}. A fit to so few pictures finds less than there is, and these features see "
    f"colours and contrast only.{without}",
  )


def features(images: np.ndarray) -> np.ndarray:
  """What the domain classifier sees of pictures.

  Args:
    images: [pictures, height, width, channels] in [-1, 1], at least 8 x 8 pixels.

  Returns:
    float32 [pictures, 66 channels] in [0, 1]: colours of 8 x 8 cells; per channel the root mean
    square of a pixel's difference from its cell's colour, and from its neighbours (right, below).
  """
  values = 0.5 + 0.5 * images.astype(np.float64)
  colours = mean_colours(images, SIDE)
  squares = mean_colours(2.0 * np.square(values) - 1.0, SIDE) - np.square(colours, dtype=np.float64)
  coarse = np.sqrt(np.mean(np.maximum(squares, 0.0), axis=(1, 2)))
  across, down = np.diff(values, axis=2), np.diff(values, axis=1)
  fine = np.sqrt(
    0.5 * (np.mean(np.square(across), axis=(1, 2)) + np.mean(np.square(down), axis=(1, 2)))
  )
  flat = colours.reshape(len(images), -1)
  return np.concatenate([flat, coarse, fine], axis=1).astype(np.float32)


def _pictures(domains: Domains) -> dict[str, np.ndarray]:
  pictures = {"real, other half": domains.targets, "translated": domains.translated}
  if domains.comparable:
    pictures["sources, copied"] = domains.sources
  return pictures


def _gap(measured: np.ndarray, exact: np.ndarray) -> float:
  return float(np.max(np.abs(measured - exact)))
