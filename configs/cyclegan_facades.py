"""CycleGAN on Facades, photograph <-> label map (Zhu et al., 2017, Sec. 5 and Appendix 7).

imtrans train --config configs/cyclegan_facades.py --workdir runs/cyclegan_facades \
  --config.data.path=PATH
imtrans evaluate --workdir runs/cyclegan_facades
PATH holds trainA, trainB, testA, testB (A photographs, B label maps). The paper's recipe: 100
epochs of 400 images at batch 1 and 100 more with the learning rate falling to zero.
Its ablation (Sec. 5.1.4), each with --config.method.identity_weight=0: GAN alone by
--config.method.cycles="()", cycles alone by --config.method.adversarial_weight=0, GAN and one cycle
by --config.method.cycles="('forward',)" or "('backward',)".
--config.method.cycle_noise=8 disturbs what goes back, against pictures hidden in translations.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 80_000
  config.batch_size = 1
  config.update_rule = "simultaneous"

  config.data.source = "folders"
  config.data.load_size = 286
  config.data.crop_size = 256

  config.method = {
    "name": "cyclegan",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "cycle_weight": 10.0,
    "cycles": ("forward", "backward"),
    "cycle_noise": 0.0,
    "identity_weight": 5.0,
    "pool_size": 50,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
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
  config.optimizer.decay_start = 40_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=4_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.data.update(load_size=72, crop_size=64)
  config.generator.update(num_blocks=3, features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 2_000
