"""Instance normalisation as an eraser of style: mean and contrast go, signs and hues stay."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from matplotlib.axes import Axes

from imtrans.analyses.finding import BLACK, COLORS, Finding, in_style, new_figure
from imtrans.analyses.recoloured_layers import UNCHANGED, RecolouredLayers, recoloured_layers
from imtrans.analyses.trained import NotForThisRun, TrainedRun
from imtrans.evaluation.translation.trained_generator import pad_to_multiple
from imtrans.networks.normalization import EPSILON, instance_norm
from imtrans.theory.normalization import (
  label_response,
  measured_statistics,
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
  for axes in (left, middle):
    axes.plot([], [], color=BLACK, label="closed form")
    axes.plot([], [], "o", color=BLACK, label="the layer")
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
  square of the difference over that of the layer's values. Mean and variance of the channels that
  leave a normalisation stand beside `imtrans.theory.normalization.output_statistics`. Dropout is
  off. Batch normalisation uses the picture's own statistics where the run translates so
  (`inference = "train"`), else its running ones, which erase nothing.

  A common gain and a shift per channel pass a convolution as a gain and a shift, and are erased
  (up to zero padding); a gain per channel comes out as another mixture, and is not.

  Args:
    run: whose generator normalises.

  Returns:
    The finding: the change against depth, for four recolourings, and the variance of the channels
    after each normalisation.

  Raises:
    NotForThisRun: if the generator has no `Normalization`, or the sources are not pictures alone.
  """
  run.check_colours()
  generator = run.generators[0]
  sources, _ = run.test_pictures(generator.direction, NUM_PICTURES)
  sources, _ = pad_to_multiple(sources, generator.size_multiple)
  seen = recoloured_layers(generator, sources)
  if len(seen.places) <= 2:
    raise NotForThisRun(
      f"the generator ({run.run.config.generator.name}) has no normalisation that this can watch."
    )
  kind = run.run.config.generator.get("norm", "unknown")
  erases = generator.mode == "train" or kind != "batch"
  # Of shift and contrast, as they were in the source.
  worst = float(np.max(seen.change[1:3, 2] / seen.change[1:3, 0]))
  figure, ((upper,), (lower,)) = new_figure(
    rows=2, width=max(7.0, 0.125 * len(seen.places) + 4.0), height=3.4
  )
  _draw_changes(upper, seen)
  upper.set_title(
    "the first normalisation erases shift and contrast"
    if worst < 0.01
    else f"up to {worst:.0%} of shift and contrast is left after the first normalisation"
  )
  _draw_variances(lower, seen)
  drawn = _drawn(seen)
  for axes, names in ((upper, [""] * len(drawn)), (lower, [_label(seen.places[i]) for i in drawn])):
    axes.set_xticks(range(len(drawn)), names, rotation=90)
    axes.set(xlabel="depth: leaving each normalisation", xlim=(-0.5, len(drawn) - 0.5))
  lower.set_title("variance of the channels before and after each normalisation")

  rows = [
    {
      "recolouring": recolouring,
      "place": place,
      "change": seen.change[i, j],
      "mean": seen.mean[i, j],
      "mean_closed_form": seen.closed_mean[i, j],
      "variance": seen.variance[i, j],
      "variance_closed_form": seen.closed_variance[i, j],
      "largest_gap": seen.gap[i, j],
    }
    for i, recolouring in enumerate(seen.recolourings)
    for j, place in enumerate(seen.places)
  ]
  spoken = "; ".join(
    f"{name}: {change[0]:.2g} in the source, {change[1]:.2g} before the first normalisation, "
    f"{change[2]:.2g} after it, {change[-1]:.2g} in the output"
    for name, change in zip(seen.recolourings[1:], seen.change[1:], strict=True)
  )
  statistics = "the picture's own statistics" if erases else "running statistics"
  verdict = (
    "The first normalisation erases shifts and contrast"
    if worst < 0.01
    else f"Up to {worst:.0%} of shift and contrast is left after the first normalisation"
  )
  # Such as the first layer of a U-Net, which is not normalised.
  reason = (
    " A rectifier before it, or padding with zeros, makes other changes of them."
    if worst >= 0.01 and erases
    else ""
  )
  return Finding(
    figure,
    rows,
    f"{verdict} ({kind} normalisation with {statistics}, {len(sources)} test pictures).{reason} "
    f"Changes relative to the size of the values: {spoken}. A change of 2 is a mere change of "
    f"sign. {_said_of_statistics(seen, erases)}",
  )


