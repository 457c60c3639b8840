"""What is read of a checkpoint: all of it, some of its state, or its shapes alone."""

import json
from pathlib import Path
from typing import Any

import grain
import jax
import orbax.checkpoint as ocp

from imtrans.training.state import TrainState


class CheckpointError(OSError):
  """A checkpoint that could not be written or read; the message says what is left."""

  exit_code = 1  # Of the command line: the input was right.


def read_whole(path: Path, state: TrainState, data: grain.DatasetIterator | None) -> TrainState:
  """Reads a checkpoint.

  Args:
    path: its directory, named by its step.
    state: abstract arrays (shape, dtype, sharding) of the state to be read.
    data: the iterator to be set to the checkpoint's position; None leaves it out.

  Returns:
    The state.

  Raises:
    CheckpointError: if it cannot be read.
  """
  try:
    with _reader(ocp.StandardCheckpointHandler()) as reader:
      restored = reader.restore(path / "state", args=ocp.args.StandardRestore(state))
    if data is not None:
      _set_position(path / "data", data)
    return restored
  except Exception as error:
    raise CheckpointError(f"the checkpoint {path} cannot be read ({first_line(error)}).") from error


def read_part(path: Path, part: dict[str, Any]) -> dict[str, Any]:
  """Reads some of a checkpoint's state without touching the folder that it lies in.

  Args:
    path: the checkpoint's directory, named by its step.
    part: those fields of `TrainState` that are wanted, as abstract arrays (shape, dtype, sharding);
      entries of a field may be left out too.

  Returns:
    The same tree, with arrays.

  Raises:
    CheckpointError: if it cannot be read.
  """
  wanted = _without_empty(part)
  try:
    with _reader(ocp.PyTreeCheckpointHandler()) as reader:
      options = ocp.args.PyTreeRestore(
        item=wanted,
        restore_args=ocp.checkpoint_utils.construct_restore_args(wanted),
        partial_restore=True,
      )
      restored = reader.restore(path.absolute() / "state", args=options)
  except Exception as error:
    message = f"the checkpoint {path} cannot be read ({first_line(error)})."
    raise CheckpointError(message) from error
  return jax.tree.unflatten(jax.tree.structure(part), jax.tree.leaves(restored))


def check_shapes(path: Path, state: TrainState) -> None:
  """Tells a checkpoint of another architecture from a damaged one, which is not refused here."""
  try:
    with ocp.StandardCheckpointer() as reader:
      stored = reader.metadata(path / "state").item_metadata.tree
    found = {_name(keys): tuple(leaf.shape) for keys, leaf in _leaves(stored)}
  except Exception:
    return  # Unreadable: restoring says so in its own words.
  wanted = {_name(keys): tuple(leaf.shape) for keys, leaf in _leaves(state)}
  for name in sorted(wanted.keys() | found.keys()):
    if wanted.get(name) != found.get(name):
      raise ValueError(
        f"the checkpoint {path} is of another architecture: {name} has shape {found.get(name)} "
        f"there and {wanted.get(name)} with this config and data. Use the old config, or another "
        "--workdir."
      )


def _leaves(tree: Any) -> list[tuple[Any, Any]]:
  return jax.tree_util.tree_leaves_with_path(tree)


def _name(keys: Any) -> str:
  """A leaf's place in words: orbax stores attributes, keys and indices alike as strings."""
  parts = [getattr(key, "name", None) or getattr(key, "key", None) or key.idx for key in keys]
  return "/".join(str(part) for part in parts)


def _set_position(folder: Path, data: grain.DatasetIterator) -> None:
  """Sets an iterator to where it was, by what any process has left: all count batches alike.

  So a run goes on with another number of processes. Grain's own reader wants the same number.
  """
  own = folder / f"process_{jax.process_index()}-of-{jax.process_count()}.json"
  path = own if own.exists() else min(folder.glob("process_*.json"))
  data.set_state(json.loads(path.read_text()))


def _reader(handler: ocp.CheckpointHandler) -> ocp.Checkpointer:
  """A reader that does not wait for the other processes when it is done.

  Orbax's own way to wait is a sum over all devices, which has no end if one of the processes could
  not read: whoever reads together says so in words, see `imtrans.training.agreement.together`.
  """
  own = jax.process_index()
  alone = ocp.options.MultiprocessingOptions(primary_host=own, active_processes={own})
  # Not so the handler: it would tell the writers in this process who makes their folders.
  return ocp.Checkpointer(handler, multiprocessing_options=alone)


def _without_empty(tree: Any) -> Any:
  """Drops empty subtrees, which orbax takes for leaves when it reads a part."""
  if not isinstance(tree, dict):
    return tree
  pruned = {name: _without_empty(branch) for name, branch in tree.items()}
  return {name: branch for name, branch in pruned.items() if branch != {}}


def first_line(error: Exception) -> str:
  """Returns the sentence of an error that says what happened."""
  lines = str(error).strip().splitlines()
  # Orbax goes on to explain its own options.
  return (lines[0].split(". ")[0] if lines else type(error).__name__)[:300]
