"""Every field of a run's configuration, with its default, and how two configurations differ."""

import json
from collections.abc import Collection
from pathlib import Path

from ml_collections import ConfigDict

from imtrans.training.files import write_atomically


def default_config() -> ConfigDict:
  """All fields. A file in configs/ states what its recipe is about and leaves the rest.

  Times are steps, sizes are pixels, weights are the effective ones.

  Returns:
    An unlocked config; `get_config` of a config file returns it locked.
  """
  config = ConfigDict()
  config.seed = 0
  config.num_steps = 100_000
  config.batch_size = 1  # Of the whole mesh.
  config.update_rule = "alternating"
  # Of each player in a step, each on its own part of the batch; see training/step.py.
  config.updates = ConfigDict({"generator": 1, "discriminator": 1})
  config.accumulate = 1  # Parts of a batch that take turns in memory; see training/accumulation.py.
  config.ema_decay = 0.0  # 0 keeps no moving average of the generator.
  config.precision = "auto"  # "float32", "bfloat16", or by platform.
  config.mesh = (-1, 1)  # Devices along batch and image height; -1 takes the rest.
  config.shard_params = False  # Whether parameters and optimizers are split along the batch's axis.
  config.inference = "test"  # "train" keeps dropout and per-image batch statistics in use.
  config.init_from = ""  # Workdir of a run: the global part of a local_enhancer begins as it ended.

  config.data = ConfigDict()
  config.data.source = "folders"
  config.data.path = ""
  config.data.direction = "ab"  # pix2pix translates a to b, or b to a.
  config.data.background = "white"  # Under transparent pixels.
  config.data.resize = "square"  # "square", "scale_width" or "none".
  config.data.load_size = 286
  config.data.crop_size = 256
  config.data.flip = True
  config.data.num_threads = 4  # That read and transform images.
  config.data.num_workers = 0  # Processes that do so instead, where threads cannot keep up.
  config.data.task = "none"  # Or one that makes pairs of single pictures, see data/tasks.py.
  config.data.edges = "none"  # A boundary map beside the labels: between "labels", of "instances".
  config.data.instances = ""  # Folder of the instance maps, named like the sources.
  config.data.options = ConfigDict()  # Of source and task, such as tones of "openmoji".

  config.method = ConfigDict({"name": "pix2pix"})
  config.generator = ConfigDict({"name": "unet"})
  config.discriminator = ConfigDict({"name": "patch"})
  config.encoder = ConfigDict({"name": "none"})  # From an image to its latent code.

  config.optimizer = ConfigDict()
  config.optimizer.learning_rate = 2e-4
  config.optimizer.discriminator_factor = 1.0  # Of the discriminator's learning rate.
  config.optimizer.b1 = 0.5
  config.optimizer.b2 = 0.999
  config.optimizer.network_factors = ConfigDict()  # Of the generator's networks, by their names.
  config.optimizer.weight_decay = 0.0  # Added to gradients, as a share of the parameters.
  config.optimizer.clip_norm = 0.0  # 0 does not clip.
  config.optimizer.clip_weights = 0.0  # Of the discriminator, as in WGAN; 0 does not clip.
  config.optimizer.fix_global_steps = 0  # In which the global part of a local_enhancer stays.
  config.optimizer.schedule = "constant"  # "constant", "linear", "cosine" or "exponential".
  config.optimizer.decay_start = 0

  config.log_every = 100
  config.sample_every = 1_000  # 0 never, here and below.
  config.eval_every = 5_000
  config.save_every = 5_000
  config.diagnose_every = 200  # Each diagnosis takes as long as three steps.
  config.keep = 3  # Newest checkpoints kept; the best one is kept beside them.
  config.metrics = ("l1", "psnr", "ssim")  # Measured on the test pictures.
  config.inception = ""  # File of the weights of Inception, for fid and its kin.
  config.inception_sha256 = ""  # Of another file of the same weights that you trust.
  config.frechet_minimum = 0  # Fewest pictures for fid and fd_*; 0: one more than features.
  config.num_samples = 20  # Outputs for one source, for diversity and mode coverage.
  config.segmenter_steps = 2_000  # Updates of the segmenter of the segmentation score.
  config.palette = ""  # Colours of the label pictures: for segmentation, and one plane a class.
  config.best_metric = "eval/l1"  # By which the best checkpoint is chosen.
  config.eval_batch_size = 16
  return config


# What `tiny` sets, by the name of a network or of a method's field.
TINY_GENERATORS = {
  "unet": {"num_levels": 4},
  "resnet": {"num_blocks": 1, "num_levels": 2},
  "local_enhancer": {"num_blocks": 1, "num_levels": 2, "num_local_blocks": 1},
  "spade": {"widths": (2, 1, 1), "num_levels": 1, "hidden_features": 4},
  "content_style": {"num_blocks": 1, "num_levels": 1, "num_style_levels": 1, "style_features": 8},
  "content": {"num_blocks": 1, "num_levels": 1},
  "adain": {"num_blocks": 1, "num_levels": 1},
  "convolutional": {"num_levels": 2},
  "perceptron": {},
}
TINY_DISCRIMINATORS = {
  "patch": {"num_layers": 1},
  "multiscale": {"num_layers": 1},
  "convolutional": {"num_layers": 2},
  "domain": {"num_levels": 2},
}
TINY_METHODS = {
  "layers": ("image", "down_2", "block_0"),
  "head_features": 8,
  "mapping_features": 8,
  "num_points": 32,
  "num_codes": 2,
  "num_times": 2,
  "perceptual_weight": 0.0,  # A large network, whose weights may not be installed.
}


