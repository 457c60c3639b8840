"""pix2pixHD on OpenMoji: line drawing to colour picture, paired, no term that compares pixels.

imtrans train --config configs/pix2pixhd_openmoji.py:cpu --workdir runs/pix2pixhd
imtrans evaluate --workdir runs/pix2pixhd
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test).
What holds an output to its target are the features of two discriminators, on the image and on its
half: compare with pix2pix_openmoji.py, where it is the mean absolute error.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "pix2pixhd",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "feature_weight": 40.0,  # 10 in the authors' code, of a sum over four layers.
    "discriminator_weight": 1.0,
  }
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "num_levels": 4,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 2,
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": False,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 25_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.generator.update(num_blocks=3, num_levels=3, features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 750
