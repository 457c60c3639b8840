r"""CycleGAN on horse2zebra from TensorFlow Datasets (Zhu et al., 2017, Sec. 5.2).

pip install "imtrans[tfds]", then once: python -c "import tensorflow_datasets as tfds; \
  tfds.builder('cycle_gan/horse2zebra', file_format='array_record').download_and_prepare()"
imtrans train --config configs/cyclegan_horse2zebra.py --workdir runs/horse2zebra
imtrans evaluate --workdir runs/horse2zebra
The paper's recipe: 200 epochs of 1,334 steps at batch 1, the second half with the learning rate
falling to zero. The test images have no true pairs: the evaluation is a gallery.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 266_800
  config.batch_size = 1
  config.update_rule = "simultaneous"

  config.data.source = "tfds:cycle_gan/horse2zebra"
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
  config.optimizer.decay_start = 133_400
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=4_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.data.update(load_size=72, crop_size=64)
  config.generator.update(num_blocks=3, features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 2_000
