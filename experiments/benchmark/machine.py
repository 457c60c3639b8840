"""Date, machine and versions of a measurement, also where imtrans is not installed as a package."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import imtrans
from experiments.record import ROOT, code_version

PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")


def describe() -> dict[str, Any]:
  """Returns what a reader needs to repeat a measurement; absent packages are left out."""
  memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
  cores = len(os.sched_getaffinity(0))
  return {
    "date": datetime.now(UTC).date().isoformat(),
    "machine": f"{cores} cores of {_processor()}, {memory:.0f} GiB",
    "load_before": round(os.getloadavg()[0], 2),
    "python": platform.python_version(),
    "versions": {"imtrans": imtrans.__version__, **_versions()},
    **({"commit": commit} if (commit := code_version(ROOT)) else {}),
  }


def has_torch() -> bool:
  """Whether the peer can run here."""
  return "torch" in _versions()


def has_gpu_plugin() -> bool:
  """Whether jax would use a GPU here; asked without importing jax."""
  return any(_found(f"jax-cuda{number}-plugin") for number in (12, 13))


def _versions() -> dict[str, str]:
  return {name: found for name in PACKAGES if (found := _found(name))}


def _found(package: str) -> str:
  try:
    return version(package)
  except PackageNotFoundError:
    return ""


def _processor() -> str:
  information = Path("/proc/cpuinfo")
  if information.exists():
    for line in information.read_text().splitlines():
      if line.startswith("model name"):
        return line.partition(":")[2].strip()
  return platform.machine()
