"""CycleGAN on OpenMoji: drawings to colour pictures of other emoji and back, scored on pairs.

imtrans train --config configs/cyclegan_openmoji.py:cpu --workdir runs/cyclegan_openmoji
imtrans evaluate --workdir runs/cyclegan_openmoji
No training drawing has its colour picture in training; the held-out drawings have theirs, so this
unpaired task has a known answer. WGAN-GP in the place of least squares:
--config.method.adversarial=wasserstein --config.method.gradient_penalty_weight=10
--config.updates.discriminator=5 --config.batch_size=20, which is four pictures an update.
Expected with :cpu: see experiments/openmoji/README.md.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 200_000
  config.batch_size = 1
  config.update_rule = "simultaneous"
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "cyclegan",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "cycle_weight": 10.0,
    "cycles": ("forward", "backward"),
    "cycle_noise": 0.0,
    "identity_weight": 0.0,
    "pool_size": 50,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "patch",
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": False,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 100_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=3_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.batch_size = 4
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.generator.update(num_blocks=3, features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_500
