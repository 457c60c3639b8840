"""From a `Dataset` to evaluation batches: every picture once, in order, without randomness."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from imtrans.data.dataset import Dataset, Domain, check_direction
from imtrans.data.images import ImageError
from imtrans.data.specs import normalize
from imtrans.data.transforms import check_sizes, fit, resizer


def evaluation_batches(
  dataset: Dataset,
  *,
  batch_size: int,
  direction: str = "ab",
  resize: str = "square",
  crop_size: int,
  multiple: int = 1,
  on_problem: Callable[[str, ImageError], None] | None = None,
) -> Iterator[tuple[list[str], dict[str, np.ndarray], int]]:
  """Yields every picture once, in order and without randomness.

  A batch holds pictures of one size. The last of a size is padded to `batch_size` by repeating its
  last picture, so that a compiled function sees few shapes.

  Args:
    dataset: paired, unpaired or a single folder.
    batch_size: pictures in a batch.
    direction: "ab" makes `a` the source and `b` the target, "ba" the reverse.
    resize: "square" (to crop_size x crop_size), "scale_width" (crop_size wide) or "none" (whole
      pictures at their own size).
    crop_size: the evaluation size, in pixels; not used by "none".
    multiple: heights and widths are cropped about the middle to multiples of this; a side below it
      is padded by mirroring.
    on_problem: called with the name of a picture that cannot be used, and why; the picture is left
      out, with its partner. Without it, the first one ends the iteration.

  Yields:
    (names, {"source", "target"}, count): the names of the `count` real pictures, and float32
    [batch_size, height, width, channels] in [-1, 1]. "target" is there only if the dataset is
    paired.

  Raises:
    ValueError: if an argument does not fit, or the side that the direction needs is missing.
    ImageError: at a picture that cannot be used, unless there is `on_problem`.
  """
  check_direction(direction)
  check_sizes(resize, crop_size, crop_size)
  if batch_size < 1 or multiple < 1:
    raise ValueError(
      f"batch_size and multiple must be at least 1, got {batch_size} and {multiple}."
    )
  source, target = (dataset.a, dataset.b) if direction == "ab" else (dataset.b, dataset.a)
  if source is None:
    raise ValueError('a single folder is domain "a": direction must be "ab".')
  domains = {"source": source}
  if dataset.paired and target is not None:
    domains["target"] = target
  sizes = {"resize_to": resize, "crop_size": crop_size, "multiple": multiple}
  prepare = {
    side: functools.partial(fit, **sizes, resampled=resizer(domain.spec))
    for side, domain in domains.items()
  }
  return _in_order(domains, prepare, batch_size, on_problem)


def _in_order(
  domains: dict[str, Domain],
  prepare: dict[str, Callable[[np.ndarray], np.ndarray]],
  batch_size: int,
  on_problem: Callable[[str, ImageError], None] | None,
) -> Iterator[Any]:
  """Groups consecutive items of equal shapes into batches."""
  names: list[str] = []
  items: list[dict[str, np.ndarray]] = []
  source = domains["source"]
  for index, name in enumerate(source.names):
    try:
      item = {side: normalize(prepare[side](d[index]), d.spec) for side, d in domains.items()}
      _check_pair(name, item)
    except ImageError as error:
      if on_problem is None:
        raise
      on_problem(name, error)
      continue
    if items and _shapes(item) != _shapes(items[0]):
      yield _padded(names, items, batch_size)
      names, items = [], []
    names.append(name)
    items.append(item)
    if len(items) == batch_size:
      yield _padded(names, items, batch_size)
      names, items = [], []
  if items:
    yield _padded(names, items, batch_size)


def _check_pair(name: str, item: dict[str, np.ndarray]) -> None:
  """Raises ImageError if the two pictures of a pair have different sizes."""
  sizes = {array.shape[:2]: side for side, array in item.items()}
  if len(sizes) > 1:
    said = " and ".join(f"the {side} {w} x {h}" for (h, w), side in sizes.items())
    raise ImageError(
      f"the pictures of the pair {name!r} differ in size ({said} pixels): save them with one size, "
      'or set data.resize="square".'
    )


def _padded(names: list[str], items: list[dict[str, np.ndarray]], batch_size: int) -> Any:
  count = len(items)
  items = items + items[-1:] * (batch_size - count)
  return names, {side: np.stack([item[side] for item in items]) for side in items[0]}, count


def _shapes(item: dict[str, np.ndarray]) -> list[tuple[int, ...]]:
  return [array.shape for array in item.values()]
