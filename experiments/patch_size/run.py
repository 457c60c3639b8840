"""Trains pix2pix with PatchGANs of six sizes, and measures pictures by fineness, and the cost.

python -m experiments.patch_size.run --seeds 0 1 2 --jobs 2 --pictures
Runs that results.json has already are not repeated. --table writes tables and figure from it alone;
--tiny tries everything in seconds, and needs --output.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.family.measured import figures, images_per_second, num_parameters
from experiments.patch_size.config import CONDITIONS, NO_GAN
from experiments.patch_size.measured import color_scores, discriminator_cost, spectra
from experiments.patch_size.paper import fit_texture, line_covariance
from experiments.patch_size.report import draw, draw_pictures, table
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
CONFIG = "experiments/patch_size/config.py"
CRITERIA = ("l1", "psnr", "ssim", "lpips_alex")
NUM_PICTURES = 1_000  # All that are held out.


def main(arguments: Sequence[str] | None = None) -> Records:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=CONDITIONS, default=list(CONDITIONS))
  parser.add_argument("--pictures", action="store_true", help="draw outputs of the first seed")
  add_arguments(parser, workdir="runs/patch_size", output=FOLDER)
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
  draw(records, parsed.output / "bands.png")
  if parsed.pictures:
    runs = {name: parsed.workdir / f"{name}-{parsed.seeds[0]}" for name in parsed.runs}
    trained = {name: load_trained(run, "last") for name, run in runs.items()}
    draw_pictures(trained, parsed.output / "pictures.png")
  return records


def measure(training: Training, workdir: Path) -> dict[str, Any]:
  """Measures a run by its last checkpoint."""
  trained = load_trained(workdir, "last")
  sources, answers = test_pairs(trained)
  outputs = as_stored(trained.generators[0](sources), trained.run.specs["b"])
  alone = training.facts["condition"] == NO_GAN
  return {
    "figures": figures(trained, CRITERIA),
    "spectra": spectra(outputs, answers),
    "colors": color_scores(outputs, answers),
    # Without a say it still learns, in the same program; but it is no part of the condition.
    "discriminator": None if alone else discriminator_cost(trained),
    "parameters": num_parameters(trained),
    "images_per_second": images_per_second(training),
  }


def references(trained: TrainedRun) -> dict[str, Any]:
  """What is known without training: the drawings taken as they are, and the lines' texture."""
  sources, answers = test_pairs(trained)
  texture = fit_texture(line_covariance(answers))
  return {
    "pictures": len(answers),
    "side": answers.shape[1],
    "spectra": spectra(sources, answers),
    "colors": color_scores(sources, answers),
    "texture": {
      "variances": [float(f"{value:.5g}") for value in texture.variances],
      "lengths": [float(f"{value:.5g}") for value in texture.lengths],
    },
  }


def test_pairs(trained: TrainedRun) -> tuple[Any, Any]:
  """The held-out drawings and their pictures, [pictures, side, side, 3] in [-1, 1] each."""
  sources, answers = trained.test_pictures("ab", NUM_PICTURES)
  if answers is None:
    raise ValueError("the held-out drawings have no pictures.")
  return sources, answers


if __name__ == "__main__":
  main()
