"""Times translation beside PyTorch: one generator of a case in mode "test", in compiled batches.

python -m experiments.benchmark.inference CONTENDER CASE_AS_JSON
is the process of one contender; it answers as that of the train step does (see worker.py), with a
batch in place of a step. Batches wait on the device, and what comes out stays there.
"""

import itertools
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark.cases import NUM_BATCHES, OURS, Case
from experiments.benchmark.measure import Schedule, Worker, WorkerError, time_round, warm_up

MODULE = "experiments.benchmark.inference"


class Translation(NamedTuple):
  """A generator that can be timed.

  run: (batches) -> None; translates so many and returns when the last one is done.
  report: () -> what it knows about itself: device, parameters, memory, traces.
  """

  run: Callable[[int], None]
  report: Callable[[], dict[str, Any]]


def measure_inference(case: Case, variants: Sequence[str], schedule: Schedule) -> dict[str, Any]:
  """Times ours, alone or beside each variant of the peer, in alternating order.

  Args:
    case: whose generator translates `case.batch` images at once.
    variants: of the peer; one that cannot run is recorded with its error.
    schedule: how long.

  Returns:
    {"useful_flops": per batch, "device", "parameters", "contenders": {name: figures}}. Figures have
    seconds per batch of every round, and for a variant the paired ratios, its time over ours.

  Raises:
    WorkerError: if ours cannot run.
    ValueError: if the generators of the two differ in their number of parameters, or ours was
      traced more than once.
  """
  contenders: dict[str, dict[str, Any]] = {OURS: {"seconds": []}}
  with tempfile.TemporaryDirectory() as folder, Worker(OURS, case, Path(folder), MODULE) as ours:
    warm_up(ours, schedule)
    for variant in variants:
      try:
        with Worker(variant, case, Path(folder), MODULE) as peer:
          pairs = _pairs(ours, peer, schedule)
          contenders[variant] = {
            "seconds": [theirs for _, theirs in pairs],
            "ratios": [theirs / mine for mine, theirs in pairs],
            "ratio": statistics.median(theirs / mine for mine, theirs in pairs),
            **_figures(peer),
          }
          contenders[OURS]["seconds"] += [mine for mine, _ in pairs]
      except WorkerError as error:
        contenders[variant] = {"error": str(error)}
    if not contenders[OURS]["seconds"]:
      contenders[OURS]["seconds"] = [time_round(ours) for _ in range(schedule.rounds)]
    contenders[OURS] |= _figures(ours)
    report = ours.ask(report=True)
  if report["traces"] != 1:
    raise ValueError(f"{case.key}: translate was traced {report['traces']} times, not once.")
  kept = ("useful_flops", "device", "parameters")
  return {**{name: report[name] for name in kept}, "contenders": contenders}


def _pairs(ours: Worker, peer: Worker, schedule: Schedule) -> list[tuple[float, float]]:
  """Seconds per batch, ours and theirs, of every round."""
  counts = [worker.first["parameters"] for worker in (ours, peer)]
  if counts[0] != counts[1]:
    raise ValueError(
      f"the generator of imtrans has {counts[0]} parameters and that of the peer {counts[1]}: "
      "their times cannot be compared."
    )
  warm_up(peer, schedule)
  pairs = []
  for index in range(schedule.rounds):
    order = (ours, peer) if index % 2 == 0 else (peer, ours)
    seconds = {worker.name: time_round(worker) for worker in order}
    pairs.append((seconds[OURS], seconds[peer.name]))
  return pairs


def _figures(worker: Worker) -> dict[str, Any]:
  report = worker.ask(report=True)
  return {
    "start_seconds": worker.start_seconds,
    "batches_per_round": worker.steps,
    "peak_memory": report["peak_memory"],
  }


def main() -> None:
  # Whatever the libraries print goes to standard error; only answers go to standard output.
  answers = os.fdopen(os.dup(1), "w", buffering=1)
  os.dup2(2, 1)
  name, fields = sys.argv[1:]
  case = Case(**json.loads(fields))
  contender = build_ours(case) if name == OURS else build_peer(case, name)
  contender.run(1)
  answers.write(json.dumps(contender.report()) + "\n")
  for line in sys.stdin:
    request = json.loads(line)
    start = time.perf_counter()
    if "steps" in request:
      contender.run(request["steps"])
      answers.write(json.dumps({"seconds": time.perf_counter() - start}) + "\n")
    else:
      answers.write(json.dumps(contender.report()) + "\n")


