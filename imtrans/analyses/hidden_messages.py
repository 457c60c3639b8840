"""Messages hidden in a translation: how much fits, and how fragile a trained cycle's are."""

import functools
from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
import numpy as np

from imtrans.analyses.finding import (
  BLACK,
  BLUE,
  COLORS,
  GREEN,
  ORANGE,
  RED,
  Finding,
  in_style,
  new_figure,
)
from imtrans.analyses.trained import TrainedRun
from imtrans.data.degradations import gauss_blur, gauss_noise, jpeg_artefacts
from imtrans.evaluation.metrics.honesty import cycle_honesty
from imtrans.theory.cycles import hidden_capacity, recovery_error, simulate_recovery, stored_noise

NUM_PICTURES = 32
LEVELS = 255.0
AMPLITUDES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
NOISE = (0.0, 1.0, 2.0, 4.0, 8.0)

Degrade = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@in_style
def on_paper(*, num_values: int = 50_000, seed: int = 0) -> Finding:
  """How many bits a faint message carries, and how well it is read, against its amplitude.

  Args:
    num_values: values that carry the simulated message.
    seed: of message and noise.

  Returns:
    The finding: capacity and error by closed form and simulation, for noise in 8-bit levels.
  """
  figure, ((left, right),) = new_figure(columns=2, width=4.6, height=3.6)
  fine, few = jnp.geomspace(AMPLITUDES[0], AMPLITUDES[-1], 100), jnp.asarray(AMPLITUDES)
  simulate = jax.jit(simulate_recovery, static_argnames="num_values")
  rows = []
  for index, level in enumerate(NOISE):
    color = COLORS[1 + index]
    noise = stored_noise(level)
    label = "rounding alone" if level == 0.0 else f"noise {level:g} and rounding"
    keys = jax.random.split(jax.random.fold_in(jax.random.key(seed), index), len(few))
    pairs = zip(keys, few, strict=True)
    # The same noise in every run of one program, so that it is compiled once.
    errors = jnp.stack([simulate(k, e, noise=level, num_values=num_values) for k, e in pairs])
    # A linear reader's error is 4^-capacity.
    bits = -0.5 * jnp.log2(errors)
    capacities, losses = hidden_capacity(few, noise), recovery_error(few, noise)
    left.plot(fine, hidden_capacity(fine, noise), color=color, label=label)
    left.plot(few, bits, "o", color=color)
    right.plot(fine, recovery_error(fine, noise), color=color, label=label)
    right.plot(few, errors, "o", color=color)
    rows += [
      {
        "noise": level,
        "amplitude": float(amplitude),
        "capacity": float(capacities[i]),
        "capacity_simulated": float(bits[i]),
        "error": float(losses[i]),
        "error_simulated": float(errors[i]),
      }
      for i, amplitude in enumerate(few)
    ]
  for axes in (left, right):
    axes.plot([], [], "o", color=BLACK, label="simulated")
    axes.set_xscale("log", base=2)
    axes.set_xticks(AMPLITUDES, [f"{amplitude:g}" for amplitude in AMPLITUDES])
    axes.set_xlabel("amplitude of the message (8-bit levels, rms)")
  left.set(ylabel="capacity (bits per value)", title="an invisible message carries bits")
  left.legend(loc="upper left")
  right.legend(loc="lower left")
  right.set(ylabel="error of the message read (share of variance)", yscale="log")
  right.set_title("noise of its amplitude costs half the message")

  one = {row["noise"]: row for row in rows if row["amplitude"] == 1.0}
  worst = max(abs(row["error_simulated"] / row["error"] - 1.0) for row in rows)
  return Finding(
    figure,
    rows,
    f"A message of one level, which no eye sees, carries {one[0.0]['capacity']:.2f} bits per value "
    "through the rounding of an 8-bit file, and a linear reader gets it back with "
    f"{one[0.0]['error']:.1%} of its variance lost. Noise of 1 level leaves "
    f"{one[1.0]['capacity']:.2f} bits, of 4 levels {one[4.0]['capacity']:.3f}: such noise on the "
    "translation is what breaks a cycle closed by a hidden message. Simulated and closed form "
    f"differ by at most {worst:.1%}.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """How well sources are reconstructed from translations that were disturbed more and more.

  Chu et al., 2017, Sec. 4, https://arxiv.org/abs/1712.02950, and Bashkirova et al., 2019, Sec. 5,
  https://arxiv.org/abs/1908.01517. All disturbances share one axis, by how much they change the
  translated picture. Its fakes are not rounded before, so that a quantisation step of one level is
  the rounding of a picture file.

  Args:
    run: of a CycleGAN.

  Returns:
    The finding: reconstruction error against the change, one panel per direction.

  Raises:
    NotForThisRun: if the run has one generator only.
  """
  generators = {name: run.generator(name) for name in ("ab", "ba")}
  figure, (panels,) = new_figure(columns=2, width=4.8, height=4.0)
  rows, told = [], []
  for axes, (direction, forward) in zip(panels, generators.items(), strict=True):
    backward = generators[direction[::-1]]
    sources, _ = run.test_pictures(direction, NUM_PICTURES)
    outputs = forward(sources)
    honesty = cycle_honesty(backward, sources, outputs, _disturbed(_quantize(1.0), outputs))
    plain = LEVELS * float(np.mean(honesty["reconstruction_error"]))
    rounded = LEVELS * float(np.mean(honesty["quantized_error"]))
    sensitivity = LEVELS * float(np.mean(honesty["noise_sensitivity"]))
    # Nothing of the source is left where the reconstruction is that of another picture.
    other = _distance(np.roll(backward(outputs), 1, axis=0), sources)
    rows.append(_row(direction, "none", 0.0, 0.0, plain))
    rows.append(
      _row(direction, "another picture's", 0.0, _distance(np.roll(outputs, 1, 0), outputs), other)
    )
    reach = [0.5]
    for (kind, disturbances), color in zip(
      _disturbances(outputs.shape[-1]).items(), (BLUE, RED, GREEN, ORANGE), strict=False
    ):
      changes, errors = [], []
      for strength, degrade in disturbances.items():
        given = _disturbed(degrade, outputs)
        changes.append(_distance(given, outputs))
        errors.append(_distance(backward(given), sources))
        rows.append(_row(direction, kind, strength, changes[-1], errors[-1]))
      reach += changes
      axes.plot(changes, errors, "o-", color=color, linewidth=0.8, label=kind)
    span = np.geomspace(0.05, max(reach), 100)
    axes.axhline(plain, color=BLACK, label="undisturbed")
    axes.plot(span, plain + span, ":", color=BLACK, label="undisturbed + the change")
    axes.axhline(other, color=BLACK, linestyle="--", linewidth=1, label="from another picture")
    axes.set(xscale="log", xlabel="mean change of the translation (8-bit levels)")
    axes.set(ylabel="mean reconstruction error (8-bit levels)", ylim=(0.0, None))
    first, second = direction
    axes.set_title(f"{first} → {second} → {first}: fragile where above the dots")
    told.append(
      f"{first} → {second} → {first}: {plain:.2f} levels undisturbed, {rounded:.2f} after "
      f"rounding to 8 bits, {other:.2f} from another picture's translation; noise of 1 to 8 "
      f"levels moves the reconstruction by {sensitivity:.2f}"
    )
  panels[0].legend(loc="best")
  return Finding(
    figure,
    rows,
    f"Mean error of reconstructed sources, black to white being 255 levels. {'. '.join(told)}. "
    "Where the error climbs by more than the change of the translation, the reconstruction was "
    "read from a signal that small changes destroy; where the undisturbed error is near that from "
    "another picture, there is no reconstruction that could be hidden.",
  )


def _disturbances(channels: int) -> Mapping[str, Mapping[float, Degrade]]:
  """Kinds of disturbance, each from weak to strong, on pictures in [0, 1]."""
  kinds: dict[str, dict[float, Degrade]] = {
    "noise": {
      level: functools.partial(gauss_noise, level / LEVELS)
      for level in (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
    },
    "blur": {sigma: functools.partial(gauss_blur, sigma) for sigma in (0.3, 0.4, 0.5, 1.0, 2.0)},
    "quantisation": {step: _quantize(step) for step in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)},
  }
  if channels in (1, 3):
    kinds["JPEG"] = {
      float(quality): functools.partial(jpeg_artefacts, (quality, quality))
      for quality in (95, 85, 75, 50, 25, 10)
    }
  return kinds


def _quantize(step: float) -> Degrade:
  """Rounds to multiples of a number of 8-bit levels."""

  def quantize(image: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    del generator
    return (np.rint(image * (LEVELS / step)) * (step / LEVELS)).astype(np.float32)

  return quantize


def _disturbed(degrade: Degrade, images: np.ndarray, seed: int = 0) -> np.ndarray:
  """Disturbs every picture in [-1, 1] alike, with the same random numbers."""
  disturbed = [degrade(0.5 + 0.5 * image, np.random.default_rng(seed)) for image in images]
  return np.clip(2.0 * np.stack(disturbed) - 1.0, -1.0, 1.0).astype(np.float32)


def _distance(images: np.ndarray, targets: np.ndarray) -> float:
  """Mean absolute difference of pictures in [-1, 1], in 8-bit levels."""
  return float(0.5 * LEVELS * np.mean(np.abs(images - targets)))


def _row(direction: str, kind: str, strength: float, change: float, error: float):
  return {
    "direction": direction,
    "disturbance": kind,
    "strength": strength,
    "change": change,
    "reconstruction_error": error,
  }
