"""Checkpoints of a run: the train state and the data iterator's position, saved as one.

`checkpoints/` keeps the newest few and is what a run resumes from; `best/` keeps the one with the
lowest `best_metric`. Orbax writes a checkpoint under a temporary name and renames it, so a killed
writer leaves none that looks whole.
"""

import functools
import json
import logging
import warnings
from pathlib import Path
from typing import Any

import grain
import jax
import orbax.checkpoint as ocp

from imtrans.training import hosts
from imtrans.training.agreement import from_first, together
from imtrans.training.parting import AgreedError
from imtrans.training.state import TrainState

LAST, BEST = "checkpoints", "best"
# An array that all devices have is divided among them to be written, by a program for every shape:
# from this size on it pays.
DIVIDED_BYTES = 2**20


class CheckpointError(OSError):
  """A checkpoint that could not be written or read; the message says what is left."""

  exit_code = 1  # Of the command line: the input was right.


class Checkpoints:
  """One folder of checkpoints, each a directory named by its step."""

  def __init__(self, folder: Path, *, keep: int) -> None:
    """Opens or creates the folder.

    Args:
      folder: where the checkpoints are.
      keep: newest checkpoints kept.
    """
    self.folder = folder.absolute()
    ocp.type_handlers.register_type_handler(
      jax.Array,
      ocp.type_handlers.ArrayHandler(min_slice_bytes_for_replica_parallel=DIVIDED_BYTES),
      override=True,
    )
    # Orbax logs every save, and what goes wrong with traceback: it reaches us as an exception too.
    for name in ("absl", "asyncio"):
      logging.getLogger(name).setLevel(logging.CRITICAL)
    self._manager = ocp.CheckpointManager(
      self.folder,
      options=ocp.CheckpointManagerOptions(
        max_to_keep=keep, create=True, cleanup_tmp_directories=True
      ),
    )

  def __enter__(self) -> "Checkpoints":
    return self

  def __exit__(self, kind: type[BaseException] | None, error: Any, traceback: Any) -> None:
    if kind is not None and issubclass(kind, jax.errors.JaxRuntimeError) and hosts.count() > 1:
      return  # The other processes may be gone, without whom no checkpoint is finished.
    try:
      self.close()
    except CheckpointError:
      if kind is None:  # Otherwise what ended the run is what its user must hear.
        raise

  def steps(self) -> list[int]:
    """Steps that have a checkpoint, ascending."""
    return sorted(self._manager.all_steps())

  def save(
    self, step: int, state: TrainState, data: grain.DatasetIterator, *, wait: bool = False
  ) -> None:
    """Saves in the background; what goes wrong there is raised by the next call.

    Args:
      step: names the checkpoint; an existing one is left as it is.
      state: the train state.
      data: the iterator that fed it.
      wait: whether to return only when everything is on disk.

    Raises:
      CheckpointError: if this save or the one before could not be written.
    """
    try:
      if step not in self._manager.all_steps():
        if jax.default_backend() == "cpu":
          # On CPU the writer would read the very buffers that the next step is given to reuse.
          state = jax.tree.map(lambda x: jax.device_put(x, x.sharding, may_alias=False), state)
        self._manager.save(
          step,
          args=ocp.args.Composite(
            state=ocp.args.StandardSave(state), data=grain.checkpoint.CheckpointSave(data)
          ),
        )
      if wait:
        self._manager.wait_until_finished()
      self._manager.check_for_errors()
    except Exception as error:
      if isinstance(error, jax.errors.JaxRuntimeError) and hosts.count() > 1:
        raise  # Another process is lost, with whom it would be written: the folder is not to blame.
      # Orbax raises what its storage layers raise; the cause is kept for the log.
      raise CheckpointError(self._failure(step, error)) from error

  def restore(
    self, step: int, state: TrainState, data: grain.DatasetIterator | None = None
  ) -> TrainState:
    """Reads one checkpoint.

    Args:
      step: an existing step.
      state: abstract arrays (shape, dtype, sharding) of the state to be read.
      data: the iterator to be set to the checkpoint's position; None leaves it out.

    Returns:
      The state.

    Raises:
      CheckpointError: if it cannot be read.
    """
    path = self.folder / str(step)
    try:
      with _reader(ocp.StandardCheckpointHandler()) as reader:
        restored = reader.restore(path / "state", args=ocp.args.StandardRestore(state))
      if data is not None:
        _set_position(path / "data", data)
      return restored
    except Exception as error:
      raise CheckpointError(
        f"the checkpoint {path} cannot be read ({_first_line(error)})."
      ) from error

  def restore_newest(
    self, state: TrainState, data: grain.DatasetIterator
  ) -> tuple[TrainState | None, list[str]]:
    """Reads the newest checkpoint that can be read.

    Args:
      state: abstract arrays of the state.
      data: the iterator to be set.

    Returns:
      The state, or None if there is no checkpoint, and one message per unreadable newer one. Those
      are renamed to STEP.corrupt, out of the way of the run that will write that step again.

    Raises:
      ValueError: if a checkpoint is whole but of another shape than `state`.
      CheckpointError: if there are checkpoints and none can be read.
    """
    problems = []
    for step in reversed(self.steps()):
      _check_shapes(self.folder / str(step), state)
      try:
        restored = together(functools.partial(self.restore, step, state, data))
      except (CheckpointError, AgreedError) as error:
        problems.append(str(error))
        continue
      self.set_aside(step + 1, "corrupt")
      return restored, problems
    if problems:
      raise CheckpointError(
        f"{problems[0]} No other checkpoint in {self.folder} can be read either: move the "
        "folder away to start afresh."
      )
    return None, []

  def set_aside(self, first: int, reason: str) -> None:
    """Renames the checkpoints of step `first` and later to STEP.reason, so that none resumes."""
    self._manager.wait_until_finished()
    late = [step for step in self.steps() if step >= first]

    def rename() -> None:
      for step in late:
        (self.folder / str(step)).rename(self.folder / f"{step}.{reason}")

    from_first(rename)
    self._manager.reload()

  def discard_after(self, step: int) -> None:
    """Deletes checkpoints of later steps, which a run that goes on from `step` will write again."""
    for later in self.steps():
      if later > step:
        self._manager.delete(later)

  def close(self) -> None:
    """Waits for the writer; raises CheckpointError if it failed."""
    try:
      self._manager.wait_until_finished()
      self._manager.check_for_errors()
      self._manager.close()
    except Exception as error:
      raise CheckpointError(self._failure(None, error)) from error

  def _failure(self, step: int | None, error: Exception) -> str:
    # What the failed writer leaves unfinished would be complained about at the end of the process.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
    what = "a checkpoint" if step is None else f"the checkpoint of step {step}"
    steps = self.steps()
    left = f"the last good one is step {steps[-1]}" if steps else "there is none yet"
    return (
      f"could not save {what} in {self.folder} ({_first_line(error)}); {left}. Free some space or "
      "mend the folder, then run the same command again."
    )


def _set_position(folder: Path, data: grain.DatasetIterator) -> None:
  """Sets an iterator to where it was, by what any process has left: all count batches alike.

  So a run goes on with another number of processes. Grain's own reader wants the same number.
  """
  own = folder / f"process_{jax.process_index()}-of-{jax.process_count()}.json"
  path = own if own.exists() else min(folder.glob("process_*.json"))
  data.set_state(json.loads(path.read_text()))


def _check_shapes(path: Path, state: TrainState) -> None:
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
    message = f"the checkpoint {path} cannot be read ({_first_line(error)})."
    raise CheckpointError(message) from error
  return jax.tree.unflatten(jax.tree.structure(part), jax.tree.leaves(restored))


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


def _first_line(error: Exception) -> str:
  lines = str(error).strip().splitlines()
  # Orbax goes on to explain its own options.
  return (lines[0].split(". ")[0] if lines else type(error).__name__)[:300]
