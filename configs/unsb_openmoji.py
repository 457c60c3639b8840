"""UNSB on OpenMoji: drawings to colour pictures of other emoji in five steps, scored on pairs.

imtrans train --config configs/unsb_openmoji.py:cpu --workdir runs/unsb_openmoji
imtrans evaluate --workdir runs/unsb_openmoji
imtrans translate --workdir runs/unsb_openmoji --input DRAWINGS --output out --refinements 1
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test). No
training drawing has its colour picture in training; the held-out drawings have theirs, so this
unpaired task has a known answer.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 200_000
  config.batch_size = 2
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "unsb",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "transport_weight": 0.01,
    "entropy_weight": 0.01,
    "nce_weight": 0.5,
    "identity_nce_weight": 0.5,
    "num_times": 5,
    "num_refinements": 0,
    "tau": 0.01,
    "latent_size": 256,
    "layers": ("image", "down_1", "down_2", "block_0", "block_4"),
    "num_patches": 256,
    "head_features": 256,
    "temperature": 0.07,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "antialiased": True,
    "latent_at": "blocks",
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
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.batch_size = 4
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.method.update(latent_size=64, layers=("image", "down_1", "down_2", "block_0", "block_2"))
  config.generator.update(num_blocks=3, features=16, antialiased=False)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_000
