"""How fast a config trains on one core, by processor time: what runs beside it does not count.

python -m experiments.family.speed --config configs/pix2pix_openmoji.py:cpu --config.seed=0
"""

import argparse
import os
import sys
from collections.abc import Sequence
from time import process_time

STEPS = 10  # After one that compiles or reads what is compiled.


def main(arguments: Sequence[str] | None = None) -> None:
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument("--config", required=True, metavar="FILE[:VARIANT]")
  parsed, overrides = parser.parse_known_args(arguments)
  if hasattr(os, "sched_setaffinity"):  # Before jax counts its cores; not on macOS.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})

  from imtrans.commands.compilation_cache import keep_compiled_programs
  from imtrans.commands.configuration import load_config

  try:
    config = load_config(parsed.config, overrides)
    keep_compiled_programs()
    print(train_speed(config))
  except ValueError as error:
    sys.exit(str(error))


def train_speed(config, steps: int = STEPS) -> float:
  """Trains a config for a few steps, on its own pictures.

  Args:
    config: a whole config.
    steps: that are timed.

  Returns:
    Images per second of this process's time, reading and transforming the pictures included.
  """
  import jax

  from imtrans.training.assembly import build_method, build_optimizers
  from imtrans.training.compilation import build_step
  from imtrans.training.input import domain_specs, example_batch, open_data, training_batches
  from imtrans.training.mesh import make_mesh, shard_batch
  from imtrans.training.sharding import state_shardings
  from imtrans.training.state import create_state, jit_start

  dataset, mesh = open_data(config, "train"), make_mesh(tuple(config.mesh))
  channels = {name: spec.channels for name, spec in domain_specs(dataset).items()}
  method, optimizers = build_method(config, channels), build_optimizers(config)

  def start(batch):
    return create_state(
      method, optimizers, batch, seed=config.seed, keep_ema=config.ema_decay > 0.0
    )

  example = example_batch(config, channels)
  shardings = state_shardings(mesh, jax.eval_shape(start, example), shard_params=False)
  state = jit_start(start, out_shardings=shardings)(jax.device_get(example))
  train_step = build_step(config, mesh, method, optimizers, shardings)
  batches = training_batches(config, dataset)
  began = 0.0
  for step in range(steps + 1):
    state, metrics = train_step(state, shard_batch(mesh, next(batches)))
    jax.block_until_ready(metrics)
    if step == 0:
      began = process_time()
  return steps * config.batch_size / (process_time() - began)


if __name__ == "__main__":
  main()
