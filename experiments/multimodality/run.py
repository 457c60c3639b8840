"""Trains pix2pix on drawings with several right answers, and measures which of these it gives.

python -m experiments.multimodality.run --seeds 0 1 2
Runs that results.json has already are not repeated. --table writes tables and figures from it
alone; --tiny tries everything in seconds, and needs --output.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.multimodality.config import CONDITIONS
from experiments.multimodality.report import NUM_SHOWN, draw, draw_pictures, table
from experiments.multimodality.tones import Tones, find_tones, measure_tones, reference_outputs
from experiments.record import provenance, replace_section, run_command, store
from imtrans.analyses.trained import TrainedRun, load_trained
from imtrans.evaluation.pairs import as_stored

FOLDER = Path(__file__).parent
CONFIG = "experiments/multimodality/config.py"
NUM_SAMPLES = 24  # Even draws would find 98.7 % of the six answers.


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument("--workdir", default="runs/multimodality", help="folder of the runs")
  parser.add_argument("--output", type=Path, default=FOLDER, help="folder of what is written")
  parser.add_argument("--table", action="store_true", help="write table and figure, train nothing")
  parser.add_argument("--pictures", action="store_true", help="draw outputs of the first seed")
  parser.add_argument("--tiny", action="store_true", help="two steps on pictures of 16 pixels")
  parsed = parser.parse_args(arguments)
  if parsed.tiny and parsed.output == FOLDER:
    parser.error("--tiny would spoil the recorded results: add --output FOLDER.")
  results, workdir = parsed.output / "results.json", Path(parsed.workdir)
  records = json.loads(results.read_text()) if results.exists() else {}
  for seed in parsed.seeds if not parsed.table else ():
    for name in parsed.runs:
      key = f"{name}-{seed}"
      if key not in records:
        records = store(results, key, measure(name, seed, workdir / key, tiny=parsed.tiny))
  if not records:
    parser.error(f"{results} holds no runs yet: leave out --table.")
  if "references" not in records:
    key = next(iter(records))
    records = store(results, "references", references(load_trained(workdir / key, "last")))
  if parsed.output != FOLDER:
    shutil.copy(FOLDER / "README.md", parsed.output)
  replace_section(parsed.output / "README.md", "results", table(records))
  draw(records, parsed.output / "colours.png")
  if parsed.pictures:
    runs = {name: workdir / f"{name}-{parsed.seeds[0]}" for name in parsed.runs}
    groups = {name: outputs(load_trained(run, "last"), NUM_SHOWN) for name, run in runs.items()}
    draw_pictures(groups, parsed.output / "pictures.png")
  return records


def measure(name: str, seed: int, workdir: Path, *, tiny: bool = False) -> dict[str, Any]:
  """Trains one run and measures its outputs; returns the record."""
  variant = f"{name}-tiny" if tiny else name
  train = ["train", "--config", f"{CONFIG}:{variant}", "--workdir", str(workdir)]
  train += [f"--config.seed={seed}"]
  seconds = run_command(train)
  tones, made = outputs(load_trained(workdir, "last"), NUM_SAMPLES)
  return {
    "commands": ["imtrans " + " ".join(train)],
    "condition": name,
    "seed": seed,
    "train_seconds": round(seconds, 1),
    **measure_tones(tones, made),
    **provenance(),
  }


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
