"""What each change of the lowerings is worth on CPU: the step with all of them, and without one.

python -m experiments.benchmark.changes --size 128
Each is timed in a process of its own, the whole step before and after the others, so that a drift
of the machine shows. Writes results.json and the section of the README.
"""

import argparse
import dataclasses
import functools
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from experiments.benchmark.cases import METHODS, Case, tiny
from experiments.benchmark.machine import describe
from experiments.record import replace_section, store
from imtrans.commands.main import HUGE_PAGES

FOLDER = Path(__file__).parent
ALL = "all changes"
SMALL_PAGES = "small pages"


Patches = list[tuple[ModuleType, str, Any]]


class Change(NamedTuple):
  """One change of the CPU lowerings.

  what: for the table.
  reason: what was seen in the trace, or computed, before.
  prediction: what was expected from it.
  undo: () -> [(module, name, value)], what to set there before the step is traced to be without it.
  """

  what: str
  reason: str
  prediction: str
  undo: Callable[[], Patches]


def _products() -> Patches:
  from imtrans.networks import convolution

  return [(convolution, "gather_convolve", convolution.direct_convolve)]


def _narrow() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=1)
  return [(convolution, "scatter_convolve", direct)]


def _transposed() -> Patches:
  from imtrans.networks import convolution

  return [(convolution, "scatter_transposed", convolution.phased_transposed)]


def _halving() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=2)
  return [(convolution, "halved_convolve", direct)]


def _filtering() -> Patches:
  from imtrans.networks import convolution

  direct = functools.partial(convolution.direct_convolve, stride=1, padding=0)
  return [(convolution, "winograd_convolve", direct)]


def _sums() -> Patches:
  import jax.numpy as jnp

  from imtrans.networks import normalization

  return [(normalization, "_sum", functools.partial(jnp.sum, axis=1, keepdims=True))]


def _idle_biases() -> Patches:
  from imtrans.networks import patch_discriminator, resnet
  from imtrans.networks.normalization import convolution_bias

  def added(kind: str, *, normalized: bool = True) -> str:
    return convolution_bias(kind, normalized=normalized).replace("idle", "added")

  return [(module, "convolution_bias", added) for module in (patch_discriminator, resnet)]


def _one_pass() -> Patches:
  from imtrans.methods import cyclegan, pix2pix
  from imtrans.methods.method import apply

  def one_by_one(network: Any, params: Any, state: Any, images: Any, key: Any = None) -> Any:
    outputs = []
    for batch in images:
      output, state = apply(network, params, state, batch, key)
      outputs.append(output)
    return outputs, state

  # In the package these names are the functions; their modules hold the call.
  modules = [sys.modules[function.__module__] for function in (cyclegan, pix2pix)]
  return [(module, "apply_together", one_by_one) for module in modules]


CHANGES: dict[str, Change] = {
  "gathered products": Change(
    "Few output positions (and 3×3 of stride two): patches times the kernel as it lies in memory",
    "half of a pix2pix step went into transposing and reversing kernels, which the gradients of "
    "XLA's convolution need and a product does not",
    "that half, together with the next line",
    _products,
  ),
  "scattered transposed convolution": Change(
    "Transposed convolution: one product with the kernel, then sums, instead of four phases; its "
    "kernel is stored [height, width, out, in] so that no product transposes it",
    "as above, and weight gradients of phases with few outputs that take fifty times their "
    "arithmetic",
    "as above",
    _transposed,
  ),
  "scattered narrow convolution": Change(
    "At most four output channels (7×7, 64→3; logits): products first, sums over the kernel after",
    "both forward and for the weights nine times its arithmetic",
    "CycleGAN becomes 5 % faster",
    _narrow,
  ),
  "halving": Change(
    "4×4 of stride two as 2×2 of stride one: four pixels become one of four times the channels",
    "weight gradients of strided convolutions take three to five times their arithmetic",
    "pix2pix becomes 10 % faster",
    _halving,
  ),
  "minimal filtering": Change(
    "3×3 and 4×4 of stride one by F(2 × 2, r × r)",
    "3×3 convolutions are seven eighths of the arithmetic of CycleGAN and ran close to the matrix "
    "peak: only fewer multiplications help, 2.25 times fewer here",
    "half of the gain survives the transforms: CycleGAN becomes 1.4 times faster",
    _filtering,
  ),
  "sums as products": Change(
    "Means and variances of the normalisation as products with ones",
    "sums over pixels took a sixth of a CycleGAN step, far from what memory allows",
    "most of that sixth",
    _sums,
  ),
  "idle biases": Change(
    "A bias that instance normalisation takes away again is not computed with",
    "adding it and summing its gradient are passes over every activation",
    "CycleGAN becomes 3 % faster",
    _idle_biases,
  ),
  "one pass": Change(
    "Real and generated images through the discriminator, and both images of a generator, in one "
    "pass where there are no batch statistics",
    "larger products, fewer launches; a third fewer operations to compile",
    "5 % on CPU, more on a GPU at batch 1",
    _one_pass,
  ),
}


