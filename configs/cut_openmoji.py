"""CUT and FastCUT on OpenMoji: drawings to colour pictures of other emoji, alike patch by patch.

imtrans train --config configs/cut_openmoji.py:cpu --workdir runs/cut_openmoji
imtrans evaluate --workdir runs/cut_openmoji
Variants: cut (256 pixels, for a GPU), fastcut, each with -cpu (64 pixels, minutes on two cores) and
-tiny (a test); cpu and tiny alone are those of cut. No training drawing has its colour picture in
training; the held-out drawings have theirs, so this unpaired task has a known answer.
Expected with :cpu: see README.md.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Effective weights: the authors' code weighs CUT's two contrastive terms by 1 and halves their sum.
RECIPES = {
  "cut": {"nce_weight": 0.5, "identity_nce_weight": 0.5, "flip_equivariance": False},
  "fastcut": {"nce_weight": 10.0, "identity_nce_weight": 0.0, "flip_equivariance": True},
}


def get_config(variant: str = "cut") -> ml_collections.ConfigDict:
  recipe, size = split_variant(variant, RECIPES)
  config = default_config()
  config.num_steps = 200_000
  config.batch_size = 1
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "cut",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "layers": ("image", "down_1", "down_2", "block_0", "block_4"),
    "num_patches": 256,
    "head_features": 256,
    "temperature": 0.07,
    "negatives": "image",
    "discriminator_weight": 1.0,
    **RECIPES[recipe],
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "antialiased": True,
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
  config.optimizer.decay_start = 100_000
  return variant_config(config, size, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.batch_size = 4
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.method.update(layers=("image", "down_1", "down_2", "block_0", "block_2"))
  config.generator.update(num_blocks=3, features=16, antialiased=False)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_000
