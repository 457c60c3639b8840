"""pix2pix on OpenMoji: line drawing to colour picture, truly paired, nothing to download.

imtrans train --config configs/pix2pix_openmoji.py:cpu --workdir runs/openmoji
imtrans evaluate --workdir runs/openmoji
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test); with
stochastic- before each, such as stochastic-cpu, dropout stays on in translation, as in the paper,
and the seed draws one of many answers. A code does too: --config.method.latent_size=8
Expected with :cpu: see experiments/openmoji/README.md.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Where the noise z of G(x, z) comes from: nowhere, or dropout (Sec. 3.1).
RECIPES = {
  "plain": {"generator.dropout": 0.0, "inference": "test"},
  "stochastic": {"generator.dropout": 0.5, "inference": "train"},
}


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  recipe, size = split_variant(variant, RECIPES)
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "pix2pix",
    "adversarial": "vanilla",
    "adversarial_weight": 1.0,
    "l1_weight": 100.0,
    "l2_weight": 0.0,
    "latent_size": 0,
    "perceptual_weight": 0.0,  # Not in the paper.
    "discriminator_weight": 0.5,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "unet",
    "num_levels": 8,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "latent_at": "input",
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
  config.optimizer.decay_start = 25_000
  config.update_from_flattened_dict(RECIPES[recipe])
  return variant_config(config, size, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.optimizer.learning_rate = 2e-3  # Ten times the paper's: small networks, few steps.
  config.generator.update(num_levels=6, features=32)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 750
