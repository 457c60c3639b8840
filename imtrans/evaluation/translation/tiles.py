"""Translating an image piece by piece: where tiles lie, and how their translations are joined.

A generator that sees `reach` pixels further than it paints translates a tile as it translates the
whole image, except near the tile's edges. Neighbouring tiles overlap and each keeps its middle:
with an overlap of twice the reach the result is that of the whole image to rounding, at seams and
borders too. For that, tiles begin and are cut at multiples of the generator's scale, and those at a
border of the image end as the image does.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from imtrans.evaluation.translation.trained_generator import pad_to_multiple
from imtrans.methods.locality import Locality


class Tiling(NamedTuple):
  """How images are cut.

  size: side of a tile in pixels, a multiple of `multiple`.
  overlap: that neighbouring tiles share at least, in pixels.
  multiple: what heights and widths given to the generator must be multiples of, in pixels.
  blend: width in pixels of the linear transition between neighbours, in the middle of what they
    share; 0 cuts there.
  reasons: why the result is not that of the whole image, as parts of a sentence; empty if it is.
  """

  size: int
  overlap: int
  multiple: int = 1
  blend: int = 0
  reasons: tuple[str, ...] = ()


class Span(NamedTuple):
  """One tile along one axis, in pixels.

  start, stop: what the generator sees.
  first, last: what is kept of it.
  weights: float32 [last - first], which add up to one over all tiles at every pixel.
  """

  start: int
  stop: int
  first: int
  last: int
  weights: np.ndarray


def plan_tiles(
  size: int,
  locality: Locality,
  *,
  overlap: int | None = None,
  multiple: int = 1,
  approximate: bool = False,
  remedy: str = "",
) -> Tiling:
  """Chooses tiles that make the result exact, or says why none do.

  Args:
    size: side of a tile in pixels.
    locality: of the generator.
    overlap: pixels that neighbours share, by default what the generator needs; raised to a multiple
      of twice `multiple`.
    multiple: what heights and widths given to the generator must be multiples of, in pixels.
    approximate: accept a result that differs from that of the whole image where it must. Then the
      overlap is as given, by default at most half a tile, and tiles are blended over all of it.
    remedy: a phrase for the refusal: what would make this generator local.

  Returns:
    The tiling.

  Raises:
    ValueError: if the result would differ and `approximate` is not set; if the size or the overlap
      does not fit.
  """
  if size < 1 or size % multiple:
    raise ValueError(
      f"the side of tiles must be a multiple of {multiple} pixels for this generator, got {size}: "
      f"use {max(multiple, _round_up(size, multiple))}."
    )
  if overlap is not None and not 0 <= overlap < size:
    raise ValueError(
      f"the overlap of tiles must be at least 0 and less than their side of {size} pixels, got "
      f"{overlap}."
    )
  needed = _round_up(2 * locality.reach, 2 * multiple)
  chosen = needed if overlap is None else _round_up(overlap, 2 * multiple)
  reasons, sees = locality.obstacles, f"it sees {locality.reach} pixels around"
  if not reasons and chosen < needed:
    reasons = (sees,)
    remedy = f"use an overlap of {needed}, "
  if not approximate and reasons:
    raise ValueError(
      f"this generator does not translate tiles as it translates the whole image, because "
      f"{reasons[0]}: {remedy}{'or ' if remedy else ''}accept that tiles may differ with "
      "--tile-approximate (approximate=True)."
    )
  if not reasons and chosen < size:
    return Tiling(size, chosen, multiple)
  reasons = reasons or (sees,)
  if not approximate:
    raise ValueError(
      f"tiles of {size} pixels are too small for this generator, because {sees}: use tiles of "
      f"{2 * chosen}, or accept that they may differ with --tile-approximate (approximate=True)."
    )
  chosen = min(needed or size // 4, size // 2) if overlap is None else overlap
  return Tiling(size, chosen, multiple, chosen, reasons)


def cut(length: int, tiling: Tiling) -> list[Span]:
  """Cuts an axis into overlapping tiles.

  Args:
    length: of the axis in pixels, a multiple of `tiling.multiple`.
    tiling: how.

  Returns:
    Tiles in order, all of `tiling.size` pixels, the last moved back to end with the image; or one
    of the whole length where that is no larger.
  """
  size = tiling.size
  if length <= size:
    return [Span(0, length, 0, length, np.ones(length, np.float32))]
  starts = [*range(0, length - size, size - tiling.overlap), length - size]
  # A tile's share rises around the middle of what it shares with the one before, and falls as that
  # of the next one rises: shares add up to one even where three tiles meet.
  grain = 1 if tiling.blend else tiling.multiple
  middles = [
    (start + before + size) // (2 * grain) * grain for before, start in itertools.pairwise(starts)
  ]
  spans = []
  for index, start in enumerate(starts):
    pixels = np.arange(start, start + size)
    share = _risen(pixels, middles[index - 1], tiling.blend) if index else np.ones(size)
    if index < len(middles):
      share = share - _risen(pixels, middles[index], tiling.blend)
    kept = pixels[share > 0.0]
    first, last = int(kept[0]), int(kept[-1]) + 1
    weights = share[first - start : last - start].astype(np.float32)
    spans.append(Span(start, start + size, first, last, weights))
  return spans


def translate_tiled(
  translate: Callable[[np.ndarray], np.ndarray],
  image: np.ndarray,
  channels: int,
  tiling: Tiling,
  *,
  batch_size: int = 1,
  store: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:
  """Translates an image tile by tile; only one batch of tiles is with the generator at a time.

  The result is stored row of tiles by row of tiles, so beside the image and the result there are
  never more than a few tiles' height of rows in float.

  Args:
    translate: from [batch, height, width, channels] to float32 [batch, height, width, target
      channels]. It sees one shape for all images that are larger than a tile in both directions.
    image: [height, width, channels] of any height and width, padded as for a whole translation.
    channels: of the target.
    tiling: how it is cut.
    batch_size: tiles in a batch; the last batch is filled up with a tile that is there already.
    store: from float32 [rows, width, target channels] to the values in which the result is kept,
      pixel by pixel; float32 by default.

  Returns:
    [height, width, target channels] of what `store` makes.

  Raises:
    ValueError: if the batch size is below one.
  """
  if batch_size < 1:
    raise ValueError(f"the batch size must be at least 1, got {batch_size}.")
  height, width = image.shape[:2]
  padded, (top, left) = pad_to_multiple(image[None], tiling.multiple)
  rows, columns = (cut(length, tiling) for length in padded.shape[1:3])
  places = list(itertools.product(rows, columns))
  batch_size = min(batch_size, len(places))
  result = _Result(top, height, left, width, padded.shape[2], channels, store)
  for index in range(0, len(places), batch_size):
    batch = places[index : index + batch_size]
    tiles = [padded[0, r.start : r.stop, c.start : c.stop] for r, c in batch]
    tiles += tiles[-1:] * (batch_size - len(tiles))
    result.finish(before=batch[0][0].first)
    for (row, column), made in zip(batch, translate(np.stack(tiles)), strict=False):
      result.add(row, column, made)
  result.finish(before=padded.shape[1])
  return result.pixels


class _Result:
  """The pixels that are done, and the rows of the padded image to which tiles are still added."""

  def __init__(
    self,
    top: int,
    height: int,
    left: int,
    width: int,
    padded_width: int,
    channels: int,
    store: Callable[[np.ndarray], np.ndarray] | None,
  ):
    self._top, self._left = top, left
    self._store = store or np.asarray
    dtype = self._store(np.zeros((0, 0, channels), np.float32)).dtype
    self.pixels = np.empty((height, width, channels), dtype)
    self._first = 0  # Of the open rows, in the padded image.
    self._open = np.zeros((0, padded_width, channels), np.float32)

  def add(self, row: Span, column: Span, tile: np.ndarray) -> None:
    """Adds what is kept of a tile [height, width, channels]."""
    missing = row.last - self._first - len(self._open)
    if missing > 0:
      more = np.zeros((missing, *self._open.shape[1:]), np.float32)
      self._open = np.concatenate([self._open, more]) if len(self._open) else more
    kept = tile[
      row.first - row.start : row.last - row.start,
      column.first - column.start : column.last - column.start,
    ]
    weights = row.weights[:, None, None] * column.weights[None, :, None]
    rows = slice(row.first - self._first, row.last - self._first)
    self._open[rows, column.first : column.last] += weights * kept

  def finish(self, *, before: int) -> None:
    """Stores the open rows above one of the padded image: no tile will be added to them."""
    count = before - self._first
    if count <= 0:
      return
    height, width = self.pixels.shape[:2]
    # The padding is not kept.
    low, high = max(self._first, self._top), min(before, self._top + height)
    if low < high:
      done = self._open[low - self._first : high - self._first, self._left : self._left + width]
      self.pixels[low - self._top : high - self._top] = self._store(done)
    self._open = self._open[count:].copy()
    self._first = before


def _risen(pixels: np.ndarray, middle: int, blend: int) -> np.ndarray:
  """How far the transition at `middle` has come, from 0 to 1; it is a step if blend is 0."""
  if blend == 0:
    return (pixels >= middle).astype(np.float64)
  return np.clip((pixels + 0.5 - middle) / blend + 0.5, 0.0, 1.0)


def _round_up(value: int, multiple: int) -> int:
  return -(-value // multiple) * multiple
