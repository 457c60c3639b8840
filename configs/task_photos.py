"""Tasks on a folder of photographs: pairs by a known degradation.

imtrans train --config configs/task_photos.py:denoise --workdir runs/d --config.data.path=PATH
imtrans evaluate --workdir runs/d
imtrans data inspect PATH --task denoise --option sigma=0.1
imtrans data degrade PHOTOS NOISY --task denoise --option sigma=0.1
imtrans translate --workdir runs/d --input NOISY --output CLEAN
PATH holds pictures (a tenth is held out), or train/ and test/ with pictures, or two domains, one of
which --config.data.options.domain chooses. `data inspect` shows the pairs, `translate` takes
pictures that are degraded already, as `data degrade` writes them.
Variants: a task (256 pixels, for a GPU), TASK-cpu (64 pixels), TASK-tiny (a test). Tasks and their
options: the table below, and imtrans/data/restorations.py, drawings.py and labels.py. "recolor" is
unpaired (CycleGAN), scored on true pairs. "labels" goes from photographs to labels, needs pairs in
PATH/A and PATH/B, and finds the palette if the labels are PNG files. For CMP Facades, whose
labels were saved as JPEG:
  --config.data.options.tolerance=60 --config.data.options.outliers=0.4
  --config.data.options.palette="#0000de #0030ff #0080ff #ae0001 #ff5000 #c0ff3f #01cfff #ff9f00
  #20ffe0 #fff001 #70fe8e #fd0002"
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
  "labels": {
    "domain": "b",
    "palette": "auto",
    "max_colors": 32,
    "tolerance": 0.0,
    "outliers": 0.0,
  },
}


def get_config(variant: str = "inpainting") -> ml_collections.ConfigDict:
  task, size = split_variant(variant, TASKS)
  config = default_config()
  config.num_steps = 100_000
  config.batch_size = 16
  config.ema_decay = 0.999

  config.data.source = "folders"
  config.data.task = task
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"layout": "auto", "domain": "a", **TASKS[task]}

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
  config.data.update(load_size=72, crop_size=64)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.decay_start = 750
  if config.generator.name == "resnet":
    config.generator.update(num_blocks=3, features=16)
    config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  else:
    config.generator.update(num_levels=6, features=32)
    config.optimizer.learning_rate = 2e-3
