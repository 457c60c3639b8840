"""The conditions of the study: pix2pix on OpenMoji at 128 pixels, judged by patches of six sizes.

imtrans train --config experiments/patch_size/config.py:patch_70 --workdir runs/try
Variants: a condition, or CONDITION-tiny (a test).
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Side of a patch in pixels, and how many strided convolutions see it; the pixel has none.
FIELDS = {16: 1, 34: 2, 70: 3, 142: 4, 286: 5}
NO_GAN = "l1"
CONDITIONS = (NO_GAN, "patch_1", *(f"patch_{side}" for side in FIELDS))


def get_config(variant: str = "patch_70") -> ml_collections.ConfigDict:
  condition, size = split_variant(variant, CONDITIONS)
  config = default_config()
  config.num_steps = 2_400
  config.batch_size = 2
  config.ema_decay = 0.99
  # Nothing is chosen by the test pictures.
  config.update(eval_every=0, sample_every=0, diagnose_every=0, log_every=100, save_every=2_400)

  config.data.source = "openmoji"
  config.data.load_size = 128
  config.data.crop_size = 128
  # Without tones every drawing has one right answer, and fine errors are not those of a choice.
  config.data.options = {"size": 128, "tones": False, "flags": False}

  config.method = {
    "name": "pix2pix",
    "adversarial": "vanilla",
    "adversarial_weight": 0.0 if condition == NO_GAN else 1.0,
    "l1_weight": 10.0,  # A tenth of the paper's, so that the discriminator has a say.
    "discriminator_weight": 0.5,
  }
  config.generator = {
    "name": "unet",
    "num_levels": 7,
    "features": 8,
    "norm": "instance",
    "dropout": 0.0,
  }
  # A normalisation by the picture's own statistics would let a logit see beyond its patch.
  config.discriminator = {"name": "pixel", "features": 16, "norm": "none", "spectral_norm": True}
  side = condition.removeprefix("patch_")
  if condition != NO_GAN and int(side) in FIELDS:
    config.discriminator.update(name="patch", num_layers=FIELDS[int(side)])

  config.optimizer.learning_rate = 1e-3  # Above the paper's: small networks, few steps.
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 1_200
  return variant_config(config, size)
