"""StarGAN v2 on OpenMoji: people and hands from any of six skin tones to any other.

imtrans train --config configs/stargan2_openmoji.py:cpu --workdir runs/stars
imtrans evaluate --workdir runs/stars --metrics l1 ssim kd_vgg16 diversity_lpips_alex
imtrans translate --workdir runs/stars --input hand.png --output dark.png --domain dark --seed 3
imtrans translate --workdir runs/stars --input hand.png --output as.png --domain dark --style x.png
imtrans sample --workdir runs/stars --input hand.png --output runs/stars/drawn --count 4
Variants: full (256 pixels, for a GPU), cpu (32 pixels, minutes on two cores), tiny (a test). The
seed draws the style, --style takes that of a picture. A batch knows of every picture its tone, and
not which pictures show the same; the held-out ones do, so this task has known answers.
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 100_000
  config.batch_size = 8
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  # Domain b of the source holds the colour pictures; "people" those that come in all six tones.
  config.data.options = {
    "size": 256,
    "tones": True,
    "flags": False,
    "classes": "people",
    "domain": "b",
  }

  config.method = {
    "name": "stargan2",
    "num_classes": 6,
    "latent_size": 16,
    "mapping_features": 512,
    "adversarial": "vanilla",
    "adversarial_weight": 1.0,
    "style_weight": 1.0,
    "diversity_weight": 1.0,
    "diversity_steps": 100_000,
    "cycle_weight": 1.0,
    "discriminator_weight": 1.0,
    "r1_weight": 1.0,
  }
  config.generator = {
    "name": "adain",
    "num_levels": 4,
    "num_blocks": 2,
    "features": 64,
    "max_features": 512,
  }
  config.encoder = {
    "name": "domain",
    "style_size": 64,
    "num_levels": 6,
    "features": 64,
    "max_features": 512,
  }
  config.discriminator = {
    "name": "domain",
    "num_levels": 6,
    "features": 64,
    "max_features": 512,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.network_factors = {"mapping": 0.01}
  config.optimizer.b1 = 0.0
  config.optimizer.b2 = 0.99
  config.optimizer.weight_decay = 1e-4
  return variant_config(config, variant, cpu=cpu, tiny=small)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=32, crop_size=32)
  config.data.options.size = 32
  config.method.update(mapping_features=64, diversity_steps=2_000)
  config.generator.update(num_levels=2, features=16, max_features=64)
  config.encoder.update(num_levels=3, features=16, max_features=64)
  config.discriminator.update(num_levels=3, features=16, max_features=64)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.encoder.style_size = 8
