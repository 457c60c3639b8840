"""What a TPU program does, instruction by instruction, read from its text.

The compiler writes beside an instruction where and how its arrays lie (see
`experiments.mesh_shape.layouts`) and, for most, how many cycles it reckons with.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import jax

from experiments.mesh_shape.layouts import Layout, parse_layouts
from imtrans.training.collectives import KINDS

_COMMENT = re.compile(r"/\*.*?\*/")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) .*\{$")
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?([\w.\-]+) = (.+)$")
_OPCODE = re.compile(r"\s([a-z][\w\-]*)\(")
_NAMES = re.compile(r"%([\w.\-]+)")
_CALLED = re.compile(r"\bcalls=%?([\w.\-]+)")
_PLACE = re.compile(r'op_name="([^"]*)"')
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
# They name arrays, and move nothing.
SILENT = {"bitcast", "constant", "get-tuple-element", "parameter", "tuple", "after-all", "iota"}
MOVES = {
  *("bitcast", "broadcast", "concatenate", "constant", "convert", "copy", "dynamic-slice"),
  *("dynamic-update-slice", "iota", "pad", "parameter", "reshape", "reverse", "slice", "transpose"),
  *("tuple", "get-tuple-element", "fusion", "copy-start", "copy-done", "slice-start", "slice-done"),
}


class Instruction(NamedTuple):
  """One instruction of the entry computation, which is run from top to bottom.

  kind: "convolution", "reduction", "formatting" (it only moves or converts), "collective" or
    "elementwise".
  results: arrays that it makes.
  moved: arrays that it reads from and writes to the chip's memory.
  cycles: that the compiler reckons with; 0 where it does not say.
  place: where in the program it comes from.
  """

  name: str
  opcode: str
  kind: str
  results: tuple[Layout, ...]
  moved: tuple[Layout, ...]
  cycles: int
  place: str


def read_program(text: str) -> list[Instruction]:
  """Reads the entry computation of a compiled program.

  Args:
    text: from `compiled.as_text()`, of a TPU.

  Returns:
    Its instructions that do something, an asynchronous pair as one. What a loop calls is not read.
  """
  computations = _computations(text)
  entry = computations.pop("ENTRY", [])
  opcodes = {name: {_split(line)[1] for line in lines} for name, lines in computations.items()}
  called = {
    name: [inner[1] for line in lines if (inner := _CALLED.search(line))]
    for name, lines in computations.items()
  }

  def all_opcodes(name: str) -> set[str]:
    found = set(opcodes.get(name, ()))
    for inner in called.get(name, ()):
      found |= all_opcodes(inner)
    return found

  made: dict[str, tuple[Layout, ...]] = {}
  found = []
  for line in entry:
    name, opcode, results, operands = _split(line)
    made[name] = results
    if opcode in SILENT or opcode.endswith(("-start", "-update")):
      continue
    read = [array for operand in operands for array in made.get(operand, ())]
    # What a start makes is its source and its target: all that the pair moves.
    moved = read if opcode.endswith("-done") else [*read, *results]
    inner, cycles, place = _CALLED.search(line), _CYCLES.search(line), _PLACE.search(line)
    found.append(
      Instruction(
        name,
        opcode,
        _kind(opcode, all_opcodes(inner[1]) if inner else set()),
        results,
        tuple(array for array in moved if array.space == 0 and array.sides),
        int(cycles[1]) if cycles else 0,
        place[1] if place else "",
      )
    )
  return found


def summary(instructions: Iterable[Instruction], *, most: int = 12) -> dict[str, Any]:
  """What is stored of a program.

  Args:
    instructions: from `read_program`.
    most: entries of each list.

  Returns:
    "cycles" and "silent" (instructions without an estimate); "kinds" and "layers" with count,
    cycles and bytes moved, without and with padding; "padded", the layouts that cost most memory
    traffic for nothing.
  """
  listed = list(instructions)
  layouts: Counter[str] = Counter()
  waste: Counter[str] = Counter()
  values: Counter[str] = Counter()
  for array in (array for instruction in listed for array in instruction.moved):
    layouts[str(array)] += 1
    values[str(array)] += array.num_bytes
    waste[str(array)] += array.padded_bytes - array.num_bytes
  return {
    "cycles": sum(each.cycles for each in listed),
    "silent": sum(each.cycles == 0 for each in listed),
    "kinds": _grouped((each.kind, each) for each in listed),
    "layers": dict(list(_grouped((layer(each.place), each) for each in listed).items())[:most]),
    "padded": {
      name: {"count": layouts[name], "bytes": values[name], "padded": count + values[name]}
      for name, count in waste.most_common(most)
      if count
    },
  }


def layer(place: str) -> str:
  """Returns the layer that a place is in, such as "UNet/encoder_0", and which way."""
  path = place.split("/")[1:]
  back = any(part.startswith("transpose(") for part in path)
  names = [part for part in (re.sub(r"^(?:\w+\()+|\)+$", "", part) for part in path) if part]
  names = [name for name in names if "." not in name]  # Methods of a module.
  network = next((index for index, name in enumerate(names) if name[:1].isupper()), None)
  if network is None:
    return names[0] if names else "elsewhere"
  return "/".join(names[network : network + 2]) + (" back" if back else "")


def memory_bytes(compiled: jax.stages.Compiled) -> dict[str, int]:
  """Returns the bytes of a device by use, and "peak", what they come to."""
  found = compiled.memory_analysis()
  if found is None:
    raise RuntimeError("this compiler does not say what a program needs.")
  parts = {
    "arguments": found.argument_size_in_bytes,
    "results": found.output_size_in_bytes,
    "shared": found.alias_size_in_bytes,
    "temporary": found.temp_size_in_bytes,
  }
  # Results lie where donated arguments lay: they are counted once.
  peak = parts["arguments"] + parts["results"] - parts["shared"] + parts["temporary"]
  return {"peak": peak, **parts}


def _grouped(pairs: Iterable[tuple[str, Instruction]]) -> dict[str, Mapping[str, int]]:
  groups: dict[str, dict[str, int]] = {}
  for name, each in pairs:
    group = groups.setdefault(name, {"count": 0, "cycles": 0, "bytes": 0, "padded": 0})
    group["count"] += 1
    group["cycles"] += each.cycles
    group["bytes"] += sum(array.num_bytes for array in each.moved)
    group["padded"] += sum(array.padded_bytes for array in each.moved)
  return dict(sorted(groups.items(), key=lambda item: -item[1]["cycles"]))


def _kind(opcode: str, inside: set[str]) -> str:
  within = inside | {opcode}
  if any(opcode.removesuffix("-done") == kind for kind in KINDS):
    return "collective"
  if within & {"convolution", "dot"}:
    return "convolution"
  if within & {"reduce", "reduce-window"}:
    return "reduction"
  return "formatting" if within <= MOVES else "elementwise"


def _computations(text: str) -> dict[str, list[str]]:
  found: dict[str, list[str]] = {}
  lines: list[str] = []
  for line in text.splitlines():
    header = _HEADER.match(line)
    if header and " = " not in line:
      lines = found.setdefault("ENTRY" if header[1] else header[2], [])
    elif _INSTRUCTION.match(line):
      lines.append(_COMMENT.sub("", line))
  return found


def _split(line: str) -> tuple[str, str, tuple[Layout, ...], list[str]]:
  """Name, opcode, results and the names of operands."""
  match = _INSTRUCTION.match(line)
  if match is None:
    raise ValueError(f"no instruction: {line!r}.")
  call = _OPCODE.search(match[2])
  if call is None:
    return match[1], "", (), []
  rest, depth, end = match[2], 1, call.end()
  while depth and end < len(rest):  # Layouts have parentheses too.
    depth += (rest[end] == "(") - (rest[end] == ")")
    end += 1
  operands = _NAMES.findall(rest[call.end() : end])
  return match[1], call[1], parse_layouts(rest[: call.start()]), operands
