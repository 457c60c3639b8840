"""Checkpoints of a run: the train state and the data iterator's position, saved as one.

`checkpoints/` keeps the newest few and is what a run resumes from; `best/` keeps the one with the
lowest `best_metric`. Orbax writes a checkpoint under a temporary name and renames it, so a killed
writer leaves none that looks whole.
"""

import functools
import logging
import warnings
from pathlib import Path
from typing import Any

import grain
import jax
import orbax.checkpoint as ocp

from imtrans.training import hosts
from imtrans.training.agreement import from_first, together
from imtrans.training.checkpoint_reading import (
  CheckpointError,
  check_shapes,
  first_line,
  read_whole,
)
from imtrans.training.parting import AgreedError
from imtrans.training.state import TrainState

LAST, BEST = "checkpoints", "best"


class Checkpoints:
  """One folder of checkpoints, each a directory named by its step."""

  def __init__(self, folder: Path, *, keep: int) -> None:
    """Opens or creates the folder.

    Args:
      folder: where the checkpoints are.
      keep: newest checkpoints kept.
    """
    self.folder = folder.absolute()
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
    if error is not None and _lost_another(error):
      return  # Without the other processes no checkpoint is finished.
    try:
      self.close()
    except Exception:
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
      if _lost_another(error):
        raise  # With whom it would be written: the folder is not to blame.
      # Orbax raises what its storage layers raise; the cause is kept for the log.
      raise CheckpointError(self._failure(step, error)) from error

  def restore(
    self, step: int, state: TrainState, data: grain.DatasetIterator | None = None
  ) -> TrainState:
    """Reads the checkpoint of a step, as `imtrans.training.checkpoint_reading.read_whole` does.

    Args:
      step: an existing step.
      state: abstract arrays of the state.
      data: the iterator to be set, or None.

    Returns:
      The state.
    """
    return read_whole(self.folder / str(step), state, data)

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
      check_shapes(self.folder / str(step), state)
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
      if _lost_another(error):
        raise
      raise CheckpointError(self._failure(None, error)) from error

  def _failure(self, step: int | None, error: Exception) -> str:
    # What the failed writer leaves unfinished would be complained about at the end of the process.
    warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
    what = "a checkpoint" if step is None else f"the checkpoint of step {step}"
    steps = self.steps()
    left = f"the last good one is step {steps[-1]}" if steps else "there is none yet"
    return (
      f"could not save {what} in {self.folder} ({first_line(error)}); {left}. Free some space or "
      "mend the folder, then run the same command again."
    )


def _lost_another(error: BaseException) -> bool:
  return hosts.count() > 1 and hosts.is_device_failure(error)
