"""What happens to a recolouring of the source between the layers of a trained generator."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.networks.normalization import EPSILON, Normalization
from imtrans.theory.normalization import measured_statistics, output_statistics, recolour

UNCHANGED = "none"  # The recolouring that the others are compared with.
Learned = dict[str, tuple[Array, Array]]


class RecolouredLayers(NamedTuple):
  """What was measured at each place, over pictures; float64 [recolourings, places] each.

  A mean and a variance are those of a channel over the pixels, averaged over channels and pictures.

  recolourings: their names, `UNCHANGED` first.
  places: "source", "before NAME" and "after NAME" of each normalisation in the order of calls,
    "output".
  change: root mean square of the difference to the picture as it is, over that of its values.
  mean, variance: measured.
  closed_mean, closed_variance: what `output_statistics` says of a layer that normalises by the
    picture's own statistics, from the variance before it; NaN but after a normalisation.
  gap: the largest distance of a channel's mean or variance from this; NaN likewise.
  learned: whether a normalisation has a learned scale and shift.
  """

  recolourings: tuple[str, ...]
  places: tuple[str, ...]
  change: np.ndarray
  mean: np.ndarray
  variance: np.ndarray
  closed_mean: np.ndarray
  closed_variance: np.ndarray
  gap: np.ndarray
  learned: bool


def recoloured_layers(generator: TrainedGenerator, sources: np.ndarray) -> RecolouredLayers:
  """Shows a generator the same pictures as they are and recoloured, and looks at all layers.

  Args:
    generator: see `watch`.
    sources: float32 [pictures, height, width, channels] in [-1, 1]; the size fits the network.

  Returns:
    What was measured.
  """
  channels = sources.shape[-1]
  plain = (np.ones(channels, np.float32), np.zeros(channels, np.float32))
  changes = {UNCHANGED: plain, **recolourings(channels)}
  gains, shifts = (jnp.asarray(np.stack(values)) for values in zip(*changes.values(), strict=True))
  places: list[str] = []
  with_parameters: list[str] = []

  @jax.jit
  def measure(params, extras, picture):
    """Squares of the differences, squares of the values and statistics, [recolourings, places]."""
    watched = generator._replace(generator_params=params, extras=extras)

    def one(gain, shift):
      layers, learned = watch(watched, recolour(picture[None], gain, shift))
      places[:], with_parameters[:] = layers, learned
      return list(layers.values()), _statistics(layers, learned)

    seen, statistics = jax.vmap(one)(gains, shifts)
    squares = [
      (_sums(jnp.square(values - values[:1])), _sums(jnp.square(values))) for values in seen
    ]
    moved, sizes = (jnp.stack(sums, axis=1) for sums in zip(*squares, strict=True))
    return moved, sizes[0], statistics

  moved, sizes, statistics, gap = 0.0, 0.0, 0.0, -np.inf
  for picture in sources:
    found = jax.device_get(measure(generator.generator_params, generator.extras, picture))
    moved, sizes = moved + np.asarray(found[0], float), sizes + np.asarray(found[1], float)
    statistics = statistics + np.asarray(found[2][..., :4], float) / len(sources)
    gap = np.maximum(gap, np.asarray(found[2][..., 4], float))
  mean, variance, closed_mean, closed_variance = np.moveaxis(np.asarray(statistics), -1, 0)
  return RecolouredLayers(
    recolourings=tuple(changes),
    places=tuple(places),
    change=np.sqrt(moved / np.maximum(sizes, 1e-30)),
    mean=mean,
    variance=variance,
    closed_mean=closed_mean,
    closed_variance=closed_variance,
    gap=np.asarray(gap),
    learned=bool(with_parameters),
  )


def recolourings(channels: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
  """The recolourings that a run is shown.

  Args:
    channels: of its sources.

  Returns:
    Names and float32 (gains [channels], shifts [channels] in the range -1 to 1); a picture of one
    channel has no white balance.
  """
  one, none = np.ones(channels, np.float32), np.zeros(channels, np.float32)
  across = np.linspace(1.0, -1.0, channels, dtype=np.float32)
  chosen = {
    "colour cast (shift per channel)": (one, 0.3 * across),
    "half the contrast": (0.5 * one, none),
    "white balance (gain per channel)": (one + 0.3 * across, none),
    "inversion": (-one, none),
  }
  if channels == 1:
    del chosen["white balance (gain per channel)"]
  return chosen


def watch(generator: TrainedGenerator, images: Array) -> tuple[dict[str, Array], Learned]:
  """What goes into and comes out of the normalisations of a generator, without dropout.

  It looks on while the method translates, so it needs neither the network nor its name.

  Args:
    generator: of a method whose generators normalise by `Normalization`, if at all.
    images: [1, height, width, channels] in [-1, 1], of a size that fits the network.

  Returns:
    "source"; for each normalisation in the order of calls "before NAME" and "after NAME"; "output";
    [1, height', width', channels'] each. And by "after NAME" the learned scale and shift,
    [channels'] each, of those that have them.
  """
  layers, learned = {"source": images}, {}

  def look_on(call, arguments, options, context):
    layer = context.module
    known = isinstance(layer, Normalization) and context.method_name == "__call__"
    if not known or layer.kind == "none":
      return call(*arguments, **options)
    outputs = call(*arguments, **{**options, "train": generator.mode == "train"})
    name = "/".join(layer.path)
    layers[f"before {name}"] = arguments[0].astype(jnp.float32)
    layers[f"after {name}"] = outputs.astype(jnp.float32)
    params = layer.variables.get("params", {})
    if params:
      learned[f"after {name}"] = (params["scale"], params["bias"])
    return outputs

  with nn.intercept_methods(look_on):
    layers["output"] = generator.translate(
      generator.generator_params,
      generator.extras,
      images,
      jax.random.key(generator.seed),
      direction=generator.direction,
      mode="test",
    )
  return layers, learned


def _statistics(layers: dict[str, Array], learned: Learned) -> Array:
  """[places, 5]: mean, variance, both in closed form, and the largest gap of a channel."""
  rows, before = [], jnp.zeros(())
  for name, values in layers.items():
    mean, variance = (statistic[0] for statistic in measured_statistics(values))
    row = [jnp.mean(mean), jnp.mean(variance), *[jnp.full((), jnp.nan)] * 3]
    if name.startswith("after "):
      scale, shift = learned.get(name, (jnp.ones_like(mean), jnp.zeros_like(mean)))
      closed = output_statistics(before, scale, shift, epsilon=EPSILON)
      gaps = [jnp.abs(mean - closed[0]), jnp.abs(variance - closed[1])]
      row[2:] = [jnp.mean(closed[0]), jnp.mean(closed[1]), jnp.max(jnp.stack(gaps))]
    rows.append(jnp.stack(row))
    before = variance
  return jnp.stack(rows)


def _sums(values: Array) -> Array:
  """Sums over all axes but the first."""
  return jnp.sum(values, axis=tuple(range(1, values.ndim)))
