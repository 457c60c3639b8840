"""Instance normalisation as an eraser of style: mean and contrast go, signs and hues stay."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.finding import BLACK, COLORS, Finding, in_style, new_figure
from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.evaluation.translation.trained_generator import TrainedGenerator, pad_to_multiple
from imtrans.networks.normalization import EPSILON, Normalization, instance_norm
from imtrans.theory.normalization import (
  label_response,
  measured_statistics,
  recolour,
  recolouring_response,
  variance_kept,
)

NUM_PICTURES = 16
FLOOR = 1e-8  # What the logarithmic axis shows for "nothing at all".
LEVEL = 2.0 / 255.0  # One level of an 8-bit picture, in [-1, 1].


@in_style
def on_paper(
  *,
  deviations: tuple[float, ...] = (0.5, 0.003, 0.0005),
  side: int = 32,
  num_gains: int = 17,
  num_fractions: int = 17,
) -> Finding:
  """What a layer makes of recoloured channels, of label regions and of faint contrast.

  Args:
    deviations: standard deviations of the recoloured channel, in [-1, 1]; the first is an
      ordinary picture's.
    side: of the pictures that the layer is given, in pixels.
    num_gains: recolourings that are measured, with gains from -3 to 3.
    num_fractions: sizes of the label region that are measured, none and all included.

  Returns:
    The finding: the factor of a recolouring against its gain, the values of a label channel
    against its area, the variance after the layer against the contrast before it.
  """
  noise = jax.random.normal(jax.random.key(0), (1, side, side, 1))
  noise = (noise - jnp.mean(noise)) / jnp.std(noise)
  rows: list[dict[str, str | float]] = []

  def note(kind, setting, at, closed, measured):
    for x, y, z in zip(at, closed, measured, strict=True):
      rows.append({"quantity": kind, "setting": setting, "at": x, "closed_form": y, "measured": z})

  figure, ((left, middle, right),) = new_figure(columns=3, width=3.9)
  gains, fine = jnp.linspace(-3.0, 3.0, num_gains), jnp.linspace(-3.0, 3.0, 601)
  for color, deviation in zip(COLORS[1:], deviations, strict=False):
    closed = recolouring_response(gains, deviation**2, epsilon=EPSILON)
    measured = jax.vmap(lambda gain, d=deviation: _response(d * noise, gain))(gains)
    curve = recolouring_response(fine, deviation**2, epsilon=EPSILON)
    left.plot(fine, curve, color=color)
    left.plot(gains, measured, "o", color=color, label=f"{deviation / LEVEL:.2g} levels")
    note("recolouring", f"deviation {deviation:g}", gains, closed, measured)
  left.set(xlabel="gain of the recolouring", ylabel="factor of the normalised channel")
  left.set_title("gain is erased, its sign is not")
  left.legend(title="contrast (8-bit)", loc="upper left")

  counts = np.round(np.linspace(0.0, side * side, num_fractions)).astype(int)
  fractions, shares = jnp.asarray(counts / (side * side), jnp.float32), jnp.linspace(0.0, 1.0, 801)
  pixels = jnp.arange(side * side)[None, :] < jnp.asarray(counts)[:, None]
  masks = pixels.astype(jnp.float32).reshape(-1, side, side, 1)
  normalized = instance_norm(masks).reshape(len(counts), -1)
  some, rest = (fractions > 0.0, fractions < 1.0)
  inside, outside = label_response(fractions, epsilon=EPSILON)
  curves = label_response(shares, epsilon=EPSILON)
  middle.plot(shares, curves[0], color=COLORS[1])
  middle.plot(shares, curves[1], color=COLORS[4])
  for name, color, chosen, pixel, closed in (
    ("inside the region", COLORS[1], some, 0, inside),
    ("outside", COLORS[4], rest, -1, outside),
  ):
    measured = normalized[chosen, pixel]
    middle.plot(fractions[chosen], measured, "o", color=color, label=name)
    note("label", name, fractions[chosen], closed[chosen], measured)
  middle.set(
    xlabel="share of the picture with the label", ylabel="value after the layer", ylim=(-5, 5)
  )
  middle.set_title("a label that fills the picture becomes 0")
  middle.legend(loc="upper center")

  faint = jnp.logspace(-5.0, 0.0, 11)
  curve = jnp.logspace(-5.0, 0.0, 200)
  right.plot(curve, variance_kept(curve**2, epsilon=EPSILON), color=COLORS[1], label="closed form")
  layers = jax.vmap(lambda d: measured_statistics(instance_norm(d * noise + 0.3))[1][0, 0])
  measured, closed = layers(faint), variance_kept(faint**2, epsilon=EPSILON)
  right.plot(faint, measured, "o", color=COLORS[4], label="the layer")
  right.axvline(LEVEL, linestyle=":", color=BLACK)
  right.text(1.2 * LEVEL, 0.05, "one 8-bit\nlevel", va="bottom")
  right.set(xscale="log", xlabel="standard deviation before (range -1 to 1)")
  right.set(ylabel="variance after the layer")
  right.set_title("only faint contrast escapes, by ε")
  right.legend(loc="upper left")
  note("variance", "kept", faint, closed, measured)

  half = float(np.sqrt(EPSILON))
  worst = max(abs(float(row["closed_form"]) - float(row["measured"])) for row in rows)
  first = [row for row in rows if row["setting"] == f"deviation {deviations[0]:g}"]
  sizes = [abs(float(row["measured"])) for row in first if row["at"] != 0.0]
  full = float(normalized[-1, 0])
  return Finding(
    figure,
    rows,
    f"Recoloured with gains from -3 to 3, a channel with a standard deviation of {deviations[0]:g} "
    f"leaves the layer with a factor of size {min(sizes):.4f} to {max(sizes):.4f}: contrast is "
    "erased, an inversion passes as a change of sign. A label that fills the picture leaves as "
    f"{full:g}, like one that is absent. ε = {EPSILON:g} halves the variance of a channel with a "
    f"deviation of {half:.4f}, {half / LEVEL:.2f} levels of an 8-bit picture. The layer and the "
    f"closed form differ by at most {worst:.0e}.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """How much of a recolouring of the source is left after each normalisation of the generator.

  The same pictures go through the generator as they are and recoloured; a change is the root mean
  square of the difference over that of the layer's values. Dropout is off. Batch normalisation
  uses the picture's own statistics where the run translates so (`inference = "train"`), else its
  running ones, which erase nothing.

  A common gain and a shift per channel pass a convolution as a gain and a shift, and are erased
  (up to zero padding); a gain per channel comes out as another mixture, and is not.

  Args:
    run: whose generator normalises.

  Returns:
    The finding: the change against depth, for four recolourings.

  Raises:
    NotForThisRun: if the generator has no `Normalization`, or the sources are not pictures alone.
  """
  run.check_colours()
  generator = run.generators[0]
  sources, _ = run.test_pictures(generator.direction, NUM_PICTURES)
  sources, _ = pad_to_multiple(sources, generator.size_multiple)
  channels = sources.shape[-1]
  changes = recolourings(channels)
  gains, shifts = (jnp.asarray(np.stack(values)) for values in zip(*changes.values(), strict=True))
  names: list[str] = []

  @jax.jit
  def squares(params, extras, picture):
    """Sums of squares of the differences and of the values: [recolourings, layers], [layers]."""
    watched = generator._replace(generator_params=params, extras=extras)

    def one(gain, shift):
      layers = watch(watched, recolour(picture[None], gain, shift))
      names[:] = layers
      return list(layers.values())

    kept = one(jnp.ones(channels), jnp.zeros(channels))
    changed = jax.vmap(one)(gains, shifts)
    sizes = jnp.stack([jnp.sum(jnp.square(values)) for values in kept])
    moved = [
      jnp.sum(jnp.square(new - old[None]), axis=tuple(range(1, new.ndim)))
      for new, old in zip(changed, kept, strict=True)
    ]
    return jnp.stack(moved, axis=1), sizes

  moved, sizes = 0.0, 0.0
  for picture in sources:
    added = squares(generator.generator_params, generator.extras, picture)
    moved, sizes = moved + np.asarray(added[0], float), sizes + np.asarray(added[1], float)
  if len(names) <= 2:
    raise NotForThisRun(
      f"the generator ({run.run.config.generator.name}) has no normalisation that this can watch."
    )
  left = np.sqrt(moved / np.maximum(np.asarray(sizes)[None, :], 1e-30))

  # Of what enters a layer only the first is drawn.
  drawn = [i for i, name in enumerate(names) if i == 1 or not name.startswith("before ")]
  figure, ((axes,),) = new_figure(width=max(7.0, 0.25 * len(drawn) + 4.0), height=4.2)
  for index, name in enumerate(changes):
    color = COLORS[1 + index]
    axes.plot(np.maximum(left[index, drawn], FLOOR), "o-", color=color, label=name, linewidth=0.6)
  axes.axvline(1.5, linestyle=":", color=BLACK)
  axes.set_yscale("log")
  axes.set_xticks(range(len(drawn)), [_label(names[i]) for i in drawn], rotation=90)
  axes.set(xlabel="depth: leaving each normalisation", ylabel="change / size of the values (rms)")
  axes.legend(title="recolouring of the source", loc="center left", bbox_to_anchor=(1.0, 0.5))

  rows = [
    {"recolouring": recolouring, "place": name, "change": left[i, j]}
    for i, recolouring in enumerate(changes)
    for j, name in enumerate(names)
  ]
  spoken = "; ".join(
    f"{name}: {left[i, 0]:.2g} in the source, {left[i, 1]:.2g} before the first normalisation, "
    f"{left[i, 2]:.2g} after it, {left[i, -1]:.2g} in the output"
    for i, name in enumerate(changes)
  )
  kind = run.run.config.generator.get("norm", "unknown")
  statistics = "the picture's own statistics"
  if kind == "batch" and generator.mode == "test":
    statistics = "running statistics, which erase nothing"
  worst = float(max(left[0, 2] / left[0, 1], left[1, 2] / left[1, 1]))
  verdict = (
    "The first normalisation erases shifts and contrast"
    if worst < 0.01
    else f"The first normalisation lets up to {worst:.0%} of shift and contrast through"
  )
  axes.set_title(
    "the first normalisation erases shift and contrast"
    if worst < 0.01
    else f"up to {worst:.0%} of shift and contrast passes the first normalisation"
  )
  return Finding(
    figure,
    rows,
    f"{verdict} ({kind} normalisation with {statistics}, {len(sources)} test pictures). Changes "
    f"relative to the size of the values: {spoken}. A change of 2 is a mere change of sign.",
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


def watch(generator: TrainedGenerator, images: Array) -> dict[str, Array]:
  """What goes into and comes out of the normalisations of a generator, without dropout.

  It looks on while the method translates, so it needs neither the network nor its name.

  Args:
    generator: of a method whose generators normalise by `Normalization`, if at all.
    images: [1, height, width, channels] in [-1, 1], of a size that fits the network.

  Returns:
    "source"; for each normalisation in the order of calls "before NAME" and "after NAME"; "output";
    [1, height', width', channels'] each.
  """
  layers = {"source": images}

  def look_on(call, arguments, options, context):
    layer = context.module
    known = isinstance(layer, Normalization) and context.method_name == "__call__"
    if not known or layer.kind == "none":
      return call(*arguments, **options)
    outputs = call(*arguments, **{**options, "train": generator.mode == "train"})
    name = "/".join(layer.path)
    layers[f"before {name}"] = arguments[0].astype(jnp.float32)
    layers[f"after {name}"] = outputs.astype(jnp.float32)
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
  return layers


def _response(images: Array, gain: Array) -> Array:
  """The factor between the normalised recoloured channel and the normalised channel."""
  plain, changed = instance_norm(images), instance_norm(gain * images + 0.3)
  return jnp.sum(changed * plain) / jnp.sum(plain * plain)


def _label(name: str) -> str:
  short = name.replace("_norm", "").replace("after ", "")
  return short.replace("_", " ")
