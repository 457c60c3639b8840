"""The trainings of a study: a list that is gone through once, some at a time.

A study says which runs it is about and what is measured of each. Here they are trained, by `imtrans
train` in processes of their own, and recorded as they end: what results.json has already is not
repeated, and what was stopped goes on. Each training is bound to one core, which small networks use
best, so that what it makes does not depend on how many run beside it.
"""

import argparse
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

from experiments.record import provenance, replace_section, run_command, store
from imtrans.commands.configuration import load_config
from imtrans.training.config import differences, read_config

RESULTS = "results.json"
Records = dict[str, dict[str, Any]]


class Training(NamedTuple):
  """One run of a study.

  key: of its record; also the name of its folder.
  config: file and variant, from the root of the repository.
  changes: of the config, like "seed=0".
  facts: what tells it from the others; goes into its record.
  """

  key: str
  config: str
  changes: tuple[str, ...]
  facts: Mapping[str, Any]

  @property
  def overrides(self) -> list[str]:
    """The changes, as `imtrans train` takes them."""
    return [f"--config.{change}" for change in self.changes]

  def command(self, workdir: Path) -> list[str]:
    """The arguments after `imtrans`."""
    return ["train", "--config", self.config, "--workdir", str(workdir), *self.overrides]


def add_arguments(parser: argparse.ArgumentParser, *, workdir: str, output: Path) -> None:
  """Adds the arguments that all studies have.

  Args:
    parser: of the study.
    workdir: default folder of the runs.
    output: default folder of the records, tables and figures: that of the study.
  """
  parser.add_argument("--seeds", nargs="+", type=int, default=[0])
  parser.add_argument(
    "--jobs", type=int, default=1, help="trainings at a time, each on a core of its own"
  )
  parser.add_argument("--workdir", type=Path, default=Path(workdir), help="folder of the runs")
  parser.add_argument("--output", type=Path, default=output, help="folder of what is written")
  parser.add_argument("--table", action="store_true", help="write table and figure, train nothing")
  parser.add_argument("--tiny", action="store_true", help="a few steps on small pictures")
  parser.set_defaults(study=output)


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
  """Parses what `add_arguments` added; leaves with one sentence where it cannot be done."""
  parsed = parser.parse_args(arguments)
  if parsed.tiny and parsed.output == parsed.study:
    parser.error("--tiny would spoil the recorded results: add --output FOLDER.")
  if not 1 <= parsed.jobs <= len(_cores()):
    parser.error(f"--jobs {parsed.jobs}: this program may use 1 to {len(_cores())} core(s) here.")
  return parsed


def gather(
  parsed: argparse.Namespace,
  trainings: Sequence[Training],
  measure: Callable[[Training, Path], dict[str, Any]],
) -> Records:
  """Trains and measures what is not recorded yet.

  Args:
    parsed: from `parse`.
    trainings: of the study.
    measure: (training, its folder) -> what its record says besides commands, facts, training time,
      versions and machine. Called here, for one after the other.

  Returns:
    All records of the study, sorted by key.
  """
  results = parsed.output / RESULTS
  records = json.loads(results.read_text()) if results.exists() else {}
  missing = [] if parsed.table else [one for one in trainings if one.key not in records]
  failures = []
  try:
    for training, seconds in trained(missing, parsed.workdir, jobs=parsed.jobs):
      workdir = parsed.workdir / training.key
      try:
        measured = measure(training, workdir)
      except (RuntimeError, ValueError, FloatingPointError) as error:
        failures.append(f"{training.key} cannot be measured: {error}")
        continue
      record = {
        "commands": ["imtrans " + " ".join(training.command(workdir))],
        **training.facts,
        "train_seconds": round(seconds, 1),
        **measured,
        **provenance(),
      }
      records = store(results, training.key, record)
  except (RuntimeError, ValueError) as error:
    failures.append(str(error))
  except KeyboardInterrupt:
    sys.exit("interrupted: what is recorded stays; the same command goes on.")
  if failures:
    sys.exit(
      f"{' '.join(failures)} What is recorded stays; the same command goes on, --table writes the "
      "table without."
    )
  if not records:
    sys.exit(f"{results} holds no runs yet: leave out --table.")
  return records


def trained(
  trainings: Sequence[Training], folder: Path, *, jobs: int
) -> Iterator[tuple[Training, float]]:
  """Trains runs, so many at a time, each bound to a core of its own.

  Args:
    trainings: what to train.
    folder: where each has its folder, named by its key.
    jobs: how many at a time; at most as many as there are cores.

  Yields:
    Each training as it ends, with its wall time in seconds.

  Raises:
    RuntimeError: if some have failed, when all others have ended.
    ValueError: for a folder that holds a run of another config.
  """
  for training in trainings:
    check_folder(training, folder / training.key)
  cores: SimpleQueue[int] = SimpleQueue()
  for core in _cores():
    cores.put(core)

  stop = threading.Event()

  def train(training: Training) -> float | None:
    return None if stop.is_set() else run_command(training.command(folder / training.key))

  with ThreadPoolExecutor(jobs, initializer=_take_core, initargs=(cores,)) as pool:
    try:
      runs = {pool.submit(train, training): training for training in trainings}
      for ended in as_completed(runs):
        # A failure is told last, after all that went well beside it.
        if ended.exception() is None and (seconds := ended.result()) is not None:
          yield runs[ended], seconds
      failures = [str(error) for run in runs if (error := run.exception()) is not None]
      if failures:
        raise RuntimeError(" ".join(failures))
    finally:
      stop.set()


def check_folder(training: Training, workdir: Path) -> None:
  """Refuses a folder with a run of another config, which would be taken for this one.

  Args:
    training: what is to be trained.
    workdir: its folder, which may be absent.

  Raises:
    ValueError: naming what differs.
  """
  if not (workdir / "config.json").exists():
    return
  config = load_config(training.config, training.overrides)
  changes = differences(read_config(workdir / "config.json"), config)
  if changes:
    listing = ", ".join(f"{name} was {was}, now {now}" for name, (was, now) in changes.items())
    raise ValueError(f"{workdir} holds a run of another config ({listing}): move it away.")


def write_section(output: Path, study: Path, name: str, text: str) -> None:
  """Writes a section of the README of a study, or of its copy in another folder."""
  if output != study and not (output / "README.md").exists():
    shutil.copy(study / "README.md", output)
  replace_section(output / "README.md", name, text)


def _cores() -> list[int]:
  """The cores that this program may use."""
  if hasattr(os, "sched_getaffinity"):
    return sorted(os.sched_getaffinity(0))
  return list(range(os.cpu_count() or 1))


def _take_core(cores: "SimpleQueue[int]") -> None:
  """Binds the calling thread, and so the processes that it starts, to the next core."""
  core = cores.get()
  if hasattr(os, "sched_setaffinity"):  # Not on macOS.
    os.sched_setaffinity(0, {core})
