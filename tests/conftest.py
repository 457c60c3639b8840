"""Shared test settings: four fake CPU devices, strict promotion, a persistent compilation cache."""

import gc
import os
from pathlib import Path

CACHE = Path(__file__).parent.parent / ".cache"
# Of the 65,530 that a process may have; beyond, whatever asks for memory next crashes. Every
# compiled program has some, and a worker compiles thousands.
MAPPINGS, MOST = Path("/proc/self/maps"), 25_000

# Read when jax starts. Tests compile much and run little: unoptimized code is ready sooner, and
# kernels that do not go through MLIR take a third of the time. Four fake devices on a busy machine
# may wait for one another for longer than XLA's 40 seconds.
QUICK = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false"
PATIENT = "--xla_cpu_collective_call_terminate_timeout_seconds=600"
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["XLA_FLAGS"] = " ".join(
  [
    os.environ.get("XLA_FLAGS", ""),
    "--xla_force_host_platform_device_count=4",
    QUICK,
    PATIENT,
  ]
).strip()
os.environ.setdefault("IMTRANS_CACHE", str(CACHE / "imtrans"))

import jax
import numpy as np
import pytest
from PIL import Image

from imtrans.networks.platforms import programs_for

jax.config.update("jax_compilation_cache_dir", str(CACHE / "jax"))
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture(scope="module", autouse=True)
def room_for_programs():
  """Forgets compiled programs before a process has more mappings of memory than Linux allows it."""
  yield
  if MAPPINGS.exists() and len(MAPPINGS.read_bytes().splitlines()) > MOST:
    jax.clear_caches()
    gc.collect()


@pytest.fixture(scope="module")
def lowered_for_accelerators():
  """Convolutions as an accelerator has them, for modules that train much.

  Those of a CPU take long to compile and, compiled in haste, to run.
  tests/networks/test_lowerings.py holds that all are equal.
  """
  with programs_for("gpu"):
    yield


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
  """trainA, trainB, testA and testB of a few 20x20 pictures; pairs have the same names."""
  folder = tmp_path_factory.mktemp("pictures")
  generator = np.random.default_rng(0)
  for name, count in (("trainA", 9), ("trainB", 9), ("testA", 4), ("testB", 4)):
    (folder / name).mkdir()
    for index in range(count):
      array = generator.integers(0, 256, (20, 20, 3), np.uint8)
      Image.fromarray(array).save(folder / name / f"{index}.png")
  return folder
