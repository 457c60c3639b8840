"""Trains CycleGANs between drawings and colours, and measures what they hide in the drawings.

python -m experiments.steganography.run --seeds 0 1 2 --pictures
Runs that results.json has already are not repeated. --table writes tables and figure from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.record import provenance, replace_section, run_command, store
from experiments.steganography.config import CONDITIONS
from experiments.steganography.messages import measure_cycle
from experiments.steganography.report import draw, draw_pictures, table
from imtrans.analyses.trained import load_trained

FOLDER = Path(__file__).parent
CONFIG = "experiments/steganography/config.py"


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument("--workdir", default="runs/steganography", help="folder of the runs")
  parser.add_argument("--output", type=Path, default=FOLDER, help="folder of what is written")
  parser.add_argument("--table", action="store_true", help="write table and figure, train nothing")
  parser.add_argument("--pictures", action="store_true", help="draw pictures of the first seed")
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
  if parsed.output != FOLDER:
    shutil.copy(FOLDER / "README.md", parsed.output)
  replace_section(parsed.output / "README.md", "results", table(records))
  draw(records, parsed.output / "survival.png")
  if parsed.pictures:
    runs = {name: workdir / f"{name}-{parsed.seeds[0]}" for name in parsed.runs}
    trained = {name: load_trained(run, "last") for name, run in runs.items()}
    draw_pictures(trained, parsed.output / "pictures.png")
  return records


def measure(name: str, seed: int, workdir: Path, *, tiny: bool = False) -> dict[str, Any]:
  """Trains one run and measures its cycle; returns the record."""
  variant = f"{name}-tiny" if tiny else name
  train = ["train", "--config", f"{CONFIG}:{variant}", "--workdir", str(workdir)]
  train += [f"--config.seed={seed}"]
  seconds = run_command(train)
  return {
    "commands": ["imtrans " + " ".join(train)],
    "condition": name,
    "cycle_noise": CONDITIONS[name],
    "seed": seed,
    "train_seconds": round(seconds, 1),
    **measure_cycle(load_trained(workdir, "last")),
    **provenance(),
  }


if __name__ == "__main__":
  main()
