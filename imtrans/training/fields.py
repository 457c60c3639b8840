"""What a field of a config may be by itself: its values, and the words for them."""

import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from imtrans.data.tasks import TASK_NAMES
from imtrans.data.transforms import RESIZES
from imtrans.networks.augmentation import AUGMENTATIONS
from imtrans.networks.labels import EDGES
from imtrans.training.step import UPDATE_RULES


class Rule(NamedTuple):
  """Which values are allowed, as a function and in words."""

  allows: Callable[[Any], bool]
  words: str


def _integer(low: int, high: int | None = None) -> Rule:
  def allows(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and low <= value and (high is None or value <= high)

  words = f"of at least {low}" if high is None else f"from {low} to {high}"
  return Rule(allows, f"an integer {words}")


def number(low: float, *, below: float = math.inf) -> Rule:
  """Returns the rule for numbers from `low`, and below `below`."""

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
  return Rule(lambda value: number(0).allows(value) and value > 0, "a finite number above 0")


RULES = {
  "seed": _integer(0, 2**32 - 1),  # JAX takes a larger one for one of these.
  "num_steps": _integer(1),
  "batch_size": _integer(1),
  "accumulate": _integer(1),
  "update_rule": _one_of(*UPDATE_RULES),
  "ema_decay": number(0, below=1),
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
  "method.weakness": number(0),
  "method.weakness_steps": _integer(0),
  "method.num_codes": _integer(1),
  "method.num_times": _integer(1, 100),
  "method.num_refinements": _integer(0),
  "method.tau": number(0),
  "method.latent_scale": _positive(),
  "method.layers": _are_names("('image', 'down_1')"),
  "method.feature_layers": _are_names("('relu2_1', 'relu3_1')"),
  "method.cycles": _are_names("('forward', 'backward')"),
  "method.cycle_noise": number(0),
  "generator.features": _integer(1),
  "generator.num_levels": _integer(1, 16),
  "generator.num_blocks": _integer(0),
  "generator.num_local_blocks": _integer(0),
  "generator.num_style_levels": _integer(1, 16),
  "generator.widths": Rule(_are_widths, "a tuple of at least three integers of at least 1"),
  "generator.style_features": _integer(1),
  "generator.hidden_features": _integer(1),
  "generator.dropout": number(0, below=1),
  "generator.remat": _boolean(),
  "discriminator.features": _integer(1),
  "discriminator.num_layers": _integer(0, 6),
  "discriminator.num_levels": _integer(1, 16),
  "discriminator.num_scales": _integer(1, 6),
  "discriminator.augment": Rule(_are_augmentations, f"some of {', '.join(AUGMENTATIONS)}"),
  "discriminator.augment_probability": Rule(
    lambda value: number(0).allows(value) and value <= 1, "a number from 0 to 1"
  ),
  "discriminator.augment_ramp": _integer(0),
  "encoder.features": _integer(1),
  "encoder.num_levels": _integer(1, 16),
  "encoder.style_size": _integer(1),
  "optimizer.learning_rate": _positive(),
  "optimizer.discriminator_factor": _positive(),
  "optimizer.b1": number(0, below=1),
  "optimizer.b2": number(0, below=1),
  "optimizer.weight_decay": number(0),
  "optimizer.clip_norm": number(0),
  "optimizer.clip_weights": number(0),
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
