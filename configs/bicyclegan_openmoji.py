"""BicycleGAN on OpenMoji: one line drawing, its colour pictures in every skin tone.

imtrans train --config configs/bicyclegan_openmoji.py:cpu --workdir runs/bicyclegan
imtrans evaluate --workdir runs/bicyclegan --metrics l1 ssim diversity_lpips_alex mode_coverage
imtrans translate --workdir runs/bicyclegan --input drawing.png --output hand.png --seed 3
Variants: bicyclegan (256 pixels, for a GPU), and its halves cvae and clr for the ablation, each
with -cpu (64 pixels, minutes on two cores) and -tiny (a test). The seed draws the code z.
Expected with :cpu: see README.md.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

RECIPES = {
  "bicyclegan": {},
  "cvae": {"random_weight": 0.0, "latent_weight": 0.0},
  "clr": {"encoded_weight": 0.0, "l1_weight": 0.0, "kl_weight": 0.0},
}


def get_config(variant: str = "bicyclegan") -> ml_collections.ConfigDict:
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
    "name": "bicyclegan",
    "adversarial": "least_squares",
    "encoded_weight": 1.0,
    "random_weight": 1.0,
    "l1_weight": 10.0,
    "kl_weight": 0.01,
    "latent_weight": 0.5,
    "latent_size": 8,
    "conditional": False,
    "discriminator_weight": 2.0,
    **RECIPES[recipe],
  }
  config.generator = {
    "name": "unet",
    "num_levels": 8,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "latent_at": "all",
  }
  config.encoder = {
    "name": "resnet",
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
    "spectral_norm": False,
    "padding": 1,
    "shrink": 2,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 25_000
  return variant_config(config, size, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.generator.update(num_levels=6, features=32)
  config.encoder.update(num_levels=3, features=32)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_000
