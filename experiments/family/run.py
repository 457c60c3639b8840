"""Trains every method on the same pictures, and measures all by the same figures.

python -m experiments.family.run --seeds 0 --jobs 2 --pictures
--variants adds halves and presets of some; --runs takes some alone. Runs that results.json has
already are not repeated. --table writes the tables from it alone, that of the methods in the
project's README too; --tiny tries everything in seconds, and needs --output.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.family.config import IMAGES, RUNS, VARIANTS
from experiments.family.measured import figures, images_per_second, num_parameters
from experiments.family.methods import NUM_EXAMPLES, data_of, draw_method, methods_table
from experiments.family.report import draw_pictures, same_drawings, table
from experiments.record import ROOT, replace_section
from experiments.trainings import Records, Training, add_arguments, gather, parse, write_section
from imtrans.analyses.trained import load_trained
from imtrans.commands.configuration import load_config
from imtrans.training.checkpoint_reading import CheckpointError

FOLDER = Path(__file__).parent
CONFIG = "experiments/family/config.py"
# Fréchet distances want more pictures than are held out; kernel distances do with any number.
CRITERIA = ("l1", "psnr", "ssim", "lpips_alex", "kd_vgg16", "diversity_lpips_alex")


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=RUNS, help="default: one of every method")
  parser.add_argument("--variants", action="store_true", help=f"also {', '.join(VARIANTS)}")
  parser.add_argument(
    "--pictures", action="store_true", help="draw what the runs of the first seed make"
  )
  add_arguments(parser, workdir="runs/family", output=FOLDER)
  parsed = parse(parser, arguments)
  names = parsed.runs or [name for name in RUNS if parsed.variants or name not in VARIANTS]
  trainings = [training(name, seed, tiny=parsed.tiny) for seed in parsed.seeds for name in names]
  records = gather(parsed, trainings, measure)
  write_section(parsed.output, FOLDER, "results", table(records))
  if parsed.pictures:
    draw(parsed, [name for name in names if f"{name}-{parsed.seeds[0]}" in records])
  if parsed.output == FOLDER:
    replace_section(ROOT / "README.md", "methods", methods_table(FOLDER / "pictures"))
  return records


def draw(parsed: argparse.Namespace, names: Sequence[str]) -> None:
  """Draws recorded runs of the first seed, each alone and all together."""
  trained = {}
  for name in names:
    try:
      trained[name] = load_trained(parsed.workdir / f"{name}-{parsed.seeds[0]}", "last")
    except (ValueError, CheckpointError) as error:
      print(f"{name} is not drawn: {error}", file=sys.stderr)
  if not trained:
    return
  drawings = same_drawings(trained, NUM_EXAMPLES)
  # A method is shown by its longest run.
  longest = {
    RUNS[name].method: run
    for name, run in sorted(trained.items(), key=lambda item: RUNS[item[0]].images)
    if name not in VARIANTS or RUNS[name].images > IMAGES
  }
  for method, run in longest.items():
    draw_method(run, drawings, parsed.output / "pictures" / f"{method}.png")
  draw_pictures(trained, parsed.output / "pictures.png")


def training(name: str, seed: int, *, tiny: bool) -> Training:
  """A run of the study."""
  config = f"{CONFIG}:{name}{'-tiny' if tiny else ''}"
  loaded = load_config(config, [])
  facts = {
    "run": name,
    "seed": seed,
    "data": data_of(loaded),
    "images": loaded.batch_size * loaded.num_steps,
  }
  return Training(f"{name}-{seed}", config, (f"seed={seed}",), facts)


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """Measures a run by its last checkpoint."""
  trained = load_trained(workdir, "last")
  return {
    "figures": figures(trained, CRITERIA),
    "parameters": num_parameters(trained),
    "images_per_second": images_per_second(training),
  }


if __name__ == "__main__":
  main()
