"""Two real processes over gloo: they agree, fail together, and go on after one was killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from imtrans.training.hosts import Launcher, connect, find_launcher
from imtrans.training.roll_call import HostLost, call_roll
from imtrans.training.shares import process_shares
from tests.command_line import ROOT
from tests.conftest import QUICK
from tests.training.host_run import NUM_STEPS

SLURM = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "3"}


@pytest.mark.parametrize(
  ("environment", "launcher"),
  [
    ({}, None),
    ({"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"}, Launcher("Open MPI", 2, 1)),
    ({"OMPI_COMM_WORLD_SIZE": "1", "OMPI_COMM_WORLD_RANK": "0"}, None),
    (SLURM, Launcher("SLURM", 4, 3)),
    ({"SLURM_JOB_ID": "7", "SLURM_NTASKS": "4"}, None),  # A batch script, not started by srun.
    ({"TPU_WORKER_HOSTNAMES": "t0,t1"}, Launcher("Cloud TPU")),
    ({"TPU_WORKER_HOSTNAMES": "t0,t1", "JAX_PLATFORMS": "cpu"}, None),
    ({"TPU_WORKER_HOSTNAMES": "localhost"}, None),  # One host, and no chip in it.
    ({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None),
    ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "JOB_COMPLETION_INDEX": "0"}, Launcher("Kubernetes")),
  ],
)
def test_launchers_are_known_by_what_they_set(environment, launcher):
  assert find_launcher({"TPU_SKIP_MDS_QUERY": "1", **environment}) == launcher


@pytest.mark.parametrize(
  ("arguments", "sentence"),
  [
    (("host", 2, 0), "--coordinator must be HOST:PORT"),
    (("host:1234", None, None), "--coordinator needs --num-processes and --process-id"),
    (("host:1234", 2, 2), "--process-id must be from 0 to 1 for --num-processes 2, got 2"),
    (("", 2, 0), "need --coordinator HOST:PORT"),
  ],
)
def test_arguments_that_do_not_fit_are_refused(arguments, sentence, monkeypatch):
  monkeypatch.delenv("JAX_COORDINATOR_ADDRESS", raising=False)
  with pytest.raises(ValueError, match=sentence):
    connect(*arguments)


def test_one_process_trains_alone_whoever_started_it(monkeypatch):
  for name, value in SLURM.items():
    monkeypatch.setenv(name, value)
  connect("", 1)
  assert not jax.distributed.is_initialized()


@pytest.mark.parametrize(
  ("owners", "shares"),
  [
    ([[0], [0], [1], [1]], {0: 0, 1: 1}),
    ([[0, 0], [1, 1]], {0: 0, 1: 1}),
    ([[0, 0, 1, 1]], {0: 0, 1: 0}),  # Rows of an image in two processes: both read it.
    ([[0], [1], [0], [1]], {0: 0, 1: 1}),  # As on a TPU, whose hosts have squares of a torus.
    ([[0, 0, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], None),
    ([[0], [0], [1]], None),
  ],
)
def test_processes_share_a_batch_evenly_or_not_at_all(owners, shares):
  assert process_shares(np.array(owners)) == shares


def _free_port():
  with socket.socket() as free:
    free.bind(("localhost", 0))
    return free.getsockname()[1]


def _pair(module, *arguments, num_devices=1):
  """Starts both processes of a module of these tests, at a coordinator of their own."""
  flags = f"--xla_force_host_platform_device_count={num_devices}"
  environment = {
    **os.environ,
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": f"{flags} {QUICK}",
    "JAX_COMPILATION_CACHE_DIR": str(ROOT / ".cache" / "jax"),
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
  }
  port, command = str(_free_port()), [sys.executable, "-m", f"tests.training.{module}"]
  return [
    subprocess.Popen(
      [*command, port, index, *map(str, arguments)],
      env=environment,
      cwd=ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for index in ("0", "1")
  ]


def _ended(processes):
  """What each said on stdout and stderr, and its exit code."""
  return [(*process.communicate(timeout=240), process.returncode) for process in processes]


def test_processes_agree_share_and_end_together():
  first, second = _ended(_pair("host_process", num_devices=2))
  found = [json.loads(output.splitlines()[-1]) for output, *_ in (first, second)]
  for one in found:
    assert one["first"] == {"process": 0}
    assert one["one fails"] == "process 1 of 2: no pictures."
    assert one["first fails"] == "MemoryError: no room for the features"
    assert "config.batch_size is 4 in process 0 and 8 in process 1. Start all" in one["differ"]
    assert one["alike"] is None
    assert one["shape"] == [4, 4, 1, 1]
    assert one["copy"] == [2 * 28.0 + 8 * 100.0, True]
    assert one["votes"] == [None, None, 15]
  assert [one["rows"] for one in found] == [[1.0, 5.0], [9.0, 13.0]]
  assert [one["shares"] for one in found] == [[[0, 1], [0, 2]], [[0, 1], [1, 2]]]
  # The failure of process 1 ends process 0 too, which was asleep.
  assert [code for *_, code in (first, second)] == [2, 2]
  assert second[1].splitlines()[-1] == "imtrans: a picture cannot be read."
  ended = "imtrans: process 1 of 2 has ended: a picture cannot be read."
  assert first[1].splitlines()[-1] == ended


def test_who_does_not_come_is_named_and_who_does_not_answer():
  def call(index, count=2):
    with pytest.raises(HostLost) as refused:
      call_roll(f"localhost:{_free_port()}", count, index, timeout=1)
    return str(refused.value)

  assert call(0, 4).startswith("of 4 processes 1, 2, 3 did not come to localhost:")
  assert "did not answer process 1 of 2 within 1 s: see that process 0 runs there" in call(1)


def test_every_process_hears_who_is_missing():
  address = f"localhost:{_free_port()}"
  with ThreadPoolExecutor() as threads:
    calls = [threads.submit(call_roll, address, 3, index, timeout=2) for index in (0, 2)]
    said = {str(call.exception(timeout=30)) for call in calls}
  assert len(said) == 1 and said.pop().startswith("of 3 processes 1 did not come to localhost:")


@pytest.mark.parametrize(
  ("callers", "sentence"),
  [
    (((2, 0), (3, 1)), "process 1 of 3 came to localhost:"),  # Of another number.
    (((3, 0), (3, 1), (3, 1)), "process 1 of 3 came to localhost:"),  # Twice the same.
  ],
)
def test_processes_that_do_not_fit_together_are_refused(callers, sentence):
  address = f"localhost:{_free_port()}"
  with ThreadPoolExecutor() as threads:
    calls = [threads.submit(call_roll, address, *caller, timeout=5) for caller in callers]
    said = {str(call.exception(timeout=30)) for call in calls}
  assert len(said) == 1 and said.pop().startswith(sentence)


def test_a_process_that_comes_alone_ends_with_a_sentence(command_line, tmp_path):
  options = ["--coordinator", f"localhost:{_free_port()}", "--num-processes", "2"]
  options += ["--process-id", "0", "--hosts-timeout", "1"]
  process = command_line.start("pix2pix_facades", tmp_path / "run", options=options)
  output, _ = process.communicate(timeout=60)
  assert process.returncode == 1
  assert output.splitlines()[-1].startswith("imtrans: of 2 processes 1 did not come to localhost:")
  assert not (tmp_path / "run").exists()


def _final(workdir):
  folder = workdir / "checkpoints" / str(NUM_STEPS) / "state"
  with ocp.PyTreeCheckpointer() as reader:
    tree = reader.metadata(folder).item_metadata.tree
    as_numpy = jax.tree.map(lambda _: ocp.RestoreArgs(restore_type=np.ndarray), tree)
    return reader.restore(folder, args=ocp.args.PyTreeRestore(restore_args=as_numpy))


def test_two_processes_go_on_after_one_was_killed(pictures, tmp_path):
  for _, errors, code in _ended(_pair("host_run", tmp_path / "whole", pictures)):
    assert code == 0, errors

  pair, log = _pair("host_run", tmp_path / "stopped", pictures), tmp_path / "stopped" / "log.jsonl"
  deadline = time.monotonic() + 240
  while time.monotonic() < deadline and not (log.exists() and '"step": 12,' in log.read_text()):
    time.sleep(0.005)
  pair[1].send_signal(signal.SIGKILL)
  _, errors, code = _ended(pair)[0]
  assert code == 1 and "Traceback" not in errors, errors
  assert "run the same command in all of them again" in errors.splitlines()[-1]

  first, second = _ended(_pair("host_run", tmp_path / "stopped", pictures))
  assert first[2] == second[2] == 0, f"{first[1]}\n{second[1]}"
  assert "resuming" in first[1] and "step" not in second[1]  # Process 0 alone speaks.
  whole, again = _final(tmp_path / "whole"), _final(tmp_path / "stopped")
  assert jax.tree.structure(whole) == jax.tree.structure(again)
  jax.tree.map(np.testing.assert_array_equal, whole, again)
  for name in ("log.jsonl", f"checkpoints/{NUM_STEPS}/data/process_1-of-2.json"):
    one, other = ((tmp_path / run / name).read_bytes() for run in ("whole", "stopped"))
    assert one == other, name
