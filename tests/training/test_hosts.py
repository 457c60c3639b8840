"""Two real processes over gloo: they agree, fail together, and go on after one was killed."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import jax
import numpy as np
import orbax.checkpoint as ocp
import pytest

from imtrans.commands import main, train
from imtrans.training import hosts, parting
from imtrans.training.hosts import Launcher, connect, find_launcher, is_device_failure
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
    (("host:0", 2, 0), "the port of --coordinator must be from 1 to 65535, got 'host:0'"),
    (("host:99999", 2, 0), "the port of --coordinator must be from 1 to 65535"),
    (("host:1", 0, 0), "--num-processes must be at least 1, got 0"),
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
  ("environment", "host"),
  [
    (
      {
        **SLURM,
        "SLURM_JOB_ID": "1234",
        "SLURM_NTASKS": "4",
        "SLURM_STEP_NODELIST": "pod[017-020]",
        "SLURM_LOCALID": "0",
      },
      "pod017",
    ),
    (
      {
        "OMPI_MCA_orte_hnp_uri": "1531576320.0;tcp://10.96.0.1,10.148.0.1:34911",
        "OMPI_COMM_WORLD_SIZE": "4",
        "OMPI_COMM_WORLD_RANK": "3",
        "OMPI_COMM_WORLD_LOCAL_RANK": "0",
      },
      "10.96.0.1",
    ),
  ],
  ids=["slurm", "open-mpi"],
)
def test_the_first_host_of_a_job_is_where_all_meet(environment, host, monkeypatch):
  """By what the launchers' own manuals say they set; JAX reads it."""
  met = []
  monkeypatch.setattr(hosts, "call_roll", lambda *called, timeout: met.append((*called, timeout)))
  monkeypatch.setattr(jax.distributed, "initialize", lambda *given, **rest: met.append(given))
  for name in (*os.environ,):
    if name.startswith(("SLURM_", "OMPI_", "KUBERNETES_", "TPU_", "JAX_COORDINATOR")):
      monkeypatch.delenv(name)
  for name, value in environment.items():
    monkeypatch.setenv(name, value)
  connect(timeout=7)
  (address, count, index, timeout), joined = met
  assert (count, index, timeout) == (4, 3, 7) and joined == (address, 4, 3)
  assert address.rpartition(":")[0] == host and 1024 < int(address.rpartition(":")[2]) < 2**16


@pytest.mark.parametrize(
  ("error", "failed"),
  [
    (ValueError("UNKNOWN: Gloo AllGather failed: Connection closed by peer"), True),
    (jax.errors.JaxRuntimeError("INTERNAL: a device is lost"), True),
    (ValueError("RESOURCE_EXHAUSTED: No space left on device"), False),  # Of a file system.
    (OSError("no pictures."), False),
  ],
)
def test_the_loss_of_another_process_is_told_from_other_errors(error, failed):
  assert is_device_failure(error) is failed


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


def _start(module, *arguments, count=2, num_devices=1):
  """Starts all processes of a module of these tests, at a coordinator of their own."""
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
      [*command, port, str(index), str(count), *map(str, arguments)],
      env=environment,
      cwd=ROOT,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    )
    for index in range(count)
  ]


def _ended(processes):
  """What each said on stdout and stderr, and its exit code."""
  return [(*process.communicate(timeout=240), process.returncode) for process in processes]


def test_processes_agree_share_and_end_together(tmp_path):
  first, second = _ended(_start("host_process", tmp_path, num_devices=2))
  found = [json.loads(output.splitlines()[-1]) for output, *_ in (first, second)]
  for one in found:
    assert one["first"] == {"process": 0}
    assert one["one fails"] == "process 1 of 2: no pictures."
    assert one["first fails"] == "MemoryError: no room for the features"
    assert "config.batch_size is 4 in process 0 and 8 in process 1. Start all" in one["differ"]
    assert "processes disagree: what init_from has learned is " in one["begun unlike"]
    assert one["alike"] is None
    assert one["shape"] == [4, 4, 1, 1]
    assert one["copy"] == [2 * 28.0 + 8 * 100.0, True]
    assert one["votes"] == [None, None, 15]
    assert one["part"] == 2 * 4 * (1.0 + 2.0)
    assert "1 is of another architecture: x has shape (4, 4, 1, 1) there and None" in one["other"]
    missing = f"process 1 of 2: the checkpoint {tmp_path / 'elsewhere' / '1'} cannot be read ("
    assert one["part missing"].startswith(missing) and one["missing"].startswith(missing)
  assert [one["rows"] for one in found] == [[1.0, 5.0], [9.0, 13.0]]
  assert [one["begun"] for one in found] == [[6.0, 22.0], [38.0, 54.0]]
  assert [one["restored"] for one in found] == [[4.0, 4.0], [8.0, 8.0]]
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


def test_a_process_that_broke_off_may_come_again():
  port = _free_port()
  with ThreadPoolExecutor() as threads:
    first = threads.submit(call_roll, f"localhost:{port}", 3, 0, timeout=30)
    while True:  # Process 1, as it dies: it comes, and does not wait for the answer.
      try:
        with socket.create_connection(("localhost", port)) as caller:
          caller.sendall(b'{"count": 3, "index": 1}\n')
        break
      except OSError:
        assert not first.done()
    rest = [
      threads.submit(call_roll, f"localhost:{port}", 3, index, timeout=30) for index in (1, 2)
    ]
    for call in (first, *rest):
      call.result(timeout=60)


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


