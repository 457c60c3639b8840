"""The conditions of the study: CycleGANs between drawings and colours of OpenMoji, at 64 pixels.

imtrans train --config experiments/steganography/config.py:noise_16 --workdir runs/try
Variants: a condition, or CONDITION-tiny (a test).
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Noise on a translation before it goes back, standard deviation in levels of an 8-bit picture.
CONDITIONS = {"noise_0": 0.0, "noise_4": 4.0, "noise_16": 16.0}


def get_config(variant: str = "noise_0") -> ml_collections.ConfigDict:
  condition, size = split_variant(variant, CONDITIONS)
  config = default_config()
  config.num_steps = 3_000
  config.batch_size = 2
  config.update_rule = "simultaneous"
  config.ema_decay = 0.99
  # Nothing is chosen by the test pictures.
  config.update(eval_every=0, sample_every=0, diagnose_every=0, log_every=250, save_every=3_000)

  config.data.source = "openmoji"
  config.data.load_size = 64
  config.data.crop_size = 64
  config.data.options = {"size": 64, "tones": True, "flags": False}

  config.method = {
    "name": "cyclegan",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "cycle_weight": 10.0,
    "identity_weight": 0.0,
    "pool_size": 50,
    "discriminator_weight": 1.0,
    "cycle_noise": CONDITIONS[condition],
  }
  config.generator = {
    "name": "resnet",  # Without skips: whatever returns was drawn.
    "num_blocks": 3,
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

  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 1_500
  return variant_config(config, size)
