"""From a config to the functions that it names: networks, method, optimizers."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from imtrans.methods import METHODS, Method
from imtrans.networks import DISCRIMINATORS, GENERATORS
from imtrans.training.optimization import adam, learning_rate_schedule


def compute_dtype(precision: str) -> jnp.dtype:
  """The dtype of activations and convolutions.

  Args:
    precision: "float32", "bfloat16", or "auto": bfloat16 on TPUs and on GPUs of compute
      capability 8 (Ampere) or newer, float32 elsewhere.

  Returns:
    The dtype; parameters, statistics and losses are float32 always.

  Raises:
    ValueError: for another name.
  """
  if precision == "auto":
    device = jax.devices()[0]
    capability = float(getattr(device, "compute_capability", "0") or 0)
    ready = device.platform == "tpu" or (device.platform == "gpu" and capability >= 8.0)
    precision = "bfloat16" if ready else "float32"
  if precision not in ("float32", "bfloat16"):
    raise ValueError(f"precision must be auto, float32 or bfloat16, got {precision!r}.")
  return jnp.dtype(precision)


def build_method(config: ConfigDict, channels: dict[str, int]) -> Method:
  """The method that a config describes.

  Args:
    config: its sections `method`, `generator`, `discriminator` and `data.direction` are read.
    channels: of the domains, {"a": ..., "b": ...}.

  Returns:
    The method.

  Raises:
    ValueError: for an unknown name or field, listing the known ones.
  """
  dtype = compute_dtype(config.precision)
  name, weights = _named(config.method, METHODS, "method")

  def generator(out_channels: int) -> Any:
    kind, fields = _named(config.generator, GENERATORS, "generator")
    return _call(GENERATORS[kind], fields, "generator", out_channels=out_channels, dtype=dtype)

  kind, fields = _named(config.discriminator, DISCRIMINATORS, "discriminator")
  discriminator = _call(DISCRIMINATORS[kind], fields, "discriminator", dtype=dtype)
  if name == "cyclegan":
    if channels["a"] != channels["b"] and weights.get("identity_weight", 5.0):
      raise ValueError(
        f"the identity loss needs domains of equal channels, got {channels['a']} and "
        f"{channels['b']}: set method.identity_weight to 0."
      )
    networks = (generator(channels["b"]), generator(channels["a"]), discriminator)
  else:
    target = "b" if config.data.direction == "ab" else "a"
    networks = (generator(channels[target]), discriminator)
  return _call(METHODS[name], weights, "method", *networks)


def build_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
  """The players' optimizers, both of the same recipe.

  Args:
    config: its `optimizer` section and `num_steps` are read.

  Returns:
    {"generator": ..., "discriminator": ...}.
  """
  options = config.optimizer
  optimizer = adam(
    build_schedule(config), b1=options.b1, b2=options.b2, clip_norm=options.clip_norm
  )
  return {"generator": optimizer, "discriminator": optimizer}


def build_schedule(config: ConfigDict) -> optax.Schedule:
  """The learning rate of a config as a function of the step."""
  options = config.optimizer
  return learning_rate_schedule(
    options.schedule,
    learning_rate=options.learning_rate,
    num_steps=config.num_steps,
    decay_start=options.decay_start,
  )


def size_multiple(config: ConfigDict) -> int:
  """What heights and widths given to the config's generator must be multiples of, in pixels."""
  if config.generator.name == "unet":
    return 2 ** config.generator.get("num_levels", GENERATORS["unet"].num_levels)
  return 4


def draws_noise(config: ConfigDict) -> bool:
  """Whether the config's generator draws noise in training: dropout, or a latent code."""
  default = getattr(GENERATORS[config.generator.name], "dropout", 0.0)
  return config.generator.get("dropout", default) > 0.0 or bool(config.method.get("latent_size", 0))


def _named(section: ConfigDict, table: dict[str, Any], title: str) -> tuple[str, dict[str, Any]]:
  fields = section.to_dict()
  name = fields.pop("name")
  if name not in table:
    raise ValueError(f"unknown {title} {name!r}: choose one of {', '.join(table)}.")
  return name, fields


def _call(function: Callable, fields: dict[str, Any], title: str, *arguments, **more) -> Any:
  """Calls a module class or a method's function with the fields of a config section."""
  parameters = list(inspect.signature(function).parameters)[len(arguments) :]
  known = [name for name in parameters if name not in {"parent", "name", *more}]
  for field in fields:
    if field not in known:
      raise ValueError(
        f"{title} {function.__name__} has no field {field!r}: choose among {', '.join(known)}."
      )
  return function(*arguments, **fields, **more)
