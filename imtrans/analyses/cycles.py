"""The cycle loss: a linear cycle is principal components, and which code it uses is free."""

import jax
import jax.numpy as jnp
from jax import Array

from imtrans.analyses.finding import BLACK, BLUE, RED, SKY, Finding, Rows, in_style, new_figure
from imtrans.theory.cycles import (
  LinearCycle,
  best_linear_cycle,
  cycle_loss,
  gaussian_symmetry,
  least_cycle_loss,
  matched_cycle,
  relabel,
  symmetry_cost,
  train_linear_cycle,
)

OTHER = jnp.array([[1.0, 0.4], [0.4, 0.6]])  # Covariance of the other domain, two channels.


@in_style
def on_paper(
  *,
  variances: tuple[float, ...] = (2.0, 1.0, 0.5, 0.25, 0.12, 0.06),
  num_steps: int = 3000,
  num_samples: int = 4000,
  num_angles: int = 13,
  seed: int = 0,
) -> Finding:
  """The least cycle loss against the channels of the other domain, and a symmetry unseen by it.

  Args:
    variances: of the source along its principal axes, squared units of its values.
    num_steps: steps that the linear cycles are trained for.
    num_samples: pictures drawn to measure both errors along the rotation.
    num_angles: at which they are measured.
    seed: of the axes, the start of the training and the pictures.

  Returns:
    The finding.
  """
  keys = jax.random.split(jax.random.key(seed), 3)
  count = len(variances)
  axes, _ = jnp.linalg.qr(jax.random.normal(keys[0], (count, count)))
  covariance = (axes * jnp.asarray(variances)[None, :]) @ axes.T
  figure, ((left, right),) = new_figure(columns=2, width=4.6, height=3.5)
  rows, apart = _draw_bottleneck(left, keys[1], covariance, num_steps)
  rotated = _draw_symmetry(right, keys[2], covariance, num_samples, num_angles)

  largest = max(row["closed_form"] for row in rotated if row["quantity"] == "translation error")
  errors = [row["measured"] for row in rotated if row["quantity"] == "cycle loss"]
  worst = max(abs(float(row["measured"]) - float(row["closed_form"])) for row in rows)
  total = sum(variances)
  return Finding(
    figure,
    [*rows, *rotated],
    f"A linear cycle through r of {count} channels cannot lose less than the {count} - r smallest "
    f"variances: of {total:.3g} in all, {rows[0]['closed_form']:.3g} through one channel, "
    f"{rows[count // 2 - 1]['closed_form']:.3g} through {count // 2} and nothing through {count}. "
    "Trained cycles "
    f"reach it to {worst:.1e} and are then the projection on the leading principal components (to "
    f"{apart:.1e} in each entry). That the code must look like the other domain costs nothing. But "
    "the cycle does not say which code: turning it by a symmetry of the other domain leaves the "
    f"cycle loss at {min(errors):.3g} to {max(errors):.3g}, and the fakes as likely as before, "
    f"while the translation moves by up to {largest:.3g} (squared; the domain's variance is "
    f"{float(jnp.trace(OTHER)):.3g}).",
  )


def _draw_bottleneck(axes, key: Array, covariance: Array, num_steps: int) -> tuple[Rows, float]:
  """The loss against the channels; also how far the trained cycles are from the components."""
  channels = range(1, len(covariance) + 1)
  closed = [float(least_cycle_loss(covariance, number)) for number in channels]

  @jax.jit
  def train():
    trained, matched, apart = [], [], []
    for number in channels:
      cycle = train_linear_cycle(
        jax.random.fold_in(key, number), covariance, number, num_steps=num_steps
      )
      looks = matched_cycle(covariance, 0.5 * jnp.eye(number) + 0.5)
      best = best_linear_cycle(covariance, number)
      trained.append(cycle_loss(cycle, covariance))
      matched.append(cycle_loss(looks, covariance))
      difference = cycle.backward @ cycle.forward - best.backward @ best.forward
      apart.append(jnp.max(jnp.abs(difference)))
    return jnp.stack(trained), jnp.stack(matched), jnp.stack(apart)

  trained, matched, apart = train()
  axes.plot(channels, closed, color=BLUE, label="least loss: sum of the smallest variances")
  axes.plot(channels, trained, "o", color=RED, label="trained linear cycle")
  axes.plot(
    *(channels, matched, "o"),
    **{"color": BLACK, "fillstyle": "none", "markersize": 9},
    label="code that looks like the other domain",
  )
  axes.set(xlabel="channels r of the other domain", ylabel="cycle loss E|FGx - x|² (squared units)")
  axes.set_ylim(-0.08, 1.35 * closed[0])
  axes.set_xticks(list(channels))
  axes.set_title("a linear cycle is principal components")
  axes.legend(loc="upper right")
  rows = [
    _row("least cycle loss", float(number), exact, float(seen))
    for number, exact, seen in zip(channels, closed, trained, strict=True)
  ]
  return rows, float(jnp.max(apart))


