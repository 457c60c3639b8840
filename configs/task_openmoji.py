"""Tasks on the colour pictures of OpenMoji: pairs by a known degradation, nothing to download.

imtrans train --config configs/task_openmoji.py:denoise-cpu --workdir runs/denoise
imtrans evaluate --workdir runs/denoise
Variants: a task (256 pixels, for a GPU), TASK-cpu (64 pixels, minutes on two cores), TASK-tiny (a
test). Tasks and their options: the table below, and imtrans/data/restorations.py, drawings.py and
labels.py. Change one with --config.data.options.sigma=0.2. "labels" goes from the colour picture to
the drawing, snapped to black and white; "recolor" is unpaired (CycleGAN), scored on true pairs.
`imtrans translate` takes pictures that are degraded already.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

TASKS = {
  "inpainting": {"hole": "center", "area": 0.25, "fill": "grey", "mask_channel": False},
  "grayscale": {"target": "rgb"},
  "super_resolution": {"factor": 4},
  "denoise": {"noise": "gauss", "sigma": 0.1},
  "deblur": {"blur": "gauss", "sigma": 2.0},
  "jpeg": {"quality": (10, 30)},
  "edges": {"detector": "canny", "sigma": 1.0, "weak": 0.2, "strong": 0.5},
  "sketch": {"sigma": 3.0, "shading": 0.4, "grain": 0.4},
  "recolor": {"degrees": 90.0},
  "labels": {"domain": "a", "palette": "black white", "tolerance": 442.0},
}


def get_config(variant: str = "inpainting") -> ml_collections.ConfigDict:
  task, size = split_variant(variant, TASKS)
  config = default_config()
  config.num_steps = 50_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "openmoji"
  config.data.task = task
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {
    "size": 256,
    "tones": True,
    "flags": False,
    "domain": "b",
    **TASKS[task],
  }

  config.method = {
    "name": "pix2pix",
    "adversarial": "vanilla",
    "adversarial_weight": 1.0,
    "l1_weight": 100.0,
    "latent_size": 0,
    "discriminator_weight": 0.5,
  }
  config.generator = {
    "name": "unet",
    "num_levels": 8,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
    "latent_at": "input",
  }
  config.discriminator = {
    "name": "patch",
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": False,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = config.num_steps // 2
  if task == "recolor":
    unpaired(config)
  if task == "labels":
    config.data.direction = "ba"
  return variant_config(config, size, cpu=cpu)


def unpaired(config: ml_collections.ConfigDict) -> None:
  """CycleGAN: the clean and the turned pictures are different ones in training."""
  config.update_rule = "simultaneous"
  config.batch_size = 4
  config.method = {
    "name": "cyclegan",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "cycle_weight": 10.0,
    "identity_weight": 0.0,
    "pool_size": 50,
    "discriminator_weight": 1.0,
  }
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=1_500, log_every=25, sample_every=250, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=64, crop_size=64)
  config.data.options.size = 64
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 750
  if config.generator.name == "resnet":
    config.generator.update(num_blocks=3, features=16)
    config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  else:
    config.generator.update(num_levels=6, features=32)
    config.optimizer.learning_rate = 2e-3
