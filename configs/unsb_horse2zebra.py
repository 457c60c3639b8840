r"""UNSB on horse2zebra from TensorFlow Datasets (Kim et al., 2024, Sec. 5).

pip install "imtrans[tfds]", then once: python -c "import tensorflow_datasets as tfds; \
  tfds.builder('cycle_gan/horse2zebra', file_format='array_record').download_and_prepare()"
imtrans train --config configs/unsb_horse2zebra.py --workdir runs/unsb_horse2zebra
imtrans evaluate --workdir runs/unsb_horse2zebra
The authors' recipe, on the schedule of CUT: 200 epochs of 1,334 steps and 200 more with the
learning rate falling to zero. Their step takes one picture for all terms and a second one for the
entropy alone; ours takes two for all. Their kernels start from Xavier's distribution with gain
0.02, ours from N(0, 0.02), and their critics are antialiased too. The test images have no true
pairs: the evaluation is a gallery.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 533_600
  config.batch_size = 2

  config.data.source = "tfds:cycle_gan/horse2zebra"
  config.data.load_size = 286
  config.data.crop_size = 256

  config.method = {
    "name": "unsb",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "transport_weight": 0.01,
    "entropy_weight": 0.01,
    "nce_weight": 0.5,
    "identity_nce_weight": 0.5,
    "num_times": 5,
    "num_refinements": 0,
    "tau": 0.01,
    "latent_size": 256,
    "layers": ("image", "down_1", "down_2", "block_0", "block_4"),
    "num_patches": 256,
    "head_features": 256,
    "temperature": 0.07,
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "antialiased": True,
    "latent_at": "blocks",
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
  config.optimizer.decay_start = 266_800
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=4_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.data.update(load_size=72, crop_size=64)
  config.method.update(latent_size=64, layers=("image", "down_1", "down_2", "block_0", "block_2"))
  config.generator.update(num_blocks=3, features=16, antialiased=False)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 2_000