def _after(seen: RecolouredLayers) -> list[int]:
  """The places behind normalisations."""
  return [i for i, name in enumerate(seen.places) if name.startswith("after ")]


def _drawn(seen: RecolouredLayers) -> list[int]:
  """The places that are drawn: of what enters a layer only the first."""
  return [0, 1, *_after(seen), len(seen.places) - 1]


def _draw_changes(axes: Axes, seen: RecolouredLayers) -> None:
  """The change against depth."""
  drawn = _drawn(seen)
  for color, name, change in zip(COLORS[1:], seen.recolourings[1:], seen.change[1:], strict=False):
    axes.plot(np.maximum(change[drawn], FLOOR), "o-", color=color, label=name, linewidth=0.6)
  axes.axvline(1.5, linestyle=":", color=BLACK)
  axes.set(yscale="log", ylabel="change / size of the values (rms)")
  axes.legend(title="recolouring of the source", loc="center left", bbox_to_anchor=(1.0, 0.5))


def _draw_variances(axes: Axes, seen: RecolouredLayers) -> None:
  """The variance that enters and leaves each normalisation, at the same depths."""
  places = _after(seen)
  before = [i - 1 for i in places]
  depths = 2 + np.arange(len(places))
  for color, name, into, out, closed in zip(
    COLORS,
    seen.recolourings,
    seen.variance[:, before],
    seen.variance[:, places],
    seen.closed_variance[:, places],
    strict=False,
  ):
    axes.plot(depths, np.maximum(into, FLOOR), "o", color=color, fillstyle="none")
    axes.plot(depths, np.maximum(closed, FLOOR), "-", color=color)
    label = "the picture as it is" if name == UNCHANGED else name
    axes.plot(depths, np.maximum(out, FLOOR), "o", color=color, label=label)
  axes.set(yscale="log", ylabel="variance of a channel (mean)")
  axes.plot([], [], "o", color=BLACK, fillstyle="none", label="before it")
  axes.plot([], [], "o", color=BLACK, label="after it, measured")
  axes.plot([], [], "-", color=BLACK, label="after it, closed form")
  axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))


def _said_of_statistics(seen: RecolouredLayers, erases: bool) -> str:
  """What means and variances of the channels show."""
  places = _after(seen)
  before = seen.variance[:, [i - 1 for i in places]]
  after, mean = seen.variance[:, places], seen.mean[:, places]
  form = "0 and v / (v + ε)"
  if seen.learned:
    form = "b and a² v / (v + ε) with the learned shift b and scale a"
  if not erases:
    form += ", which these layers with statistics of their own need not keep,"
  return (
    f"Of the channels as they are and recoloured, the {len(places)} normalisations make variances "
    f"of {after.min():.4g} to {after.max():.4g} (mean over the channels of a layer) out of "
    f"{before.min():.2g} to {before.max():.2g}, and means of {mean.min():.2g} to {mean.max():.2g}; "
    f"from {form} a channel's mean or variance differs by up to "
    f"{np.max(seen.gap[:, places]):.1g}."
  )


def _response(images: Array, gain: Array) -> Array:
  """The factor between the normalised recoloured channel and the normalised channel."""
  plain, changed = instance_norm(images), instance_norm(gain * images + 0.3)
  return jnp.sum(changed * plain) / jnp.sum(plain * plain)


def _label(name: str) -> str:
  short = name.replace("_norm", "").replace("after ", "")
  return short.replace("_", " ")
