"""A trained run, read back for use."""

from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.sharding import SingleDeviceSharding
from ml_collections import ConfigDict

from imtrans.data import ImageSpec
from imtrans.methods import Method
from imtrans.training.assembly import build_method, build_optimizers, size_multiple
from imtrans.training.checkpoints import BEST, LAST, read_state
from imtrans.training.config import read_config
from imtrans.training.input import example_batch, read_specs
from imtrans.training.state import create_state


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


def load_run(workdir: str | Path, checkpoint: str | int = "best") -> Run:
  """Reads a run.

  Args:
    workdir: folder that `imtrans train` wrote.
    checkpoint: "best" (by the config's best_metric; the last where nothing could be measured),
      "last", or a step.

  Returns:
    The run.

  Raises:
    ValueError: if there is no such run or checkpoint.
    CheckpointError: if the checkpoint cannot be read.
  """
  workdir = Path(workdir)
  config = read_config(workdir / "config.json")
  specs = read_specs(workdir)
  folder, step = _find(workdir, checkpoint)
  channels = {name: spec.channels for name, spec in specs.items()}
  method = build_method(config, channels)
  optimizers = build_optimizers(config)

  def start():
    return create_state(
      method,
      optimizers,
      example_batch(config, channels),
      seed=config.seed,
      keep_ema=config.ema_decay > 0.0,
    )

  placed = SingleDeviceSharding(jax.devices()[0])
  abstract = jax.tree.map(
    lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=placed),
    jax.eval_shape(start),
  )
  state = read_state(folder / str(step), abstract)
  return Run(
    config=config,
    method=method,
    generator_params=state.ema or state.params["generator"],
    extras=state.extras,
    step=step,
    checkpoint=str(folder / str(step)),
    specs=specs,
    size_multiple=size_multiple(config),
  )


def _find(workdir: Path, checkpoint: str | int) -> tuple[Path, int]:
  steps = {name: _steps(workdir / name) for name in (BEST, LAST)}
  if not any(steps.values()):
    raise ValueError(f"{workdir} has no checkpoint yet: train it first, or name another workdir.")
  if checkpoint == "best":
    name = BEST if steps[BEST] else LAST
    return workdir / name, steps[name][-1]
  if checkpoint == "last":
    name = LAST if steps[LAST] else BEST
    return workdir / name, steps[name][-1]
  for name, known in steps.items():
    if str(checkpoint) in map(str, known):
      return workdir / name, int(checkpoint)
  listing = ", ".join(map(str, sorted(set(steps[BEST] + steps[LAST]))))
  raise ValueError(
    f"{workdir} has no checkpoint {checkpoint!r}: choose best, last or a step among {listing}."
  )


def _steps(folder: Path) -> list[int]:
  if not folder.is_dir():
    return []
  return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())
