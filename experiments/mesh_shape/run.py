"""Compiles the train step for TPU slices that are not at hand, and records what it will need.

python -m experiments.mesh_shape                                          # the chosen set
python -m experiments.mesh_shape --topology v5e:16x16                     # one slice, data-parallel
python -m experiments.mesh_shape --topology v5p:4x4x4 --mesh 64x1 16x4 --method pix2pix cyclegan
A case takes minutes; what results.json has already is not compiled again, unless with --again.
--table writes tables and figures from the records alone.
"""

import argparse
import importlib.metadata
import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from experiments.mesh_shape.cases import METHODS, STUDY, Case
from experiments.mesh_shape.lowerings import EARLIER, lowered
from experiments.mesh_shape.programs import memory_bytes, read_program, summary
from experiments.mesh_shape.report import read_records, write_report
from experiments.mesh_shape.roofline import roofline
from experiments.mesh_shape.topologies import chip_of, describe_devices, parse_topology
from experiments.record import provenance, store
from imtrans.training.collectives import bytes_by_kind, list_collectives
from imtrans.training.compilation import compile_step
from imtrans.training.mesh import make_mesh

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
# What makes an array of the parts of several chips.
GATHERS = ("all-gather", "all-to-all", "collective-broadcast", "ragged-all-to-all")


def main(arguments: Sequence[str] | None = None) -> None:
  """Compiles, records and writes the tables."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = argparse.ArgumentParser(
    prog="python -m experiments.mesh_shape", description=__doc__.splitlines()[0]
  )
  parser.add_argument("--topology", nargs="+", help="slices such as v5e:16x16 (v4, v5e, v5p, v6e)")
  parser.add_argument("--mesh", nargs="+", help="chips along batch x height, such as 64x4")
  parser.add_argument("--method", nargs="+", choices=METHODS, default=["pix2pix"])
  parser.add_argument("--side", type=int, nargs="+", default=[256], help="pixels of the images")
  parser.add_argument("--batch", type=int, help="images of the whole mesh; 4 for each chip")
  parser.add_argument("--lowering", choices=["chosen", *EARLIER], default="chosen")
  parser.add_argument("--only", default="", help="of the chosen set, cases whose name has this")
  parser.add_argument("--programs", type=Path, help="a folder to keep the programs' text in")
  parser.add_argument("--again", action="store_true", help="compile what is recorded already")
  parser.add_argument("--table", action="store_true", help="compile nothing")
  parsed = parser.parse_args(given)
  try:
    cases = [] if parsed.table else asked_cases(parsed)
    command = recorded_command(given)
    for case in cases:
      if case.key() in read_records(RESULTS) and not parsed.again:
        continue
      print(case.key(), flush=True)
      record = measure(case, programs=parsed.programs)
      store(RESULTS, case.key(), {**record, "command": command, **provenance()})
      write_report(FOLDER)
  except ValueError as error:
    parser.error(str(error))
  write_report(FOLDER)


def recorded_command(given: Sequence[str]) -> str:
  """Returns the command to record: without --programs, which changes nothing, and its path."""
  kept = list(given)
  if "--programs" in kept:
    place = kept.index("--programs")
    del kept[place : place + 2]
  return shlex.join(["python", "-m", "experiments.mesh_shape", *kept])


def asked_cases(parsed: argparse.Namespace) -> list[Case]:
  """The cases that arguments ask for: the chosen set without --topology.

  Args:
    parsed: arguments of the command.

  Returns:
    The cases, each of them once.

  Raises:
    ValueError: if a topology or a mesh is not one, or if a mesh does not fill its slice.
  """
  if parsed.topology is None:
    return [case for case in STUDY if parsed.only in case.key()]
  cases = []
  for topology in parsed.topology:
    chips = math.prod(parse_topology(topology)[1])
    for text in parsed.mesh or [f"{chips}x1"]:
      mesh = parse_mesh(text, topology, chips)
      cases += [
        Case(topology, mesh, method, side, parsed.batch or 4 * chips, parsed.lowering)
        for method in parsed.method
        for side in parsed.side
      ]
  return cases


def parse_mesh(text: str, topology: str, chips: int) -> tuple[int, int]:
  """Reads a mesh, such as "64x4".

  Args:
    text: chips along batch and height.
    topology: that it has to fill.
    chips: of the topology.

  Returns:
    Both numbers.

  Raises:
    ValueError: if it is none, or if it does not fill the slice.
  """
  sides = text.split("x")
  if len(sides) != 2 or not all(side.isdecimal() and int(side) > 0 for side in sides):
    raise ValueError(f"mesh {text!r} is not chips along batch x height: write {chips}x1.")
  rows, columns = int(sides[0]), int(sides[1])
  if rows * columns != chips:
    raise ValueError(
      f"mesh {text} has {rows * columns} chips and {topology} has {chips}: choose two numbers "
      f"whose product is {chips}, such as {chips}x1."
    )
  return rows, columns


def measure(
  case: Case, devices: Sequence[Any] | None = None, *, programs: Path | None = None
) -> dict[str, Any]:
  """Compiles one case and reads the program.

  Args:
    case: what to compile.
    devices: of the slice; those of its topology by default.
    programs: folder to write the program's text to, if any.

  Returns:
    What a chip computes, moves, sends and holds in a step, and where; or {"refused": why}.
  """
  described = describe_devices(case.topology) if devices is None else devices
  record: dict[str, Any] = {"case": case._asdict(), "chips": case.chips}
  record |= {"libtpu": importlib.metadata.version("libtpu")} if devices is None else {}
  start = time.perf_counter()
  try:
    with lowered(case.lowering):
      compiled = compile_step(case.config(), make_mesh(case.mesh, described), case.channels)
  except (ValueError, jax.errors.JaxRuntimeError) as error:
    # The mesh cannot split it, or the compiler finds no room for it.
    return {**record, "refused": str(error).splitlines()[0]}
  record["compile_seconds"] = round(time.perf_counter() - start, 1)
  text, costs = compiled.as_text(), compiled.cost_analysis()
  if text is None or not costs:
    raise RuntimeError("this compiler does not say what a step costs.")
  if programs is not None:
    programs.mkdir(parents=True, exist_ok=True)
    (programs / f"{case.key().replace(' ', '_').replace(':', '_')}.hlo").write_text(text)
  collectives = list_collectives(text)
  sent = bytes_by_kind(collectives)
  flops, moved = costs["flops"], costs["bytes accessed"]
  bound = roofline(chip_of(case.topology), flops, moved, sent)
  counts = {kind: sum(found.kind == kind for found in collectives) for kind in sent}
  return {
    **record,
    "flops": flops,
    "moved_bytes": moved,
    "sent_bytes": sent,
    "collectives": counts,
    "gathered": sorted(
      {shape for each in collectives if each.kind in GATHERS for shape in each.shapes}
    ),
    "seconds": {**bound._asdict(), "bound": bound.bound},
    "memory": memory_bytes(compiled),
    "program": summary(read_program(text)),
  }


if __name__ == "__main__":
  main()
