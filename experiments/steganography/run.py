"""Trains CycleGANs between drawings and colours, and measures what they hide in the drawings.

python -m experiments.steganography.run --seeds 0 1 2 --jobs 2 --pictures
Runs that results.json has already are not repeated. --table writes tables and figure from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.steganography.config import CONDITIONS
from experiments.steganography.messages import measure_cycle
from experiments.steganography.report import draw, draw_pictures, table
from experiments.trainings import Records, Training, add_arguments, gather, parse, write_section
from imtrans.analyses.trained import load_trained

FOLDER = Path(__file__).parent
CONFIG = "experiments/steganography/config.py"


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
  parser.add_argument("--pictures", action="store_true", help="draw pictures of the first seed")
  add_arguments(parser, workdir="runs/steganography", output=FOLDER)
  parsed = parse(parser, arguments)
  size = "-tiny" if parsed.tiny else ""
  trainings = [
    Training(
      f"{name}-{seed}",
      f"{CONFIG}:{name}{size}",
      (f"seed={seed}",),
      {"condition": name, "cycle_noise": CONDITIONS[name], "seed": seed},
    )
    for seed in parsed.seeds
    for name in parsed.runs
  ]
  records = gather(parsed, trainings, measure)
  write_section(parsed.output, FOLDER, "results", table(records))
  draw(records, parsed.output / "survival.png")
  if parsed.pictures:
    runs = {name: parsed.workdir / f"{name}-{parsed.seeds[0]}" for name in parsed.runs}
    trained = {name: load_trained(run, "last") for name, run in runs.items()}
    draw_pictures(trained, parsed.output / "pictures.png")
  return records


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """Measures the cycle of a run."""
  del training
  return measure_cycle(load_trained(workdir, "last"))


if __name__ == "__main__":
  main()
