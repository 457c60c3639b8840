"""MUNIT on OpenMoji: drawings and colour pictures of different emoji, in many styles, both ways.

imtrans train --config configs/munit_openmoji.py:cpu --workdir runs/munit
imtrans evaluate --workdir runs/munit --metrics l1 ssim diversity_lpips_alex mode_coverage
imtrans translate --workdir runs/munit --input drawing.png --output hand.png --seed 3
imtrans translate --workdir runs/munit --input drawing.png --output hand.png --style other.png
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test). The
seed draws the style, --style takes that of a picture. No training drawing has its colour picture in
training; the held-out drawings have theirs, so this unpaired task has a known answer.
The weights of the terms, the learning rate and the weight decay of full are those of the authors'
code. It takes 1,000,000 steps and halves the learning rate every 100,000; here it falls to zero in
the second half of 200,000. It keeps no moving average of the generator, and its discriminators have
a fourth strided convolution and one of 1 x 1 where ours have two of stride one.
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 200_000
  config.batch_size = 1
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "munit",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "image_weight": 10.0,
    "content_weight": 1.0,
    "style_weight": 1.0,
    "cycle_weight": 0.0,
    "perceptual_weight": 0.0,  # The paper has it for pictures of 512 pixels and more.
    "latent_size": 8,
    "discriminator_weight": 2.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "content_style",
    "num_blocks": 4,
    "num_levels": 2,
    "num_style_levels": 4,
    "features": 64,
    "style_features": 256,
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 3,
    "num_layers": 3,
    "features": 64,
    "norm": "none",
    "spectral_norm": False,
    "padding": 1,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.weight_decay = 1e-4
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 100_000
  return variant_config(config, variant, cpu=cpu, tiny=small)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.batch_size = 4
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.generator.update(num_blocks=2, num_style_levels=3, features=16, style_features=64)
  config.discriminator.update(num_scales=2, num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.weight_decay = 0.0
  config.optimizer.decay_start = 1_000


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.discriminator.num_scales = 1