def _draw_symmetry(axes, key: Array, covariance: Array, num_samples: int, num_angles: int) -> Rows:
  """Both errors of a cycle whose code is turned, against the angle."""
  cycle = matched_cycle(covariance, OTHER)
  pictures = jax.random.normal(key, (num_samples, len(covariance)))
  pictures = pictures @ jnp.linalg.cholesky(covariance).T

  def closed(degrees: Array) -> tuple[Array, Array]:
    rotation = _rotation(degrees)
    change = gaussian_symmetry(OTHER, rotation)
    turned = LinearCycle(change @ cycle.forward, cycle.backward @ jnp.linalg.inv(change))
    return symmetry_cost(OTHER, rotation), cycle_loss(turned, covariance)

  def measured(degrees: Array) -> tuple[Array, Array]:
    change = gaussian_symmetry(OTHER, _rotation(degrees))
    inverse = jnp.linalg.inv(change)

    def forward(values):
      return values @ cycle.forward.T

    turned, back = relabel(
      forward,
      lambda values: values @ cycle.backward.T,
      lambda values: values @ change.T,
      lambda values: values @ inverse.T,
    )
    moved = jnp.square(turned(pictures) - forward(pictures))
    lost = jnp.square(back(turned(pictures)) - pictures)
    return jnp.mean(jnp.sum(moved, axis=1)), jnp.mean(jnp.sum(lost, axis=1))

  fine, few = jnp.linspace(0.0, 360.0, 181), jnp.linspace(0.0, 360.0, num_angles)
  lines = jax.jit(jax.vmap(closed))(jnp.concatenate([fine, few]))
  marks = jax.lax.map(measured, few)
  rows = []
  for index, (name, color) in enumerate((("translation error", RED), ("cycle loss", SKY))):
    label = {"translation error": "E|φGx - Gx|², unseen", "cycle loss": "cycle loss, the same"}
    axes.plot(fine, lines[index][: len(fine)], color=color, label=label[name])
    axes.plot(few, marks[index], "o", color=color)
    rows += [
      _row(name, float(angle), float(value), float(seen))
      for angle, value, seen in zip(few, lines[index][len(fine) :], marks[index], strict=True)
    ]
  axes.plot([], [], "o", color=BLACK, label=f"{num_samples:,} pictures drawn")
  axes.set(xlabel="rotation of the code (degrees)", ylabel="squared error (squared units)")
  axes.set_ylim(0.0, 1.45 * float(jnp.max(lines[0])))
  axes.set_xticks([0, 90, 180, 270, 360])
  axes.set_title("the cycle cannot see which code is used")
  axes.legend(loc="upper right")
  return rows


def _rotation(degrees: Array) -> Array:
  angle = jnp.deg2rad(degrees)
  cosine, sine = jnp.cos(angle), jnp.sin(angle)
  return jnp.stack([jnp.stack([cosine, -sine]), jnp.stack([sine, cosine])])


def _row(quantity: str, argument: float, closed_form: float, measured: float):
  return {
    "quantity": quantity,
    "argument": argument,
    "closed_form": closed_form,
    "measured": measured,
  }
