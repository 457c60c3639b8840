"""The imtrans contender: the train step that the loop runs, on batches that wait on the device."""

import hashlib
import itertools
import math
import resource
from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.benchmark.cases import (
  BETAS,
  LEARNING_RATE,
  NUM_BATCHES,
  WEIGHTS,
  Case,
  Contender,
)
from experiments.benchmark.work import step_flops
from imtrans.methods import Method, cyclegan, pix2pix
from imtrans.networks import PatchDiscriminator, ResNet, UNet
from imtrans.training.optimization import adam
from imtrans.training.state import TrainState, create_state, jit_start
from imtrans.training.step import make_train_step

COMPILE_EVENT = "/jax/core/compile/backend_compile_duration"
Batch = dict[str, jax.Array]


def networks(case: Case, **changes: Any) -> tuple[nn.Module, nn.Module]:
  """Returns a generator and a discriminator of the case; `changes` go to the generator."""
  dtype = jnp.dtype(case.precision)
  paired = case.method == "pix2pix"
  if paired:
    generator = UNet(num_levels=case.num_levels, features=case.features, dtype=dtype, **changes)
  else:
    generator = ResNet(num_blocks=case.num_blocks, features=case.features, dtype=dtype, **changes)
  discriminator = PatchDiscriminator(
    num_layers=case.num_layers,
    features=case.features,
    norm="batch" if paired else "instance",
    dtype=dtype,
  )
  return generator, discriminator


def build_method(case: Case, **changes: Any) -> Method:
  """Returns the method of the case, weights as published; `changes` go to the generators."""
  generator, discriminator = networks(case, **changes)
  weights = WEIGHTS[case.method]
  if case.method == "pix2pix":
    return pix2pix(generator, discriminator, **weights)
  return cyclegan(generator, generator, discriminator, **weights)


def build_step(
  case: Case, method: Method
) -> tuple[Callable[[TrainState, Batch], tuple[TrainState, Batch]], dict[str, Any]]:
  """Returns the step as the loop builds it (no moving average), not jitted, and its optimizers."""
  optimizer = adam(optax.constant_schedule(LEARNING_RATE), b1=BETAS[0], b2=BETAS[1])
  optimizers = {"generator": optimizer, "discriminator": optimizer}
  rule = "alternating" if case.method == "pix2pix" else "simultaneous"
  return make_train_step(method, optimizers, update_rule=rule), optimizers


def make_batch(case: Case, seed: int) -> dict[str, np.ndarray]:
  """Returns noise in [-1, 1] for one step: [batch, size, size, 3] under the method's names."""
  names = ("source", "target") if case.method == "pix2pix" else ("a", "b")
  generator = np.random.default_rng(seed)
  shape = (case.batch, case.size, case.size, 3)
  return {name: generator.uniform(-1.0, 1.0, shape).astype(np.float32) for name in names}


def build(case: Case) -> Contender:
  """Makes state and batches; nothing is compiled for the step before `run` is called.

  Args:
    case: what to train.

  Returns:
    The contender.
  """
  platform = jax.devices()[0].platform
  if platform != case.device:
    raise ValueError(
      f"{case.key} is to be timed on a {case.device}, and jax has a {platform} alone."
    )
  compile_seconds: list[float] = []

  def note(event: str, duration_secs: float, **_: Any) -> None:
    if event == COMPILE_EVENT:
      compile_seconds.append(duration_secs)

  jax.monitoring.register_event_duration_secs_listener(note)
  step, optimizers = build_step(case, build_method(case))
  traces: list[int] = []

  def counted(state: TrainState, batch: Batch) -> tuple[TrainState, Batch]:
    traces.append(1)  # Python runs this while jax traces, and at no other time.
    return step(state, batch)

  call = jax.jit(counted, donate_argnums=0)
  example = jax.device_put(make_batch(case, 0))
  start = jit_start(
    lambda batch: create_state(build_method(case), optimizers, batch, seed=0, keep_ema=False)
  )
  holder: dict[str, Any] = {"state": jax.block_until_ready(start(example))}
  batches = itertools.cycle(
    [jax.device_put(make_batch(case, index)) for index in range(NUM_BATCHES)]
  )
  compile_seconds.clear()
  flops = step_flops(case, *networks(case))

  def run(steps: int) -> None:
    for _ in range(steps):
      holder["state"], holder["metrics"] = call(holder["state"], next(batches))
    jax.block_until_ready(holder)

  def report() -> dict[str, Any]:
    device = jax.devices()[0]
    state, losses = holder["state"], jax.device_get(holder["metrics"])
    if not all(math.isfinite(value) for value in losses.values()):
      raise FloatingPointError(f"losses of {case.key} are not finite: {losses}")
    holder.pop("copied", None)
    return {
      "device": device.device_kind,
      "platform": device.platform,
      "parameters": {
        player: sum(leaf.size for leaf in jax.tree.leaves(tree))
        for player, tree in state.params.items()
      },
      "useful_flops": flops,
      "traces": len(traces),
      "compile_seconds": sum(compile_seconds),
      "peak_memory": _peak_memory(device),
      "losses": {name: float(value) for name, value in losses.items() if "loss" in name},
      **_program(call.lower(holder["state"], next(batches))),
    }

  def matmul(side: int) -> Callable[[], None]:
    matrix = jnp.ones((side, side), case.precision)
    product = jax.jit(lambda left, right: left @ right)

    def multiply() -> None:
      jax.block_until_ready(product(matrix, matrix))

    return multiply

  def copy(size: int) -> Callable[[], None]:
    # In its own place: memory that is asked for anew would be timed too.
    holder["copied"] = jnp.zeros(size // 4, jnp.float32)
    negate = jax.jit(lambda values: -values, donate_argnums=0)

    def once() -> None:
      holder["copied"] = jax.block_until_ready(negate(holder["copied"]))

    return once

  return Contender(run, report, matmul, copy)


def _program(lowered: jax.stages.Lowered) -> dict[str, Any]:
  """What jax knows of a program that it has run already, which neither traces nor compiles it.

  Returns:
    "program", a digest of the lowered text; "bytes" that its operations read and write, as if
    nothing stayed in a cache; "scratch" bytes between them.
  """
  compiled = lowered.compile()
  costs, memory = compiled.cost_analysis() or {}, compiled.memory_analysis()
  return {
    "program": hashlib.sha256(lowered.as_text().encode()).hexdigest()[:16],
    "bytes": costs.get("bytes accessed", 0.0),
    "scratch": memory.temp_size_in_bytes if memory else 0,
  }


def _peak_memory(device: jax.Device) -> int:
  """Bytes: of the allocator on an accelerator, of the whole process on a CPU."""
  statistics = device.memory_stats() if device.platform != "cpu" else None
  if statistics:
    return statistics["peak_bytes_in_use"]
  return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
