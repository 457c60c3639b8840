"""Table and figures of the study."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from experiments.multimodality.config import CONDITIONS
from experiments.multimodality.tones import BLUE, PALETTE, RED, Tones, reference_outputs
from experiments.record import mean_and_spread, origin
from imtrans.analyses.finding import BLACK, GREEN, ORANGE, STYLE, new_figure
from imtrans.analyses.finding import BLUE as COLOR

Records = Mapping[str, Mapping[str, Any]]
TITLES = {
  "l2": "L2",
  "l1": "L1",
  "gan": "L1 + GAN",
  "gan_dropout": "L1 + GAN, dropout",
  "gan_input": "L1 + GAN, z at the input",
  "gan_all": "L1 + GAN, z at all levels",
  "weak_all": "weak L1 + GAN, z at all levels",
}
REFERENCES = {
  "mean": "the mean of the six",
  "median": "the median of the six",
  "even": "the six, drawn evenly",
}
COLUMNS = {
  "modes": "modes covered",
  "entropy": "entropy",
  "diversity": "diversity",
  "blur": "blur",
  "to_mean": "to the mean",
  "to_median": "to the median",
  "error": "error of the picture",
}
NUM_SHOWN = 6  # Outputs of one drawing in the picture.
SCALE = 2  # Pixels of the figure for one of a picture.


def table(records: Records) -> str:
  """Markdown table: closed forms first, then means over seeds with their standard deviation."""
  lines = [f"| | {' | '.join(COLUMNS.values())} | seeds |", "|---|" + "---|" * (len(COLUMNS) + 1)]
  references = records["references"]
  for name, title in REFERENCES.items():
    cells = [f"{references[name][column]:.3f}" for column in COLUMNS]
    lines.append(f"| *{title}* | {' | '.join(cells)} | – |")
  for name, runs in by_condition(records).items():
    cells = [mean_and_spread([run[column] for run in runs]) for column in COLUMNS]
    lines.append(f"| {TITLES[name]} | {' | '.join(cells)} | {len(runs)} |")
  even = references["even"]
  return "\n".join(
    [
      *lines,
      "",
      f"{even['drawings']} held-out drawings, {even['samples']} outputs of each. Modes covered: "
      "share of the six answers that some output is nearest to; one output for all is 1/6, even "
      f"draws would reach {even['modes_of_even_draws']:.3f}. Entropy: of the outputs over the "
      "answers, 0 for always the same, 1 for even. The others are root mean squares from black 0 "
      "to white 1, on the skin but for the last: diversity is the distance between two outputs of "
      "one drawing, blur the distance to the nearest answer, error that of the whole picture to "
      "its nearest answer.",
      "",
      origin(trained(records)),
    ]
  )


def draw(records: Records, path: Path) -> None:
  """Draws the skin colours of all outputs among the answers, a panel for each condition."""
  groups = by_condition(records)
  columns = 4
  rows = -(-len(groups) // columns)
  with mpl.rc_context(STYLE):
    figure, panels = new_figure(columns=columns, rows=rows, width=2.7, height=2.5)
    for axes in panels.flat[len(groups) :]:
      axes.set_axis_off()
    for axes, (name, runs) in zip(panels.flat, groups.items(), strict=False):
      _draw_colors(axes, records["references"], runs)
      axes.set_title(TITLES[name])
    handles, labels = panels.flat[0].get_legend_handles_labels()
    place = "lower right" if len(groups) < panels.size else "outside lower center"
    figure.legend(handles, labels, loc=place, ncols=1 if len(groups) < panels.size else 4)
    figure.savefig(path)


def _draw_colors(
  axes: Axes, references: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]
) -> None:
  """One condition: red against blue of the mean skin colour, one mark for each output."""
  right = PALETTE / 255.0
  axes.scatter(
    right[:, RED], right[:, BLUE], s=60, c=right, marker="s", edgecolors=BLACK, linewidths=0.8
  )
  for run in runs:
    axes.plot(run["red"], run["blue"], "o", color=COLOR, markersize=2, alpha=0.35, linewidth=0)
  axes.plot([], [], "s", color="white", markeredgecolor=BLACK, label="one of the six answers")
  axes.plot([], [], "o", color=COLOR, markersize=3, label="an output")
  for name, mark, color in (("mean", "X", ORANGE), ("median", "P", GREEN)):
    # One prediction is the same for all samples of a drawing; drawings hardly differ.
    red, blue = (np.median(references[name][channel]) for channel in ("red", "blue"))
    axes.plot(
      red, blue, mark, color=color, markersize=9, markeredgecolor=BLACK, label=f"their {name}"
    )
  axes.set(xlim=(0.3, 1.05), ylim=(0.05, 0.95), xlabel="red (0 to 1)", ylabel="blue (0 to 1)")


def draw_pictures(groups: Mapping[str, tuple[list[Tones], list[np.ndarray]]], path: Path) -> None:
  """Draws some drawings with their answers, the closed forms and outputs of every condition.

  Args:
    groups: condition to (drawings, outputs of each, [samples, height, width, 3] in [-1, 1]).
    path: of the PNG file.
  """
  tones = next(iter(groups.values()))[0]
  chosen = (len(tones) // 4, 3 * len(tones) // 4)
  blank = np.ones_like(tones[0].source)
  predicted = reference_outputs(tones, 1)
  rows = {
    "drawing, right answers": [[tones[i].source, *tones[i].answers] for i in chosen],
    "mean, median": [
      [blank, predicted["mean"][i][0], predicted["median"][i][0], *[blank] * (NUM_SHOWN - 2)]
      for i in chosen
    ],
  }
  for name, (_, outputs) in groups.items():
    rows[TITLES[name]] = [[blank, *outputs[i][:NUM_SHOWN]] for i in chosen]
  strips = [np.concatenate([*first, *second], axis=1) for first, second in rows.values()]
  image = np.kron(0.5 + 0.5 * np.concatenate(strips), np.ones((SCALE, SCALE, 1)))
  side = SCALE * blank.shape[0]
  with mpl.rc_context(STYLE):
    figure, ((axes,),) = new_figure(width=image.shape[1] / 100 + 2.2, height=image.shape[0] / 100)
    axes.imshow(np.clip(image, 0.0, 1.0), interpolation="nearest")
    axes.set_yticks(side * (np.arange(len(rows)) + 0.5), list(rows))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(path, bbox_inches="tight")


def trained(records: Records) -> dict[str, Mapping[str, Any]]:
  """The records of runs."""
  return {key: record for key, record in records.items() if key != "references"}


def by_condition(records: Records) -> dict[str, list[Mapping[str, Any]]]:
  """Groups runs by condition, in the order of the config."""
  runs = trained(records).values()
  groups = {name: [r for r in runs if r["condition"] == name] for name in CONDITIONS}
  return {name: found for name, found in groups.items() if found}
