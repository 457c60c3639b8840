"""Compiles train steps and reads how many bytes a device needs; nothing is computed.

python -m experiments.memory                             # for the CPU: figures of XLA:CPU
python -m experiments.memory --topology v5e:2x2          # for a TPU, with libtpu and no TPU
"""

import argparse
import contextlib
import itertools
import json
import math
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from experiments.memory.cases import CASES, CHANNELS, Case
from experiments.memory.report import write_report
from experiments.mesh_shape.programs import memory_bytes
from experiments.mesh_shape.topologies import describe_devices
from experiments.record import provenance, store
from imtrans.networks.platforms import programs_for
from imtrans.training.collectives import bytes_by_kind, list_collectives
from imtrans.training.compilation import compile_step
from imtrans.training.mesh import make_mesh

RESULTS = Path(__file__).parent / "results.json"
SIDES = (512, 1024)


def main() -> None:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.memory", description=__doc__.splitlines()[0]
  )
  parser.add_argument("--topology", default="cpu", help='"cpu", or one of libtpu: v5e:2x2')
  parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="pixels of the images")
  parser.add_argument("--only", default="", help="cases whose name contains this")
  parser.add_argument("--again", action="store_true", help="measure what is recorded already")
  arguments = parser.parse_args()
  try:
    devices = (
      jax.devices("cpu") if arguments.topology == "cpu" else describe_devices(arguments.topology)
    )
  except ValueError as error:
    parser.error(str(error))
  for case, side in itertools.product(CASES, arguments.sides):
    key = f"{arguments.topology} {case.name()} {side}"
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if arguments.only not in key or (key in known and not arguments.again):
      continue
    print(key, flush=True)
    record = measure(case, side, devices)
    record |= {"command": shlex.join(["python", "-m", "experiments.memory", *sys.argv[1:]])}
    store(RESULTS, key, {**record, **provenance()})
  write_report(RESULTS)


def measure(case: Case, side: int, devices: Sequence[Any]) -> dict[str, Any]:
  """Compiles one case.

  Args:
    case: what to compile.
    side: of the images, in pixels.
    devices: of which the first ones are used.

  Returns:
    Bytes on a device, "peak_bytes" and what it is made of; bytes that are sent, by kind. Or
    {"refused": why}.
  """
  record: dict[str, Any] = {"case": case._asdict(), "title": case.title(), "side": side}
  try:
    mesh = make_mesh(case.mesh, devices[: math.prod(case.mesh)])
    start = time.perf_counter()
    # A compiler for CPUs is given what a GPU would be: lowerings for CPUs have other needs.
    with programs_for("gpu") if devices[0].platform == "cpu" else contextlib.nullcontext():
      compiled = compile_step(case.config(side), mesh, CHANNELS)
  except (ValueError, jax.errors.JaxRuntimeError) as error:
    # The mesh cannot split it, or the compiler finds no room for it.
    return {**record, "refused": str(error).splitlines()[0]}
  record["compile_seconds"] = round(time.perf_counter() - start, 1)
  text = compiled.as_text()
  if text is None:
    raise RuntimeError(f"the compiler of {devices[0].platform} does not show its program.")
  parts = memory_bytes(compiled)
  peak = parts.pop("peak")
  sent = bytes_by_kind(list_collectives(text))
  return {**record, "peak_bytes": peak, "bytes": parts, "sent_bytes": sent}


if __name__ == "__main__":
  main()
