"""SPADE on OpenMoji: a drawing as a map of two labels, line and ground, its picture in many styles.

imtrans train --config configs/spade_openmoji.py:cpu --workdir runs/spade
imtrans evaluate --workdir runs/spade
imtrans translate --workdir runs/spade --input drawing.png --output hand.png --seed 3
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test). The
seed draws the style; an encoder finds that of a picture in training. Without styles:
--config.method.latent_size=0 --config.encoder.name=none
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999
  config.palette = "black white"

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "spade",
    "adversarial": "hinge",
    "adversarial_weight": 0.5,
    "feature_weight": 40.0,  # 10 in the authors' code, of a sum over four layers.
    "perceptual_weight": 0.0,  # As in spade_facades.py: 4.5, if the weights are installed.
    "kl_weight": 0.05,
    "latent_size": 16,
    "discriminator_weight": 0.5,
  }
  config.generator = {
    "name": "spade",
    "widths": (16, 16, 16, 8, 4, 2, 1),
    "num_levels": 5,
    "features": 64,
    "hidden_features": 128,
    "spectral_norm": True,
  }
  config.encoder = {
    "name": "convolutional",
    "num_levels": 5,
    "features": 64,
    "norm": "instance",
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 2,
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": True,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.discriminator_factor = 4.0
  config.optimizer.b1 = 0.0
  config.optimizer.b2 = 0.9
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 25_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.generator.update(num_levels=4, features=8, hidden_features=16)
  config.encoder.update(num_levels=4, features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 750
