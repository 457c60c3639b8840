"""What the fields of a config may be: checked before a run starts, when it costs nothing yet."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from imtrans.data.tasks import TASK_NAMES
from imtrans.data.transforms import RESIZES
from imtrans.training.assembly import size_multiple
from imtrans.training.step import UPDATE_RULES


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
  if options.decay_start >= config.num_steps:
    raise ValueError(
      f"optimizer.decay_start must be smaller than num_steps ({config.num_steps}), got "
      f"{options.decay_start}."
    )
  if data.resize != "none" and data.load_size < data.crop_size:
    raise ValueError(
      f"data.load_size must be at least data.crop_size ({data.crop_size}), got {data.load_size}."
    )
  _check_crop_size(config)


def _check_crop_size(config: ConfigDict) -> None:
  size, multiple = config.data.crop_size, size_multiple(config)
  if size % multiple == 0:
    return
  message = f"data.crop_size must be a multiple of {multiple} for this generator, got {size}"
  most = (size & -size).bit_length() - 1  # How often the side can be halved.
  if config.generator.name == "unet" and most > 0:
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


RULES = {
  "seed": _integer(0, 2**32 - 1),  # JAX takes a larger one for one of these.
  "num_steps": _integer(1),
  "batch_size": _integer(1),
  "update_rule": _one_of(*UPDATE_RULES),
  "ema_decay": _number(0, below=1),
  "precision": _one_of("auto", "float32", "bfloat16"),
  "mesh": Rule(_is_mesh, "two integers of at least 1, or -1 for one of them"),
  "inference": _one_of("train", "test"),
  "data.direction": _one_of("ab", "ba"),
  "data.task": _one_of(*TASK_NAMES),
  "data.resize": _one_of(*RESIZES),
  "data.load_size": _integer(0),
  "data.crop_size": _integer(1),
  "data.num_threads": _integer(0),
  "data.num_workers": _integer(0),
  "method.pool_size": _integer(0),
  "generator.features": _integer(1),
  "generator.num_levels": _integer(1, 16),
  "generator.num_blocks": _integer(0),
  "generator.dropout": _number(0, below=1),
  "discriminator.features": _integer(1),
  "discriminator.num_layers": _integer(0, 6),
  "optimizer.learning_rate": Rule(
    lambda value: _number(0).allows(value) and value > 0, "a finite number above 0"
  ),
  "optimizer.b1": _number(0, below=1),
  "optimizer.b2": _number(0, below=1),
  "optimizer.clip_norm": _number(0),
  "optimizer.decay_start": _integer(0),
  "log_every": _integer(1),
  "sample_every": _integer(0),
  "eval_every": _integer(0),
  "save_every": _integer(0),
  "diagnose_every": _integer(0),
  "keep": _integer(1),
  "metrics": Rule(
    lambda value: isinstance(value, tuple | list) and all(isinstance(v, str) for v in value),
    "a tuple of names, such as ('l1', 'ssim')",
  ),
  "best_metric": Rule(
    lambda value: isinstance(value, str) and value.startswith("eval"),
    "a metric of the evaluation, such as eval/l1",
  ),
  "eval_batch_size": _integer(1),
}
