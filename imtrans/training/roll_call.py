"""Processes that are to train together call the roll, before JAX makes them one.

JAX aborts a process that does not find the others, and tells its log alone who was missing. So
process 0 first listens where JAX's coordinator will, notes who comes, and tells everybody.
"""

import contextlib
import json
import os
import socket
import time

PAUSE = 0.2  # Seconds between two tries to reach process 0.
SLACK = 5  # Seconds that an answer may take.
LONGEST = 2**16  # Bytes of a line: thousands of missing processes are named in one.


class HostLost(OSError):  # noqa: N818 (names what happened)
  """Another process did not come, ended, or does not answer."""

  exit_code = 1


def call_roll(address: str, count: int, index: int, *, timeout: int) -> None:
  """Returns when all processes have come.

  Args:
    address: "HOST:PORT" of process 0.
    count: of the processes.
    index: of this one.
    timeout: seconds to wait.

  Raises:
    HostLost: if one of them does not come, or process 0 does not answer: in every process that has
      come, who is missing.
  """
  host, _, port = address.rpartition(":")
  deadline = time.monotonic() + timeout
  if index == 0:
    problem = _call(address, int(port), count, deadline, timeout)
  else:
    problem = _answer(host.strip("[]"), int(port), {"count": count, "index": index}, deadline)
    if problem is None:
      problem = (
        f"the coordinator {address} did not answer process {index} of {count} within {timeout} s: "
        "see that process 0 runs there and that its port can be reached, or wait longer with "
        "--hosts-timeout."
      )
  if problem:
    raise HostLost(problem)


def _call(address: str, port: int, count: int, deadline: float, timeout: int) -> str:
  """Notes who comes, and tells all of them what is wrong; "" if nothing is."""
  present: dict[int, socket.socket | None] = {0: None}
  callers, problem = [], ""
  with contextlib.ExitStack() as stack:
    try:
      server = stack.enter_context(_server(port))
    except OSError as error:
      return (
        f"process 0 cannot listen at port {port} ({os.strerror(error.errno or 0)}): choose a free "
        "one for --coordinator, or for JAX_COORDINATOR_PORT where a launcher chooses."
      )
    while len(present) < count and not problem:
      server.settimeout(max(deadline - time.monotonic(), 0.01))
      try:
        caller = stack.enter_context(server.accept()[0])
        caller.settimeout(SLACK)
        said = _line(caller)
      except OSError:
        if time.monotonic() < deadline:
          continue  # Something else that knocks and says nothing, or breaks off.
        missing = ", ".join(str(one) for one in range(count) if one not in present)
        problem = (
          f"of {count} processes {missing} did not come to {address} within {timeout} s: start all "
          "of them with the same --coordinator and --num-processes, or wait longer with "
          "--hosts-timeout."
        )
        break
      if not {"count", "index"} <= said.keys():
        continue
      callers.append(caller)
      index, others = said["index"], sorted(present)
      earlier = present.get(index)
      # One that came and broke off may come again.
      twice = index in present and not (earlier and _has_left(earlier))
      if said["count"] != count or twice:
        problem = (
          f"process {index} of {said['count']} came to {address}, where {count} are to "
          f"meet and {others} have: give every process the same --num-processes and "
          "a --process-id of its own."
        )
      present[index] = caller
    for caller in callers:
      with contextlib.suppress(OSError):
        caller.sendall(json.dumps({"problem": problem}).encode() + b"\n")
  return problem


def _has_left(caller: socket.socket) -> bool:
  """Whether the other end of a connection, which says no more before its answer, is closed."""
  caller.setblocking(False)
  try:
    return not caller.recv(1)
  except BlockingIOError:
    return False
  except OSError:
    return True
  finally:
    caller.settimeout(SLACK)


def _answer(host: str, port: int, words: dict[str, int], deadline: float) -> str | None:
  """Comes to process 0; returns what it says is wrong, "" if nothing is, None without an answer."""
  while (left := deadline - time.monotonic()) > 0:
    try:
      with socket.create_connection((host, port), timeout=min(left, SLACK)) as server:
        server.sendall(json.dumps(words).encode() + b"\n")
        server.settimeout(left + SLACK)
        said = _line(server)
    except OSError:
      said = {}
    if "problem" in said:
      return said["problem"]
    time.sleep(PAUSE)  # Not there yet, or the coordinator of a run that is about to end.
  return None


def _server(port: int) -> socket.socket:
  both = socket.has_dualstack_ipv6()
  family = socket.AF_INET6 if both else socket.AF_INET
  return socket.create_server(("", port), family=family, dualstack_ipv6=both)


def _line(connection: socket.socket) -> dict:
  """The object that one line holds; an empty one for anything else."""
  with connection.makefile("rb") as file, contextlib.suppress(ValueError):
    said = json.loads(file.readline(LONGEST))
    return said if isinstance(said, dict) else {}
  return {}
