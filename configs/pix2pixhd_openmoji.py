"""pix2pixHD on OpenMoji: line drawing to colour picture, with no term that compares pixels.

imtrans train --config configs/pix2pixhd_openmoji.py:cpu --workdir runs/pix2pixhd
imtrans evaluate --workdir runs/pix2pixhd
Coarse to fine: then the same pictures at twice the size, by a local enhancer around what was
learned, whose global part stays as it is for a tenth of the steps.
imtrans train --config configs/pix2pixhd_openmoji.py:fine-cpu --workdir runs/pix2pixhd_fine \
  --config.init_from=runs/pix2pixhd
Variants: coarse (256 pixels, for a GPU), fine (512 pixels), each with -cpu (64 and 128 pixels, on
two cores) and -tiny (a test); cpu and tiny alone are those of coarse.
What holds an output to its target are the features of two discriminators, on the image and on its
half: compare with pix2pix_openmoji.py, where it is the mean absolute error. The features of VGG16
are left out, since their weights may not be installed: --config.method.perceptual_weight=4.5.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

STAGES = ("coarse", "fine")


def get_config(variant: str = "coarse") -> ml_collections.ConfigDict:
  stage, size = split_variant(variant, STAGES)
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "pix2pixhd",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "feature_weight": 40.0,  # 10 in the authors' code, of a sum over four layers.
    "perceptual_weight": 0.0,  # 4.5 for the authors' 10.
    "discriminator_weight": 1.0,
  }
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "num_levels": 4,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 2,
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": False,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 25_000
  if stage == "fine":
    fine(config)
  return variant_config(config, size, cpu=cpu)


def fine(config: ml_collections.ConfigDict) -> None:
  config.batch_size = 4
  config.data.update(load_size=572, crop_size=512)
  config.data.options.size = 512
  config.generator = {
    "name": "local_enhancer",
    "num_blocks": 9,  # Of the global generator, and so its levels.
    "num_levels": 4,
    "num_local_blocks": 3,
    "features": 32,  # Half of those of the global generator.
    "norm": "instance",
  }
  config.init_from = "runs/pix2pixhd"
  config.optimizer.fix_global_steps = 5_000  # 10 of 100 epochs in the authors' recipe.


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  fine = config.generator.name == "local_enhancer"
  side = 128 if fine else 64
  config.data.update(load_size=side, crop_size=side)
  config.data.options.size = side
  config.generator.update(num_blocks=3, num_levels=3, features=8 if fine else 16)
  config.optimizer.fix_global_steps = 150 if fine else 0
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 750
