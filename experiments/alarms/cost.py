"""What a diagnosis costs: its time in training steps, measured in turn with them.

python -m experiments.alarms.cost
"""

import statistics
import time
from pathlib import Path
from typing import Any

import jax

from experiments.alarms.report import cost_table
from experiments.record import provenance, replace_section, store
from imtrans.commands.configuration import load_config
from imtrans.training.assembly import build_method, build_optimizers, draws_noise
from imtrans.training.diagnostics import make_diagnosis, probe_batches
from imtrans.training.input import domain_specs, open_data, training_batches
from imtrans.training.state import create_state
from imtrans.training.step import make_train_step

FOLDER = Path(__file__).parent
CONFIGS = FOLDER.parents[1] / "configs"
SETTINGS = {
  "pix2pix, batch 16": ("pix2pix_openmoji", 16),
  "pix2pix, batch 1": ("pix2pix_openmoji", 1),
  "CycleGAN, batch 4": ("cyclegan_openmoji", 4),
  "CycleGAN, batch 1": ("cyclegan_openmoji", 1),
}


def main() -> None:
  records = {}
  for title, (config, batch_size) in SETTINGS.items():
    record = {"command": "python -m experiments.alarms.cost", "setting": title}
    record |= {**measure(config, batch_size), **provenance()}
    records = store(FOLDER / "cost.json", title, record)
  replace_section(FOLDER / "README.md", "cost", cost_table(records))


def measure(name: str, batch_size: int, *, variant: str = "cpu", rounds: int = 9) -> dict[str, Any]:
  """Times steps and diagnoses in turn, so that both meet the same load of the machine.

  Args:
    name: of a config.
    batch_size: of its batches.
    variant: of the config.
    rounds: each of several steps and one diagnosis.

  Returns:
    Medians "step_seconds" and "diagnosis_seconds", their ratio "diagnosis_steps", the "share" of
    the training time that it takes at the config's `diagnose_every` (200 where that is 0).
  """
  override = f"--config.batch_size={batch_size}"
  config = load_config(f"{CONFIGS / name}.py:{variant}", [override])
  dataset = open_data(config, "train")
  channels = {domain: spec.channels for domain, spec in domain_specs(dataset).items()}
  method, optimizers = build_method(config, channels), build_optimizers(config)
  batches = training_batches(config, dataset)
  batch = next(batches)
  start = jax.jit(lambda b: create_state(method, optimizers, b, seed=0, keep_ema=False))
  state = start(batch)
  step = jax.jit(make_train_step(method, optimizers, update_rule=config.update_rule))
  diagnose = make_diagnosis(method, optimizers, noise=draws_noise(config))
  probe = probe_batches(training_batches(config, dataset), batch_size)

  def train() -> None:
    jax.block_until_ready(step(state, batch))

  def look() -> None:
    diagnose(state, probe)

  for warm_up in (train, look):
    warm_up()
  steps, diagnoses = [], []
  for _ in range(rounds):
    steps += [_seconds(train) for _ in range(3)]
    diagnoses.append(_seconds(look))
  one, other = statistics.median(steps), statistics.median(diagnoses)
  every = config.diagnose_every or 200
  return {
    "step_seconds": one,
    "diagnosis_seconds": other,
    "diagnosis_steps": other / one,
    "every": every,
    "share": other / (every * one),
  }


def _seconds(function) -> float:
  begin = time.perf_counter()
  function()
  return time.perf_counter() - begin


if __name__ == "__main__":
  main()
