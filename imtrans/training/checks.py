"""A config is checked before a run starts, when it costs nothing yet: its fields, and together."""

from ml_collections import ConfigDict

from imtrans.methods import METHODS, find_method
from imtrans.networks import CODE_GENERATORS, GENERATORS
from imtrans.training.assembly import is_static, latent_size, size_multiple
from imtrans.training.fields import RULES, number
from imtrans.training.part_checks import check_parts
from imtrans.training.step import num_rounds


def check_config(config: ConfigDict) -> None:
  """Raises ValueError for the first value that no run can have: the field, the value, the remedy.

  Names of methods, networks and schedules are checked by the functions that look them up.

  Args:
    config: a whole config, see `default_config`.
  """
  rules = RULES | {
    f"method.{name}": number(0) for name in config.method if name.endswith("_weight")
  }
  for name, rule in rules.items():
    title, _, field = name.rpartition(".")
    section = config[title] if title else config
    if field in section and not rule.allows(section[field]):
      raise ValueError(f"{name} must be {rule.words}, got {section[field]!r}.")
  options, data = config.optimizer, config.data
  for name, factor in options.network_factors.items():
    if not (rule := number(0)).allows(factor):
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
