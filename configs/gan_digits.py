"""GAN on 28 x 28 grey digits: multilayer perceptrons (Goodfellow et al., 2014, Sec. 5).

imtrans train --config configs/gan_digits.py --workdir runs/digits --config.data.path=PATH
imtrans train --config configs/gan_digits.py:mnist --workdir runs/digits
imtrans sample --workdir runs/digits --output runs/digits/drawn
PATH holds a folder of pictures for each class, PATH/0 to PATH/9, or PATH/train/0 and so on. The
variant mnist reads MNIST from TensorFlow Datasets, which has to be prepared once; the message says
how.
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 64

  config.data.source = "folders"
  config.data.task = "noise"
  config.data.load_size = 28
  config.data.crop_size = 28
  config.data.flip = False
  config.data.options = {"layout": "classes"}

  config.method = {
    "name": "gan",
    "latent_size": 100,
    "adversarial": "vanilla",
    "discriminator_weight": 1.0,
  }
  config.method.update(gradient_penalty_weight=0.0, r1_weight=0.0, r2_weight=0.0, lecam_weight=0.0)
  config.generator = {"name": "perceptron", "num_layers": 3, "features": 256}
  config.discriminator = {"name": "perceptron", "num_layers": 2, "features": 256}

  config.metrics = ("kd_vgg16",)
  config.best_metric = "eval/kd_vgg16"
  return variant_config(config, variant, cpu=cpu, tiny=small, mnist=mnist)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=4_000, log_every=50, sample_every=500, eval_every=1_000, save_every=500)


def mnist(config: ml_collections.ConfigDict) -> None:
  config.data.source = "tfds:mnist"
  config.data.options = {}


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.data.load_size = config.data.crop_size
  config.eval_every = 0  # The network of the figures costs more than all else.
