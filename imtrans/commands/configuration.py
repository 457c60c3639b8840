"""`--config FILE[:VARIANT]` and `--config.field=value`, as ml_collections reads them."""

import argparse
from collections.abc import Sequence

from ml_collections import ConfigDict


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
    ValueError: for a file that is not there, an unknown field (with a suggestion) or a bad value.
  """
  from absl import flags
  from ml_collections import config_flags

  for override in overrides:
    if not override.startswith("--config."):
      raise ValueError(f"unknown argument {override!r}: overrides look like --config.field=value.")
  values = flags.FlagValues()
  command_line = ["imtrans", f"--config={path}", *overrides]
  config_flags.DEFINE_config_file("config", None, "", flag_values=values, sys_argv=command_line)
  try:
    values(command_line)
  except FileNotFoundError:
    raise ValueError(
      f"the config file {path.split(':')[0]} does not exist: see configs/ for those that do."
    ) from None
  except (flags.Error, AttributeError, KeyError, TypeError) as error:
    raise ValueError(" ".join(str(error.args[0] if error.args else error).split())) from None
  return values.config
