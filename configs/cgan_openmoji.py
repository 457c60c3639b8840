"""Conditional GAN on OpenMoji: a line drawing and a skin tone give the colour picture.

imtrans train --config configs/cgan_openmoji.py:cpu --workdir runs/cgan
imtrans evaluate --workdir runs/cgan
imtrans sample --workdir runs/cgan --input DRAWING.png --output runs/cgan/drawn --count 1 \
  --class light dark
Variants: full (64 pixels, for a GPU), cpu (32 pixels, minutes on two cores), tiny (a test).
An encoder-decoder and a discriminator with a dense head that is told the tone by projection. With
the tone a drawing has one right answer, so that outputs can be compared with it.
Other conditions: --config.data.task=edges (edge maps of the colour pictures) and, with
configs/task_photos.py as the example, a semantic map: data.task=labels and config.palette.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 32
  config.ema_decay = 0.99

  config.data.source = "openmoji"
  config.data.load_size = 72
  config.data.crop_size = 64
  config.data.options = {"size": 64, "tones": True, "flags": False, "classes": "tone"}

  config.method = {
    "name": "cgan",
    "num_classes": 7,
    "latent_size": 0,
    "label_code": "embedding",
    "label_features": 16,
    "judged_label": "projection",
    "adversarial": "hinge",
    "l1_weight": 50.0,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "unet",
    "num_levels": 6,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "skips": False,
    "latent_at": "all",
  }
  config.discriminator = {
    "name": "convolutional",
    "num_layers": 4,
    "features": 64,
    "norm": "none",
    "spectral_norm": True,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.data.update(load_size=36, crop_size=32)
  config.data.options.update(size=36)
  config.generator.update(num_levels=4, features=32)
  config.discriminator.update(num_layers=3, features=32)
  config.optimizer.learning_rate = 1e-3  # Above the paper's: small networks, few steps.
