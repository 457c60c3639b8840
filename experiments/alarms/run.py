"""Trains healthy and broken runs, asks the rule book, and writes the table and the figure.

python -m experiments.alarms --seeds 0
python -m experiments.alarms --cases won noise --seeds 0 1
Runs that results.json has already are not repeated.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import jax

from experiments.alarms.cases import CASES
from experiments.alarms.report import draw, table
from experiments.alarms.training import run_case, said
from experiments.record import provenance, replace_section, store

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
WATCHED = (  # Drawn in the figure, and kept for it.
  *("discriminator/accuracy", "diagnostics/generator_gradient", "diagnostics/gradient_ratio"),
  *("diagnostics/source_spread", "diagnostics/noise_spread", "diagnostics/update_cosine"),
  *("diagnostics/spectral_max", "discriminator/accuracy_a", "discriminator/accuracy_b"),
)


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument("--workdir", default="runs/alarms", help="folder of the runs")
  arguments = parser.parse_args()
  records = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
  for seed in arguments.seeds:
    for name in arguments.cases:
      if f"run {name}-{seed}" not in records:
        workdir = Path(arguments.workdir) / f"{name}-{seed}"
        records = store(RESULTS, f"run {name}-{seed}", trained(name, seed, workdir))
        jax.clear_caches()
  replace_section(FOLDER / "README.md", "results", table(records))
  draw(records, FOLDER / "alarms.png")


def trained(name: str, seed: int, workdir: Path, more: tuple[str, ...] = ()) -> dict[str, Any]:
  """Trains one case; returns its record."""
  start = time.perf_counter()
  records = run_case(CASES[name], workdir, seed=seed, more=more)
  return record(name, seed, records, time.perf_counter() - start, more)


def record(
  name: str, seed: int, records: list[dict], seconds: float, more: tuple[str, ...] = ()
) -> dict[str, Any]:
  """What is stored of a run: how to repeat it, its alarms and the watched quantities."""
  case = CASES[name]
  overrides = [*case.overrides, *(f"--config.{change}" for change in (f"seed={seed}", *more))]
  command = ["imtrans", "train", "--config", f"{case.config}:tiny", *overrides]
  return {
    "command": f"python -m experiments.alarms --cases {name} --seeds {seed}",
    "the_same_run": " ".join(command),
    "seed": seed,
    "seconds": round(seconds, 1),
    "expected": list(case.alarms),
    "alarms": said(records),
    "curves": {
      name: [[r["step"], float(f"{r[name]:.4g}")] for r in records if name in r]
      for name in WATCHED
      if any(name in r for r in records)
    },
    **provenance(),
  }