def tiny(config: ConfigDict) -> ConfigDict:
  """Shrinks a config in place until a test can afford it: the `:tiny` variant.

  Args:
    config: a full config.

  Returns:
    The same object: 16 pixels, four features, two steps.
  """
  config.update(num_steps=2, batch_size=4, log_every=1, sample_every=2, eval_every=2, save_every=2)
  config.update(diagnose_every=0, eval_batch_size=4, num_samples=2, segmenter_steps=2)
  config.optimizer.schedule = "constant"
  config.optimizer.decay_start = 0
  config.optimizer.fix_global_steps = min(config.optimizer.fix_global_steps, 1)
  config.data.update(load_size=18, crop_size=16)
  if "size" in config.data.options:
    config.data.options.size = 18
  config.generator.update(features=4, **TINY_GENERATORS.get(config.generator.name, {}))
  config.discriminator.update(features=4, **TINY_DISCRIMINATORS.get(config.discriminator.name, {}))
  if config.encoder.name != "none":
    config.encoder.update(features=4, num_levels=2)
  config.method.update({k: v for k, v in TINY_METHODS.items() if k in config.method})
  if "latent_size" in config.method:
    config.method.latent_size = min(config.method.latent_size, 8)
  config.updates.update({player: min(count, 2) for player, count in config.updates.items()})
  config.batch_size = 4 * max(config.updates.values())
  return config


def variant_config(config: ConfigDict, variant: str, **variants) -> ConfigDict:
  """Applies a named variant and locks the config: the last line of every config file.

  Args:
    config: the full config.
    variant: "full", "tiny" or a key of `variants`.
    **variants: functions that change a config in place, such as `cpu`.

  Returns:
    The locked config.

  Raises:
    ValueError: for an unknown variant, listing the known.
  """
  changes = {"full": lambda full: full, "tiny": tiny, **variants}
  if variant not in changes:
    raise ValueError(f"unknown config variant {variant!r}: choose one of {', '.join(changes)}.")
  changes[variant](config)
  return config.lock()


def split_variant(variant: str, tasks: Collection[str]) -> tuple[str, str]:
  """Splits the variant of a config file of several tasks, such as "denoise-tiny".

  Args:
    variant: a task, a task and the variant of its size ("cpu", "tiny"), or the latter alone.
    tasks: the known ones; the first is meant where none is named.

  Returns:
    (task, variant for `variant_config`).

  Raises:
    ValueError: for an unknown task, listing the known.
  """
  task, dash, size = variant.partition("-")
  if task in tasks:
    return task, size if dash else "full"
  if task in ("full", "cpu", "tiny") and not dash:
    return next(iter(tasks)), task
  raise ValueError(
    f"unknown config variant {variant!r}: choose full, cpu, tiny, TASK, TASK-cpu or TASK-tiny, "
    f"TASK being one of {', '.join(tasks)}."
  )


def save_config(config: ConfigDict, path: Path) -> None:
  """Writes a config as JSON."""
  write_atomically(path, json.dumps(config.to_dict(), indent=2) + "\n")


def read_config(path: Path) -> ConfigDict:
  """Reads what `save_config` wrote, locked; ValueError if it is not there or not JSON."""
  try:
    # Fields that came after the run was made have their defaults.
    config = default_config()
    config.update(json.loads(path.read_text()))
    return config.lock()
  except FileNotFoundError:
    raise ValueError(
      f"{path.parent} holds no run: {path.name} is missing. Name a workdir that `imtrans train` "
      "wrote."
    ) from None
  except (ValueError, TypeError, KeyError, AttributeError) as error:
    raise ValueError(f"{path} is not a config ({error}): restore it from a copy.") from None


def differences(old: ConfigDict, new: ConfigDict) -> dict[str, tuple]:
  """Fields whose values differ.

  Args:
    old: one config.
    new: another.

  Returns:
    {"section.field": (old value, new value)}, None for an absent field.
  """
  flat_old, flat_new = flat_fields(old), flat_fields(new)
  return {
    name: (flat_old.get(name), flat_new.get(name))
    for name in sorted(flat_old.keys() | flat_new.keys())
    if flat_old.get(name) != flat_new.get(name)
  }


def flat_fields(config: ConfigDict) -> dict:
  """Returns all fields of a config as {"section.field": value}, tuples as lists."""
  return _flat(config.to_dict())


def _flat(tree: dict, prefix: str = "") -> dict:
  flat = {}
  for name, value in tree.items():
    if isinstance(value, dict):
      flat |= _flat(value, f"{prefix}{name}.")
    else:
      flat[prefix + name] = list(value) if isinstance(value, tuple) else value
  return flat
