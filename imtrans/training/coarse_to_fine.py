"""A run that begins with a part of another: the global generator inside a local enhancer."""

import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np
from ml_collections import ConfigDict

from imtrans.networks import GENERATORS
from imtrans.networks.enhancer import GLOBAL
from imtrans.training.run import load_run
from imtrans.training.state import TrainState

LEFT_OUT = "output"  # The last convolution, in whose place the enhancer goes on.


# What gives the weights their meaning, whatever their shapes.
SAME = ("generator.norm", "data.direction", "data.edges", "data.task", "palette")


class Learned(NamedTuple):
  """What a run of the global generator has learned: its parameters and its other collections."""

  params: dict[str, Any]
  collections: dict[str, Any]


def read_global(workdir: str, config: ConfigDict, shapes: TrainState) -> Learned:
  """Reads the global part of a local enhancer from a run of that generator alone.

  Args:
    workdir: folder of a run, finished or not, with generator.name=resnet and, to fit, twice the
      features and the same blocks, levels and pictures. Its last checkpoint is read, the moving
      average where one was kept.
    config: of the run that begins.
    shapes: of the state that it will be a part of.

  Returns:
    What was learned, without the last convolution. Discriminators begin anew: those of another size
    see other patches.

  Raises:
    ValueError: if there is no such run, it has another generator, was trained on something else, or
      a shape differs.
    CheckpointError: if its checkpoint cannot be read.
  """
  run = load_run(workdir, "last")
  kind, params = run.config.generator.name, shapes.params["generator"]
  if kind != "resnet":
    raise ValueError(
      f"init_from: {workdir} has generator.name={kind}: name a run of the global generator alone, "
      "generator.name=resnet."
    )
  if GLOBAL not in params or "input" not in run.generator_params:
    raise ValueError(
      f"init_from: {workdir} and this run must have one generator each, as those of pix2pixhd and "
      f"pix2pix have, and {run.config.method.name} or this method has more: choose another."
    )
  for field in SAME:
    here, there = (_field(one, field) for one in (config, run.config))
    if here != there:
      raise ValueError(
        f"init_from: {workdir} was trained with {field}={there}, and this run has {here}: what was "
        f"learned there does not fit. Set {field} to the same, or name another run."
      )
  learned = Learned(
    {name: own for name, own in run.generator_params.items() if name != LEFT_OUT},
    dict(run.extras["generator"]),
  )
  wanted = Learned(params[GLOBAL], _global_collections(shapes))
  here, there = _shapes(wanted), _shapes(learned)
  for name in sorted(here.keys() | there.keys()):
    if here.get(name) != there.get(name):
      raise ValueError(
        f"init_from: the generator of {workdir} does not fit: {name} has shape {there.get(name)} "
        f"there and {here.get(name)} here. The run's features ({run.config.generator.features}) "
        "must be twice generator.features, and blocks, levels, norm, palette, edges and pictures "
        "the same."
      )
  return learned


def with_global(state: TrainState, learned: Learned) -> TrainState:
  """Gives the global part of a local enhancer what was learned.

  Args:
    state: fresh, on its mesh.
    learned: from `read_global`.

  Returns:
    The state: the part's parameters, their average and the generator's other collections are those
    that were learned.
  """
  params = state.params["generator"]
  params = {**params, GLOBAL: _in_place(params[GLOBAL], learned.params)}
  average = state.ema
  if average:
    average = {**average, GLOBAL: _in_place(average[GLOBAL], learned.params)}
  collections = {
    name: {**own, GLOBAL: _in_place(own[GLOBAL], learned.collections[name])}
    for name, own in state.extras["generator"].items()
  }
  return dataclasses.replace(
    state,
    params={**state.params, "generator": params},
    ema=average,
    extras={**state.extras, "generator": collections},
  )


def _field(config: ConfigDict, name: str) -> Any:
  """The value of a field such as "data.task"; of one that a network leaves out, its default."""
  *sections, last = name.split(".")
  for section in sections:
    config = config[section]
  value = config.get(last)
  if value is None and sections == ["generator"]:
    return getattr(GENERATORS[config.name], last, None)
  return value


def _global_collections(shapes: TrainState) -> dict[str, Any]:
  return {name: own[GLOBAL] for name, own in shapes.extras["generator"].items()}


def _in_place(present: Any, learned: Any) -> Any:
  """Puts what was learned where something of the same shape lies, on any mesh."""

  def place(old: jax.Array, new: jax.Array) -> jax.Array:
    values = np.asarray(new)
    return jax.make_array_from_callback(values.shape, old.sharding, lambda index: values[index])

  return jax.tree.map(place, present, learned)


def _shapes(learned: Learned) -> dict[str, tuple[int, ...]]:
  return {
    "/".join(str(key.key) for key in path if hasattr(key, "key")): leaf.shape
    for path, leaf in jax.tree_util.tree_leaves_with_path(learned)
  }
