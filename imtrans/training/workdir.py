"""Entering a run's folder: what it holds must fit, and nothing is written before it does."""

from collections.abc import Mapping
from pathlib import Path

from ml_collections import ConfigDict

from imtrans.data import ImageSpec
from imtrans.training.checkpoints import LAST
from imtrans.training.config import differences, read_config, save_config
from imtrans.training.input import SPECS, read_specs, save_specs

CONFIG = "config.json"
# Fields that a run cannot go on with other values of: they decide the shapes of its state, or what
# is translated to what.
ARCHITECTURE = (
  "method.name",
  "method.pool_size",
  "method.latent_size",
  "method.num_classes",
  "method.label_code",
  "method.mapping_features",
  "method.label_features",
  "method.judged_label",
  "method.lecam_weight",
  "method.entropy_weight",
  "method.num_times",
  "method.layers",
  "method.head_features",
  "encoder",
  "generator",
  "discriminator",
  "ema_decay",
  "data.direction",
  "data.task",
  "data.edges",
)


def make_workdir(workdir: Path) -> None:
  """Makes the folder; ValueError if it cannot be one."""
  try:
    workdir.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise ValueError(
      f"--workdir {workdir} cannot be made ({error.strerror}): name a folder that can."
    ) from None


def check_workdir(
  config: ConfigDict, specs: Mapping[str, ImageSpec], workdir: Path
) -> dict[str, tuple]:
  """Compares a config and its pictures with those of the run that a folder holds.

  Args:
    config: of the run to be started or gone on with.
    specs: what the pictures of domains "a" and "b" are.
    workdir: the run's folder.

  Returns:
    Fields of the config that changed since the last start, {name: (old, new)}; empty for a folder
    without checkpoints, which fits everything, or without config.json, where only the shapes can be
    compared, when a checkpoint is read.

  Raises:
    ValueError: if the checkpoints cannot be gone on with, naming every difference that matters.
  """
  checkpoints = workdir / LAST
  if not checkpoints.is_dir() or not any(p.name.isdigit() for p in checkpoints.iterdir()):
    return {}
  if not (workdir / CONFIG).exists():
    return {}
  changes = differences(read_config(workdir / CONFIG), config)
  obstacles = [
    f"{name} was {was}, now {now}"
    for name, (was, now) in changes.items()
    if any(name == field or name.startswith(field + ".") for field in ARCHITECTURE)
    and not (name == "ema_decay" and was and now)
  ]
  if (workdir / SPECS).exists():
    obstacles += [
      f"pictures of domain {name} were {_describe(old)}, now {_describe(specs[name])}"
      for name, old in read_specs(workdir).items()
      if old != specs[name]
    ]
  if obstacles:
    raise ValueError(
      f"{workdir} holds a run of another architecture ({'; '.join(obstacles)}): use another "
      "--workdir, or the old values."
    )
  return changes


def record_workdir(config: ConfigDict, specs: Mapping[str, ImageSpec], workdir: Path) -> None:
  """Writes config.json and specs.json, from which the run can be read back."""
  save_config(config, workdir / CONFIG)
  save_specs(dict(specs), workdir)


def _describe(spec: ImageSpec) -> str:
  return f"{spec.dtype} of {spec.channels} channel(s) in [{spec.low:g}, {spec.high:g}]"
