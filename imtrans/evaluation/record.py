"""The files that an evaluation leaves: pictures, per_image.csv, metrics.json, index.html."""

import csv
import json
import math
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from imtrans.data import ImageSpec, denormalize, normalize, read_image, write_image
from imtrans.evaluation.evaluate import Evaluation
from imtrans.evaluation.evaluation_set import EvaluationSet
from imtrans.evaluation.judges.judge import Score, log_scalars
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.pages.gallery import (
  NAMES,
  Section,
  choose_shown,
  make_card,
  package_version,
  write_gallery,
)
from imtrans.evaluation.pages.sheets import shows_sources
from imtrans.evaluation.translation.pictures import as_stored, image_suffix
from imtrans.evaluation.translation.trained_generator import TrainedGenerator
from imtrans.methods import METHODS
from imtrans.training.assembly import method_field
from imtrans.training.files import write_atomically
from imtrans.training.run import Run

UNPAIRED = (
  "The test pictures are not paired, so there is nothing to compare an output with: no figures. "
  "Sets of pictures can be compared without pairs: --metrics kd_vgg16, for one."
)
ALONE = "There are no true pictures to compare an output with: no figures."
MARK = ".unfinished_evaluation"  # Beside pictures until all files are written.


def write_evaluation(
  run: Run,
  generators: Sequence[TrainedGenerator],
  evaluation: Evaluation,
  output: Path,
  *,
  workdir: Path,
  split: str = "test",
) -> dict[str, Any]:
  """Translates a whole test set and writes what came of it.

  images/NAME.png are the outputs in the values of the target domain (.tif where PNG cannot hold
  them), images_ba/ those of a second direction "ba".

  Args:
    run: of `imtrans.training.run.load_run`.
    generators: of the run, the first of its direction.
    evaluation: the pictures, and what is measured on them.
    output: folder to write into; made if absent.
    workdir: the run's folder, for its log.
    split: which part of the data this is, for the record.

  Returns:
    What metrics.json holds: "eval/l1", ..., "baseline/l1", ...; "figures", each with its own
    protocol; "protocol", what they have in common; "problems", the pictures that could not be used;
    "remarks", what a reader of the figures must know; and "note" where there is nothing to measure.

  Raises:
    ValueError: if no picture can be used, or something cannot be measured.
    OSError: if a file cannot be written.
  """
  pictures = evaluation.pictures
  output.mkdir(parents=True, exist_ok=True)
  folders = {
    generator.direction: output / ("images" if index == 0 else f"images_{generator.direction}")
    for index, generator in enumerate(generators)
  }
  for direction in folders:
    if not len(pictures.domains(direction)[0]):
      raise ValueError(f"the {split} split has no pictures in domain {direction[0]}.")
  _check_free(folders.values(), output)
  (output / MARK).touch()  # After all checks: it makes the folders ours.
  scores: list[Score] = []
  rows, sections = [], []
  brightness: dict[str, _Brightness] = {}
  for index, generator in enumerate(generators):
    direction = generator.direction
    source, _ = pictures.domains(direction)
    folder = folders[direction]
    judgement = evaluation.judge(generators, index, checkpoint=run.checkpoint)
    shown = pictures.track(judgement, len(source), f"translating {NAMES[direction]}")
    spec = pictures.target_spec(direction)
    # Only names and figures are kept of all pictures: there may be many.
    figures: dict[str, dict[str, float]] = {}
    seen = brightness[direction] = _Brightness()
    for result in _saved(shown, folder, spec):
      figures[result.name] = result.figures
      seen.add(result.source)
    _remove_others(folder, figures, _names_before(output, direction), spec)
    rows += [{"name": name, "direction": direction, **own} for name, own in figures.items()]
    names = list(figures)
    chosen = {names[index]: figures[names[index]] for index in choose_shown([*figures.values()])}
    results = _read_again(pictures, generator, folder, chosen)
    cards = [make_card(result, source=shows_sources(pictures)) for result in results]
    sections.append(Section(direction, cards, len(figures)))
    scores += judgement.scores()
  metrics = log_scalars(scores, generators[0].direction)
  protocol = _protocol(run, sections, split, generators[0], pictures)
  protocol["sources"] = {direction: seen.summary() for direction, seen in brightness.items()}
  note = ALONE if pictures.dataset.b is None else UNPAIRED
  notes = [] if metrics else [note]
  record = {
    **metrics,
    "figures": [score.as_dict() for score in scores],
    **({} if metrics else {"note": note}),
    **({"problems": pictures.problems} if pictures.problems else {}),
    **({"remarks": pictures.remarks} if pictures.remarks else {}),
    "protocol": protocol,
  }
  _write_rows(output / "per_image.csv", rows)
  write_atomically(output / "metrics.json", json.dumps(record, indent=2) + "\n")
  write_gallery(
    output / "index.html",
    title=_title(run),
    sections=sections,
    scores=scores,
    directions=[generator.direction for generator in generators],
    log=workdir / "log.jsonl",
    config=run.config.to_dict(),
    protocol=protocol,
    notes=[
      *notes,
      *(f"Note: {remark}" for remark in pictures.remarks),
      *(f"Left out: {why}" for why in pictures.problems.values()),
    ],
  )
  (output / MARK).unlink()
  return record


