"""Sinkhorn divergence on OpenMoji: drawings to pictures of other emoji, with no discriminator.

imtrans train --config configs/sinkhorn_openmoji.py:cpu --workdir runs/sinkhorn
imtrans evaluate --workdir runs/sinkhorn
Variants: full (256 pixels, for a GPU), cpu (64 pixels, minutes on two cores), tiny (a test). The
patches of the translations are moved onto those of the colour pictures, with as little change of
the drawing as will do: an entropic transport between patches stands where others have a game.
--config.method.divergence=sliced has random projections in its place. Features of VGG16 in the
place of pixels (pip install 'imtrans[metrics]'):
  --config.method.feature_layers="('relu2_1','relu3_1','relu4_1')"
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"size": 256, "tones": True, "flags": False}

  config.method = {
    "name": "sinkhorn",
    "divergence": "sinkhorn",
    "divergence_weight": 1.0,
    "transport_weight": 0.1,
    "patch_size": 8,
    "num_points": 1024,
    "epsilon": 0.02,
    "max_steps": 100,
    "num_directions": 128,
    "feature_layers": (),
  }
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }

  config.optimizer.b1 = 0.9  # There is no opponent that moves.
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 25_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  # Small patches: those of 8 pixels end in their mean, a blur.
  config.method.update(patch_size=4, num_points=512, epsilon=0.005, max_steps=50)
  config.generator.update(num_blocks=3, features=16)
  config.optimizer.learning_rate = 5e-4  # Above that of the full recipe: small networks, few steps.
  config.optimizer.decay_start = 750
