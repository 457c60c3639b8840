"""Several processes, usually one a host, that train one model: who they are and how they meet.

How they part is in `imtrans.training.parting`, what they do alike in `imtrans.training.agreement`.
"""

import importlib.util
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax

# Neither what launchers say nor the store has a public name; Orbax takes the store from here too.
from jax._src import clusters, distributed

from imtrans.training.roll_call import HostLost, call_roll

TIMEOUT = 300  # Seconds that processes wait for each other at the start.
LAST_PORT = 2**16 - 1
BROKEN = re.compile(r"[A-Z_]+: Gloo ")  # What XLA says on CPU when another process is gone.
HEARTBEAT = 120  # Seconds of silence after which JAX takes a process for dead, and aborts.
# Where launchers say how many processes there are and which one this is.
COUNTED = {
  "Open MPI": ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
  "SLURM": ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
}


class Launcher(NamedTuple):
  """Who has started several processes.

  count: of the processes; None where JAX has to ask the cluster.
  index: of this one; likewise.
  certain: whether there are several, rather than maybe one.
  """

  name: str
  count: int | None = None
  index: int | None = None
  certain: bool = True


def count() -> int:
  """Returns how many processes train together; 1 before they have met."""
  return distributed.global_state.num_processes if jax.distributed.is_initialized() else 1


def index() -> int:
  """Returns which of them this one is; process 0 writes what only one may write."""
  return distributed.global_state.process_id if jax.distributed.is_initialized() else 0


def store() -> Any:
  """Returns the key-value store of JAX's coordinator, which process 0 runs.

  What processes tell each other in words goes through it: it is there before any device is, and
  while devices wait for one that is gone.
  """
  return distributed.global_state.client


def find_launcher(environment: Mapping[str, str]) -> Launcher | None:
  """Says who has started this process as one of several, by the variables that launchers set.

  Args:
    environment: such as os.environ, after jax was imported.

  Returns:
    The launcher; None for a process that trains alone.
  """
  for name, (total, own) in COUNTED.items():
    if environment.get(total, "1").isdigit() and int(environment.get(total, "1")) > 1:
      return Launcher(name, int(environment[total]), int(environment[own]))
  workers = environment.get("TPU_PROCESS_ADDRESSES") or environment.get("TPU_WORKER_HOSTNAMES", "")
  # Where it finds no chip, jax writes TPU_SKIP_MDS_QUERY when it is imported.
  chips = importlib.util.find_spec("libtpu") and "TPU_SKIP_MDS_QUERY" not in environment
  if environment.get("JAX_PLATFORMS", "tpu").startswith("tpu") and ("," in workers or chips):
    return Launcher("Cloud TPU", certain="," in workers)
  if {"KUBERNETES_SERVICE_HOST", "JOB_COMPLETION_INDEX"} <= environment.keys():
    return Launcher("Kubernetes")
  return None


def connect(
  coordinator: str = "",
  num_processes: int | None = None,
  process_id: int | None = None,
  *,
  timeout: int = TIMEOUT,
) -> None:
  """Starts or reaches the coordinator and waits for all processes, if there are several.

  Args:
    coordinator: "HOST:PORT" of process 0; by default what the launcher says.
    num_processes: how many there are; 1 trains alone, whatever the launcher says.
    process_id: which one this is, from 0.
    timeout: seconds to wait for the others.

  Raises:
    ValueError: for arguments that do not fit together.
    HostLost: if a process does not come.
  """
  if num_processes == 1:
    return
  coordinator = coordinator or os.environ.get("JAX_COORDINATOR_ADDRESS", "")
  launcher = find_launcher(os.environ)
  if coordinator:
    named = launcher or Launcher("no launcher")
    num_processes = named.count if num_processes is None else num_processes
    process_id = named.index if process_id is None else process_id
    _check_address(coordinator, num_processes, process_id)
  elif num_processes is not None or process_id is not None:
    raise ValueError(
      "--num-processes and --process-id need --coordinator HOST:PORT, the address of process 0."
    )
  elif launcher is None:
    return
  try:
    address, num_processes, process_id, device_ids = _found(
      coordinator or None, num_processes, process_id, launcher, timeout
    )
  except HostLost:
    if launcher is None or launcher.certain:
      raise
    return  # One host with a TPU; `check_met` notices if there are more after all.
  if num_processes == 1:
    return
  call_roll(address, num_processes, process_id, timeout=timeout)
  # A stop is agreed on between two steps, see `imtrans.training.agreement.stop_vote`.
  jax.config.update("jax_enable_preemption_service", False)
  jax.distributed.initialize(
    address,
    num_processes,
    process_id,
    local_device_ids=device_ids,
    cluster_detection_method="deactivate",
    heartbeat_timeout_seconds=HEARTBEAT,
    shutdown_timeout_seconds=HEARTBEAT,
  )


def check_met() -> None:
  """Raises HostLost if the devices are those of more processes than have met."""
  if jax.process_count() > count():
    raise HostLost(
      f"the devices are those of {jax.process_count()} processes, which have not met: give "
      "--coordinator HOST:PORT, --num-processes and --process-id."
    )


def _found(
  coordinator: str | None,
  num_processes: int | None,
  process_id: int | None,
  launcher: Launcher | None,
  timeout: int,
) -> tuple[str, int, int, Sequence[int] | None]:
  """What jax finds out about what was not said: address, count, index, devices of this process."""
  try:
    found = clusters.ClusterEnv.auto_detect_unset_distributed_params(
      coordinator, num_processes, process_id, None, None, timeout
    )
    problem = "nothing says where process 0 is"
  except Exception as error:  # Whatever the cluster's own ways to ask raise.
    found, problem = (None, None, None, None), first_line(error)
  if None in found[:3]:
    who = f"{launcher.name} announces several processes, but they" if launcher else "the processes"
    raise HostLost(
      f"{who} cannot meet ({problem}): give --coordinator HOST:PORT, --num-processes and "
      "--process-id, or train on this host alone with --num-processes 1."
    )
  return found  # type: ignore[return-value]


def _check_address(coordinator: str, num_processes: int | None, process_id: int | None) -> None:
  if not re.fullmatch(r".+:\d{1,5}", coordinator):
    raise ValueError(f"--coordinator must be HOST:PORT, the address of process 0: {coordinator!r}.")
  if not 1 <= int(coordinator.rpartition(":")[2]) <= LAST_PORT:
    raise ValueError(
      f"the port of --coordinator must be from 1 to {LAST_PORT}, got {coordinator!r}."
    )
  if num_processes is None or process_id is None:
    raise ValueError(
      "--coordinator needs --num-processes and --process-id, which no launcher has set here."
    )
  if num_processes < 1:
    raise ValueError(f"--num-processes must be at least 1, got {num_processes}.")
  if not 0 <= process_id < num_processes:
    raise ValueError(
      f"--process-id must be from 0 to {num_processes - 1} for --num-processes {num_processes}, "
      f"got {process_id}."
    )


def is_device_failure(error: BaseException) -> bool:
  """Says whether a device or, with several processes, another one of them has failed.

  Args:
    error: any.

  Returns:
    Whether JAX raised it for XLA. On CPU a small jitted function raises a plain ValueError where
    others are gone.
  """
  if isinstance(error, ValueError):
    return BROKEN.match(str(error)) is not None
  return isinstance(error, jax.errors.JaxRuntimeError)


def first_line(error: BaseException) -> str:
  """Returns the first line of an error's message."""
  return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