def main(arguments: Sequence[str] | None = None) -> None:
  """Measures, records and writes the table."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = argparse.ArgumentParser(prog="python -m experiments.benchmark.changes")
  parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
  parser.add_argument("--size", type=int, default=128, help="pixels")
  parser.add_argument("--steps", type=int, default=10, help="timed in each process")
  parser.add_argument("--tiny", action="store_true", help="16 pixels, four features; prints alone")
  parser.add_argument("--worker", nargs=3, metavar=("NAME", "CASE", "STEPS"), help="internal")
  parsed = parser.parse_args(given)
  if parsed.worker:
    print(json.dumps(_time(parsed.worker[0], json.loads(parsed.worker[1]), int(parsed.worker[2]))))
    return
  records = {}
  for method in parsed.method:
    case = Case(method, parsed.size, 1, "float32", "cpu")
    case = tiny(case) if parsed.tiny else case
    machine = describe()
    seconds = {ALL: [_run(ALL, case, parsed.steps)]}
    for name in (*CHANGES, SMALL_PAGES):
      seconds[name] = [_run(name, case, parsed.steps)]
      print(f"{case.key}: {name}: {seconds[name]} s", file=sys.stderr, flush=True)
    seconds[ALL].append(_run(ALL, case, parsed.steps))
    key = f"changes-{case.key}"
    command = " ".join(["python -m experiments.benchmark.changes", *given])
    record = {"kind": "changes", "command": command, "case": case.to_dict(), **machine}
    records[key] = {**record, "seconds": seconds}
    if not parsed.tiny:
      stored = store(FOLDER / "results.json", key, records[key])
      kept = {name: record for name, record in stored.items() if record["kind"] == "changes"}
      replace_section(FOLDER / "README.md", "changes", table(kept))
  if parsed.tiny:
    print(table(records))


def table(records: dict[str, dict[str, Any]]) -> str:
  """Returns the Markdown table of the recorded runs."""
  titles = [f"{record['case']['method']} {record['case']['size']}²" for record in records.values()]
  lines = [
    ["change", "seen before", "prediction", *(f"{title} without it" for title in titles)],
    ["---"] * (3 + len(titles)),
  ]
  for name, change in CHANGES.items():
    cells = [_outcome(record["seconds"], name) for record in records.values()]
    lines.append([change.what, change.reason, change.prediction, *cells])
  whole = ", ".join(
    f"{title} {statistics.fmean(record['seconds'][ALL]):.3g} s "
    f"({' and '.join(f'{value:.3g}' for value in record['seconds'][ALL])} s, first and last)"
    for title, record in zip(titles, records.values(), strict=True)
  )
  pages = ", ".join(
    f"{title} {statistics.fmean(record['seconds'][SMALL_PAGES]):.3g} s"
    for title, record in zip(titles, records.values(), strict=True)
  )
  rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
  origin = sorted(
    {
      f"{record['machine']}; jax {record['versions']['jax']}; {record['date']}"
      for record in records.values()
    }
  )
  return (
    f"{rows}\n\nWith all of them a step takes {whole}. Without huge pages for its "
    f"memory, which `imtrans` asks glibc for (`{HUGE_PAGES}`): {pages}.\n\n"
    f"{'; '.join(origin)}."
  )


def _outcome(seconds: dict[str, list[float]], name: str) -> str:
  whole, without = statistics.fmean(seconds[ALL]), statistics.fmean(seconds[name])
  return f"{without:.3g} s ({without / whole - 1.0:+.0%})"


def _run(name: str, case: Case, steps: int) -> float:
  """Returns the median seconds of a step in a process of its own."""
  environment = {**os.environ, "JAX_PLATFORMS": "cpu"}
  if name != SMALL_PAGES:
    environment["GLIBC_TUNABLES"] = HUGE_PAGES
  worker = ["--worker", name, json.dumps(dataclasses.asdict(case)), str(steps)]
  answer = subprocess.run(
    [sys.executable, "-m", "experiments.benchmark.changes", *worker],
    cwd=FOLDER.parent.parent,
    env=environment,
    stdout=subprocess.PIPE,
    check=True,
    text=True,
  )
  return json.loads(answer.stdout.splitlines()[-1])


def _time(name: str, fields: dict[str, Any], steps: int) -> float:
  from imtrans.commands.main import prepare_platform

  prepare_platform()
  if name in CHANGES:
    for module, attribute, value in CHANGES[name].undo():
      setattr(module, attribute, value)
  from experiments.benchmark import ours

  contender = ours.build(Case(**fields))
  contender.run(3)
  seconds = []
  for _ in range(steps):
    start = time.perf_counter()
    contender.run(1)
    seconds.append(time.perf_counter() - start)
  return statistics.median(seconds)


if __name__ == "__main__":
  main()
