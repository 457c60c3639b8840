"""Recorded runs: where every number in a README comes from."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parent.parent
PACKAGES = ("imtrans", "jax", "jaxlib", "flax", "optax", "numpy")


def run_command(command: Sequence[str]) -> float:
  """Runs `imtrans ...` in a process of its own.

  Args:
    command: arguments after `imtrans`.

  Returns:
    Wall time in seconds.

  Raises:
    RuntimeError: if it fails.
  """
  start = time.perf_counter()
  code = subprocess.run([sys.executable, "-m", "imtrans", *command], check=False).returncode
  if code:
    raise RuntimeError(f"imtrans {' '.join(command)} ended with exit code {code}.")
  return time.perf_counter() - start


def provenance() -> dict[str, Any]:
  """Returns date, machine, versions and, in a checkout, the commit, to be stored with a result."""
  return {
    "date": datetime.now(UTC).date().isoformat(),
    "machine": f"{os.cpu_count()} {platform.machine()} cores, {_memory()} GiB",
    "python": platform.python_version(),
    "versions": {name: version(name) for name in PACKAGES},
    **({"commit": commit} if (commit := code_version(ROOT)) else {}),
  }


def code_version(root: Path) -> str:
  """Says which code is run.

  Args:
    root: of the repository.

  Returns:
    The commit, with "+changes" if code or requirements differ from it (records and READMEs, which
    a study writes itself, do not count); "" without git, or if `root` is no checkout of its own.
  """
  try:
    if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
      return ""
    commit = _git(root, "rev-parse", "HEAD")
    changed = _git(root, "status", "--porcelain", "--", "*.py", "*.toml", "*.txt")
  except (OSError, subprocess.CalledProcessError):
    return ""
  return f"{commit}+changes" if changed else commit


def _git(root: Path, *words: str) -> str:
  command = ["git", "--no-optional-locks", "-C", str(root), *words]
  return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def store(path: Path, key: str, record: dict[str, Any]) -> dict[str, dict[str, Any]]:
  """Adds or replaces one record of a JSON file and returns all of them, sorted by key."""
  records = json.loads(path.read_text()) if path.exists() else {}
  records[key] = record
  records = dict(sorted(records.items()))
  path.write_text(json.dumps(records, indent=2) + "\n")
  return records


def replace_section(readme: Path, name: str, text: str) -> None:
  """Replaces what stands between `<!-- name -->` and `<!-- /name -->` in a README."""
  head, found, rest = readme.read_text().partition(f"<!-- {name} -->\n")
  _, closed, tail = rest.partition(f"<!-- /{name} -->")
  if not (found and closed):
    raise ValueError(f"{readme} has no section <!-- {name} --> ... <!-- /{name} -->.")
  readme.write_text(f"{head}{found}{text.rstrip()}\n{closed}{tail}")


def mean_and_spread(values: Sequence[float], digits: int = 3) -> str:
  """Writes the mean over seeds, with the standard deviation where there are several."""
  mean = f"{np.mean(values):.{digits}f}"
  return mean if len(values) == 1 else f"{mean} ± {np.std(values, ddof=1):.{digits}f}"


def origin(records: Mapping[str, Mapping[str, Any]]) -> str:
  """Says in one line how long training took, on what machine, by which versions, and when.

  Args:
    records: of trained runs, with "train_seconds" and what `provenance` returns.
  """
  newest = max(records.values(), key=lambda record: record["date"])
  minutes = np.median([record["train_seconds"] for record in records.values()]) / 60
  versions = ", ".join(f"{name} {number}" for name, number in newest["versions"].items())
  return (
    f"{minutes:.1f} min a run (median, beside other work); {newest['machine']}; Python "
    f"{newest['python']}, {versions}; {newest['date']}."
  )


def _memory() -> int:
  return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
