"""A small CycleGAN whose task is a turn of the hue, on pictures of 32 pixels.

imtrans train --config experiments/soft_threshold/config.py:smeared --workdir runs/try
Variants: a kind of pictures, or KIND-tiny (a test). The pictures come from `pictures.py`.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Standard deviation, in degrees, of the hue by which each picture is turned beforehand.
KINDS = {"drawn": 0.0, "smeared": 40.0}
DEGREES = 60.0  # By which the target domain is turned against the source.


def get_config(variant: str = "smeared") -> ml_collections.ConfigDict:
  kind, size = split_variant(variant, KINDS)
  config = default_config()
  config.num_steps = 1_600
  config.batch_size = 4
  config.update_rule = "simultaneous"
  config.ema_decay = 0.99
  # Nothing is chosen by the test pictures.
  config.update(eval_every=0, sample_every=0, diagnose_every=0, log_every=200, save_every=1_600)

  config.data.source = "folders"
  config.data.path = f"runs/soft_threshold/pictures/{kind}"
  config.data.task = "recolor"
  config.data.load_size = 32
  config.data.crop_size = 32
  config.data.options = {"layout": "single", "domain": "a", "degrees": DEGREES}

  config.method = {
    "name": "cyclegan",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "cycle_weight": 10.0,
    "identity_weight": 0.0,
    "pool_size": 50,
    "discriminator_weight": 1.0,
  }
  config.generator = {
    "name": "unet",  # Its skips copy what need not change, so that colours are soon all there is.
    "num_levels": 3,
    "features": 16,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "patch",
    "num_layers": 2,
    "features": 16,
    "norm": "instance",
    "spectral_norm": False,
  }

  config.optimizer.learning_rate = 1e-3  # Above the paper's: small networks, few steps.
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 800
  return variant_config(config, size)
