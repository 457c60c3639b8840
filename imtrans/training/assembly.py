"""From a config to the functions that it names: networks, method, optimizers."""

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from ml_collections import ConfigDict

from imtrans.data.palette import parse_palette
from imtrans.methods import Method, find_method
from imtrans.methods.perceptual import content_features, stage_features
from imtrans.networks import DISCRIMINATORS, ENCODERS, GENERATORS
from imtrans.networks.enhancer import GLOBAL
from imtrans.training.optimization import (
  adam,
  apart,
  clip_weights,
  every,
  learning_rate_schedule,
  scale_networks,
)

NETWORKS = {"generator": GENERATORS, "discriminator": DISCRIMINATORS, "encoder": ENCODERS}


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
  """The method that a config describes, with the networks that its first parameters are named for.

  Args:
    config: its sections `method`, `generator`, `discriminator`, `encoder` and `data` and its
      palette are read.
    channels: of the domains, {"a": ..., "b": ...}.

  Returns:
    The method.

  Raises:
    ValueError: for an unknown name or field, listing the known ones, or networks that do not fit.
  """
  build, two_way = find_method(config.method.name).build, find_method(config.method.name).two_way
  _, target = config.data.direction
  made_domains = {
    "generator": target,
    "generator_a": "a",
    "generator_b": "b",
    "generator_ab": "b",
    "generator_ba": "a",
  }

  def network(role: str) -> Any:
    if role in made_domains:
      return _network(config, "generator", out_channels=channels[made_domains[role]])
    # A discriminator of both domains sees nothing beside its image.
    return _network(config, role, color_channels=0 if two_way else channels[target])

  parameters = inspect.signature(build).parameters.values()
  networks = [network(p.name) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
  fields = config.method.to_dict()
  del fields["name"]
  colors = parse_palette(config.palette) if config.palette else ()
  dtype = compute_dtype(config.precision)
  return _call(
    build,
    fields,
    "method",
    *networks,
    static=is_static(config),
    colors=colors,
    edges=config.data.edges,
    perceptual_features=stage_features(dtype),
    content_features=content_features(dtype),
  )


def is_static(config: ConfigDict) -> bool:
  """Whether the sources of a config are static: noise that comes with the data."""
  return config.data.task == "noise"


def method_field(config: ConfigDict, name: str) -> Any:
  """Returns a field of the config's method, by default its function's; None if it has none."""
  parameter = inspect.signature(find_method(config.method.name).build).parameters.get(name)
  return None if parameter is None else config.method.get(name, parameter.default)


def latent_size(config: ConfigDict) -> int:
  """How many numbers the latent code of the config's method has; 0 for a method without one."""
  return method_field(config, "latent_size") or 0


def _network(config: ConfigDict, section: str, **given) -> Any:
  """The network of a config section, which is told what it cannot choose; None for "none"."""
  if section == "encoder" and config.encoder.name == "none":
    return None
  kind, fields = _named(config[section], section)
  given |= {
    "size": config.data.crop_size,
    "latent_size": latent_size(config),
    "dtype": compute_dtype(config.precision),
  }
  return _call(kind, fields, section, **given)


def build_optimizers(config: ConfigDict) -> dict[str, optax.GradientTransformation]:
  """The players' optimizers, of the same recipe but for a factor between their learning rates.

  Args:
    config: its sections `optimizer` and `updates` and `num_steps` are read.

  Returns:
    {"generator": ..., "discriminator": ...}.
  """
  options = config.optimizer
  factors = {"generator": 1.0, "discriminator": options.discriminator_factor}

  def build(player: str, delay: int = 0) -> optax.GradientTransformation:
    schedule = every(build_schedule(config, factors[player]), config.updates[player])
    late = (lambda count: schedule(count + delay)) if delay else schedule
    return adam(
      late,
      b1=options.b1,
      b2=options.b2,
      clip_norm=options.clip_norm,
      weight_decay=options.weight_decay,
    )

  optimizers = {player: build(player) for player in factors}
  if config.generator.name == "local_enhancer":
    # With and without a delay the state has the same tree: a run may be resumed with another one.
    # `clip_norm` is of each part by itself.
    delay = options.fix_global_steps * config.updates["generator"]
    part = optax.conditionally_mask(build("generator", delay), _from(delay))
    optimizers["generator"] = apart({"part": part, "rest": optimizers["generator"]}, GLOBAL)
  if options.network_factors:
    own = options.network_factors.to_dict()
    optimizers["generator"] = scale_networks(optimizers["generator"], own)
  if options.clip_weights:
    optimizers["discriminator"] = clip_weights(optimizers["discriminator"], options.clip_weights)
  return optimizers


def _from(first: int) -> Callable[..., jax.Array]:
  """A condition for optax: true from the update of that number on."""
  return lambda step, **_: step >= first


def build_schedule(config: ConfigDict, factor: float = 1.0) -> optax.Schedule:
  """Returns the learning rate of a config, times a factor, as a function of the step."""
  options = config.optimizer
  return learning_rate_schedule(
    options.schedule,
    learning_rate=factor * options.learning_rate,
    num_steps=config.num_steps,
    decay_start=options.decay_start,
  )


def size_multiple(config: ConfigDict) -> int:
  """What heights and widths given to the config's generator must be multiples of, in pixels."""
  kind, fields = _named(config.generator, "generator")
  return _call(kind, fields, "generator").size_multiple


def draws_noise(config: ConfigDict) -> bool:
  """Whether the config's generator draws noise in training: dropout, or a latent code.

  A code that is read from the source is not drawn by the generator.
  """
  default = getattr(GENERATORS[config.generator.name], "dropout", 0.0)
  coded = bool(latent_size(config)) and not is_static(config)
  return config.generator.get("dropout", default) > 0.0 or coded


def _named(section: ConfigDict, title: str) -> tuple[Callable, dict[str, Any]]:
  """The class that a config section names, and the section's other fields."""
  fields, table = section.to_dict(), NETWORKS[title]
  name = fields.pop("name")
  if name not in table:
    raise ValueError(f"unknown {title} {name!r}: choose one of {', '.join(table)}.")
  return table[name], fields


def _call(function: Callable, fields: dict[str, Any], title: str, *arguments, **given) -> Any:
  """Calls a module class or a method's function with the fields of a config section.

  Of `given` it gets what it has parameters for; those are not fields.
  """
  parameters = list(inspect.signature(function).parameters)[len(arguments) :]
  given = {name: value for name, value in given.items() if name in parameters}
  known = [name for name in parameters if name not in {"parent", "name", *given}]
  for field in fields:
    if field not in known:
      raise ValueError(
        f"{title} {function.__name__} has no field {field!r}: choose among {', '.join(known)}."
      )
  return function(*arguments, **fields, **given)
