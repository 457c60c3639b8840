"""Conditional GAN on 28 x 28 grey digits: noise and a class (Mirza and Osindero, 2014).

imtrans train --config configs/cgan_digits.py --workdir runs/digits --config.data.path=PATH
imtrans sample --workdir runs/digits --output runs/digits/drawn --count 8 --class 3 7
PATH as for configs/gan_digits.py. The class goes into the generator as a learned embedding beside
the noise, and into the discriminator by projection (Miyato and Koyama, 2018).
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 64
  config.ema_decay = 0.99

  config.data.source = "folders"
  config.data.task = "noise"
  config.data.load_size = 28
  config.data.crop_size = 28
  config.data.flip = False
  config.data.options = {"layout": "classes"}

  config.method = {
    "name": "cgan",
    "num_classes": 10,
    "latent_size": 64,
    "label_code": "embedding",
    "label_features": 16,
    "judged_label": "projection",
    "adversarial": "hinge",
    "l1_weight": 0.0,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {"name": "convolutional", "num_levels": 2, "features": 64, "norm": "batch"}
  config.discriminator = {
    "name": "convolutional",
    "num_layers": 2,
    "features": 64,
    "norm": "none",
    "spectral_norm": True,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }

  config.metrics = ("kd_vgg16",)
  config.best_metric = "eval/kd_vgg16"
  return variant_config(config, variant, cpu=cpu, tiny=small, mnist=mnist)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=3_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.generator.features = config.discriminator.features = 32


def mnist(config: ml_collections.ConfigDict) -> None:
  config.data.source = "tfds:mnist"
  config.data.options = {}


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.data.load_size = config.data.crop_size
  config.eval_every = 0  # The network of the figures costs more than all else.
