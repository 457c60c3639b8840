"""The methods at a glance: a picture of each, and the table of the project's README."""

import ast
from pathlib import Path

import numpy as np

from experiments.family.config import CONFIGS, RUNS, VARIANTS, get_config
from experiments.family.measured import show, test_set
from experiments.record import ROOT
from imtrans.analyses.trained import TrainedRun
from imtrans.data import write_image
from imtrans.evaluation.pages.previews import contact_sheet
from imtrans.evaluation.pages.sheets import shows_sources
from imtrans.evaluation.translation.generators import noisy_modes
from imtrans.methods import find_method
from imtrans.training.assembly import is_static
from imtrans.training.input import is_paired

NUM_EXAMPLES = 4
SCALE = 2  # Pixels of the picture for one of an example.


def data_of(config) -> str:
  """What a run is shown, in a few words."""
  if is_static(config):
    return "noise; colour pictures"
  if find_method(config.method.name).domains:
    return "pictures of people, unpaired, tones told"
  words = ["pairs" if is_paired(config) else "unpaired"]
  if config.data.options.get("classes", "none") != "none":
    words.append(f"{config.data.options.classes} told")
  if config.palette:
    words.append("drawing as labels")
  return ", ".join(words)


def methods_table(pictures: Path) -> str:
  """Markdown table of the methods, from their configs and the pictures that are there.

  Args:
    pictures: folder of METHOD.png, inside the repository.

  Returns:
    A row for each method; in place of a picture that is not there, a dash.
  """
  lines = ["| method, data, command | held-out sources, and what it draws |", "|---|---|"]
  for name, recipe in RUNS.items():
    if name in VARIANTS:
      continue
    picture = pictures / f"{name}.png"
    drawn = f"![{recipe.title}]({picture.relative_to(ROOT)})" if picture.exists() else "–"
    command = f"imtrans train --config configs/{name}_openmoji.py:cpu --workdir runs/{name}"
    told = f"**{recipe.title}**: {_task(name)} *({data_of(get_config(name))})*"
    lines.append(f"| {told}<br>`{command}` | {drawn} |")
  return "\n".join(lines)


def draw_method(trained: TrainedRun, names: list[str], path: Path) -> None:
  """Draws held-out sources of a run above its outputs, by two seeds where these differ.

  Args:
    trained: the run.
    names: of the sources, see `show`.
    path: of the PNG file.
  """
  generator = trained.generators[0]
  if not shows_sources(test_set(trained)):
    made = list(show(trained, [], 2 * NUM_EXAMPLES).outputs)
    rows = [made[:NUM_EXAMPLES], made[NUM_EXAMPLES:]]
  else:
    shown = show(trained, names, NUM_EXAMPLES)
    rows = [list(shown.sources), list(shown.outputs)]
    if generator.mode in noisy_modes(trained.run.config):
      other = trained._replace(generators=(generator._replace(seed=generator.seed + 1),))
      rows.append(list(show(other, names, NUM_EXAMPLES).outputs))
  sheet = contact_sheet([row for row in rows if row], gap=1)
  path.parent.mkdir(exist_ok=True)
  write_image(path, np.kron(sheet, np.ones((SCALE, SCALE, 1), np.uint8)))


def _task(name: str) -> str:
  """What the first line of a method's config says after the colon."""
  text = (CONFIGS / f"{name}_openmoji.py").read_text()
  first = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
  return first.partition(": ")[2].rstrip(".")
