"""The PyTorch contender, in the variants that people use to make it fast."""

import contextlib
import itertools
import math
import resource
from collections.abc import Callable
from typing import Any

import torch  # pyrefly: ignore
from torch import Tensor  # pyrefly: ignore

from experiments.benchmark.cases import NUM_BATCHES, Case, Contender, narrowed
from experiments.benchmark.peer_networks import PatchDiscriminator, ResNet, UNet, initialize
from experiments.benchmark.peer_steps import Step, cyclegan_step, pix2pix_step

Networks = dict[str, dict[str, Any]]  # Modules, or what torch.compile makes of them.


def networks(case: Case, *, dropout: float = 0.5) -> Networks:
  """The networks of a case, on torch's default device, with torch's default weights.

  Args:
    case: what to train.
    dropout: of the U-Net.

  Returns:
    {"generator": ..., "discriminator": ...}, each by name: "ab", "ba"; "a", "b".
  """
  fields = {"features": case.features, "num_layers": case.num_layers}
  if case.method == "pix2pix":
    generator = UNet(case.num_levels, case.features, dropout)
    discriminator = PatchDiscriminator(6, "batch", **fields)
    return {"generator": {"ab": generator}, "discriminator": {"b": discriminator}}
  generators = {name: ResNet(case.num_blocks, case.features) for name in ("ab", "ba")}
  discriminators = {name: PatchDiscriminator(3, "instance", **fields) for name in ("a", "b")}
  return {"generator": generators, "discriminator": discriminators}


def build_step(case: Case, modules: Networks, autocast: Callable = contextlib.nullcontext) -> Step:
  """Returns the train step of a case; `autocast` makes the context for forward passes."""
  generators, discriminators = modules["generator"], modules["discriminator"]
  if case.method == "pix2pix":
    return pix2pix_step(generators["ab"], discriminators["b"], autocast)
  return cyclegan_step(generators, discriminators, autocast)


def count_parameters(modules: Networks) -> dict[str, int]:
  """Returns the number of parameters of each player."""
  return {
    player: sum(weight.numel() for module in named.values() for weight in module.parameters())
    for player, named in modules.items()
  }


def build(case: Case, variant: str) -> Contender:
  """Makes networks, optimizers and batches.

  Args:
    case: what to train; precision "bfloat16" is autocast.
    variant: "eager", with "channels_last" in its name the memory format, with "compile"
      torch.compile of every network, with "graphs" CUDA graphs too, with "autocast" bfloat16 in a
      float32 case.

  Returns:
    The contender.

  Raises:
    RuntimeError: if the case asks for a GPU that torch does not find.
  """
  if case.device == "gpu" and not torch.cuda.is_available():
    raise RuntimeError("torch finds no GPU: install a CUDA build of torch.")
  torch.manual_seed(0)
  device = torch.device("cuda" if case.device == "gpu" else "cpu")
  # Float32 convolutions use TF32 on GPUs by default, in XLA as in cuDNN; matrices do so too here.
  torch.set_float32_matmul_precision("high")
  torch.backends.cudnn.benchmark = True
  layout = torch.channels_last if "channels_last" in variant else torch.contiguous_format
  modules = networks(case)
  for module in _flat(modules):
    initialize(module)
    module.to(device=device, memory_format=layout).train()
  parameters = count_parameters(modules)
  if "compile" in variant:
    mode = "reduce-overhead" if "graphs" in variant else "default"
    modules = {
      player: {name: torch.compile(module, mode=mode) for name, module in named.items()}
      for player, named in modules.items()
    }

  def autocast() -> contextlib.AbstractContextManager:
    if case.precision == "float32" and not narrowed(variant, case.precision):
      return contextlib.nullcontext()
    return torch.autocast(device.type, torch.bfloat16)

  step = build_step(case, modules, autocast)
  batches = itertools.cycle([_batch(case, device, layout) for _ in range(NUM_BATCHES)])
  holder: dict[str, Any] = {}

  def wait() -> None:
    if device.type == "cuda":
      torch.cuda.synchronize()

  def run(steps: int) -> None:
    for _ in range(steps):
      if "graphs" in variant:
        torch.compiler.cudagraph_mark_step_begin()
      holder["losses"] = step(next(batches))
    wait()

  def report() -> dict[str, Any]:
    losses = {name: float(value) for name, value in holder["losses"].items()}
    if not all(math.isfinite(value) for value in losses.values()):
      raise FloatingPointError(f"losses of {case.key} ({variant}) are not finite: {losses}")
    return {
      "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
      "platform": case.device,
      "torch": torch.__version__,
      "threads": torch.get_num_threads(),
      "parameters": parameters,
      "peak_memory": _peak_memory(device),
      "losses": losses,
    }

  def matmul(side: int) -> Callable[[], None]:
    matrix = torch.ones((side, side), dtype=getattr(torch, case.precision), device=device)

    def multiply() -> None:
      torch.mm(matrix, matrix)
      wait()

    return multiply

  def copy(size: int) -> Callable[[], None]:
    values, copied = (torch.zeros(size // 4, device=device) for _ in range(2))

    def once() -> None:
      copied.copy_(values)
      wait()

    return once

  return Contender(run, report, matmul, copy)


def _flat(modules: Networks) -> list[Any]:
  return [module for named in modules.values() for module in named.values()]


def _batch(case: Case, device: torch.device, layout: torch.memory_format) -> dict[str, Tensor]:
  names = ("source", "target") if case.method == "pix2pix" else ("a", "b")
  shape = (case.batch, 3, case.size, case.size)
  return {
    name: torch.empty(shape).uniform_(-1.0, 1.0).to(device=device, memory_format=layout)
    for name in names
  }


def _peak_memory(device: torch.device) -> int:
  """Bytes: of the allocator on a GPU, of the whole process on a CPU."""
  if device.type == "cuda":
    return torch.cuda.max_memory_allocated()
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
