"""The runs of the study: every method on the same pictures, by the recipe of its `:cpu` config.

imtrans train --config experiments/family/config.py:cut --workdir runs/try
Variants: a run, or RUN-tiny (a test). A method that is new in `imtrans.methods.METHODS` is a run
as soon as there is a configs/METHOD_openmoji.py.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import ml_collections

from experiments.record import ROOT
from imtrans.commands.configuration import load_config
from imtrans.methods import METHODS
from imtrans.training.config import split_variant
from imtrans.training.step import num_rounds

CONFIGS = ROOT / "configs"
SIZE = 32  # Pixels.
IMAGES = 12_000
BATCH = 8  # For each update.
NUM_REPORTS = 20


class Recipe(NamedTuple):
  """Where a run comes from.

  title: for people.
  method: its config is configs/METHOD_openmoji.py.
  part: the config's variant without that of its size; "" if it has no other.
  changes: of the config.
  images: that each generator translates, or makes, in training.
  """

  title: str
  method: str
  part: str = ""
  changes: Mapping[str, Any] = MappingProxyType({})
  images: int = IMAGES


# Of CycleGAN's Table 4 and 5, and the halves and presets of others: a change of the config each.
# What a GAN has to learn is not in its source: it gets as many pictures as its own config has.
VARIANTS = {
  "gan_longer": Recipe("GAN, sixteen times as many pictures", "gan", images=16 * IMAGES),
  "stochastic": Recipe("pix2pix: dropout stays on", "pix2pix", "stochastic-"),
  "fastcut": Recipe("FastCUT", "cut", "fastcut-"),
  "cvae": Recipe("BicycleGAN: cVAE-GAN alone", "bicyclegan", "cvae-"),
  "clr": Recipe("BicycleGAN: cLR-GAN alone", "bicyclegan", "clr-"),
  "gan_alone": Recipe("CycleGAN: GAN alone", "cyclegan", changes={"method.cycle_weight": 0.0}),
  "cycle_alone": Recipe(
    "CycleGAN: cycle alone", "cyclegan", changes={"method.adversarial_weight": 0.0}
  ),
  "gan_forward": Recipe(
    "CycleGAN: GAN + forward", "cyclegan", changes={"method.cycles": ("forward",)}
  ),
  "gan_backward": Recipe(
    "CycleGAN: GAN + backward", "cyclegan", changes={"method.cycles": ("backward",)}
  ),
}
RUNS = {name: Recipe(entry.title, name) for name, entry in METHODS.items()} | VARIANTS


def get_config(variant: str = "pix2pix") -> ml_collections.ConfigDict:
  name, size = split_variant(variant, RUNS)
  recipe = RUNS[name]
  kind = "tiny" if size == "tiny" else "cpu"
  path = CONFIGS / f"{recipe.method}_openmoji.py"
  config = load_config(f"{path}:{recipe.part}{kind}", []).unlock()
  config.data.options.update(tones=True, flags=False)
  # Nothing is chosen by the test pictures.
  config.update(eval_every=0, sample_every=0, diagnose_every=0)
  config.update_from_flattened_dict(dict(recipe.changes))
  if size != "tiny":
    _level(config, recipe.images)
  return config.lock()


def _level(config: ml_collections.ConfigDict, images: int) -> None:
  """Gives all runs the same pictures, and as many of them."""
  config.data.update(load_size=SIZE, crop_size=SIZE)
  config.data.options.size = SIZE
  # As many updates as fit a batch of this size; those of a step have a part of the batch each.
  config.batch_size = BATCH * num_rounds(config.updates.to_dict())
  config.num_steps = images // config.batch_size
  config.ema_decay = 0.99
  config.num_samples = 8
  config.update(log_every=config.num_steps // NUM_REPORTS, save_every=config.num_steps)
  if config.optimizer.schedule == "linear":
    config.optimizer.decay_start = config.num_steps // 2
  if "diversity_steps" in config.method:
    config.method.diversity_steps = config.num_steps
  halvings = SIZE.bit_length() - 1
  if config.generator.name == "unet":
    config.generator.num_levels = min(config.generator.num_levels, halvings)
  for network in (config.encoder, config.discriminator):
    if network.name == "domain":  # Ends with four pixels a side.
      network.num_levels = min(network.num_levels, halvings - 2)
