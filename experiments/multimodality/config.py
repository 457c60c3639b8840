"""The conditions of the study: pix2pix on OpenMoji drawings at 32 pixels, small and short.

imtrans train --config experiments/multimodality/config.py:gan_all --workdir runs/try
Variants: a condition, or CONDITION-tiny (a test).
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

NO_GAN = {"method.adversarial_weight": 0.0}
CODE = {"method.latent_size": 8}
CONDITIONS = {
  "l2": {**NO_GAN, "method.l1_weight": 0.0, "method.l2_weight": 100.0},
  "l1": NO_GAN,
  "gan": {},
  "gan_dropout": {"generator.dropout": 0.5, "inference": "train"},
  "gan_input": CODE,
  "gan_all": {**CODE, "generator.latent_at": "all"},
  "weak_all": {**CODE, "generator.latent_at": "all", "method.l1_weight": 1.0},
}


def get_config(variant: str = "l1") -> ml_collections.ConfigDict:
  condition, size = split_variant(variant, CONDITIONS)
  config = default_config()
  config.num_steps = 2_000
  config.batch_size = 4
  config.ema_decay = 0.99
  # Nothing is chosen by the test pictures.
  config.update(eval_every=0, sample_every=0, diagnose_every=0, log_every=250, save_every=2_000)

  config.data.source = "openmoji"
  config.data.load_size = 32
  config.data.crop_size = 32
  config.data.options = {"size": 32, "tones": True, "flags": False}

  config.method = {
    "name": "pix2pix",
    "adversarial": "vanilla",
    "adversarial_weight": 1.0,
    "l1_weight": 100.0,
    "l2_weight": 0.0,
    "discriminator_weight": 0.5,
    "latent_size": 0,
  }
  config.generator = {
    "name": "unet",
    "num_levels": 5,
    "features": 16,
    "norm": "instance",
    "dropout": 0.0,
    "latent_at": "input",
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
  config.optimizer.decay_start = 1_000
  config.update_from_flattened_dict(CONDITIONS[condition])
  return variant_config(config, size)
