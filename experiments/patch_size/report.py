"""Tables and figures of the study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from experiments.family.measured import show, source_names
from experiments.patch_size.config import CONDITIONS, FIELDS, NO_GAN
from experiments.patch_size.paper import power_ratios
from experiments.record import mean_and_spread, origin
from imtrans.analyses.finding import BLACK, BLUE, GREEN, RED, STYLE, new_figure
from imtrans.analyses.trained import TrainedRun
from imtrans.evaluation.evaluation_set import spread_indices
from imtrans.evaluation.quantities import quantity
from imtrans.theory.patches import Texture

Records = Mapping[str, Mapping[str, Any]]
Groups = dict[str, list[Mapping[str, Any]]]
SIDES = {"patch_1": 1, **{f"patch_{side}": side for side in FIELDS}}
TITLES = {NO_GAN: "L1 alone", **{name: f"PatchGAN {side}" for name, side in SIDES.items()}}
FIGURES = ("l1", "psnr", "ssim", "lpips_alex")
COLORS = {"pixel_accuracy": "per pixel", "class_accuracy": "per colour", "class_iou": "colour IoU"}
# Octaves whose lowest frequency lies in these, in cycles per pixel, are taken together.
BANDS = {
  "structure (waves above 32 pixels)": (0.0, 1.0 / 32.0),
  "between": (1.0 / 32.0, 1.0 / 8.0),
  "texture (waves below 8 pixels)": (1.0 / 8.0, 0.75),
}
PAINT = dict(zip(BANDS, (RED, GREEN, BLUE), strict=True))
KINDS = ("outputs", "error")
NUM_SHOWN = 6
NOTHING = "–"


def table(records: Records) -> str:
  """Markdown tables: means over seeds with their standard deviation."""
  groups, copied = by_condition(records), records["references"]
  headings = [quantity(name).heading for name in FIGURES]
  headings += [f"right colour, {title} ↑" for title in COLORS.values()]
  quality = [f"| | {' | '.join(headings)} | seeds |", "|---" * (len(headings) + 2) + "|"]
  shown = list(BANDS)
  bands = [f"| | {' | '.join(2 * shown)} |", "|---" * (2 * len(shown) + 1) + "|"]
  cost = ["| | sees (pixels) | independent patches | MFLOP a pair | parameters | images/s |"]
  cost.append("|---" * 6 + "|")
  colors = [f"{copied['colors'][name]:.3f}" for name in COLORS]
  first = next(iter(groups.values()))[0]["figures"]
  cells = [_text([first[f"baseline/{n}"]] if f"baseline/{n}" in first else [], n) for n in FIGURES]
  quality.append(f"| *copying the drawing* | {' | '.join([*cells, *colors])} | – |")
  for name, runs in groups.items():
    scores = [run["figures"] for run in runs]
    cells = [_text([one[f"eval/{n}"] for one in scores if f"eval/{n}" in one], n) for n in FIGURES]
    cells += [mean_and_spread([run["colors"][color] for run in runs]) for color in COLORS]
    quality.append(f"| {TITLES[name]} | {' | '.join(cells)} | {len(runs)} |")
    cells = [mean_and_spread([ratio(r, kind, b) for r in runs]) for kind in KINDS for b in BANDS]
    bands.append(f"| {TITLES[name]} | {' | '.join(cells)} |")
    cost.append(f"| {TITLES[name]} | {' | '.join(_cost(runs))} |")
  return "\n".join(
    [
      *quality,
      "",
      f"{copied['pictures']} held-out drawings at {copied['side']} pixels. Right colour: the "
      "answers' commonest colours are taken for the classes of a segmentation "
      f"({copied['colors']['pixels']:.0%} of the pixels have one), and a pixel of an output for "
      "that of the nearest.",
      "",
      *bands,
      "",
      "First three columns: power of the outputs over that of the answers, 1 being right; last "
      "three: power of the error over that of the answers; by spatial frequency.",
      "",
      *cost,
      "",
      "Independent patches: in one picture "
      "([imtrans/theory/patches/layers.py](../../imtrans/theory/patches/layers.py)). MFLOP: of the "
      "discriminator judging one pair, forwards. Images per second: of training both networks, by "
      "the processor time of one core.",
      "",
      origin({key: record for key, record in records.items() if key != "references"}),
    ]
  )


def ratio(run: Mapping[str, Any], kind: str, band: str) -> float:
  """Power of "outputs" or "error" in a band, over that of the answers there."""
  powers, (low, high) = run["spectra"], BANDS[band]
  inside = [low <= edge < high for edge in powers["edges"][:-1]]
  part, whole = (np.array(powers[name])[inside].sum() for name in (kind, "answers"))
  return float(part / whole) if whole else float("nan")


def draw(records: Records, path: Path) -> None:
  """Draws what comes out by bands beside the theory, the error by bands, and how it looks."""
  groups = by_condition(records)
  with mpl.rc_context(STYLE):
    figure, panels = new_figure(columns=2, rows=2, width=4.6, height=3.3)
    _draw_bands(panels[0, 0], groups, "outputs")
    panels[0, 0].set(ylabel="power of outputs / of answers")
    panels[0, 0].set_title("measured: is anything missing, or too much?")
    _draw_paper(panels[0, 1], records["references"])
    _draw_bands(panels[1, 0], groups, "error")
    panels[1, 0].set(ylabel="power of the error / of answers")
    panels[1, 0].set_title("measured: is it in the right place?")
    _draw_quality(panels[1, 1], groups)
    for axes in panels.flat:
      axes.set_xscale("log")
      axes.set_xticks(list(SIDES.values()), list(map(str, SIDES.values())))
      axes.minorticks_off()
      axes.set(xlabel="side of a patch (pixels)")
    figure.savefig(path)


def _draw_bands(axes: Axes, groups: Groups, kind: str) -> None:
  """A ratio by bands against the size of a patch; without a discriminator as a line across."""
  for band, color in PAINT.items():
    means = {}
    for name, runs in groups.items():
      values = [ratio(run, kind, band) for run in runs]
      if name == NO_GAN:
        axes.axhline(float(np.mean(values)), color=color, linestyle=":", linewidth=1)
        continue
      axes.plot([SIDES[name]] * len(values), values, "o", color=color)
      means[SIDES[name]] = np.mean(values)
    axes.plot(list(means), list(means.values()), color=color, linewidth=1, label=band)
  axes.plot([], [], ":", color=BLACK, linewidth=1, label="L1 alone")
  axes.legend(fontsize=7)


def _draw_paper(axes: Axes, references: Mapping[str, Any]) -> None:
  """The power that lines have which are laid out of real patches, in closed form."""
  fitted, side = references["texture"], references["side"]
  lengths = jnp.array(fitted["lengths"])
  texture = Texture(jnp.array(fitted["variances"]), lengths, jnp.zeros_like(lengths))
  sizes = np.unique(np.round(np.geomspace(1.0, max(SIDES.values()), 80)))
  # A patch cannot show more than the whole picture.
  ratios = power_ratios(texture, np.minimum(sizes, side).tolist(), list(BANDS.values()))
  for column, color in zip(ratios.T, PAINT.values(), strict=True):
    axes.plot(sizes, column, color=color)
  axes.axhline(1.0, color=BLACK, linewidth=0.5)
  axes.axvline(side, color=BLACK, linestyle="--", linewidth=1)
  axes.set(yscale="log", ylabel="power of patches / of pictures")
  axes.set_title("on paper: real patches, laid side by side")


def _draw_quality(axes: Axes, groups: Groups) -> None:
  """The right colours, and LPIPS on the other axis."""
  other = axes.twinx()
  other.spines[:].set_visible(False)
  readers = (
    (axes, BLUE, "colour IoU", lambda run: run["colors"]["class_iou"]),
    (other, RED, "LPIPS", lambda run: run["figures"].get("eval/lpips_alex", float("nan"))),
  )
  for place, color, title, read in readers:
    means = {}
    for name, runs in groups.items():
      values = [read(run) for run in runs]
      if name == NO_GAN:
        place.axhline(float(np.mean(values)), color=color, linestyle=":", linewidth=1)
        continue
      place.plot([SIDES[name]] * len(values), values, "o", color=color)
      means[SIDES[name]] = np.mean(values)
    place.plot(list(means), list(means.values()), color=color, linewidth=1)
    place.set_ylabel(f"{title} ({'larger' if place is axes else 'smaller'} is better)", color=color)
  axes.set_title("how right, and how alike it looks")


def draw_pictures(runs: Mapping[str, TrainedRun], path: Path) -> None:
  """Draws the same held-out drawings through all runs, between drawing and the artist's picture."""
  names = source_names(next(iter(runs.values())))
  names = [names[index] for index in spread_indices(len(names), NUM_SHOWN)]
  shown = {name: show(trained, names, NUM_SHOWN) for name, trained in runs.items()}
  first = next(iter(shown.values()))
  columns = {"drawing": first.sources}
  columns |= {TITLES[name]: one.outputs for name, one in shown.items()}
  columns["the artist's"] = first.sources if first.answers is None else first.answers
  strips = [np.concatenate(list(images)) for images in columns.values()]
  image, side = 0.5 + 0.5 * np.concatenate(strips, axis=1), first.sources.shape[2]
  with mpl.rc_context(STYLE):
    height, width = (1.0 + pixels / 100 for pixels in image.shape[:2])
    figure, ((axes,),) = new_figure(width=width, height=height)
    axes.imshow(np.clip(image, 0.0, 1.0), interpolation="nearest")
    axes.set_xticks(side * (np.arange(len(columns)) + 0.5), list(columns))
    axes.set_yticks([])
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.savefig(path, bbox_inches="tight")


def by_condition(records: Records) -> Groups:
  """Groups runs by condition, in the order of the config."""
  runs = [record for key, record in records.items() if key != "references"]
  groups = {name: [r for r in runs if r["condition"] == name] for name in CONDITIONS}
  return {name: found for name, found in groups.items() if found}


def _cost(runs: list[Mapping[str, Any]]) -> list[str]:
  """What the discriminator of a condition sees and costs; the speed is that of the whole step."""
  speed = f"{np.mean([run['images_per_second'] for run in runs]):.1f}"
  seen = runs[0]["discriminator"]
  if seen is None:
    return [NOTHING] * 4 + [speed]
  size = f"{runs[0]['parameters']['discriminator']:,}"
  return [
    str(seen["receptive_field"]),
    f"{seen['patches']:.1f}",
    f"{seen['flops'] / 1e6:.1f}",
    size,
    speed,
  ]


def _text(values: list[float], name: str) -> str:
  """A cell in the form of the figure; a dash where it was not measured."""
  if not values:
    return NOTHING
  return mean_and_spread(values, len(quantity(name).text(0.0).partition(".")[2]))
