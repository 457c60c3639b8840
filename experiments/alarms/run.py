"""Trains healthy and broken runs, asks the rule book, and writes the table and the figure.

python -m experiments.alarms --seeds 0 --jobs 2
python -m experiments.alarms --cases won noise --seeds 0 1
Runs that results.json has already are not repeated. --table writes table and figure from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.alarms.cases import CASES
from experiments.alarms.curves import pack
from experiments.alarms.report import draw, table
from experiments.trainings import Records, Training, add_arguments, gather, parse, write_section
from imtrans.training.journal import LOG, read_log
from imtrans.training.rules import alarms

FOLDER = Path(__file__).parent
TINY = ("num_steps=4", "log_every=2", "diagnose_every=2")
WATCHED = (  # What the rules look at: kept for the figure, and to ask the rule book again.
  *("discriminator/accuracy", "discriminator/accuracy_a", "discriminator/accuracy_b"),
  *("diagnostics/generator_gradient", "diagnostics/gradient_ratio", "diagnostics/update_cosine"),
  *("diagnostics/source_spread", "diagnostics/source_spread_a", "diagnostics/source_spread_b"),
  *("diagnostics/noise_spread", "diagnostics/spectral_max"),
)


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
  add_arguments(parser, workdir="runs/alarms", output=FOLDER)
  parsed = parse(parser, arguments)
  trainings = [
    training(name, seed, TINY if parsed.tiny else ())
    for seed in parsed.seeds
    for name in parsed.cases
  ]
  records = gather(parsed, trainings, measure)
  write_section(parsed.output, FOLDER, "results", table(records))
  draw(records, parsed.output / "alarms.png")
  return records


def training(name: str, seed: int, more: tuple[str, ...] = ()) -> Training:
  """The training of a case; `more` changes its config further."""
  case = CASES[name]
  changes = (*case.changes, f"seed={seed}", *more)
  facts = {"case": name, "seed": seed, "expected": list(case.alarms)}
  return Training(f"{name}-{seed}", f"{case.config}:tiny", changes, facts)


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """What is stored of a run: its alarms, and the quantities that the rules watch."""
  del training
  records = read_log(workdir / LOG)
  return {
    "alarms": said(records),
    "curves": {
      name: pack((r["step"], r[name]) for r in records if name in r)
      for name in WATCHED
      if any(name in r for r in records)
    },
  }


def said(records: Iterable[Mapping[str, float]]) -> list[dict[str, Any]]:
  """Alarms of a log: name, first step, step of its end or None, and the sentence."""
  return [
    {"name": alarm.name, "step": alarm.step, "end": alarm.end, "text": alarm.text}
    for alarm in alarms(records)
  ]
