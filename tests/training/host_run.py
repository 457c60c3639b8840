"""One process of a training: `python -m tests.training.host_run PORT INDEX COUNT WORKDIR PICTURES`.

What `imtrans train` does with several processes, without what measures pictures.
"""

import os
import sys
from pathlib import Path

import jax
import numpy as np

from configs.pix2pix_facades import get_config
from imtrans.training.agreement import check_alike, shared_facts, together
from imtrans.training.input import open_data
from imtrans.training.interruption import Stopped
from imtrans.training.loop import train
from imtrans.training.parting import joined
from imtrans.training.roll_call import HostLost

NUM_STEPS = 30


def main():
  port, index, count, workdir, pictures = sys.argv[1:]
  config = get_config("tiny").unlock()
  config.data.path = pictures
  config.generator.num_levels = 1
  config.discriminator.features = 32  # Its second kernel is large enough to be split.
  config.shard_params = True
  config.update(num_steps=NUM_STEPS, save_every=5, eval_every=15, sample_every=15)
  config.update(accumulate=2, diagnose_every=NUM_STEPS)

  def evaluate(snapshot):
    weights = jax.tree.leaves(snapshot.generator_params)
    return {"eval/l1": sum(float(np.abs(np.asarray(leaf)).sum()) for leaf in weights)}

  try:
    with joined(
      coordinator=f"localhost:{port}",
      num_processes=int(count),
      process_id=int(index),
      timeout=60,
    ):
      dataset = together(lambda: open_data(config, "train"))
      check_alike(shared_facts(config, dataset))
      picture = np.zeros((4, 4, 3), np.uint8)
      train(config, Path(workdir), dataset, evaluate=evaluate, sample=lambda _: picture)
  except Stopped as stopped:
    print(f"imtrans: {stopped}", file=sys.stderr, flush=True)
    sys.exit(128 + stopped.signal_number)
  except HostLost as error:
    print(f"imtrans: {error}", file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
  main()
