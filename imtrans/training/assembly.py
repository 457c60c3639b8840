"""From a config to the functions that it names: networks, method, optimizers."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from imtrans.data.palette import parse_palette
from imtrans.methods import METHODS, Method
from imtrans.networks import CODE_GENERATORS, DISCRIMINATORS, ENCODERS, GENERATORS
from imtrans.networks.convolutional import ConvolutionalGenerator
from imtrans.networks.unet import UNet
from imtrans.training.optimization import adam, clip_weights, every, learning_rate_schedule

ONE_SCALE_METHODS = ("cyclegan", "pix2pix")


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
    config: its sections `method`, `generator`, `discriminator`, `encoder` and `data.direction` are
      read.
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
    given = {"size": config.data.crop_size} if kind in CODE_GENERATORS else {}
    return _call(
      GENERATORS[kind], fields, "generator", out_channels=out_channels, dtype=dtype, **given
    )

  kind, fields = _named(config.discriminator, DISCRIMINATORS, "discriminator")
  discriminator = _call(DISCRIMINATORS[kind], fields, "discriminator", dtype=dtype)
  if kind == "multiscale" and name in ONE_SCALE_METHODS:
    raise ValueError(
      f"{name} takes a discriminator of one scale: set discriminator.name to patch or pixel."
    )
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
    if name == "bicyclegan":
      networks = (networks[0], _encoder(config, dtype), discriminator)
    if name == "cut" and channels["a"] != channels["b"]:
      raise ValueError(
        "cut encodes translations as it does sources and needs domains of equal channels, got "
        f"{channels['a']} and {channels['b']}: set data.options.channels, or train cyclegan."
      )
  if name == "cgan":
    condition: dict[str, Any] = {"static": is_static(config)}
    if config.palette:
      condition["colors"] = parse_palette(config.palette)
    return _call(METHODS[name], weights, "method", *networks, **condition)
  return _call(METHODS[name], weights, "method", *networks)


def is_static(config: ConfigDict) -> bool:
  """Whether the sources of a config are static: noise that comes with the data."""
  return config.data.task == "noise"


def latent_size(config: ConfigDict) -> int:
  """How many numbers the latent code of the config's method has; 0 for a method without one."""
  field = inspect.signature(METHODS[config.method.name]).parameters.get("latent_size")
  return config.method.get("latent_size", field.default if field else 0)


def _encoder(config: ConfigDict, dtype: jnp.dtype) -> Any:
  kind, fields = _named(config.encoder, ENCODERS, "encoder")
  size = latent_size(config)
  return _call(ENCODERS[kind], fields, "encoder", latent_size=size, dtype=dtype)


def build_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
  """The players' optimizers, both of the same recipe.

  Args:
    config: its sections `optimizer` and `updates` and `num_steps` are read.

  Returns:
    {"generator": ..., "discriminator": ...}.
  """
  options, schedule = config.optimizer, build_schedule(config)
  optimizers = {
    player: adam(
      every(schedule, config.updates[player]),
      b1=options.b1,
      b2=options.b2,
      clip_norm=options.clip_norm,
    )
    for player in ("generator", "discriminator")
  }
  if options.clip_weights:
    optimizers["discriminator"] = clip_weights(optimizers["discriminator"], options.clip_weights)
  return optimizers


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
    return 2 ** config.generator.get("num_levels", UNet.num_levels)
  if config.generator.name == "convolutional":
    return 2 ** config.generator.get("num_levels", ConvolutionalGenerator.num_levels)
  return 1 if config.generator.name in CODE_GENERATORS else 4


def draws_noise(config: ConfigDict) -> bool:
  """Whether the config's generator draws noise in training: dropout, or a latent code.

  A code that is read from the source is not drawn by the generator.
  """
  default = getattr(GENERATORS[config.generator.name], "dropout", 0.0)
  coded = bool(latent_size(config)) and not is_static(config)
  return config.generator.get("dropout", default) > 0.0 or coded


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
