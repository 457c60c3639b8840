"""Table and pictures of the study."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from experiments.family.config import RUNS
from experiments.family.measured import Shown, show, source_names
from experiments.record import mean_and_spread, origin
from imtrans.analyses.finding import STYLE, new_figure
from imtrans.analyses.trained import TrainedRun
from imtrans.evaluation.evaluation_set import spread_indices
from imtrans.evaluation.quantities import quantity

Records = Mapping[str, Mapping[str, Any]]
FIGURES = ("l1", "psnr", "ssim", "lpips_alex", "kd_vgg16", "diversity_lpips_alex")
NUM_SHOWN = 12
SCALE = 2  # Pixels of the figure for one of a picture.
NOTHING = "–"


def table(records: Records) -> str:
  """Markdown table: means over seeds with their standard deviation, a row for each run."""
  headings = [quantity(name).heading for name in FIGURES]
  columns = ["data", *headings, "images/s", "parameters, generator", "discriminator", "seeds"]
  lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
  copied = [record["figures"] for record in records.values() if _is_copied(record)]
  if copied:
    cells = [_text(f"baseline/{name}", name, copied[:1]) for name in FIGURES]
    lines.append(f"| *copying the drawing* | – | {' | '.join(cells)} | – | – | – | – |")
  for name, runs in by_run(records).items():
    scores = [run["figures"] for run in runs]
    cells = [_text(f"eval/{figure}", figure, scores) for figure in FIGURES]
    speed = f"{np.mean([run['images_per_second'] for run in runs]):.0f}"
    sizes = [f"{runs[0]['parameters'][player]:,}" for player in ("generator", "discriminator")]
    row = [RUNS[name].title, runs[0]["data"], *cells, speed, *sizes, str(len(runs))]
    lines.append(f"| {' | '.join(row)} |")
  return "\n".join(
    [
      *lines,
      "",
      "Figures are those of `imtrans evaluate`, on held-out pictures, by the last checkpoint; "
      f"{NOTHING}: cannot be measured (nothing to compare with, or one answer for each drawing). "
      "Images per second: of training, by the processor time of one core. Parameters: of all "
      "networks of a player, encoders and both directions with them.",
      "",
      origin(records),
    ]
  )


def draw_pictures(runs: Mapping[str, TrainedRun], path: Path) -> None:
  """Draws the same held-out drawings through all runs, between drawing and the artist's picture.

  Args:
    runs: of the study, by name.
    path: of the PNG file.
  """
  names = same_drawings(runs, NUM_SHOWN)
  shown = {name: show(trained, names, NUM_SHOWN) for name, trained in runs.items()}
  rows = {RUNS[name].title: one.outputs for name, one in shown.items()}
  first = next((one for name, one in shown.items() if _is_of_drawings(runs[name])), None)
  if first is not None:
    rows = {"drawing": first.sources, **rows, **_answers(first)}
  # Those of noise may be fewer; all are of one size.
  strips = [np.concatenate(list(images), axis=1) for images in rows.values()]
  width = max(strip.shape[1] for strip in strips)
  strips = [
    np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=1.0) for s in strips
  ]
  image = np.kron(0.5 + 0.5 * np.concatenate(strips), np.ones((SCALE, SCALE, 1)))
  side = len(image) // len(strips)
  with mpl.rc_context(STYLE):
    figure, ((axes,),) = new_figure(width=image.shape[1] / 90 + 2.4, height=image.shape[0] / 90)
    axes.imshow(np.clip(image, 0.0, 1.0), interpolation="nearest")
    axes.set_yticks(side * (np.arange(len(rows)) + 0.5), list(rows))
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    figure.savefig(path, bbox_inches="tight")


def same_drawings(runs: Mapping[str, TrainedRun], count: int) -> list[str]:
  """The names of so many held-out drawings, evenly spread; [] if no run has plain drawings."""
  drawn = next((trained for trained in runs.values() if _is_of_drawings(trained)), None)
  names = [] if drawn is None else source_names(drawn)
  return [names[index] for index in spread_indices(len(names), count)]


def by_run(records: Records) -> dict[str, list[Mapping[str, Any]]]:
  """Groups records by run, in the order of the config."""
  groups = {name: [r for r in records.values() if r["run"] == name] for name in RUNS}
  return {name: found for name, found in groups.items() if found}


def _text(key: str, name: str, scores: list[Mapping[str, float]]) -> str:
  """A cell: the mean over seeds in the form of the figure; a dash where it was not measured."""
  values = [one[key] for one in scores if key in one]
  if not values:
    return NOTHING
  digits = len(quantity(name).text(0.0).partition(".")[2])
  return mean_and_spread(values, digits)


def _is_copied(record: Mapping[str, Any]) -> bool:
  """Whether a record has the baseline of the plain drawings, in colours."""
  return record["data"] in ("pairs", "unpaired") and "baseline/l1" in record["figures"]


def _is_of_drawings(trained: TrainedRun) -> bool:
  source, target = trained.dataset.a, trained.dataset.b
  alike = target is not None and source.spec.channels == target.spec.channels == 3
  return trained.dataset.paired and alike


def _answers(shown: Shown) -> dict[str, np.ndarray]:
  return {} if shown.answers is None else {"the artist's": shown.answers}
