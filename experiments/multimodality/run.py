"""Trains pix2pix on drawings with several right answers, and measures which of these it gives.

python -m experiments.multimodality.run --seeds 0 1 2 --jobs 2 --pictures
Runs that results.json has already are not repeated. --table writes tables and figures from it
alone; --tiny tries everything in seconds, and needs --output.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.multimodality.config import CONDITIONS
from experiments.multimodality.report import NUM_SHOWN, draw, draw_pictures, table
from experiments.multimodality.tones import Tones, find_tones, measure_tones, reference_outputs
from experiments.record import store
from experiments.trainings import (
  RESULTS,
  Records,
  Training,
  add_arguments,
  gather,
  parse,
  write_section,
)
from imtrans.analyses.trained import TrainedRun, load_trained
from imtrans.evaluation.translation.pictures import as_stored

FOLDER = Path(__file__).parent
CONFIG = "experiments/multimodality/config.py"
NUM_SAMPLES = 24  # Even draws would find 98.7 % of the six answers.


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
  parser.add_argument("--pictures", action="store_true", help="draw outputs of the first seed")
  add_arguments(parser, workdir="runs/multimodality", output=FOLDER)
  parsed = parse(parser, arguments)
  size = "-tiny" if parsed.tiny else ""
  trainings = [
    Training(
      f"{name}-{seed}",
      f"{CONFIG}:{name}{size}",
      (f"seed={seed}",),
      {"condition": name, "seed": seed},
    )
    for seed in parsed.seeds
    for name in parsed.runs
  ]
  records = gather(parsed, trainings, measure)
  if "references" not in records:
    found = references(load_trained(parsed.workdir / next(iter(records)), "last"))
    records = store(parsed.output / RESULTS, "references", found)
  write_section(parsed.output, FOLDER, "results", table(records))
  draw(records, parsed.output / "colours.png")
  if parsed.pictures:
    runs = {name: parsed.workdir / f"{name}-{parsed.seeds[0]}" for name in parsed.runs}
    groups = {name: outputs(load_trained(run, "last"), NUM_SHOWN) for name, run in runs.items()}
    draw_pictures(groups, parsed.output / "pictures.png")
  return records


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """Measures the outputs of a run."""
  del training
  return measure_tones(*outputs(load_trained(workdir, "last"), NUM_SAMPLES))


def references(trained: TrainedRun) -> dict[str, Any]:
  """Measures what the theory predicts on the same drawings; nothing of the run but its data."""
  tones = find_tones(trained)
  predicted = reference_outputs(tones, NUM_SAMPLES)
  return {name: measure_tones(tones, made) for name, made in predicted.items()}


def outputs(trained: TrainedRun, count: int) -> tuple[list[Tones], list[np.ndarray]]:
  """The drawings with six answers, and so many outputs of each, in the values of a picture file."""
  tones, generator = find_tones(trained), trained.generators[0]
  sources = np.stack([drawing.source for drawing in tones])
  made = [generator._replace(seed=seed)(sources) for seed in range(count)]
  stored = np.stack([as_stored(images, trained.run.specs["b"]) for images in made], axis=1)
  return tones, list(stored)


if __name__ == "__main__":
  main()