def build_ours(case: Case) -> Translation:
  """The method's `translate` of the direction "ab", compiled as `imtrans translate` does.

  Args:
    case: whose generator is built, with fresh weights.

  Returns:
    What can be timed.
  """
  # As `imtrans` starts: the flag for convolutions on CPU must be set before jax is imported.
  from imtrans.commands.main import prepare_platform

  prepare_platform()
  import jax
  import jax.numpy as jnp

  from experiments.benchmark import ours
  from experiments.benchmark.work import forward_macs

  method = ours.build_method(case)
  source = "source" if case.method == "pix2pix" else "a"
  example = ours.make_batch(case, 0)

  def start(batch: Any) -> Any:
    params, extras = method.init(jax.random.key(0), batch)
    return params["generator"], {"generator": extras["generator"]}

  params, extras = jax.jit(start)(example)
  traces: list[int] = []

  def one(params: Any, extras: Any, image: jax.Array) -> jax.Array:
    traces.append(1)  # Python runs this while jax traces, and at no other time.
    key = jax.random.key(0)
    images = image[None]
    output = method.translate(params, extras, images, key, direction="ab", mode="test")[0]
    return output.astype(jnp.float32)

  translate = jax.jit(jax.vmap(one, in_axes=(None, None, 0)))
  batches = itertools.cycle(
    [jax.device_put(ours.make_batch(case, index)[source]) for index in range(NUM_BATCHES)]
  )

  def run(count: int) -> None:
    outputs = None
    for _ in range(count):
      if case.device == "cpu":
        jax.block_until_ready(outputs)  # Batches do not wait for one another there.
      outputs = translate(params, extras, next(batches))
    jax.block_until_ready(outputs)

  def report() -> dict[str, Any]:
    device = jax.devices()[0]
    known = device.memory_stats() if device.platform != "cpu" else None
    own = params["ab"] if case.method == "cyclegan" else params
    macs = forward_macs(ours.networks(case)[0], (case.batch, case.size, case.size, 3))
    return {
      "device": device.device_kind,
      "parameters": sum(leaf.size for leaf in jax.tree.leaves(own)),
      "useful_flops": 2 * macs,
      "peak_memory": known["peak_bytes_in_use"] if known else _peak_memory(),
      "traces": len(traces),
    }

  return Translation(run, report)


def build_peer(case: Case, variant: str) -> Translation:
  """The same generator in PyTorch, in evaluation mode and without gradients.

  Args:
    case: whose generator is built, with fresh weights; "bfloat16" is autocast.
    variant: see `peer.build`.

  Returns:
    What can be timed.

  Raises:
    RuntimeError: if the case asks for a GPU that torch does not find.
  """
  import torch  # pyrefly: ignore

  from experiments.benchmark import peer
  from experiments.benchmark.peer_networks import initialize

  if case.device == "gpu" and not torch.cuda.is_available():
    raise RuntimeError("torch finds no GPU: install a CUDA build of torch.")
  torch.manual_seed(0)
  torch.set_float32_matmul_precision("high")
  torch.backends.cudnn.benchmark = True
  device = torch.device("cuda" if case.device == "gpu" else "cpu")
  layout = torch.channels_last if "channels_last" in variant else torch.contiguous_format
  generator = peer.networks(case)["generator"]["ab"]
  initialize(generator)
  generator.to(device=device, memory_format=layout).eval()
  parameters = sum(weight.numel() for weight in generator.parameters())
  if "compile" in variant:
    mode = "reduce-overhead" if "graphs" in variant else "default"
    generator = torch.compile(generator, mode=mode)
  shape = (case.batch, 3, case.size, case.size)
  batches = itertools.cycle(
    [
      torch.empty(shape).uniform_(-1.0, 1.0).to(device=device, memory_format=layout)
      for _ in range(NUM_BATCHES)
    ]
  )
  narrow = case.precision == "bfloat16"

  def run(count: int) -> None:
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=narrow):
      for _ in range(count):
        if "graphs" in variant:
          torch.compiler.cudagraph_mark_step_begin()
        generator(next(batches))
    if device.type == "cuda":
      torch.cuda.synchronize()

  def report() -> dict[str, Any]:
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else _peak_memory()
    return {"parameters": parameters, "peak_memory": peak}

  return Translation(run, report)


def _peak_memory() -> int:
  """Bytes of the whole process."""
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
  main()
