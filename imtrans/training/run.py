"""A trained run, read back for use."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.sharding import SingleDeviceSharding
from ml_collections import ConfigDict

from imtrans.data import ImageSpec
from imtrans.methods import Method
from imtrans.training.assembly import build_method, method_field, size_multiple
from imtrans.training.checkpoint_reading import CheckpointError, read_part
from imtrans.training.checkpoints import BEST, LAST
from imtrans.training.config import read_config
from imtrans.training.input import example_batch, read_specs
from imtrans.training.workdir import CONFIG


class Run(NamedTuple):
  """A run at one of its checkpoints.

  generator_params: the moving average if one was kept, else the parameters themselves.
  checkpoint: path of what was read.
  specs: what the pictures of domains "a" and "b" are.
  size_multiple: heights and widths given to the generator must be multiples of it, in pixels.
  """

  config: ConfigDict
  method: Method
  generator_params: Any
  extras: Any
  step: int
  checkpoint: str
  specs: dict[str, ImageSpec]
  size_multiple: int


def load_run(
  workdir: str | Path, checkpoint: str | int = "best", *, refinements: int | None = None
) -> Run:
  """Reads a run.

  Args:
    workdir: folder that `imtrans train` wrote.
    checkpoint: "best" (by the config's best_metric; the last where nothing could be measured),
      "last", or a step. Where it is damaged, the next older one is used and a warning says so.
    refinements: steps of a translation, for a method that has them; by default the config's.

  Returns:
    The run.

  Raises:
    ValueError: if there is no such run or checkpoint, or its method has no such refinements.
    CheckpointError: if the checkpoint cannot be read.
  """
  workdir = Path(workdir)
  config = read_config(workdir / CONFIG)
  if refinements is not None:
    config = _refined(config, refinements)
  specs = read_specs(workdir)
  candidates = _find(workdir, checkpoint)
  channels = {name: spec.channels for name, spec in specs.items()}
  method = build_method(config, channels)

  def start():
    params, extras = method.init(jax.random.key(0), example_batch(config, channels))
    average = params["generator"] if config.ema_decay > 0.0 else {}
    kept = {} if config.ema_decay > 0.0 else {"generator": params["generator"]}
    return {"step": jnp.zeros((), jnp.int32), "params": kept, "ema": average, "extras": extras}

  path, state = _read_first(candidates, _abstract(start))
  return Run(
    config=config,
    method=method,
    generator_params=state["ema"] or state["params"]["generator"],
    extras=state["extras"],
    step=int(state["step"]),
    checkpoint=str(path),
    specs=specs,
    size_multiple=size_multiple(config),
  )


def _refined(config: ConfigDict, refinements: int) -> ConfigDict:
  """The config with another number of refinements; ValueError if its method has none."""
  name = config.method.name
  if method_field(config, "num_refinements") is None:
    raise ValueError(
      f"{name} translates in one step: refinements are for a run of a method such as unsb."
    )
  if refinements < 1:
    raise ValueError(f"a translation takes at least 1 refinement, got {refinements}.")
  with config.unlocked():
    config.method.num_refinements = refinements
  return config


def load_players(run: Run) -> dict[str, Any]:
  """Reads what both players of a run were at its checkpoint, as the step left them.

  Args:
    run: from `load_run`.

  Returns:
    {"generator": parameters, not their average, "discriminator": parameters}.

  Raises:
    CheckpointError: if they cannot be read.
  """
  channels = {name: spec.channels for name, spec in run.specs.items()}

  def start():
    params, _ = run.method.init(jax.random.key(0), example_batch(run.config, channels))
    return {"params": params}

  return read_part(Path(run.checkpoint), _abstract(start))["params"]


def _abstract(start: Callable[[], Any]) -> Any:
  """What a function returns, without values, on one device."""
  placed = SingleDeviceSharding(jax.local_devices()[0])
  return jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=placed),
    jax.eval_shape(start),
  )


def _read_first(candidates: list[Path], abstract: dict[str, Any]) -> tuple[Path, dict[str, Any]]:
  """Reads the first checkpoint that can be read, and says which ones could not."""
  problems = []
  for path in candidates:
    try:
      state = read_part(path, abstract)
    except CheckpointError as error:
      problems.append(str(error))
      continue
    for problem in problems:
      logging.getLogger(__name__).warning("%s Using %s instead.", problem, path)
    return path, state
  raise CheckpointError(f"{problems[0]} No other checkpoint that was asked for can be read either.")


def _find(workdir: Path, checkpoint: str | int) -> list[Path]:
  """What answers to a name, the one meant first: older ones stand in for a damaged newest one."""
  best, last = (_checkpoints(workdir / name) for name in (BEST, LAST))
  if not best + last:
    raise ValueError(f"{workdir} has no checkpoint yet: train it first, or name another workdir.")
  if checkpoint == "best":
    return best + last
  if checkpoint == "last":
    return last + best
  named = [path for path in last + best if path.name == str(checkpoint)]
  if not named:
    listing = ", ".join(sorted({path.name for path in best + last}, key=int))
    raise ValueError(
      f"{workdir} has no checkpoint {checkpoint!r}: choose best, last or a step among {listing}."
    )
  return named


def _checkpoints(folder: Path) -> list[Path]:
  """Checkpoints of a folder, newest first."""
  if not folder.is_dir():
    return []
  paths = [path for path in folder.iterdir() if path.name.isdigit()]
  return sorted(paths, key=lambda path: int(path.name), reverse=True)
