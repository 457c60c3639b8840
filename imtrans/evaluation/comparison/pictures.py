"""The same test pictures as every run translated them, chosen and read to be shown side by side."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from imtrans.data import image_spec, normalize, read_image
from imtrans.evaluation.comparison.protocols import shared_differences
from imtrans.evaluation.comparison.runs import EvaluatedRun
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.pages.previews import data_uri, preview
from imtrans.evaluation.quantities import rank
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.training.assembly import size_multiple
from imtrans.training.input import open_data, read_specs

SUFFIXES = (".png", ".tif")  # That an evaluation writes.


class Translations(NamedTuple):
  """One test picture and what became of it; pictures are `data:` URIs, None where unknown.

  name: of the picture.
  source, target: as the runs were given them.
  outputs: one for each run.
  figures: {"l1": ...} for each run.
  difference: between the best and the worst run, by the first quantity that all of them know.
  """

  name: str
  source: str | None
  target: str | None
  outputs: list[str | None]
  figures: list[dict[str, float]]
  difference: float


class PictureSection(NamedTuple):
  """The pictures of one direction.

  direction: "ab" or "ba".
  rows: those that are shown, in the order of the test set.
  total: how many all runs have in common.
  quantities: names of the figures that all runs know of all pictures.
  notes: what a reader must know of these pictures.
  """

  direction: str
  rows: list[Translations]
  total: int
  quantities: list[str]
  notes: list[str]


def picture_sections(
  runs: Sequence[EvaluatedRun], *, limit: int = 24
) -> tuple[list[PictureSection], list[str]]:
  """Reads the pictures that all runs have in common.

  Args:
    runs: at least one.
    limit: how many to show of each direction at most: a third of them those on which the runs
      differ most, the rest evenly chosen.

  Returns:
    A section for each direction in which there are any, and a sentence for each output that cannot
    be read.
  """
  sections, problems = [], []
  for direction in runs[0].pictures:
    tables = [run.pictures.get(direction, {}) for run in runs]
    names = [name for name in tables[0] if all(name in table for table in tables)]
    if not names:
      continue
    quantities = _common_quantities(tables, names)
    spans = [_span(tables, name, quantities) for name in names]
    chosen = choose(spans, limit=limit)
    shown = [names[index] for index in chosen]
    originals, notes = _originals(runs, direction, shown)
    columns = []
    for run in runs:
      outputs, found = _outputs(run, direction, shown)
      columns.append(outputs)
      problems += found
    rows = [
      Translations(
        name,
        *originals.get(name, (None, None)),
        outputs=[column[place] for column in columns],
        figures=[table[name] for table in tables],
        difference=spans[index],
      )
      for place, (index, name) in enumerate(zip(chosen, shown, strict=True))
    ]
    sections.append(PictureSection(direction, rows, len(names), quantities, notes))
  return sections, problems


def choose(differences: Sequence[float], *, limit: int) -> list[int]:
  """Chooses which of many pictures to show.

  Args:
    differences: how much the runs differ on each; all 0 where that is not known.
    limit: how many to choose at most.

  Returns:
    Indices in increasing order: all if they are few, else a third of the limit with the largest
    differences, and an even choice of the others.
  """
  count = len(differences)
  if count <= limit:
    return list(range(count))
  ranked = sorted(range(count), key=lambda index: -differences[index])
  extreme = [index for index in ranked[: limit // 3] if differences[index] > 0.0]
  others = sorted(set(range(count)) - set(extreme))
  room = limit - len(extreme)
  return sorted([*extreme, *(others[index * len(others) // room] for index in range(room))])


def _common_quantities(
  tables: Sequence[dict[str, dict[str, float]]], names: Sequence[str]
) -> list[str]:
  common = set(tables[0][names[0]])
  for table in tables:
    for name in names:
      common &= table[name].keys()
  return sorted((name for name in common if not name.startswith("baseline/")), key=rank)


def _span(
  tables: Sequence[dict[str, dict[str, float]]], name: str, quantities: Sequence[str]
) -> float:
  """How much the runs differ on a picture."""
  if not quantities:
    return 0.0
  values = [table[name][quantities[0]] for table in tables]
  span = max(values) - min(values)
  return span if math.isfinite(span) else 0.0


def _originals(
  runs: Sequence[EvaluatedRun], direction: str, names: Sequence[str]
) -> tuple[dict[str, tuple[str | None, str | None]], list[str]]:
  """Sources and targets by name, from the first run whose data is still there."""
  reason = ""
  for run in runs:
    try:
      originals = _read_originals(run, direction, names)
    except (ValueError, OSError, ImportError) as error:
      reason = reason or str(error)
      continue
    alike = not shared_differences(runs, direction)
    return originals, [] if alike else [f"Sources and targets are those of {run.name}."]
  return {}, [f"The test pictures are not there any more, so outputs stand alone: {reason}"]


def _read_originals(
  run: EvaluatedRun, direction: str, names: Sequence[str]
) -> dict[str, tuple[str | None, str | None]]:
  config = run.config
  dataset = open_data(config, str(run.protocol.get("split", "test")))
  pictures = EvaluationSet(
    dataset, batch_size=1, resize=config.data.resize, crop_size=config.data.crop_size
  )
  source, _ = pictures.domains(direction)
  wanted = set(names)
  indices = [index for index, name in enumerate(source.names) if name in wanted]
  if not indices:
    raise ValueError("the data holds no picture of these names.")
  # Nothing is translated: a generator tells an evaluation the direction and the sizes.
  generator = TrainedGenerator(
    _untouched, {}, {}, direction=direction, size_multiple=size_multiple(config)
  )
  return {
    names[0]: (
      _view(images["source"][0]),
      _view(images["target"][0]) if "target" in images else None,
    )
    for names, images, _ in pictures.batches(generator, indices)
  }


def _outputs(
  run: EvaluatedRun, direction: str, names: Sequence[str]
) -> tuple[list[str | None], list[str]]:
  """A run's pictures in the order of the names, and what is wrong with those that are None."""
  outputs: list[str | None] = []
  problems: list[str] = []
  folder = run.images(direction)
  try:
    spec = read_specs(run.path)[direction[1]]
  except ValueError as error:
    return [None] * len(names), [str(error)]
  for name in names:
    try:
      stored = read_image(_find(folder, name))
      # Colours that were joined with their grey picture are not those of the generator's domain.
      recorded = (spec.dtype, spec.channels) == (stored.dtype.name, stored.shape[-1])
      own = spec if recorded else image_spec(stored.shape[-1], stored.dtype.name)
      outputs.append(_view(normalize(stored, own)))
    except ValueError as error:
      outputs.append(None)
      problems.append(str(error))
  return outputs, problems


def _find(folder: Path, name: str) -> Path:
  paths = [folder / f"{name}{suffix}" for suffix in SUFFIXES]
  if not paths[0].resolve().is_relative_to(folder.resolve()):
    raise ValueError(f"the picture name {name!r} leads out of {folder}: evaluate the run again.")
  found = [path for path in paths if path.is_file()]
  if not found:
    raise ValueError(f"{paths[0]} is missing: evaluate the run again.")
  return found[0]


def _untouched(generator_params: Any, extras: Any, source: Any, key: Any, **options: Any) -> Any:
  return source


def _view(image: np.ndarray) -> str:
  return data_uri(preview(image))
