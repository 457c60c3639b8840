r"""CUT and FastCUT on horse2zebra from TensorFlow Datasets (Park et al., 2020, Sec. 4).

pip install "imtrans[tfds]", then once: python -c "import tensorflow_datasets as tfds; \
  tfds.builder('cycle_gan/horse2zebra', file_format='array_record').download_and_prepare()"
imtrans train --config configs/cut_horse2zebra.py --workdir runs/cut_horse2zebra
imtrans evaluate --workdir runs/cut_horse2zebra
Variants: cut, fastcut, each with -cpu (64 pixels) and -tiny (a test).
The authors' recipe: 200 epochs of 1,334 steps at batch 1 and 200 more with the learning rate
falling to zero; FastCUT 150 and 50. Their kernels start from Xavier's distribution with gain 0.02,
ours from N(0, 0.02), and their discriminator is antialiased too. The test images have no true
pairs: the evaluation is a gallery.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

# Effective weights: the authors' code weighs CUT's two contrastive terms by 1 and halves their sum.
RECIPES = {
  "cut": {"nce_weight": 0.5, "identity_nce_weight": 0.5, "flip_equivariance": False},
  "fastcut": {"nce_weight": 10.0, "identity_nce_weight": 0.0, "flip_equivariance": True},
}
STEPS = {"cut": (533_600, 266_800), "fastcut": (266_800, 200_100)}  # In all, and at full rate.


def get_config(variant: str = "cut") -> ml_collections.ConfigDict:
  recipe, size = split_variant(variant, RECIPES)
  config = default_config()
  config.num_steps, config.optimizer.decay_start = STEPS[recipe]
  config.optimizer.schedule = "linear"
  config.batch_size = 1

  config.data.source = "tfds:cycle_gan/horse2zebra"
  config.data.load_size = 286
  config.data.crop_size = 256

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
  return variant_config(config, size, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=4_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)
  config.data.update(load_size=72, crop_size=64)
  config.method.update(layers=("image", "down_1", "down_2", "block_0", "block_2"))
  config.generator.update(num_blocks=3, features=16, antialiased=False)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 2_000