def _wait_for(step, workdir):
  log, deadline = workdir / "log.jsonl", time.monotonic() + 240
  while time.monotonic() < deadline and not (
    log.exists() and f'"step": {step},' in log.read_text()
  ):
    time.sleep(0.005)


def test_processes_go_on_after_one_was_killed_or_told_to_stop(pictures, tmp_path):
  """Parameters are split over both; the last steps are those of one process with two devices.

  So are the gradients of a batch in two parts, and what the theory sees of the game.
  """
  whole, stopped = tmp_path / "whole", tmp_path / "stopped"
  for _, errors, code in _ended(_start("host_run", whole, pictures)):
    assert code == 0, errors
  last = whole / "checkpoints" / str(NUM_STEPS)
  assert "data" in (last / "state" / "_sharding").read_text()  # Split, not whole in each.
  assert "diagnostics/" in (whole / "log.jsonl").read_text()

  for killed, step in ((1, 7), (0, 12)):
    pair = _start("host_run", stopped, pictures)
    _wait_for(step, stopped)
    pair[killed].send_signal(signal.SIGKILL)
    _, errors, code = _ended(pair)[1 - killed]
    if killed == 0:
      assert code != 0  # With its coordinator JAX ends the others by itself, without a sentence.
      continue
    assert code == 1 and "Traceback" not in errors, errors
    assert "run the same command in all of them again" in errors.splitlines()[-1]

  pair = _start("host_run", stopped, pictures)
  _wait_for(18, stopped)
  pair[1].send_signal(signal.SIGTERM)
  first, second = _ended(pair)
  assert first[2] == second[2] == 128 + signal.SIGTERM, f"{first[1]}\n{second[1]}"
  assert "resuming" in first[1] and "resuming" not in second[1]  # Process 0 alone speaks.
  said = {errors.splitlines()[-1] for _, errors, _ in (first, second)}
  assert len(said) == 1 and "everything saved: run the same command again" in said.pop()

  ((_, errors, code),) = _ended(_start("host_run", stopped, pictures, count=1, num_devices=2))
  assert code == 0 and "resuming" in errors, errors
  ours, again = _final(whole), _final(stopped)
  assert jax.tree.structure(ours) == jax.tree.structure(again)
  jax.tree.map(np.testing.assert_array_equal, ours, again)
  assert (whole / "log.jsonl").read_bytes() == (stopped / "log.jsonl").read_bytes()
  positions = [
    json.loads((workdir / "checkpoints" / str(NUM_STEPS) / "data" / name).read_text())
    for workdir, name in (
      (whole, "process_0-of-2.json"),
      (whole, "process_1-of-2.json"),
      (stopped, "process_0-of-1.json"),
    )
  ]
  assert positions[0] == positions[1] == positions[2]


class _Clock:
  """Time that passes while it is slept."""

  def __init__(self):
    self.now, self.pauses = 1000.0, []

  def monotonic(self):
    return self.now

  def sleep(self, seconds):
    self.now += seconds
    self.pauses.append(seconds)


class _Store:
  """The coordinator's store, which does not answer before its time; then a process has failed."""

  def __init__(self, clock, seconds):
    self._clock, self._silent_until = clock, clock.now + seconds

  def key_value_dir_get(self, folder):
    if self._clock.now < self._silent_until:
      raise jax.errors.JaxRuntimeError("UNAVAILABLE: connection reset")
    report = {"words": "no pictures.", "code": 2}
    return [(f"{folder}/1", json.dumps(report))] if folder == parting.FAILED else []

  def key_value_increment(self, key, step):
    return step

  def key_value_set(self, key, value):
    pass


@pytest.mark.parametrize(
  ("count", "seconds", "pause", "code", "words"),
  [
    (2, 3.0, 1.0, 2, "process 1 of 2 has ended: no pictures."),
    (2, 60.0, 1.0, 1, f"process 0 of 2 has ended without a word: {parting.REMEDY}"),
    (1024, 3.0, 5.0, 2, "process 1 of 1024 has ended: no pictures."),
  ],
)
def test_a_store_is_asked_again_before_it_is_given_up(
  count, seconds, pause, code, words, monkeypatch, capsys
):
  def leave(code):
    raise SystemExit(code)

  clock = _Clock()
  store = _Store(clock, seconds)
  monkeypatch.setattr(parting, "time", clock)
  monkeypatch.setattr(parting, "count", lambda: count)
  monkeypatch.setattr(parting, "store", lambda: store)
  monkeypatch.setattr(parting.os, "_exit", leave)
  with pytest.raises(SystemExit) as ended:
    parting._watch(threading.Lock())
  assert ended.value.code == code
  assert capsys.readouterr().err == f"imtrans: {words}\n"
  assert clock.pauses[0] == pause


def test_an_unforeseen_error_of_one_of_several_does_not_wait_for_the_others(monkeypatch, capsys):
  def fail(_):
    raise MemoryError("no room")

  def leave(code):
    raise SystemExit(f"at once: {code}")

  monkeypatch.setattr(train, "run", fail)
  monkeypatch.setattr(jax.distributed, "is_initialized", lambda: True)
  monkeypatch.setattr(main.os, "_exit", leave)
  with pytest.raises(SystemExit, match="at once: 1"):
    main.main(["train", "--config", "a.py", "--workdir", "a"])
  assert capsys.readouterr().err.splitlines()[-1] == "MemoryError: no room"