class _Brightness:
  """Mean and deviation of all values of the sources: they tell one test set from another."""

  def __init__(self) -> None:
    self._sums = np.zeros(3)  # Of ones, values and squares.

  def add(self, source: np.ndarray) -> None:
    values = source.astype(np.float64)
    self._sums += source.size, values.sum(), np.square(values).sum()

  def summary(self) -> dict[str, float]:
    count, total, squares = self._sums / max(1.0, self._sums[0])
    spread = math.sqrt(max(0.0, squares - total**2)) if count else 0.0
    return {"mean": round(float(total), 6), "deviation": round(spread, 6)}


def _check_free(folders: Iterable[Path], output: Path) -> None:
  """Pictures that were not written here must not be mixed with outputs, or overwritten by them."""
  if any((output / name).exists() for name in (MARK, "metrics.json")):
    return
  for folder in folders:
    if folder.is_dir() and any(folder.iterdir()):
      raise ValueError(
        f"{folder} holds files, and no evaluation wrote them (there is no metrics.json beside it): "
        "choose another --output."
      )


def _read_again(
  pictures: EvaluationSet,
  generator: TrainedGenerator,
  folder: Path,
  chosen: Mapping[str, dict[str, float]],
) -> Iterator[Result]:
  """A few of the results, their outputs read back from their files.

  Args:
    pictures: the test set.
    generator: of the direction.
    folder: of the outputs.
    chosen: the figures of each by its name.
  """
  source, _ = pictures.domains(generator.direction)
  spec = pictures.target_spec(generator.direction)
  indices = [index for index, name in enumerate(source.names) if name in chosen]
  for names, images, count in pictures.batches(generator, indices):
    targets = images.get("target")
    for index, name in enumerate(names[:count]):
      output = normalize(read_image(folder / f"{name}{image_suffix(spec)}"), spec)
      target = None if targets is None else as_stored(targets[index], spec)
      yield Result(name, images["source"][index], output, target, chosen[name])


def _remove_others(folder: Path, written: Iterable[str], before: set[str], spec: ImageSpec) -> None:
  """Removes the pictures of an earlier evaluation that this one did not write again."""
  for name in before - set(written):
    path = folder / f"{name}{image_suffix(spec)}"
    if path.resolve().is_relative_to(folder.resolve()):
      path.unlink(missing_ok=True)


def _names_before(output: Path, direction: str) -> set[str]:
  """The pictures that the last evaluation wrote."""
  try:
    with (output / "per_image.csv").open(newline="", encoding="utf-8") as file:
      rows = list(csv.DictReader(file))
  except (OSError, ValueError, csv.Error):
    return set()
  return {row["name"] for row in rows if row.get("direction") == direction and row.get("name")}


def _saved(results: Iterable[Result], folder: Path, spec: ImageSpec) -> Iterator[Result]:
  """Writes each output under its own name on the way."""
  for result in results:
    path = folder / f"{result.name}{image_suffix(spec)}"
    if not path.resolve().is_relative_to(folder.resolve()):
      raise ValueError(f"the picture name {result.name!r} leads out of {folder}: rename it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, denormalize(result.output, spec))
    yield result


def _write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
  """per_image.csv: a picture a line; figures that are not known are left empty."""
  columns = dict.fromkeys(("name", "direction"))
  for row in rows:
    columns |= dict.fromkeys(row)
  with path.open("w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, list(columns))
    writer.writeheader()
    writer.writerows(rows)


def _protocol(
  run: Run,
  sections: Sequence[Section],
  split: str,
  generator: TrainedGenerator,
  pictures: EvaluationSet,
) -> dict[str, Any]:
  """What all figures have in common, and a reader needs to compare them with others."""
  return {
    "images": {section.direction: section.total for section in sections},
    "split": split,
    "size": pictures.crop_size,
    "resize": pictures.resize,
    "inference": generator.mode,
    "seed": generator.seed,
    **_refinements(run),
    "batch_size": pictures.batch_size,
    "checkpoint": run.checkpoint,
    "step": run.step,
    "values": "outputs and targets rounded and clipped to the target's stored values "
    f"({', '.join(f'{name}: {spec.dtype}' for name, spec in run.specs.items())})",
    "baseline": "the source taken for the output",
    "versions": {
      "imtrans": package_version("imtrans"),
      "jax": jax.__version__,
      "python": platform.python_version(),
    },
    "device": jax.devices()[0].device_kind,
  }


def _refinements(run: Run) -> dict[str, int]:
  """In how many steps a translation was made, for a method that has several."""
  steps = method_field(run.config, "num_refinements")
  if steps is None:
    return {}
  return {"refinements": steps or method_field(run.config, "num_times")}


def _title(run: Run) -> str:
  method, data = run.config.method.name, run.config.data
  source = {"openmoji": "OpenMoji"}.get(data.source, Path(data.path).name or data.source)
  task = "" if data.task == "none" else f", {data.task.replace('_', ' ')}"
  return f"{METHODS[method].title} on {source}{task}"
