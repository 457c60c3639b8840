"""pix2pix on Facades, label map to photograph (Isola et al., 2017, Sec. 4.1 and Appendix 6.2).

imtrans train --config configs/pix2pix_facades.py --workdir runs/facades --config.data.path=PATH
imtrans evaluate --workdir runs/facades
PATH holds trainA, trainB, testA, testB (A photographs, B label maps, same names).
The paper's recipe: 200 epochs of 400 images at batch 1, constant learning rate, and dropout and
batch statistics as in training when translating.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 80_000
  config.batch_size = 1
  config.inference = "train"

  config.data.source = "folders"
  config.data.direction = "ba"
  config.data.load_size = 286
  config.data.crop_size = 256

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
    "norm": "batch",
    "dropout": 0.5,
    "latent_at": "input",
  }
  config.discriminator = {
    "name": "patch",
    "num_layers": 3,
    "features": 64,
    "norm": "batch",
    "spectral_norm": False,
    "augment": (),  # ("color", "translation", "cutout") where pictures are few.
    "augment_probability": 1.0,
    "augment_ramp": 0,
  }
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.batch_size = 8
  config.data.update(load_size=72, crop_size=64)
  config.generator.update(num_levels=6, features=32)
  config.discriminator.update(num_layers=2, features=32)
