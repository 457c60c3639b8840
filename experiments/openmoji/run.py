"""Trains and scores L1 alone, pix2pix and CycleGAN on OpenMoji, and writes table and picture.

python -m experiments.openmoji.run --seeds 0
python -m experiments.openmoji.run --runs l1 pix2pix --seeds 0 1 2
Runs that results.json has already are not repeated.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.record import provenance, replace_section, run_command, store

FOLDER = Path(__file__).parent
RESULTS = FOLDER / "results.json"
RUNS = {
  "l1": ("L1 alone", "pix2pix_openmoji", ("method.adversarial_weight=0.0",)),
  "pix2pix": ("pix2pix (L1 + GAN)", "pix2pix_openmoji", ()),
  "cyclegan": ("CycleGAN (unpaired)", "cyclegan_openmoji", ()),
}
FIGURES = ("l1", "psnr", "ssim")


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument("--workdir", default="runs/openmoji", help="folder of the runs")
  arguments = parser.parse_args()
  records = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
  for seed in arguments.seeds:
    for name in arguments.runs:
      if f"{name}-{seed}" not in records:
        records = store(RESULTS, f"{name}-{seed}", measure(name, seed, Path(arguments.workdir)))
  replace_section(FOLDER / "README.md", "results", table(records))
  draw(Path(arguments.workdir), FOLDER / "held_out.png")


def measure(name: str, seed: int, folder: Path) -> dict:
  """Trains and evaluates one run; returns its record."""
  _, config, overrides = RUNS[name]
  workdir = str(folder / f"{name}-{seed}")
  train = ["train", "--config", f"configs/{config}.py:cpu", "--workdir", workdir]
  train += [f"--config.{override}" for override in (f"seed={seed}", *overrides)]
  seconds = run_command(train)
  # The last checkpoint for all: choosing by test figures would favour whoever fluctuates most.
  evaluate = ["evaluate", "--workdir", workdir, "--checkpoint", "last"]
  run_command(evaluate)
  metrics = json.loads((Path(workdir) / "metrics.json").read_text())
  return {
    "commands": ["imtrans " + " ".join(train), "imtrans " + " ".join(evaluate)],
    "seed": seed,
    "train_seconds": round(seconds, 1),
    "metrics": metrics,
    **provenance(),
  }


def table(records: dict[str, dict]) -> str:
  """Markdown table of means, with the spread over seeds where there are several."""
  lines = [
    "| held-out OpenMoji, 64² | L1 ↓ | PSNR (dB) ↑ | SSIM ↑ | seeds | training |",
    "|---|---|---|---|---|---|",
  ]
  first = next(iter(records.values()))["metrics"]
  baseline = [f"{first[f'baseline/{figure}']:.4f}" for figure in FIGURES]
  lines.append(f"| copying the drawing | {' | '.join(baseline)} | – | – |")
  for name, (title, *_) in RUNS.items():
    runs = [record for key, record in records.items() if key.rpartition("-")[0] == name]
    if not runs:
      continue
    seeds = ", ".join(str(run["seed"]) for run in runs)
    minutes = np.mean([run["train_seconds"] for run in runs]) / 60
    for prefix, direction in (("eval", ""), ("eval_ba", ", colour to drawing")):
      if f"{prefix}/l1" in runs[0]["metrics"]:
        cells = [_spread([run["metrics"][f"{prefix}/{name}"] for run in runs]) for name in FIGURES]
        row = [title + direction, *cells, seeds, f"{minutes:.1f} min"]
        lines.append(f"| {' | '.join(row)} |")
  newest = max(records.values(), key=lambda record: record["date"])
  versions = ", ".join(f"{name} {number}" for name, number in newest["versions"].items())
  lines += ["", f"{newest['machine']}; Python {newest['python']}, {versions}; {newest['date']}."]
  return "\n".join(lines)


def draw(folder: Path, path: Path) -> None:
  """Draws the same held-out drawings through every run: source, outputs, target."""
  import imtrans
  from imtrans.data import open_dataset, write_image

  sources, targets, _ = open_dataset("openmoji", split="test", paired=True)
  chosen = np.linspace(3, len(sources) - 4, 12).astype(int)
  columns: list[Sequence[np.ndarray]] = [[sources[index] for index in chosen]]
  for name in RUNS:
    workdir = folder / f"{name}-0"
    if workdir.is_dir():
      model = imtrans.load(workdir, "last")
      columns.append([model.translate(sources[index]) for index in chosen])
  if targets is not None:
    columns.append([targets[index] for index in chosen])
  rows = [np.concatenate(pictures, axis=1) for pictures in columns]
  write_image(path, np.concatenate(rows, axis=0))


def _spread(values: Sequence[float]) -> str:
  mean = f"{np.mean(values):.4f}"
  return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.4f}"


if __name__ == "__main__":
  main()
