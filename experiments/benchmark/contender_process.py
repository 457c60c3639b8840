"""The process of a contender, seen from the one that measures: started, asked, ended."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, Any, cast

from experiments.benchmark.cases import Case
from imtrans.commands.main import HUGE_PAGES

ROOT = Path(__file__).parent.parent.parent
WORKER = "experiments.benchmark.worker"
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt|Warning)\b")


class WorkerError(RuntimeError):
  """A contender's process ended without an answer.

  Attributes:
    contender: whose it was.
  """

  def __init__(self, contender: str, message: str):
    super().__init__(message)
    self.contender = contender


class Worker:
  """A contender's process; `with` ends it.

  Attributes:
    name: of the contender.
    start_seconds: from the command to the end of the first step.
    first: the answer that came then.
    steps: made in one round.
  """

  def __init__(
    self, name: str, case: Case, cache: Path, module: str = WORKER, *, huge_pages: bool = True
  ):
    self.name, self.steps = name, 1
    # A file, not a pipe: nobody reads a pipe while waiting for an answer.
    self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115
    start = time.perf_counter()
    self._process = subprocess.Popen(
      [sys.executable, "-m", module, name, json.dumps(case.to_dict())],
      cwd=ROOT,
      env=environment(case, cache, huge_pages=huge_pages),
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      stderr=self._errors,
      text=True,
    )
    self._requests = cast(IO[str], self._process.stdin)
    self._answers = cast(IO[str], self._process.stdout)
    try:
      self.first = self._read()
    except BaseException:
      self.close()
      raise
    self.start_seconds = time.perf_counter() - start

  def ask(self, **request: Any) -> dict[str, Any]:
    """Sends a request and returns the answer; WorkerError if there is none."""
    # A broken pipe is explained by the answer's absence.
    with contextlib.suppress(BrokenPipeError):
      self._requests.write(json.dumps(request) + "\n")
      self._requests.flush()
    return self._read()

  def close(self) -> None:
    """Ends the process and waits for it."""
    self._process.kill()
    with contextlib.suppress(BrokenPipeError):
      self._process.communicate()
    self._errors.close()

  def __enter__(self) -> "Worker":
    return self

  def __exit__(self, *_: object) -> None:
    self.close()

  def _read(self) -> dict[str, Any]:
    line = self._answers.readline()
    if line:
      return json.loads(line)
    code = self._process.wait()
    self._errors.seek(0)
    raise WorkerError(self.name, f"{_ending(code)}: {reason(self._errors.read())}")


def reason(text: str) -> str:
  """Returns the line of an error output that says what happened.

  Args:
    text: what a process wrote to standard error.

  Returns:
    The last line that names an exception, or else the last one that is not empty, shortened.
  """
  lines = [line for line in text.splitlines() if line.strip()]
  named = [line for line in lines if EXCEPTION.match(line)]
  return (named or [line.strip() for line in lines] or ["no message"])[-1][:300]


def environment(case: Case, cache: Path, *, huge_pages: bool = True) -> dict[str, str]:
  """Returns the environment of a contender's process.

  Args:
    case: whose device it gets; on a GPU with memory that grows, since two processes share it.
    cache: a folder for compiled programs, empty at first.
    huge_pages: on CPU, whether glibc gives memory in huge pages.
  """
  variables = {
    **os.environ,
    "JAX_COMPILATION_CACHE_DIR": str(cache / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "0",
    "JAX_TRACEBACK_FILTERING": "off",  # Otherwise a note on it is the last thing to be read.
    "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
  }
  if case.device == "cpu":
    # Huge pages, which `imtrans train` asks for itself, make every contender faster.
    variables |= {
      "JAX_PLATFORMS": "cpu",
      "CUDA_VISIBLE_DEVICES": "",
      "GLIBC_TUNABLES": HUGE_PAGES if huge_pages else "glibc.malloc.hugetlb=0",
    }
  return variables


def _ending(code: int) -> str:
  if code >= 0:
    return f"exit code {code}"
  name = signal.Signals(-code).name
  return f"ended by {name}" + (", maybe for want of memory" if name == "SIGKILL" else "")
