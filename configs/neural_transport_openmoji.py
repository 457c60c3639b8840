"""Neural optimal transport on OpenMoji: drawings to pictures of other emoji, moved the least.

imtrans train --config configs/neural_transport_openmoji.py:cpu --workdir runs/transport
imtrans evaluate --workdir runs/transport
Variants: full (64 pixels, for a GPU), cpu (32 pixels, minutes on two cores), tiny (a test).
The transport map moves ten times for each move of its potential (Korotin et al., 2023): batch_size
counts the pictures of all ten. This is the strong cost, one answer a drawing; several, by the weak
one: --config.method.latent_size=8 --config.method.weakness=0.66 and
--config.method.weakness_steps=25000
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 100_000
  config.batch_size = 640
  config.updates.generator = 10
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 72
  config.data.crop_size = 64
  config.data.options = {"size": 64, "tones": True, "flags": False}

  config.method = {
    "name": "neural_transport",
    "transport_weight": 1.0,
    "weakness": 0.0,
    "weakness_steps": 0,
    "latent_size": 0,
    "num_codes": 4,
    "latent_scale": 0.1,
  }
  config.generator = {
    "name": "unet",
    "num_levels": 5,
    "features": 48,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "convolutional",
    "num_layers": 4,
    "features": 64,
    "norm": "none",
    "spectral_norm": False,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.b1 = 0.9
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=500, log_every=10, sample_every=100, eval_every=100, save_every=100)
  config.batch_size = 80
  config.ema_decay = 0.99
  config.data.update(load_size=36, crop_size=32)
  config.data.options.size = 36
  config.generator.update(num_levels=4, features=32)
  config.discriminator.update(num_layers=3, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
