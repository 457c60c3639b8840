"""Trains CycleGANs on recoloured OpenMoji at several identity weights, and measures colour shifts.

python -m experiments.soft_threshold.run --seeds 0 1 2 --jobs 2
Runs that results.json has already are not repeated. --table writes table and figures from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.soft_threshold.config import KINDS
from experiments.soft_threshold.pictures import make_pictures
from experiments.soft_threshold.report import draw, table
from experiments.soft_threshold.shifts import shifts
from experiments.trainings import Records, Training, add_arguments, gather, parse, write_section
from imtrans.analyses.trained import load_trained

FOLDER = Path(__file__).parent
CONFIG = "experiments/soft_threshold/config.py"
WEIGHTS = {"drawn": (0.0, 3.0, 10.0, 30.0, 100.0), "smeared": (0.0, 30.0)}
NUM_PICTURES = 200


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=WEIGHTS, default=list(WEIGHTS))
  parser.add_argument("--weights", nargs="+", type=float, help="instead of those of the study")
  add_arguments(parser, workdir="runs/soft_threshold", output=FOLDER)
  parsed = parse(parser, arguments)
  for kind in parsed.runs if not parsed.table else ():
    size, most = (18, 20) if parsed.tiny else (32, None)
    make_pictures(parsed.workdir / "pictures" / kind, KINDS[kind], size=size, most=most)
  records = gather(parsed, list(trainings(parsed)), measure)
  write_section(parsed.output, FOLDER, "results", table(records))
  draw(records, parsed.output / "shifts.png")
  return records


def trainings(parsed: argparse.Namespace) -> Iterator[Training]:
  """The runs that are asked for."""
  for seed in parsed.seeds:
    for kind in parsed.runs:
      for weight in parsed.weights or WEIGHTS[kind]:
        settings = (f"seed={seed}", f"method.identity_weight={weight:g}")
        yield Training(
          f"{kind}-{weight:g}-{seed}",
          f"{CONFIG}:{kind}{'-tiny' if parsed.tiny else ''}",
          (*settings, f"data.path={parsed.workdir / 'pictures' / kind}"),
          {"kind": kind, "weight": weight, "seed": seed},
        )


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """Measures the shifts of a run's generator."""
  del training
  trained = load_trained(workdir, "last")
  sources, targets = trained.test_pictures("ab", NUM_PICTURES)
  if targets is None:
    raise ValueError("the recoloured pictures have no true answers.")
  return shifts(sources, targets, trained.generator("ab")(sources))


if __name__ == "__main__":
  main()
