"""What a run writes while it trains: log.jsonl, TensorBoard events and a progress bar."""

import contextlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import rich.console
import rich.progress
from tensorboardX import SummaryWriter

from imtrans.training.files import write_atomically

LOG = "log.jsonl"


class Journal:
  """Records of a run, by step.

  log.jsonl holds one JSON object per line and nothing that differs between two equal runs: a
  resumed run drops the lines after its checkpoint and writes them again, and the file ends up the
  same to the byte. Speeds go to TensorBoard alone.
  """

  def __init__(self, workdir: Path, *, step: int) -> None:
    """Opens the records, dropping what lies after `step`.

    Args:
      workdir: an existing folder.
      step: the step that the run goes on from; 0 for a new one.
    """
    path = workdir / LOG
    kept = read_log(path, up_to=step)
    write_atomically(path, "".join(_line(record) for record in kept))
    self._file = path.open("a")
    self._events = SummaryWriter(str(workdir / "tensorboard"), purge_step=step + 1)

  def __enter__(self) -> "Journal":
    return self

  def __exit__(self, *exception: object) -> None:
    self.close()

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Records scalars of a step, at once on disk."""
    self._file.write(_line({"step": step, **metrics}))
    self._file.flush()
    self.write_event(step, metrics)

  def write_event(self, step: int, metrics: Mapping[str, float]) -> None:
    """Records scalars that may differ between equal runs, such as speeds, in TensorBoard."""
    for name, value in metrics.items():
      self._events.add_scalar(name, value, step)

  def write_image(self, step: int, name: str, image) -> None:
    """Records a uint8 image [height, width, channels] in TensorBoard."""
    self._events.add_image(name, image, step, dataformats="HWC")

  def sync(self) -> None:
    """Returns when all records are on disk, as they must be before a checkpoint that is later."""
    os.fsync(self._file.fileno())

  def close(self) -> None:
    """Closes the files."""
    self._file.close()
    self._events.close()


class NoJournal(Journal):
  """The journal of a process that writes none: in a run of several, of all but the first."""

  def __init__(self) -> None:
    """Opens nothing."""

  def write(self, step: int, metrics: Mapping[str, float]) -> None:
    """Leaves the scalars to the first process."""

  def write_event(self, step: int, metrics: Mapping[str, float]) -> None:
    """Leaves the scalars to the first process."""

  def write_image(self, step: int, name: str, image) -> None:
    """Leaves the image to the first process."""

  def sync(self) -> None:
    """Has nothing to wait for."""

  def close(self) -> None:
    """Has nothing to close."""


def read_log(path: Path, *, up_to: int | None = None) -> list[dict]:
  """Records of a log, in order; lines that are no records, such as one cut off, are left out.

  Args:
    path: log.jsonl; a missing one has no records.
    up_to: the last step wanted.

  Returns:
    One dict per line, each with "step".
  """
  records = []
  if path.exists():
    for line in path.read_text(errors="replace").splitlines():
      with contextlib.suppress(json.JSONDecodeError):
        record = json.loads(line)
        if isinstance(record, dict) and isinstance(record.get("step"), int):
          records.append(record)
  return [record for record in records if up_to is None or record["step"] <= up_to]


def _line(record: Mapping) -> str:
  return json.dumps(record) + "\n"


class Progress:
  """Step, steps/s, images/s, losses and time left: a live bar, or lines where nobody watches."""

  def __init__(self, *, start: int, num_steps: int, batch_size: int, visible: bool = True) -> None:
    """Starts the clock.

    Args:
      start: steps done before.
      num_steps: steps of the whole run.
      batch_size: images per step.
      visible: False shows nothing (every process but the first).
    """
    self._console = rich.console.Console(stderr=True)
    self._live = visible and self._console.is_terminal
    self._visible = visible
    self._batch_size, self._num_steps = batch_size, num_steps
    self._time, self._step = time.perf_counter(), start
    self._bar = rich.progress.Progress(
      rich.progress.TextColumn("{task.description} {task.completed:.0f}/{task.total:.0f}"),
      rich.progress.BarColumn(bar_width=24),
      rich.progress.TextColumn("{task.fields[speed]}"),
      rich.progress.TimeRemainingColumn(compact=True),
      rich.progress.TextColumn("[dim]{task.fields[losses]}"),
      console=self._console,
      disable=not self._live,
      speed_estimate_period=120,
    )
    self._task = self._bar.add_task("step", completed=start, total=num_steps, speed="", losses="")
    self._bar.start()

  def __enter__(self) -> "Progress":
    return self

  def __exit__(self, *exception: object) -> None:
    self.close()

  def advance(self, step: int) -> None:
    """Moves the bar."""
    self._bar.update(self._task, completed=step)

  def report(self, step: int, metrics: Mapping[str, float]) -> dict[str, float]:
    """Shows speed since the last report, and losses.

    Args:
      step: steps done.
      metrics: scalars; the losses among them are shown.

    Returns:
      {"speed/steps_per_second", "speed/images_per_second"}.
    """
    now = time.perf_counter()
    rate = (step - self._step) / max(now - self._time, 1e-9)
    self._time, self._step = now, step
    speed = f"{rate:.2f} steps/s {rate * self._batch_size:.1f} images/s"
    losses = " ".join(f"{name} {value:.4g}" for name, value in _shown(metrics).items())
    self._bar.update(self._task, completed=step, speed=speed, losses=losses)
    if self._visible and not self._live:
      left = (self._num_steps - step) / max(rate, 1e-9)
      self.say(f"step {step}/{self._num_steps}  {speed}  left {_duration(left)}  {losses}")
    return {"speed/steps_per_second": rate, "speed/images_per_second": rate * self._batch_size}

  def track(self, items: Iterable[Any], total: int, title: str) -> Iterator[Any]:
    """Shows work between two steps, such as an evaluation, in a bar of its own below.

    Args:
      items: what is gone through.
      total: how many there are.
      title: what is done with them.

    Yields:
      The items.
    """
    task = self._bar.add_task("", total=total, speed="", losses=title)
    try:
      for item in items:
        yield item
        self._bar.advance(task)
    finally:
      self._bar.remove_task(task)

  def say(self, message: str) -> None:
    """Prints a line above the bar."""
    if self._visible:
      self._bar.console.print(message, highlight=False, markup=False, soft_wrap=True)

  def restart_clock(self) -> None:
    """Leaves out the time since the last report, spent on something other than training."""
    self._time = time.perf_counter()

  def close(self) -> None:
    """Removes the bar."""
    self._bar.stop()


def _shown(metrics: Mapping[str, float]) -> dict[str, float]:
  names = ("discriminator/loss", "generator/loss", "generator/l1")
  return {name: metrics[name] for name in names if name in metrics}


def _duration(seconds: float) -> str:
  minutes, seconds = divmod(int(seconds), 60)
  hours, minutes = divmod(minutes, 60)
  return f"{hours}:{minutes:02d}:{seconds:02d}"
