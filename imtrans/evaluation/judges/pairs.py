"""Translating a test set and scoring it picture by picture.

Outputs and targets are compared as the picture files that they become: both are rounded and clipped
to the values of the target domain first, so that the figures are those of the files on disk.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from imtrans.data import ImageSpec
from imtrans.evaluation.translation.pictures import as_stored

# (images, targets) -> [batch].
Quantity = Callable[[Any, Any], Any]
# (sources, outputs as the generator gives them, outputs as stored) -> {name: [batch]}.
SourceJudge = Callable[[np.ndarray, np.ndarray, np.ndarray], Mapping[str, Any]]


class Result(NamedTuple):
  """A translated picture and its figures.

  name: of the picture in its data set.
  source, output, target: float32 [height, width, channels] in [-1, 1], output and target rounded
    to values that the target domain has; target None if unknown.
  figures: such as "l1" of the output, and "baseline/l1" of the source taken as it is. None of those
    without a target; no baseline where source and target channels cannot be compared.
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
  quantities: Mapping[str, Quantity],
  source_judges: Sequence[SourceJudge] = (),
) -> Iterator[Result]:
  """Translates batches and scores them, one result after the other.

  Nothing is kept, so a test set may be larger than memory; wrap the iterator in
  `rich.progress.track` for a progress bar.

  Args:
    translate: float32 images [batch, height, width, channels] in [-1, 1] to the same of the target.
    batches: (names, {"source", "target"}, count) as `imtrans.data.evaluation_batches` yields them:
      all of one size, only the first `count` images real; without "target" if there is none.
    target_spec: the values to which outputs and targets are rounded.
    quantities: what is measured between an output and its target, by name.
    source_judges: what is measured between an output and its source.

  Yields:
    A `Result` for each real image, in order.

  Raises:
    ValueError: an output does not have the shape of its target.
  """
  for names, images, count in batches:
    sources, targets = images["source"], images.get("target")
    made = translate(sources)
    outputs = as_stored(made, target_spec)
    columns: dict[str, Any] = {}
    if targets is not None:
      if outputs.shape != targets.shape:
        raise ValueError(
          f"the output for {names[0]!r} has shape {outputs.shape[1:]}, its target "
          f"{targets.shape[1:]}: both pictures of a test pair must have the same size."
        )
      targets = as_stored(targets, target_spec)
      columns |= {name: quantity(outputs, targets) for name, quantity in quantities.items()}
    for judge in source_judges:
      columns |= judge(sources, made, outputs)
    if targets is not None and (copied := copy_source(sources, targets.shape[-1])) is not None:
      copied = as_stored(copied, target_spec)
      columns |= {f"baseline/{name}": q(copied, targets) for name, q in quantities.items()}
    columns = {name: np.asarray(values) for name, values in columns.items()}
    for index in range(count):
      yield Result(
        name=names[index],
        source=sources[index],
        output=outputs[index],
        target=None if targets is None else targets[index],
        figures={name: float(values[index]) for name, values in columns.items()},
      )


def copy_source(sources: np.ndarray, channels: int) -> np.ndarray | None:
  """The baseline: the source taken for the translation.

  Args:
    sources: [batch, height, width, source channels] in [-1, 1].
    channels: of the target.

  Returns:
    [batch, height, width, channels]: the source itself, repeated from one channel, or averaged to
    one. Behind a grey or RGB picture may be one channel more, such as the plane of its class, which
    is left out. None for other channel counts, where there is no natural copy.
  """
  if sources.shape[-1] == channels:
    return sources
  if channels in (1, 3) and sources.shape[-1] == channels + 1:
    return sources[..., :-1]
  if sources.shape[-1] == 1:
    return np.repeat(sources, channels, axis=-1)
  if channels == 1:
    return np.mean(sources, axis=-1, keepdims=True)
  return None


def colored(images: np.ndarray) -> np.ndarray:
  """Grey images [batch, height, width, 1] as three equal channels, others as they are."""
  return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
