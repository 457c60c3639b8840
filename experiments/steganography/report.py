"""Tables and figures of the study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from experiments.multimodality.tones import NUM_TONES, find_tones
from experiments.record import mean_and_spread, origin
from experiments.steganography.config import CONDITIONS
from experiments.steganography.messages import DISTURBANCES, draw_tones, messages, reconstruct
from imtrans.analyses.finding import BLACK, BLUE, GREEN, RED, STYLE, new_figure
from imtrans.analyses.trained import TrainedRun
from imtrans.theory.cycles import recovery_error

Records = Mapping[str, Mapping[str, Any]]
Groups = dict[str, list[Mapping[str, Any]]]
COLORS = dict(zip(CONDITIONS, (RED, GREEN, BLUE), strict=True))
TITLES = {
  name: f"trained with noise of {noise:g} levels" if noise else "trained without noise"
  for name, noise in CONDITIONS.items()
}
COLUMNS = {
  "drawing_error": "drawing",
  "copy_error": "copied colours",
  "reconstruction_error": "reconstruction",
  "quantized_error": "from 8 bits",
  "another": "from another picture",
  "noise_sensitivity": "noise sensitivity",
  "message": "message, rms",
  "message_skin": "on the skin",
}
# Kinds of disturbance, the axis of their strength, and whether it is logarithmic.
KINDS = {
  "noise": ("noise, standard deviation (8-bit levels)", True),
  "blur": ("blur, standard deviation (pixels)", False),
  "JPEG": ("JPEG quality (from mild to harsh)", False),
  "quantisation": ("quantisation step (8-bit levels)", True),
}
GAIN = 2.0  # By which messages are amplified in the picture.
SHOWN_TONES = (1, NUM_TONES - 1)  # The lightest and the darkest.
SCALE = 2  # Pixels of the figure for one of a picture.


def table(records: Records) -> str:
  """Markdown tables: means over seeds with their standard deviation."""
  groups = by_condition(records)
  lines = [f"| 8-bit levels | {' | '.join(COLUMNS.values())} | seeds |"]
  lines.append("|---|" + "---|" * (len(COLUMNS) + 1))
  for name, runs in groups.items():
    shown = [{**run, "another": _error(run, "another picture's")} for run in runs]
    cells = [mean_and_spread([run[column] for run in shown], 2) for column in COLUMNS]
    lines.append(f"| {TITLES[name]} | {' | '.join(cells)} | {len(runs)} |")
  kinds = ["undisturbed", *DISTURBANCES]
  lines += ["", f"| tones found again | {' | '.join(kinds)} |", "|---|" + "---|" * len(kinds)]
  for name, runs in groups.items():
    cells = [_tones_cell(runs, kind) for kind in kinds]
    lines.append(f"| {TITLES[name]} | {' | '.join(cells)} |")
  return "\n".join(
    [
      *lines,
      "",
      "Mean absolute errors, but for the message: what drawings of one emoji in six tones differ "
      "by from their mean, root mean square. Drawing: against the true line drawing; copied "
      "colours: what that would be if the colours were left. Reconstruction: from the generator's "
      "own drawing; from 8 bits: from the same in a picture file; from another picture: what a "
      "reconstruction is off by that knows nothing. Noise sensitivity: how far noise of 1 to 8 "
      "levels on the drawing moves the reconstruction. Tones found again: share of the "
      "reconstructions that are nearest to their own tone, chance being 1/6.",
      "",
      origin(records),
    ]
  )


def draw(records: Records, path: Path) -> None:
  """Draws what survives each disturbance, and the tones beside the closed form."""
  groups = by_condition(records)
  with mpl.rc_context(STYLE):
    figure, panels = new_figure(columns=3, rows=2, width=4.0, height=3.1)
    for axes, kind in zip(panels.flat, KINDS, strict=False):
      _draw_survival(axes, groups, kind)
    _draw_contrast(panels[1, 1], groups)
    _draw_tones(panels[1, 2], groups)
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels))
    figure.savefig(path)


def _draw_survival(axes: Axes, groups: Groups, kind: str) -> None:
  """The share of the picture that survives one kind of disturbance, against its strength."""
  title, logarithmic = KINDS[kind]
  for name, runs in groups.items():
    strengths = [row["strength"] for row in runs[0]["curves"] if row["disturbance"] == kind]
    shares = np.array([survival(run, kind) for run in runs])
    places = list(range(len(strengths))) if kind == "JPEG" else strengths
    axes.plot(places, shares.mean(axis=0), color=COLORS[name], linewidth=1, label=TITLES[name])
    for one in shares:
      axes.plot(places, one, "o", color=COLORS[name], markersize=3)
    if kind == "JPEG":
      axes.set_xticks(places, [f"{strength:g}" for strength in strengths])
    elif logarithmic:
      axes.set_xscale("log", base=2)
      axes.set_xticks(strengths, [f"{strength:g}" for strength in strengths])
  axes.axhline(0.0, color=BLACK, linewidth=0.5)
  axes.set(xlabel=title, ylabel="share of the picture that survives")
  axes.set_title(kind)


def _draw_contrast(axes: Axes, groups: Groups) -> None:
  """The difference between tones after noise, beside the best reader of single values."""
  fine = jnp.geomspace(0.5, 64.0, 100)
  for name, runs in groups.items():
    noise = np.array(runs[0]["noise"])
    shares = np.array([np.array(run["contrast"]) / run["contrast"][0] for run in runs])
    for one in shares:
      axes.plot(noise[1:], one[1:], "o", color=COLORS[name], markersize=3)
    amplitude = float(np.mean([run["message_skin"] for run in runs]))
    closed = 1.0 - recovery_error(amplitude, fine)
    axes.plot(fine, closed, color=COLORS[name], linewidth=1)
  axes.plot([], [], color=BLACK, linewidth=1, label="1 / (1 + σ² / ε²)")
  axes.plot([], [], "o", color=BLACK, markersize=3, label="measured")
  axes.set_xscale("log", base=2)
  axes.set_xticks(noise[1:], [f"{level:g}" for level in noise[1:]])
  axes.set(xlabel="noise σ on the drawing (8-bit levels)", ylabel="tone contrast that survives")
  axes.set_title("tones: a reader of single values, and ours")
  axes.legend(loc="lower left")


def _draw_tones(axes: Axes, groups: Groups) -> None:
  """The share of the tones that is found again after each disturbance."""
  kinds = ["undisturbed", *DISTURBANCES]
  for offset, (name, runs) in enumerate(groups.items()):
    for run in runs:
      found = [run["tones"].get(kind, np.nan) for kind in kinds]
      places = np.arange(len(kinds)) + 0.2 * (offset - 1)
      axes.plot(found, places, "o", color=COLORS[name], markersize=4)
  axes.axvline(1.0 / NUM_TONES, color=BLACK, linestyle=":", label="chance")
  axes.set_yticks(range(len(kinds)), kinds)
  axes.invert_yaxis()
  axes.set(xlabel="share of the six tones found again", xlim=(0.0, 1.05))
  axes.set_title("is it the right tone?")
  axes.legend(loc="lower right")


def draw_pictures(runs: Mapping[str, TrainedRun], path: Path) -> None:
  """Draws an emoji in two tones through each run: drawing, message, reconstructions."""
  columns = ["colours", "drawing made", f"message × {GAIN:g}", "reconstructed", *DISTURBANCES]
  strips, names = [], []
  for name, trained in runs.items():
    tones = find_tones(trained)
    chosen = len(tones) // 4
    lines = draw_tones(trained, tones)
    kinds = [reconstruct(trained, lines, disturb) for disturb in (None, *DISTURBANCES.values())]
    shown = [image[chosen] for image in (lines, GAIN * messages(lines), *kinds)]
    shown = [tones[chosen].answers, *shown]
    for tone in SHOWN_TONES:
      strips.append(np.concatenate([images[tone] for images in shown], axis=1))
      names.append(TITLES[name].replace(" of", "\nof") if tone == SHOWN_TONES[0] else "")
  image = np.kron(0.5 + 0.5 * np.concatenate(strips), np.ones((SCALE, SCALE, 1)))
  side = len(image) // len(strips)
  with mpl.rc_context(STYLE):
    figure, ((axes,),) = new_figure(
      width=image.shape[1] / 90 + 2.0, height=image.shape[0] / 90 + 0.4
    )
    axes.imshow(np.clip(image, 0.0, 1.0), interpolation="nearest")
    axes.set_yticks(side * np.arange(1, len(strips), 2), names[::2])
    axes.set_xticks(
      side * (np.arange(len(columns)) + 0.5), [c.replace(", ", ",\n") for c in columns]
    )
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.spines[:].set_visible(False)
    figure.savefig(path, bbox_inches="tight")


def survival(run: Mapping[str, Any], kind: str) -> list[float]:
  """The share of a picture that survives: 1 undisturbed, 0 as from another picture's drawing."""
  plain, other = _error(run, "none"), _error(run, "another picture's")
  rows = [row for row in run["curves"] if row["disturbance"] == kind]
  return [(other - row["reconstruction_error"]) / (other - plain) for row in rows]


def by_condition(records: Records) -> Groups:
  """Groups runs by condition, in the order of the config."""
  groups = {n: [r for r in records.values() if r["condition"] == n] for n in CONDITIONS}
  return {name: found for name, found in groups.items() if found}


def _tones_cell(runs: Sequence[Mapping[str, Any]], kind: str) -> str:
  """Mean and spread over the runs that have been disturbed that way; how many, if not all."""
  found = [run["tones"][kind] for run in runs if kind in run["tones"]]
  cell = mean_and_spread(found, 2) if found else "–"
  return cell if len(found) in (0, len(runs)) else f"{cell} ({len(found)} of {len(runs)})"


def _error(run: Mapping[str, Any], disturbance: str) -> float:
  rows: Sequence[Mapping[str, Any]] = run["curves"]
  return next(row["reconstruction_error"] for row in rows if row["disturbance"] == disturbance)
