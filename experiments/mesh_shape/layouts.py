"""Arrays as they lie in the memory of a TPU, read from the text of a program.

"bf16[4,64,64,3]{3,2,1,0:T(8,128)(2,1)S(1)}": channels inmost, in tiles of 8 by 128, two bfloat16 to
a word, on the chip and not in its memory. A last tile is there as a whole even if it is nearly
empty: that is the padding.
"""

import math
import re
from typing import NamedTuple

_ARRAY = re.compile(r"\b(pred|[a-z]+\d\w*)\[([\d,]*)\](?:\{([^}]*)\})?")
_TILES = re.compile(r"T((?:\([\d,]+\))+)")
_SPACE = re.compile(r"S\((\d+)\)")


class Layout(NamedTuple):
  """An array as it lies in memory.

  dtype: such as "bf16".
  sides: its shape.
  order: axes from the inmost outwards.
  tiles: shapes of tiles, each within the one before.
  space: 0 for the chip's memory (HBM), others on the chip.
  """

  dtype: str
  sides: tuple[int, ...]
  order: tuple[int, ...] = ()
  tiles: tuple[tuple[int, ...], ...] = ()
  space: int = 0

  @property
  def num_bytes(self) -> int:
    """Bytes of the values alone."""
    return math.ceil(math.prod(self.sides) * self._bits() / 8)

  @property
  def padded_bytes(self) -> int:
    """Bytes that the array takes, its last tiles filled up."""
    # Without a layout the last axis is the inmost.
    sides = [self.sides[axis] for axis in reversed(self.order)] if self.order else list(self.sides)
    for tile in self.tiles:
      sides = [1] * (len(tile) - len(sides)) + sides
      outer, inner = sides[: -len(tile)], sides[-len(tile) :]
      counts = [-(-side // length) for side, length in zip(inner, tile, strict=True)]
      sides = [*outer, *counts, *tile]
    return math.ceil(math.prod(sides) * self._bits() / 8)

  def _bits(self) -> int:
    return 8 if self.dtype == "pred" else int(re.findall(r"\d+", self.dtype)[0])

  def __str__(self) -> str:
    shape = ",".join(map(str, self.sides))
    tiles = "".join(f"({','.join(map(str, tile))})" for tile in self.tiles)
    return f"{self.dtype}[{shape}]{{{','.join(map(str, self.order))}:T{tiles}}}"


def parse_layouts(text: str) -> tuple[Layout, ...]:
  """Returns the arrays of a type, such as "(f32[8]{0:T(128)}, bf16[4,4]{1,0})"."""
  found = []
  for dtype, sides, layout in _ARRAY.findall(text):
    order, _, rest = layout.partition(":")
    tiles, space = _TILES.search(rest), _SPACE.search(rest)
    found.append(
      Layout(
        dtype,
        _numbers(sides),
        _numbers(order),
        tuple(_numbers(tile) for tile in tiles[1].strip("()").split(")(")) if tiles else (),
        int(space[1]) if space else 0,
      )
    )
  return tuple(found)


def _numbers(text: str) -> tuple[int, ...]:
  return tuple(int(number) for number in text.split(",") if number)
