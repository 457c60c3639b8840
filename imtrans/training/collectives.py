"""What a compiled program sends between devices, read from its text."""

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

KINDS = (
  "all-gather",
  "all-reduce",
  "all-to-all",
  "collective-broadcast",
  "collective-permute",
  "ragged-all-to-all",
  "reduce-scatter",
)
_COMMENT = re.compile(r"/\*.*?\*/")
_INSTRUCTION = re.compile(rf"^\s*(?:ROOT )?\S+ = (.+?) ({'|'.join(KINDS)})(-start)?\(")
_ARRAY = re.compile(r"\b(pred|[a-z]+\d\w*)\[([\d,<=]*)\]")
_PLACE = re.compile(r'op_name="([^"]*)"')
# Their asynchronous starts return what they were given beside what they make.
_PAIRED = ("all-gather", "collective-permute")


class Collective(NamedTuple):
  """One instruction that moves data between devices.

  kind: one of `KINDS`.
  num_bytes: of what a device holds when it is done.
  shapes: of the same, such as "f32[2,16,16,4]".
  place: where in the program it comes from, such as "jit(train_step)/jvp(UNet)/..."; it may be
    empty.
  """

  kind: str
  num_bytes: int
  shapes: tuple[str, ...]
  place: str


def list_collectives(text: str) -> list[Collective]:
  """Reads a compiled program.

  Args:
    text: HLO after partitioning, from `compiled.as_text()`.

  Returns:
    Its collectives in the order of the text; one within a loop is there once. An asynchronous pair
    of start and done counts as one.
  """
  found = []
  for line in text.splitlines():
    match = _INSTRUCTION.match(_COMMENT.sub("", line))
    if match is None:
      continue
    result, kind, start = match.groups()
    arrays = _ARRAY.findall(result)
    if start and kind in _PAIRED:
      # (given, made, contexts): arrays as many as were given, and scalars that stand for a channel.
      arrays = [array for array in arrays if array != ("u32", "")]
      arrays = arrays[len(arrays) // 2 :]
    place = _PLACE.search(line)
    found.append(
      Collective(
        kind,
        sum(_num_bytes(dtype, sides) for dtype, sides in arrays),
        tuple(f"{dtype}[{sides}]" for dtype, sides in arrays),
        place[1] if place else "",
      )
    )
  return found


def bytes_by_kind(collectives: Iterable[Collective]) -> dict[str, int]:
  """Sums the bytes of collectives by kind.

  Args:
    collectives: from `list_collectives`.

  Returns:
    {kind: bytes}, of the kinds that there are.
  """
  total: dict[str, int] = {}
  for collective in collectives:
    total[collective.kind] = total.get(collective.kind, 0) + collective.num_bytes
  return total


def _num_bytes(dtype: str, sides: str) -> int:
  # The first number of a type is its size in bits: f32, bf16, f8e4m3fn.
  bits = 8 if dtype == "pred" else int(re.findall(r"\d+", dtype)[0])
  count = math.prod(int(side.lstrip("<=")) for side in sides.split(",") if side)
  return math.ceil(count * bits / 8)
