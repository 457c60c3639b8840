"""StarGAN v2 among the domains of AFHQ, or of your own folders (Choi et al., 2020, Sec. 4).

imtrans train --config configs/stargan2_afhq.py --workdir runs/animals --config.data.path=afhq
imtrans translate --workdir runs/animals --input cat.jpg --output dog.png --domain dog --seed 3
imtrans translate --workdir runs/animals --input cat.jpg --output dog.png --domain dog --style x.jpg
A folder for each domain: afhq/train/cat, afhq/train/dog, afhq/train/wild and afhq/val/cat, ..., or
PATH/NAME alone, of which a tenth is held out. For two domains --config.method.num_classes=2, and
for faces the authors weigh the diversity by 1.
They report FID 16.18 by codes and 19.78 by pictures (Tables 2 and 3); not yet run here in full.
Their code moves generator and discriminator twice a step, for codes and for pictures; here one move
has both, so in as many steps these two move half as often (imtrans/methods/stargan2.py).
Variants: full (256 pixels, for a GPU), cpu (32 pixels), tiny (a test).
"""

import ml_collections

from imtrans.training.config import default_config, tiny, variant_config


def get_config(variant: str = "full") -> ml_collections.ConfigDict:
  config = default_config()
  config.num_steps = 100_000
  config.batch_size = 8
  config.ema_decay = 0.999
  config.metrics = ("kd_vgg16", "diversity_lpips_alex")
  config.best_metric = "eval/kd_vgg16"

  config.data.source = "folders"
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.options = {"layout": "classes"}

  config.method = {
    "name": "stargan2",
    "num_classes": 3,
    "latent_size": 16,
    "mapping_features": 512,
    "adversarial": "vanilla",
    "adversarial_weight": 1.0,
    "style_weight": 1.0,
    "diversity_weight": 2.0,
    "diversity_steps": 100_000,
    "cycle_weight": 1.0,
    "discriminator_weight": 1.0,
    "r1_weight": 1.0,
  }
  config.generator = {
    "name": "adain",
    "num_levels": 4,
    "num_blocks": 2,
    "features": 64,
    "max_features": 512,
  }
  config.encoder = {
    "name": "domain",
    "style_size": 64,
    "num_levels": 6,
    "features": 64,
    "max_features": 512,
  }
  config.discriminator = {
    "name": "domain",
    "num_levels": 6,
    "features": 64,
    "max_features": 512,
  }

  config.optimizer.learning_rate = 1e-4
  config.optimizer.network_factors = {"mapping": 0.01}
  config.optimizer.b1 = 0.0
  config.optimizer.b2 = 0.99
  config.optimizer.weight_decay = 1e-4
  return variant_config(config, variant, cpu=cpu, tiny=small)


def cpu(config: ml_collections.ConfigDict) -> None:
  config.update(num_steps=2_000, log_every=50, sample_every=500, eval_every=500, save_every=500)
  config.ema_decay = 0.99
  config.data.update(load_size=32, crop_size=32)
  config.method.update(mapping_features=64, diversity_steps=2_000)
  config.generator.update(num_levels=2, features=16, max_features=64)
  config.encoder.update(num_levels=3, features=16, max_features=64)
  config.discriminator.update(num_levels=3, features=16, max_features=64)
  config.optimizer.learning_rate = 5e-4  # Above the paper's: small networks, few steps.


def small(config: ml_collections.ConfigDict) -> None:
  tiny(config)
  config.encoder.style_size = 8
  config.update(metrics=("histogram_intersection",))
  config.best_metric = "eval/histogram_intersection_L"
