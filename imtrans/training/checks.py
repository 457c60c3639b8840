"""What the fields of a config may be: checked before a run starts, when it costs nothing yet."""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from imtrans.data.tasks import TASK_NAMES
from imtrans.data.transforms import RESIZES
from imtrans.methods import METHODS, find_method
from imtrans.networks import CODE_GENERATORS, GENERATORS
from imtrans.networks.augmentation import AUGMENTATIONS
from imtrans.networks.labels import EDGES
from imtrans.training.assembly import is_static, latent_size, size_multiple
from imtrans.training.part_checks import check_parts
from imtrans.training.step import UPDATE_RULES, num_rounds


class Rule(NamedTuple):
  """Which values are allowed, as a function and in words."""

  allows: Callable[[Any], bool]
  words: str


def check_config(config: ConfigDict) -> None:
  """Raises ValueError for the first value that no run can have: the field, the value, the remedy.

  Names of methods, networks and schedules are checked by the functions that look them up.

  Args:
    config: a whole config, see `default_config`.
  """
  rules = RULES | {
    f"method.{name}": _number(0) for name in config.method if name.endswith("_weight")
  }
  for name, rule in rules.items():
    title, _, field = name.rpartition(".")
    section = config[title] if title else config
    if field in section and not rule.allows(section[field]):
      raise ValueError(f"{name} must be {rule.words}, got {section[field]!r}.")
  options, data = config.optimizer, config.data
  for name, factor in options.network_factors.items():
    if not (rule := _number(0)).allows(factor):
      raise ValueError(f"optimizer.network_factors.{name} must be {rule.words}, got {factor!r}.")
  if options.decay_start >= config.num_steps:
    raise ValueError(
      f"optimizer.decay_start must be smaller than num_steps ({config.num_steps}), got "
      f"{options.decay_start}."
    )
  if data.resize != "none" and data.load_size < data.crop_size:
    raise ValueError(
      f"data.load_size must be at least data.crop_size ({data.crop_size}), got {data.load_size}."
    )
  multiple = find_method(config.method.name).batch_multiple
  if config.batch_size % multiple:
    raise ValueError(
      f"batch_size must be a multiple of {multiple} for {config.method.name}, which divides "
      f"the images of a batch into {multiple} groups, got {config.batch_size}."
    )
  _check_crop_size(config)
  _check_updates(config)
  _check_noise(config)
  _check_domains(config)
  check_parts(config)


def _check_updates(config: ConfigDict) -> None:
  rounds = num_rounds(config.updates.to_dict())
  if config.batch_size % rounds:
    raise ValueError(
      f"batch_size must be a multiple of {rounds}, the updates of a step, which divide the batch "
      f"among them, got {config.batch_size}."
    )
  parts = rounds * config.accumulate * find_method(config.method.name).batch_multiple
  if config.batch_size % parts:
    raise ValueError(
      f"batch_size must be a multiple of {parts} to be divided among the updates of a step, the "
      f"accumulate={config.accumulate} parts of each and the method's groups, got "
      f"{config.batch_size}."
    )


def _check_noise(config: ConfigDict) -> None:
  """Whether method, generator and sources agree on what pictures are made of."""
  method, kind = config.method.name, config.generator.name
  static, data = is_static(config), config.data
  sources = find_method(method).sources
  if not static and "picture" not in sources:
    raise ValueError(
      f"{method} makes pictures of noise: set data.task=noise, or choose another method."
    )
  if static and "noise" not in sources:
    fitting = " and ".join(name for name in METHODS if "noise" in METHODS[name].sources)
    raise ValueError(f"data.task=noise is for the methods {fitting}, {method} needs a picture.")
  if static != (kind in CODE_GENERATORS):
    fitting = [name for name in GENERATORS if (name in CODE_GENERATORS) == static]
    made = "of noise" if static else "of pictures"
    raise ValueError(
      f"generator.name must be one of {', '.join(fitting)} to make pictures {made}, got {kind}."
    )
  if not static:
    return
  if data.resize != "square" or data.direction != "ab":
    raise ValueError(
      "pictures made of noise have one size and one direction: set data.resize=square and "
      "data.direction=ab."
    )
  size, most = latent_size(config), data.crop_size**2
  if not 1 <= size <= most:
    raise ValueError(
      f"method.latent_size must be from 1 to {most}, a number for each pixel of the noise, got "
      f"{size}."
    )


