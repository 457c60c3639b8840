"""Times translation beside PyTorch: one generator of a case in mode "test", in compiled batches.

python -m experiments.benchmark.inference CONTENDER CASE_AS_JSON
is the process of one contender; it answers as that of the train step does (see worker.py), with a
batch in place of a step. Batches wait on the device, and what comes out stays there. Ours is what
`imtrans translate` calls, and so needs the packages of `imtrans.evaluation`.
"""

import itertools
import resource
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.benchmark.cases import NUM_BATCHES, OURS, Case, narrowed
from experiments.benchmark.measure import Schedule, compare
from experiments.benchmark.worker import serve

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
    variants: of the peer; a contender that cannot run is recorded with its error.
    schedule: how long.

  Returns:
    {"useful_flops": per batch, "device", "parameters", "contenders": {name: figures}}. Figures have
    seconds per batch of every round, and for a variant the paired ratios, its time over ours.

  Raises:
    ValueError: if the generators of the two differ in their number of parameters, or ours was
      traced more than once.
  """
  with tempfile.TemporaryDirectory() as folder:
    contenders, report = compare(case, variants, schedule, Path(folder), module=MODULE)
  kept = ("useful_flops", "device", "parameters")
  return {**{name: report[name] for name in kept if name in report}, "contenders": contenders}


def main() -> None:
  """Serves one contender of translation."""
  serve(lambda name, case: build_ours(case) if name == OURS else build_peer(case, name))


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

  from experiments.benchmark import ours
  from experiments.benchmark.work import forward_macs

  traces: list[int] = []
  generator = fresh_generator(case, on_trace=lambda: traces.append(1))
  source = "source" if case.method == "pix2pix" else "a"
  batches = itertools.cycle(
    [jax.device_put(ours.make_batch(case, index)[source]) for index in range(NUM_BATCHES)]
  )

  def run(count: int) -> None:
    outputs = None
    for _ in range(count):
      if case.device == "cpu":
        jax.block_until_ready(outputs)  # Batches do not wait for one another there.
      outputs = generator.start(next(batches))
    jax.block_until_ready(outputs)

  def report() -> dict[str, Any]:
    device = jax.devices()[0]
    known = device.memory_stats() if device.platform != "cpu" else None
    params = generator.generator_params
    own = params["ab"] if case.method == "cyclegan" else params
    macs = forward_macs(ours.networks(case)[0], (case.batch, case.size, case.size, 3))
    return {
      "device": device.device_kind,
      "parameters": sum(leaf.size for leaf in jax.tree.leaves(own)),
      "useful_flops": 2 * macs,
      "peak_memory": known["peak_bytes_in_use"] if known else peak_memory(),
      "traces": len(traces),
    }

  return Translation(run, report)


def fresh_generator(case: Case, on_trace: Callable[[], None] | None = None) -> Any:
  """A generator of the direction "ab" with fresh weights, as a run in use has it.

  Args:
    case: whose networks are built.
    on_trace: called whenever jax traces the translation.

  Returns:
    A `TrainedGenerator` in mode "test".
  """
  import jax

  from experiments.benchmark import ours
  from imtrans.evaluation.translation.trained_generator import TrainedGenerator

  method = ours.build_method(case)

  def start(batch: Any) -> Any:
    params, extras = method.init(jax.random.key(0), batch)
    return params["generator"], {"generator": extras["generator"]}

  def translate(*arguments: Any, **keywords: Any) -> jax.Array:
    if on_trace:
      on_trace()  # Python runs this while jax traces, and at no other time.
    return method.translate(*arguments, **keywords)

  params, extras = jax.jit(start)(ours.make_batch(case, 0))
  multiple = 2**case.num_levels if case.method == "pix2pix" else 4
  options = {"direction": "ab", "mode": "test", "size_multiple": multiple}
  return TrainedGenerator(translate, params, extras, **options)


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
  narrow = case.precision == "bfloat16" or narrowed(variant, case.precision)

  def run(count: int) -> None:
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=narrow):
      for _ in range(count):
        if "graphs" in variant:
          torch.compiler.cudagraph_mark_step_begin()
        generator(next(batches))
    if device.type == "cuda":
      torch.cuda.synchronize()

  def report() -> dict[str, Any]:
    peak = torch.cuda.max_memory_allocated() if device.type == "cuda" else peak_memory()
    return {"parameters": parameters, "peak_memory": peak}

  return Translation(run, report)


def peak_memory() -> int:
  """Returns the most bytes that this process ever had resident."""
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
  main()
