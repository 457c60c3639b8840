"""The files that an evaluation leaves: pictures, per_image.csv, metrics.json, index.html."""

import csv
import json
import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from imtrans.data import Dataset, ImageSpec, denormalize, write_image
from imtrans.evaluation.evaluate import check_channels, trained_generators, translate_dataset
from imtrans.evaluation.gallery import (
  NAMES,
  Section,
  choose_cards,
  make_card,
  package_version,
  write_gallery,
)
from imtrans.evaluation.metrics import PSNR_CEILING
from imtrans.evaluation.pairs import QUANTITIES, Result, summarize
from imtrans.training.files import write_atomically
from imtrans.training.run import Run

COLUMNS = ("name", "direction", *QUANTITIES, *(f"baseline/{name}" for name in QUANTITIES))
UNPAIRED = (
  "The test pictures are not paired, so there is nothing to compare an output with: no figures."
)
METHOD_TITLES = {"pix2pix": "pix2pix", "cyclegan": "CycleGAN"}

Track = Callable[[Iterable[Result], int, str], Iterable[Result]]


def silently(results: Iterable[Result], total: int, title: str) -> Iterable[Result]:
  """Shows no progress: returns `results` as they are."""
  del total, title
  return results


def write_report(
  run: Run,
  dataset: Dataset,
  output: Path,
  *,
  workdir: Path,
  split: str = "test",
  batch_size: int | None = None,
  mode: str | None = None,
  seed: int = 0,
  track: Track = silently,
) -> dict[str, Any]:
  """Translates a whole test set and writes what came of it.

  images/NAME.png are the outputs in the values of the target domain (.tif where PNG cannot hold
  them), images_ba/ those of a second direction "ba".

  Args:
    run: of `imtrans.training.run.load_run`.
    dataset: the pictures, paired or not.
    output: folder to write into; made if absent.
    workdir: the run's folder, for its log.
    split: which part of the data this is, for the record.
    batch_size: images per call; the config's `eval_batch_size` by default.
    mode: "train" or "test"; the config's `inference` by default.
    seed: of the dropout noise.
    track: called as track(results, total, title), for a progress bar.

  Returns:
    What metrics.json holds: "eval/l1", ..., "baseline/l1", ... and "protocol"; and "note" without
    figures where the test set has no true pairs.

  Raises:
    ValueError: if a picture cannot be read, or there are none.
    OSError: if a file cannot be written.
  """
  config = run.config
  generators = trained_generators(
    config, run.method, run.generator_params, run.extras, mode=mode, seed=seed
  )
  if dataset.b is None:
    generators = tuple(g for g in generators if g.direction == "ab")
    if not generators:
      raise ValueError(
        "the run translates b to a, but the data is a single folder of pictures a: use "
        "`imtrans translate --input FOLDER`."
      )
  batch_size = batch_size or config.eval_batch_size
  options = {"resize": config.data.resize, "crop_size": config.data.crop_size}
  check_channels(dataset, run.specs)
  output.mkdir(parents=True, exist_ok=True)
  rows, sections, metrics = [], [], {}
  for index, generator in enumerate(generators):
    direction = generator.direction
    total = len(dataset.a if direction == "ab" else dataset.b or ())
    if not total:
      raise ValueError(f"the {split} split has no pictures in domain {direction[0]}.")
    folder = output / ("images" if index == 0 else f"images_{direction}")
    _check_free(folder, output)
    spec = run.specs[direction[1]]
    results = translate_dataset(
      generator, dataset, batch_size=batch_size, target_spec=spec, **options
    )
    results = _saved(track(results, total, f"translating {NAMES[direction]}"), folder, spec)
    cards = [make_card(result) for result in results]
    rows += [{"name": card.name, "direction": direction, **card.figures} for card in cards]
    sections.append(Section(direction, choose_cards(cards), total))
    metrics |= summarize(
      [card.figures for card in cards], direction=direction, main_direction=generators[0].direction
    )
  protocol = _protocol(run, sections, split, batch_size, generators[0].mode, seed, options)
  notes = [] if metrics else [UNPAIRED]
  record = {**metrics, **({} if metrics else {"note": UNPAIRED}), "protocol": protocol}
  _write_rows(output / "per_image.csv", rows)
  write_atomically(output / "metrics.json", json.dumps(record, indent=2) + "\n")
  write_gallery(
    output / "index.html",
    title=_title(run),
    sections=sections,
    metrics=metrics,
    directions=[generator.direction for generator in generators],
    log=workdir / "log.jsonl",
    config=config.to_dict(),
    protocol=protocol,
    notes=notes,
  )
  return record


def suffix_can_hold(suffix: str, spec: ImageSpec) -> bool:
  """Whether files of an extension can hold a domain's pictures; TIFF can hold everything."""
  suffix = suffix.lower()
  if suffix in (".tif", ".tiff"):
    return True
  dtypes = ("uint8", "uint16") if suffix == ".png" else ("uint8",)
  return spec.channels in (1, 3) and spec.dtype in dtypes


def image_suffix(spec: ImageSpec) -> str:
  """The extension of a format that holds a domain's pictures without loss: ".png" or ".tif"."""
  return ".png" if suffix_can_hold(".png", spec) else ".tif"


def _check_free(folder: Path, output: Path) -> None:
  """Pictures that were not written here must not be mixed with outputs, or overwritten by them."""
  if folder.is_dir() and any(folder.iterdir()) and not (output / "metrics.json").exists():
    raise ValueError(
      f"{folder} holds files, and no evaluation wrote them (there is no metrics.json beside it): "
      "choose another --output."
    )


def _saved(results: Iterable[Result], folder: Path, spec: ImageSpec) -> Iterator[Result]:
  """Writes each output under its own name on the way."""
  for result in results:
    path = folder / f"{result.name}{image_suffix(spec)}"
    if not path.resolve().is_relative_to(folder.resolve()):
      raise ValueError(f"the picture name {result.name!r} leads out of {folder}: rename it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_image(path, denormalize(result.output, spec))
    yield result


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
  """per_image.csv: a picture a line; figures that are not known are left empty."""
  with path.open("w", newline="", encoding="utf-8") as file:
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)


def _protocol(
  run: Run,
  sections: Sequence[Section],
  split: str,
  batch_size: int,
  mode: str,
  seed: int,
  options: dict[str, Any],
) -> dict[str, Any]:
  """All that a reader needs to compare these figures with others."""
  return {
    "images": {section.direction: section.total for section in sections},
    "split": split,
    "size": options["crop_size"],
    "resize": options["resize"],
    "inference": mode,
    "seed": seed,
    "batch_size": batch_size,
    "checkpoint": run.checkpoint,
    "step": run.step,
    "values": "outputs and targets rounded and clipped to the target's stored values "
    f"({', '.join(f'{name}: {spec.dtype}' for name, spec in run.specs.items())})",
    "l1": "mean absolute error, black 0 and white 1",
    "psnr": f"decibels, range 1, at most {PSNR_CEILING:g}, mean over images",
    "ssim": "Gaussian window, sigma 1.5, 11 x 11, range 1, per channel, mean over images",
    "baseline": "the source taken for the output",
    "versions": {
      "imtrans": package_version("imtrans"),
      "jax": jax.__version__,
      "python": platform.python_version(),
    },
    "device": jax.devices()[0].device_kind,
  }


def _title(run: Run) -> str:
  method, data = run.config.method.name, run.config.data
  source = {"openmoji": "OpenMoji"}.get(data.source, Path(data.path).name or data.source)
  return f"{METHOD_TITLES.get(method, method)} on {source}"
