"""Patch discriminators: what a patch sees, the size that a texture asks for, and a run's own."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from imtrans.analyses.finding import (
  BLACK,
  BLUE,
  GREEN,
  RED,
  Finding,
  Rows,
  comparison,
  in_style,
  new_figure,
)
from imtrans.analyses.frequency_bands import NO_BAND, draw_bands
from imtrans.analyses.patch_gradients import gradient_profile, judged_pictures, tile
from imtrans.analyses.trained import TrainedRun
from imtrans.networks import PatchDiscriminator, PixelDiscriminator
from imtrans.networks.direct import direct_convolve
from imtrans.theory.patches import (
  Layer,
  Texture,
  averaged_periodogram,
  draw_lines,
  effective_patches,
  output_size,
  patch_stride,
  path_weights,
  periodogram_moments,
  receptive_field,
  spectrum,
)

PROBES = 4  # Pictures over which the gradient of a logit is averaged.
IMAGE_SIZE = 256
# Structure without a wave over a texture with one every eight pixels.
TEXTURE = Texture(jnp.array([1.0, 0.5]), jnp.array([40.0, 5.0]), jnp.array([0.0, 0.25 * jnp.pi]))
BANDS = {
  "texture": (jnp.linspace(0.5, 1.1, 9), BLUE, 5.0),
  "structure": (jnp.linspace(0.02, 0.12, 6), RED, 40.0),
}
LINE_SIZE, LINE_STRIDE = 256, 4
LINE_SIZES = (4, 7, 9, 11, 13, 16, 20, 24, 29, 34, 41, 48, 58, 70, 84, 100, 142, 180, 220)
DRAWN_SIZES = (7, 16, 34, 70, 142)


@in_style
def on_paper(*, num_lines: int = 300, seed: int = 0) -> Finding:
  """Receptive fields and numbers of patches, and the error of spectra against the patch size.

  Args:
    num_lines: lines drawn for the Monte Carlo marks; ten times as many of white noise.
    seed: of these.

  Returns:
    The finding.
  """
  figure, ((left, right),) = new_figure(columns=2, width=4.8, height=3.7)
  rows = _draw_fields(left, num_lines, seed)
  errors, best = _draw_errors(right, num_lines, seed)
  sides = [row["closed_form"] for row in rows if row["quantity"] == "receptive field"]
  numbers = [row["closed_form"] for row in rows if row["quantity"] == "effective patches"]
  return Finding(
    figure,
    [{**row, "logits": row.get("logits", math.nan)} for row in (*rows, *errors)],
    f"PatchGANs see {', '.join(f'{side:.0f}' for side in sides)} pixels, as the gradient of a "
    "logit shows, and the larger the patch the fewer: an image of 256 pixels holds "
    f"{numbers[0]:,.0f} independent patches of one pixel but {numbers[3]:.0f} of 70 and "
    f"{numbers[-1]:.1f} of 286. Patches must be longer than what is correlated and short enough to "
    f"be many: on a line of {LINE_SIZE} pixels the spectrum of a texture of correlation length 5 "
    f"is known best through patches of {best['texture']} pixels, that of a structure of length 40 "
    f"through {best['structure']}, with {best['structure error'] / best['texture error']:.1f} "
    "times the error.",
  )


@in_style
def on_run(run: TrainedRun) -> Finding:
  """What a run's discriminator sees, and how wrong its generator is at each spatial frequency.

  The gradient of the middle logit is taken at the trained parameters. A normalisation by the
  picture's own mean and variance lets every pixel in; so it is taken with these held fixed, where
  its support is the receptive field, and with them free, for the share that comes from outside.

  Args:
    run: of pix2pix or a CycleGAN, with a patch or pixel discriminator.

  Returns:
    The finding: gradient against the distance from the patch's middle, and by bands of frequency
    the error of outputs (paired pictures) or the power of outputs and real pictures.

  Raises:
    NotForThisRun: for another method or discriminator.
  """
  module, variables, pictures = judged_pictures(run, PROBES)
  layers = module.layers
  side = receptive_field(layers)
  size = max(run.run.config.data.crop_size, side + 4 * patch_stride(layers))
  probes = tile(pictures[:PROBES], size)
  fixed = gradient_profile(module, variables, probes, frozen=True)
  free = gradient_profile(module, variables, probes, frozen=False)
  support = np.flatnonzero(fixed)
  measured = int(support[-1] - support[0] + 1)
  outside = 1.0 - free[support[0] : support[-1] + 1].sum() / free.sum()
  figure, ((left, right),) = new_figure(columns=2, width=4.8, height=3.8)
  places = np.arange(size) - 0.5 * (support[0] + support[-1])
  weights = path_weights(layers)
  left.plot(
    np.arange(side) - 0.5 * (side - 1), weights, color=BLUE, label="equal weights, on paper"
  )
  left.plot(
    places[support], fixed[support] / fixed.sum(), "o", color=RED, label="trained, statistics fixed"
  )
  if outside > 1e-6:
    left.plot(places, free / free.sum(), ".", color=GREEN, label="trained, statistics free")
  for edge in (-0.5 * side, 0.5 * side):
    left.axvline(edge, color=BLACK, linestyle="--", linewidth=1)
  left.set(xlabel="distance from the middle of the patch (pixels)", ylabel="share of the gradient")
  left.set_xlim(-0.9 * side - 1, 0.9 * side + 1)
  left.set_ylim(0.0, 1.5 * float(max(np.max(weights), np.max(fixed / fixed.sum()))))
  left.set_title(f"a logit sees {measured} pixels (on paper {side})")
  left.legend(loc="upper center")

  rows = [
    comparison("receptive field", "pixels", 0.0, float(side), float(measured)),
    comparison("gradient outside", "share", 0.0, 0.0, float(outside)),
  ]
  banded, told = draw_bands(right, run, side)
  return Finding(
    figure,
    [*({**row, **NO_BAND} for row in rows), *banded],
    f"By its layers a logit of the discriminator sees {side} pixels, by its gradient {measured}. "
    f"{outside:.1%} of the gradient comes from outside the patch, through the means and variances "
    f"of its normalisation. {told}",
  )


def _draw_fields(axes, num_lines: int, seed: int) -> Rows:
  """Receptive fields by gradients, and effective numbers of patches by white noise."""
  rows, draws = [], np.random.default_rng(seed)
  modules = [PixelDiscriminator(), *(PatchDiscriminator(number) for number in range(1, 6))]
  chains = [module.layers for module in modules]
  for layers, gradient in zip(chains, _gradients(chains), strict=True):
    side = receptive_field(layers)
    seen = np.count_nonzero(np.any(np.asarray(gradient) != 0.0, axis=(0, 2, 3)))
    number = effective_patches(layers, IMAGE_SIZE)
    logits = float(output_size(layers, IMAGE_SIZE) ** 2)
    rows.append(comparison("receptive field", "pixels", float(side), float(side), float(seen)))
    drawn = _drawn_number(draws, layers, 10 * num_lines)
    rows.append(comparison("effective patches", "patches", float(side), number, drawn))
    rows[-1]["logits"] = logits
  places = np.arange(len(modules))
  fields, numbers = rows[::2], rows[1::2]
  axes.plot(places, [row["closed_form"] for row in fields], color=BLUE, label="side of a patch")
  axes.plot(places, [row["measured"] for row in fields], "o", color=BLUE, label="by gradient")
  axes.plot(places, [row["closed_form"] for row in numbers], color=RED, label="independent patches")
  axes.plot(places, [row["measured"] for row in numbers], "o", color=RED, label="by noise drawn")
  axes.plot(places, [row["logits"] for row in numbers], "_", color=RED, label="logits")
  axes.set_xticks(places, [f"{row['closed_form']:.0f}" for row in fields])
  axes.set(xlabel="PatchGAN (pixels)", ylabel="pixels, or number in 256 x 256", yscale="log")
  axes.set_title("larger patches are fewer")
  axes.legend(loc="upper center", ncols=2)
  axes.set_ylim(0.7, 3e6)
  return rows


def _drawn_number(draws: np.random.Generator, layers: Sequence[Layer], num_lines: int) -> float:
  """How many independent patches vary as little as the mean energy of those of an image."""
  side, stride = receptive_field(layers), patch_stride(layers)
  starts = stride * np.arange(output_size(layers, IMAGE_SIZE))
  sums = np.cumsum(draws.standard_normal((num_lines, starts[-1] + side + 1)), axis=1)
  energies = np.square(sums[:, starts + side] - sums[:, starts])
  # The variance of a squared Gaussian is twice its squared mean; rows and columns multiply.
  return float(2.0 * np.mean(energies) ** 2 / np.var(np.mean(energies, axis=1))) ** 2


def _gradients(chains: Sequence[Sequence[Layer]]) -> list[Array]:
  """Gradient of the middle output of random one-channel convolutions, by all pixels."""

  def middle(images: Array, layers: Sequence[Layer]) -> Array:
    for index, layer in enumerate(layers):
      shape = (layer.kernel_size, layer.kernel_size, 1, 1)
      kernel = jax.random.normal(jax.random.key(index), shape)
      images = direct_convolve(images, kernel, stride=layer.stride, padding=layer.padding)
    return images[0, images.shape[1] // 2, images.shape[2] // 2, 0]

  sizes = [receptive_field(layers) + 2 * patch_stride(layers) for layers in chains]
  images = [jnp.zeros((1, size, size, 1)) for size in sizes]

  @jax.jit
  def differentiate():
    pairs = zip(images, chains, strict=True)
    return [jax.grad(middle)(image, layers) for image, layers in pairs]

  return differentiate()


def _draw_errors(axes, num_lines: int, seed: int) -> tuple[Rows, dict[str, float]]:
  """The error of the spectrum in two bands, against the patch size."""
  frequencies = jnp.concatenate([band for band, _, _ in BANDS.values()])
  true = spectrum(TEXTURE, frequencies)

  @jax.jit
  def moments(size):
    return periodogram_moments(
      TEXTURE, frequencies, size, num_values=LINE_SIZE, stride=float(LINE_STRIDE)
    )

  @jax.jit
  def measure(key):
    # A ring twice as long, for its ends are neighbours.
    rings = draw_lines(key, TEXTURE, num_lines=num_lines, num_values=2 * LINE_SIZE)
    lines = rings[:, :LINE_SIZE]
    return {
      size: averaged_periodogram(lines, frequencies, size, stride=LINE_STRIDE)
      for size in DRAWN_SIZES
    }

  exact = {size: moments(float(size)) for size in LINE_SIZES}
  drawn = measure(jax.random.key(seed))
  rows, best, start = [], {}, 0
  for name, (band, color, length) in BANDS.items():
    part = slice(start, start + len(band))
    start += len(band)
    power = jnp.sum(jnp.square(true[part]))
    bias, error, seen = {}, {}, {}
    for size, (mean, variance) in exact.items():
      missed = jnp.sum(jnp.square(mean - true)[part]) / power
      bias[size], error[size] = float(missed), float(missed + jnp.sum(variance[part]) / power)
    for size, values in drawn.items():
      squares = jnp.mean(jnp.square(values - true[None, :]), axis=0)
      seen[size] = float(jnp.sum(squares[part]) / power)
    best[name] = min(error, key=error.__getitem__)
    best[f"{name} error"] = error[best[name]]
    axes.plot(
      *(list(error), list(error.values())), color=color, label=f"{name}, ℓ = {length:g} pixels"
    )
    axes.plot(list(bias), list(bias.values()), ":", color=color, linewidth=1)
    axes.plot(list(seen), list(seen.values()), "o", color=color)
    axes.plot(best[name], error[best[name]], "*", color=color, markersize=14)
    axes.annotate(
      f"best: {best[name]} pixels",
      (best[name], error[best[name]]),
      # That of the texture left of its bias, which falls steeply below it.
      xytext=(0, 10) if name == "structure" else (-14, -34),
      textcoords="offset points",
      ha="center" if name == "structure" else "right",
      color=color,
    )
    rows += [
      comparison("spectral error", name, float(size), error[size], seen[size])
      for size in DRAWN_SIZES
    ]
  axes.plot([], [], ":", color=BLACK, label="bias alone")
  axes.plot([], [], "o", color=BLACK, label="lines drawn")
  axes.plot([], [], "*", color=BLACK, markersize=10, label="best size")
  axes.set(xlabel="side of a patch (pixels)", ylabel="squared error / squared spectrum")
  axes.set(xscale="log", yscale="log", ylim=(3e-3, 10.0))
  axes.set_xticks([4, 16, 70, 220], ["4", "16", "70", "220"])
  axes.minorticks_off()
  axes.set_title("structure wants larger patches than texture")
  axes.legend(loc="upper right", ncols=2)
  return rows, best