def _check_domains(config: ConfigDict) -> None:
  """Whether a method that translates among classes is given pictures as they are, one way."""
  method, data = find_method(config.method.name), config.data
  if method.domains and (data.task != "none" or data.direction != "ab"):
    raise ValueError(
      f"{config.method.name} translates pictures as they are from any domain to any other: set "
      "data.task=none and data.direction=ab."
    )


def _check_crop_size(config: ConfigDict) -> None:
  size, multiple = config.data.crop_size, size_multiple(config)
  if size % multiple == 0:
    return
  message = f"data.crop_size must be a multiple of {multiple} for this generator, got {size}"
  most = (size & -size).bit_length() - 1  # How often the side can be halved.
  if config.generator.name in ("unet", "convolutional") and most > 0:
    raise ValueError(f"{message}: set generator.num_levels to {most}, or another crop_size.")
  raise ValueError(f"{message}: choose another crop_size.")


def _integer(low: int, high: int | None = None) -> Rule:
  def allows(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and low <= value and (high is None or value <= high)

  words = f"of at least {low}" if high is None else f"from {low} to {high}"
  return Rule(allows, f"an integer {words}")


def _number(low: float, *, below: float = math.inf) -> Rule:
  def allows(value: Any) -> bool:
    real = isinstance(value, int | float) and not isinstance(value, bool)
    return real and low <= value < below

  upper = "finite" if below == math.inf else f"below {below:g}"
  return Rule(allows, f"a number of at least {low:g} and {upper}")


def _one_of(*names: str) -> Rule:
  return Rule(lambda value: value in names, f"one of {', '.join(names)}")


def _is_mesh(value: Any) -> bool:
  if not isinstance(value, tuple | list) or len(value) != 2:
    return False
  whole = all(isinstance(side, int) and not isinstance(side, bool) for side in value)
  return whole and all(side >= 1 or side == -1 for side in value) and list(value) != [-1, -1]


def is_sha256(value: Any) -> bool:
  """Whether a value is a SHA-256 in hexadecimal, or "" for the known one."""
  return isinstance(value, str) and re.fullmatch(r"([0-9a-fA-F]{64})?", value) is not None


def _are_names(example: str) -> Rule:
  def allows(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(name, str) for name in value)

  return Rule(allows, f"a tuple of names, such as {example}")


def _are_augmentations(value: Any) -> bool:
  return _are_names("").allows(value) and set(value) <= set(AUGMENTATIONS)


def _are_widths(value: Any) -> bool:
  return isinstance(value, tuple | list) and len(value) > 2 and all(map(_integer(1).allows, value))


def _text() -> Rule:
  return Rule(lambda value: isinstance(value, str), "a text, or empty")


def _boolean() -> Rule:
  return Rule(lambda value: isinstance(value, bool), "True or False")


def _positive() -> Rule:
  return Rule(lambda value: _number(0).allows(value) and value > 0, "a finite number above 0")


RULES = {
  "seed": _integer(0, 2**32 - 1),  # JAX takes a larger one for one of these.
  "num_steps": _integer(1),
  "batch_size": _integer(1),
  "accumulate": _integer(1),
  "update_rule": _one_of(*UPDATE_RULES),
  "ema_decay": _number(0, below=1),
  "precision": _one_of("auto", "float32", "bfloat16"),
  "mesh": Rule(_is_mesh, "two integers of at least 1, or -1 for one of them"),
  "shard_params": _boolean(),
  "inference": _one_of("train", "test"),
  "init_from": _text(),
  "data.direction": _one_of("ab", "ba"),
  "data.task": _one_of(*TASK_NAMES),
  "data.edges": _one_of(*EDGES),
  "data.instances": _text(),
  "data.resize": _one_of(*RESIZES),
  "data.load_size": _integer(0),
  "data.crop_size": _integer(1),
  "data.num_threads": _integer(0),
  "data.num_workers": _integer(0),
  "method.pool_size": _integer(0),
  "method.num_patches": _integer(2),
  "method.head_features": _integer(1),
  "method.temperature": _positive(),
  "method.patch_size": _integer(1),
  "method.num_points": _integer(1),
  "method.epsilon": _positive(),
  "method.max_steps": _integer(1),
  "method.num_directions": _integer(1),
  "method.weakness": _number(0),
  "method.weakness_steps": _integer(0),
  "method.num_codes": _integer(1),
  "method.num_times": _integer(1, 100),
  "method.num_refinements": _integer(0),
  "method.tau": _number(0),
  "method.latent_scale": _positive(),
  "method.layers": _are_names("('image', 'down_1')"),
  "method.cycles": _are_names("('forward', 'backward')"),
  "generator.features": _integer(1),
  "generator.num_levels": _integer(1, 16),
  "generator.num_blocks": _integer(0),
  "generator.num_local_blocks": _integer(0),
  "generator.num_style_levels": _integer(1, 16),
  "generator.widths": Rule(_are_widths, "a tuple of at least three integers of at least 1"),
  "generator.style_features": _integer(1),
  "generator.hidden_features": _integer(1),
  "generator.dropout": _number(0, below=1),
  "generator.remat": _boolean(),
  "discriminator.features": _integer(1),
  "discriminator.num_layers": _integer(0, 6),
  "discriminator.num_levels": _integer(1, 16),
  "discriminator.num_scales": _integer(1, 6),
  "discriminator.augment": Rule(_are_augmentations, f"some of {', '.join(AUGMENTATIONS)}"),
  "discriminator.augment_probability": Rule(
    lambda value: _number(0).allows(value) and value <= 1, "a number from 0 to 1"
  ),
  "discriminator.augment_ramp": _integer(0),
  "encoder.features": _integer(1),
  "encoder.num_levels": _integer(1, 16),
  "encoder.style_size": _integer(1),
  "optimizer.learning_rate": _positive(),
  "optimizer.discriminator_factor": _positive(),
  "optimizer.b1": _number(0, below=1),
  "optimizer.b2": _number(0, below=1),
  "optimizer.weight_decay": _number(0),
  "optimizer.clip_norm": _number(0),
  "optimizer.clip_weights": _number(0),
  "optimizer.fix_global_steps": _integer(0),
  "updates.generator": _integer(1),
  "updates.discriminator": _integer(1),
  "method.num_classes": _integer(0, 256),
  "method.latent_size": _integer(0),
  "method.mapping_features": _integer(1),
  "method.diversity_steps": _integer(0),
  "method.label_features": _integer(1),
  "optimizer.decay_start": _integer(0),
  "log_every": _integer(1),
  "sample_every": _integer(0),
  "eval_every": _integer(0),
  "save_every": _integer(0),
  "diagnose_every": _integer(0),
  "keep": _integer(1),
  "metrics": _are_names("('l1', 'ssim')"),
  "best_metric": Rule(
    lambda value: isinstance(value, str) and value.startswith("eval"),
    "a metric of the evaluation, such as eval/l1",
  ),
  "eval_batch_size": _integer(1),
  "inception_sha256": Rule(is_sha256, '"", or a SHA-256 of 64 hexadecimal digits'),
  "frechet_minimum": Rule(
    lambda value: _integer(0).allows(value) and value != 1, "an integer of at least 2, or 0"
  ),
  "num_samples": _integer(2),
  "segmenter_steps": _integer(1),
}
