"""Trains CycleGANs on recoloured OpenMoji at several identity weights, and measures colour shifts.

python -m experiments.soft_threshold.run --seeds 0 1 2
Runs that results.json has already are not repeated. --table writes table and figures from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.record import provenance, replace_section, run_command, store
from experiments.soft_threshold.config import KINDS
from experiments.soft_threshold.pictures import make_pictures
from experiments.soft_threshold.report import draw, table
from experiments.soft_threshold.shifts import shifts
from imtrans.analyses.trained import load_trained

FOLDER = Path(__file__).parent
CONFIG = "experiments/soft_threshold/config.py"
WEIGHTS = {"drawn": (0.0, 3.0, 10.0, 30.0, 100.0), "smeared": (0.0, 30.0)}
NUM_PICTURES = 200


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=WEIGHTS, default=list(WEIGHTS))
  parser.add_argument("--weights", nargs="+", type=float, help="instead of those of the study")
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument("--workdir", default="runs/soft_threshold", help="folder of the runs")
  parser.add_argument("--output", type=Path, default=FOLDER, help="folder of what is written")
  parser.add_argument("--table", action="store_true", help="write table and figure, train nothing")
  parser.add_argument("--tiny", action="store_true", help="two steps on pictures of 16 pixels")
  parsed = parser.parse_args(arguments)
  if parsed.tiny and parsed.output == FOLDER:
    parser.error("--tiny would spoil the recorded results: add --output FOLDER.")
  results = parsed.output / "results.json"
  records = json.loads(results.read_text()) if results.exists() else {}
  for seed in parsed.seeds if not parsed.table else ():
    for kind in parsed.runs:
      for weight in parsed.weights or WEIGHTS[kind]:
        key = f"{kind}-{weight:g}-{seed}"
        if key not in records:
          folder = Path(parsed.workdir) / key
          records = store(results, key, measure(kind, weight, seed, folder, tiny=parsed.tiny))
  if not records:
    parser.error(f"{results} holds no runs yet: leave out --table.")
  if parsed.output != FOLDER:
    shutil.copy(FOLDER / "README.md", parsed.output)
  replace_section(parsed.output / "README.md", "results", table(records))
  draw(records, parsed.output / "shifts.png")
  return records


def measure(
  kind: str, weight: float, seed: int, workdir: Path, *, tiny: bool = False
) -> dict[str, Any]:
  """Trains one run and measures the shifts of its generator; returns the record."""
  pictures = workdir.parent / "pictures" / kind
  make_pictures(pictures, KINDS[kind], size=18 if tiny else 32, most=20 if tiny else None)
  config = f"{CONFIG}:{kind}{'-tiny' if tiny else ''}"
  train = ["train", "--config", config, "--workdir", str(workdir)]
  settings = (f"seed={seed}", f"method.identity_weight={weight:g}", f"data.path={pictures}")
  train += [f"--config.{setting}" for setting in settings]
  seconds = run_command(train)
  trained = load_trained(workdir, "last")
  sources, targets = trained.test_pictures("ab", NUM_PICTURES)
  if targets is None:
    raise ValueError("the recoloured pictures have no true answers.")
  return {
    "commands": ["imtrans " + " ".join(train)],
    "kind": kind,
    "weight": weight,
    "seed": seed,
    "train_seconds": round(seconds, 1),
    **shifts(sources, targets, trained.generator("ab")(sources)),
    **provenance(),
  }


if __name__ == "__main__":
  main()
