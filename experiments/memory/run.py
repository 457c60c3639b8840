"""Compiles train steps and reads how many bytes a device needs; nothing is computed.

python -m experiments.memory                             # for the CPU: figures of XLA:CPU
python -m experiments.memory --topology v5e:2x2          # for a TPU, with libtpu and no TPU
"""

import argparse
import itertools
import json
import math
import os
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax

from experiments.memory.cases import CASES, CHANNELS, Case
from experiments.memory.report import write_report
from experiments.record import provenance, store
from imtrans.training.collectives import bytes_by_kind, list_collectives
from imtrans.training.compilation import compile_step
from imtrans.training.mesh import make_mesh

RESULTS = Path(__file__).parent / "results.json"
SIDES = (512, 1024)
# Without them libtpu asks a server of Google's cloud what machine this is.
WITHOUT_TPU = {
  "TPU_SKIP_MDS_QUERY": "1",
  "TPU_ACCELERATOR_TYPE": "v5litepod-4",
  "TPU_WORKER_HOSTNAMES": "localhost",
  "TPU_WORKER_ID": "0",
}


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--topology", default="cpu", help='"cpu", or one of libtpu: v5e:2x2')
  parser.add_argument("--sides", type=int, nargs="+", default=SIDES, help="pixels of the images")
  parser.add_argument("--only", default="", help="cases whose name contains this")
  parser.add_argument("--again", action="store_true", help="measure what is recorded already")
  arguments = parser.parse_args()
  devices = _devices(arguments.topology)
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
    compiled = compile_step(case.config(side), mesh, CHANNELS)
  except ValueError as error:
    return {**record, "refused": str(error)}
  record["compile_seconds"] = round(time.perf_counter() - start, 1)
  found, text = compiled.memory_analysis(), compiled.as_text()
  if found is None or text is None:
    raise RuntimeError(f"the compiler of {devices[0].platform} does not say what a step needs.")
  parts = {
    "arguments": found.argument_size_in_bytes,
    "results": found.output_size_in_bytes,
    "shared": found.alias_size_in_bytes,
    "temporary": found.temp_size_in_bytes,
  }
  # Results lie where donated arguments lay: they are counted once.
  peak = parts["arguments"] + parts["results"] - parts["shared"] + parts["temporary"]
  sent = bytes_by_kind(list_collectives(text))
  return {**record, "peak_bytes": peak, "bytes": parts, "sent_bytes": sent}


def _devices(topology: str) -> Sequence[Any]:
  if topology == "cpu":
    return jax.devices("cpu")
  from jax.experimental import topologies

  os.environ.update({key: os.environ.get(key, value) for key, value in WITHOUT_TPU.items()})
  try:
    return topologies.get_topology_desc(topology, platform="tpu").devices
  except Exception as error:
    raise SystemExit(
      f"{topology} cannot be compiled for ({str(error).splitlines()[0]}): pip install 'jax[tpu]', "
      "and name a topology such as v5e:2x2."
    ) from None


if __name__ == "__main__":
  main()
