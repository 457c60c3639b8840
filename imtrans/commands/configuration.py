"""`--config FILE[:VARIANT]` and `--config.field=value`, the values as ml_collections reads them."""

import argparse
import ast
import difflib
import traceback
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from imtrans.training.config import default_config

# Sections whose fields depend on what is named in them.
FREE_FORM = (
  "method",
  "generator",
  "discriminator",
  "encoder",
  "data.options",
  "optimizer.network_factors",
)
NAMED = FREE_FORM[:4]


def add_config_arguments(parser: argparse.ArgumentParser) -> None:
  """Adds --config; `--config.field=value` arguments are collected in `overrides` by main."""
  parser.add_argument(
    "--config",
    required=True,
    metavar="FILE[:VARIANT]",
    help="a file of configs/, such as configs/pix2pix_openmoji.py or ...py:cpu; "
    "change fields with --config.section.field=value",
  )
  parser.set_defaults(overrides=[])


def load_config(path: str, overrides: Sequence[str]) -> ConfigDict:
  """Reads a config file and applies overrides.

  Args:
    path: FILE or FILE:VARIANT, a Python file with `get_config`.
    overrides: arguments "--config.field=value".

  Returns:
    The locked config.

  Raises:
    ValueError: in one sentence, for a file that is not there or does not make a whole config, an
      unknown variant or field (with a suggestion), or a value of the wrong type.
  """
  file, *variant = path.split(":", 1)
  config = _made_by(file, variant)
  _check_fields(config, file)
  for override in overrides:
    _apply(override, config)
  _check_fields(config, file)  # An override may have replaced a whole section.
  return config.lock()


def _made_by(file: str, variant: list[str]) -> ConfigDict:
  """Returns what `get_config` of a file makes."""
  if not Path(file).exists():
    raise ValueError(f"the config file {file} does not exist: see configs/ for those that do.")
  if not Path(file).is_file():
    raise ValueError(f"the config {file} is a folder: name a file in it.")
  try:
    loader = SourceFileLoader("imtrans_config", file)
    module = module_from_spec(ModuleSpec(loader.name, loader, origin=file))
    loader.exec_module(module)
    get_config = getattr(module, "get_config", None)
    config = get_config(*variant) if callable(get_config) else None
  except Exception as error:  # Whatever a user's file may raise.
    raise ValueError(_explanation(error, file)) from None
  if not callable(get_config):
    raise ValueError(f"config {file} has no function get_config: see configs/ for examples.")
  if not isinstance(config, ConfigDict):
    raise ValueError(
      f"config {file}: get_config must return a ConfigDict, got {type(config).__name__}."
    )
  return config


def _explanation(error: Exception, file: str) -> str:
  """A sentence about what a config file raised: what, and in which line."""
  if isinstance(error, SyntaxError) and error.filename in (file, None):
    return f"config {file}, line {error.lineno or 1}: {error.msg}."
  frames = traceback.extract_tb(error.__traceback__)
  lines = [frame.lineno for frame in frames if frame.filename == file]
  text = " ".join(str(error.args[0] if len(error.args) == 1 else error).split())
  if isinstance(error, ValueError) and lines and frames[-1].filename != file:
    return text  # Meant for the user, by what the file calls, such as `variant_config`.
  place = f", line {lines[-1]}" if lines else ""
  return f"config {file}{place}: {type(error).__name__}: {text}"


def _check_fields(config: ConfigDict, file: str) -> None:
  """Raises ValueError if fields of `default_config` are missing, or others are there."""
  known, found = (_names(tree, FREE_FORM) for tree in (default_config(), config))
  missing = [name for name in known if name not in found]
  missing += [
    f"{name}.name" for name in NAMED if name in found and "name" not in _names(config[name])
  ]
  if missing:
    raise ValueError(
      f"config {file} lacks {', '.join(missing)}: start from imtrans.training.config."
      "default_config()."
    )
  for name in found:
    if name not in known:
      raise ValueError(f"config {file}: {_unknown(name, known)}")


def _apply(override: str, config: ConfigDict) -> None:
  """Applies "--config.field=value" to a config in place."""
  from absl import flags
  from ml_collections import config_flags

  argument, equals, text = override.partition("=")
  if not argument.startswith("--config.") or not equals:
    raise ValueError(f"unknown argument {override!r}: overrides look like --config.field=value.")
  name = argument.removeprefix("--config.")
  known = _names(config)
  if name not in known:
    offered = _offered_options(config)
    if name not in offered:
      raise ValueError(_unknown(name, [*known, *offered]))
    with config.unlocked():
      config.data.options[name.rpartition(".")[2]] = literal(text)
    return
  values, command_line = flags.FlagValues(), ["imtrans", override]
  try:
    config_flags.DEFINE_config_dict(
      "config", config, flag_values=values, sys_argv=command_line, lock_config=False
    )
    values(command_line)
  except (flags.Error, TypeError, ValueError):
    old: Any = config
    for part in name.split("."):
      old = old[part]
    kind = "dict" if isinstance(old, ConfigDict) else type(old).__name__
    raise ValueError(f"field {name!r} must be of type {kind}, got {text!r}.") from None


def literal(text: str) -> Any:
  """Returns what a Python literal stands for; other text is itself."""
  try:
    return ast.literal_eval(text)
  except (ValueError, SyntaxError):
    return text


def _offered_options(config: ConfigDict) -> list[str]:
  """The options of a config's source and task that it leaves at their defaults."""
  # They bring jax, which must not be there before the platform is prepared.
  from imtrans.data.sources import source_options
  from imtrans.data.tasks import task_options

  try:
    names = [*source_options(config.data.source), *task_options(config.data.task)]
  except (ValueError, KeyError):
    return []  # Whoever opens the data says what is wrong with its name.
  return [f"data.options.{name}" for name in names if name not in config.data.options]


def _names(tree: Any, closed: Sequence[str] = (), prefix: str = "") -> list[str]:
  """The dotted names of sections and fields, but not of those in sections that are closed."""
  names = []
  if isinstance(tree, ConfigDict):
    for name, value in tree.items():
      names.append(prefix + name)
      if prefix + name not in closed:
        names += _names(value, closed, f"{prefix}{name}.")
  return names


def _unknown(name: str, known: Sequence[str]) -> str:
  """A sentence that suggests a known field for an unknown one."""
  section = name.rpartition(".")[0]
  siblings = [field for field in known if field.rpartition(".")[0] == section]
  if section and siblings:
    last = name.rpartition(".")[2]
    close = difflib.get_close_matches(last, [field.rpartition(".")[2] for field in siblings], n=1)
    close = [f"{section}.{field}" for field in close]
  else:
    close = difflib.get_close_matches(name, known, n=1)
  if close:
    return f"unknown field {name!r}: did you mean {close[0]!r}?"
  others = siblings or [field for field in known if "." not in field]
  return f"unknown field {name!r}: choose among {', '.join(others)}."
