"""Generators on a test set: figures for the log, rows for sample sheets.

`pairs` scores pictures and `report` writes files; here a config, a method and a data set meet.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from imtrans.data import Dataset, Domain, ImageSpec, evaluation_batches
from imtrans.evaluation.pairs import Result, evaluate_pairs, summarize
from imtrans.evaluation.translation import TrainedGenerator
from imtrans.methods import Method
from imtrans.training.assembly import size_multiple
from imtrans.training.input import is_paired


def trained_generators(
  config: ConfigDict,
  method: Method,
  generator_params: Any,
  extras: Any,
  *,
  mode: str | None = None,
  seed: int = 0,
) -> tuple[TrainedGenerator, ...]:
  """All generators of a run, one per direction that it can translate.

  Args:
    config: the run's config.
    method: the method that it describes.
    generator_params: parameters to use, such as their moving average.
    extras: the method's extras.
    mode: "train" or "test", see `Method`; the config's `inference` by default.
    seed: of the dropout noise, the same for every image.

  Returns:
    The generator of `config.data.direction`, then, for an unpaired method, that of the other.

  Raises:
    ValueError: for an unknown mode.
  """
  mode = mode or config.inference
  if mode not in ("train", "test"):
    raise ValueError(f"mode must be 'train' or 'test', got {mode!r}.")
  main = TrainedGenerator(
    method.translate,
    generator_params,
    extras,
    direction=config.data.direction,
    mode=mode,
    seed=seed,
    size_multiple=size_multiple(config),
  )
  if is_paired(config):
    return (main,)
  return main, main._replace(direction=main.direction[::-1])


def preprocessing(config: ConfigDict) -> dict[str, Any]:
  """The arguments batch_size, resize and crop_size of the functions below, from a config."""
  return {
    "batch_size": config.eval_batch_size,
    "resize": config.data.resize,
    "crop_size": config.data.crop_size,
  }


def check_channels(dataset: Dataset, specs: Mapping[str, ImageSpec]) -> None:
  """Raises ValueError if pictures have other channels than those that a run was trained on.

  Args:
    dataset: pictures to translate or to compare with.
    specs: of the run's domains, {"a": ..., "b": ...}.
  """
  for name, domain in (("a", dataset.a), ("b", dataset.b)):
    if domain is not None and domain.spec.channels != specs[name].channels:
      raise ValueError(
        f"the run was trained on pictures of {specs[name].channels} channel(s) in domain {name}, "
        f"these have {domain.spec.channels}: convert them, or choose another data.path."
      )


def translate_dataset(
  generator: TrainedGenerator,
  dataset: Dataset,
  *,
  batch_size: int,
  resize: str,
  crop_size: int,
  target_spec: ImageSpec | None = None,
) -> Iterator[Result]:
  """Translates a test set in one direction, and scores it where true pairs are known.

  Args:
    generator: of the direction wanted.
    dataset: the test set.
    batch_size: images per call.
    resize: "square", "scale_width" or "none", as in training.
    crop_size: side of "square", width of "scale_width", in pixels.
    target_spec: the values to which outputs and targets are rounded; by default those of the
      dataset's target domain.

  Returns:
    An iterator over a `Result` for every picture of the source domain, in order.

  Raises:
    ValueError: for an argument that does not fit; from the iterator, for a picture that cannot
      be read or is smaller than the window of SSIM.
  """
  batches = evaluation_batches(
    dataset,
    batch_size=batch_size,
    direction=generator.direction,
    resize=resize,
    crop_size=crop_size,
    multiple=generator.size_multiple,
  )
  target = dataset.b if generator.direction == "ab" else dataset.a
  # A single folder has no targets whose values could be asked for: those of the source will do.
  spec = target_spec or (dataset.a if target is None else target).spec
  return evaluate_pairs(generator, batches, target_spec=spec)


def evaluate(
  generators: Sequence[TrainedGenerator],
  dataset: Dataset,
  *,
  batch_size: int,
  resize: str,
  crop_size: int,
) -> dict[str, float]:
  """Scores generators on all pairs of a test set.

  Args:
    generators: of `trained_generators`; the first is the one that the run is about.
    dataset: the test set.
    batch_size: images per call.
    resize: see `translate_dataset`.
    crop_size: pixels.

  Returns:
    {"eval/l1", "eval/psnr", "eval/ssim", "baseline/l1", ...}, and "eval_ba/l1", ... for a second
    generator of direction "ba"; means over the pictures. Empty for a test set without pairs.

  Raises:
    ValueError: a picture cannot be read or is smaller than the window of SSIM.
  """
  if not dataset.paired:
    return {}
  options = {"batch_size": batch_size, "resize": resize, "crop_size": crop_size}
  summary = {}
  for generator in generators:
    figures = [result.figures for result in translate_dataset(generator, dataset, **options)]
    summary |= summarize(
      figures, direction=generator.direction, main_direction=generators[0].direction
    )
  return summary


def sample_rows(
  generators: Sequence[TrainedGenerator],
  dataset: Dataset,
  *,
  batch_size: int,
  resize: str,
  crop_size: int,
  count: int = 8,
) -> list[list[np.ndarray]]:
  """A few translated test pictures for `contact_sheet`, always the same ones.

  Args:
    generators: of `trained_generators`.
    dataset: the test set.
    batch_size: images per call; that of `evaluate` saves a compilation.
    resize: see `translate_dataset`.
    crop_size: pixels.
    count: pictures per generator, evenly spread over the test set.

  Returns:
    Rows [source, output, target], without target where the test set is not paired; float32
    [height, width, channels] in [-1, 1].
  """
  options = {"batch_size": batch_size, "resize": resize, "crop_size": crop_size}
  rows = []
  for generator in generators:
    few = _evenly_chosen(dataset, count, from_b=generator.direction == "ba")
    for result in translate_dataset(generator, few, **options):
      row = [result.source, result.output]
      rows.append(row if result.target is None else [*row, result.target])
  return rows


class _Chosen:
  """Some pictures of a domain, itself a domain."""

  def __init__(self, domain: Domain, indices: Sequence[int]):
    self._domain, self._indices = domain, indices
    self.spec, self.names = domain.spec, [domain.names[index] for index in indices]

  def __len__(self) -> int:
    return len(self._indices)

  def __getitem__(self, index: int, /) -> np.ndarray:
    return self._domain[self._indices[index]]


def _evenly_chosen(dataset: Dataset, count: int, *, from_b: bool) -> Dataset:
  """`count` evenly spaced pictures of the source domain, with their targets if there are any."""
  source = dataset.b if from_b and dataset.b is not None else dataset.a
  number = min(count, len(source))
  indices = [index * len(source) // number for index in range(number)]

  def chosen(domain: Domain) -> Domain:
    return _Chosen(domain, indices) if domain is source or dataset.paired else domain

  b = None if dataset.b is None else chosen(dataset.b)
  return Dataset(chosen(dataset.a), b, dataset.paired)
