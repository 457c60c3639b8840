"""Scoring a translation against true targets, picture by picture.

Outputs and targets are compared as the picture files that they become: both are rounded and clipped
to the values of the target domain first, so that the figures are those of the files on disk.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jax import Array

from imtrans.data import ImageSpec, denormalize, normalize
from imtrans.evaluation import metrics

QUANTITIES = {"l1": metrics.l1, "psnr": metrics.psnr, "ssim": metrics.ssim}


class Result(NamedTuple):
  """A translated picture and its figures.

  name: of the picture in its data set.
  source, output, target: float32 [height, width, channels] in [-1, 1], output and target rounded
    to values that the target domain has; target None if unknown.
  figures: "l1", "psnr", "ssim" of the output, and "baseline/l1", ... of the source taken as it is.
    Empty without a target; no baseline where source and target channels cannot be compared.
  """

  name: str
  source: np.ndarray
  output: np.ndarray
  target: np.ndarray | None
  figures: dict[str, float]


def evaluate_pairs(
  translate: Callable[[np.ndarray], np.ndarray],
  batches: Iterable[tuple[Sequence[str], Mapping[str, np.ndarray], int]],
  *,
  target_spec: ImageSpec,
) -> Iterator[Result]:
  """Translates batches and scores them, one result after the other.

  Nothing is kept, so a test set may be larger than memory; wrap the iterator in
  `rich.progress.track` for a progress bar.

  Args:
    translate: float32 images [batch, height, width, channels] in [-1, 1] to the same of the target.
    batches: (names, {"source", "target"}, count) as `imtrans.data.evaluation_batches` yields them:
      all of one size, only the first `count` images real; without "target" if there is none.
    target_spec: the values to which outputs and targets are rounded.

  Yields:
    A `Result` for each real image, in order.

  Raises:
    ValueError: an output does not have the shape of its target.
  """
  for names, images, count in batches:
    sources, targets = images["source"], images.get("target")
    outputs = _as_stored(translate(sources), target_spec)
    columns = {}
    if targets is not None:
      if outputs.shape != targets.shape:
        raise ValueError(
          f"the output for {names[0]!r} has shape {outputs.shape[1:]}, its target "
          f"{targets.shape[1:]}: both pictures of a test pair must have the same size."
        )
      targets = _as_stored(targets, target_spec)
      columns = {name: np.asarray(value) for name, value in _figures(outputs, targets).items()}
      baseline = copy_source(sources, targets.shape[-1])
      if baseline is not None:
        copied = _figures(_as_stored(baseline, target_spec), targets)
        columns |= {f"baseline/{name}": np.asarray(value) for name, value in copied.items()}
    for index in range(count):
      yield Result(
        name=names[index],
        source=sources[index],
        output=outputs[index],
        target=None if targets is None else targets[index],
        figures={name: float(values[index]) for name, values in columns.items()},
      )


@jax.jit
def _figures(images: Array, targets: Array) -> dict[str, Array]:
  return {name: quantity(images, targets) for name, quantity in QUANTITIES.items()}


def _as_stored(images: np.ndarray, spec: ImageSpec) -> np.ndarray:
  return normalize(denormalize(images, spec), spec)


def copy_source(sources: np.ndarray, channels: int) -> np.ndarray | None:
  """The baseline: the source taken for the translation.

  Args:
    sources: [batch, height, width, source channels] in [-1, 1].
    channels: of the target.

  Returns:
    [batch, height, width, channels]: the source itself, repeated from one channel, or averaged to
    one; None for other channel counts, where there is no natural copy.
  """
  if sources.shape[-1] == channels:
    return sources
  if sources.shape[-1] == 1:
    return np.repeat(sources, channels, axis=-1)
  if channels == 1:
    return np.mean(sources, axis=-1, keepdims=True)
  return None


def summarize(
  figures: Sequence[Mapping[str, float]], *, direction: str, main_direction: str
) -> dict[str, float]:
  """Means over pictures, under the names that logs and `metrics.json` use.

  Args:
    figures: `Result.figures` of the pictures of one direction; those without any are skipped.
    direction: the direction they were translated in.
    main_direction: the direction that the run is about.

  Returns:
    {"eval/l1": ..., "baseline/l1": ..., ...}; for the other direction "eval_ba/l1" and
    "baseline_ba/l1" (or "_ab"). Empty without targets.
  """
  suffix = "" if direction == main_direction else f"_{direction}"
  scored = [row for row in figures if row]
  summary = {}
  for name in scored[0] if scored else ():
    prefix, _, quantity = name.rpartition("/")
    title = f"{prefix or 'eval'}{suffix}/{quantity}"
    summary[title] = float(np.mean([row[name] for row in scored], dtype=np.float64))
  return summary
