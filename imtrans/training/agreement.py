"""What several processes do alike: check, fail, evaluate once, stop at the same step.

With one process every function here just does the work.
"""

import hashlib
import itertools
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from imtrans.data import Dataset
from imtrans.training import hosts
from imtrans.training.config import flat_fields
from imtrans.training.mesh import replicated
from imtrans.training.parting import AgreedError, words_and_code

Result = TypeVar("Result")
DAY = 24 * 60 * 60 * 1000  # Milliseconds; a process that ends meanwhile ends the wait.
VISIBLE = 60  # Seconds until a file of one host is seen by another.
MOST = 5  # Differences that are named.
# Fields that may differ between hosts: where things lie, and how a host reads them.
OWN = ("data.path", "data.instances", "data.num_threads", "data.num_workers", "inception")
OWN += ("init_from",)
_turns = itertools.count()  # Every process counts alike.


def together(work: Callable[[], Result]) -> Result:
  """Does something in every process that may fail in one: then it fails in all.

  Args:
    work: raises ValueError, OSError or FloatingPointError if it fails.

  Returns:
    What it returns, once it has in all processes.

  Raises:
    AgreedError: the sentence of the first process that failed, in every one of several.
  """
  if hosts.count() == 1:
    return work()
  result, failure, cause = None, None, None
  try:
    result = work()
  except (ValueError, OSError, FloatingPointError) as error:
    failure, cause = _words(error), error
  said = _exchange(failure)
  failed = [process for process, words in enumerate(said) if words]
  if not failed:
    return result  # type: ignore[return-value]
  first = said[failed[0]]
  everywhere = all(words == first for words in said)
  who = "" if everywhere else f"process {failed[0]} of {hosts.count()}: "
  raise AgreedError(f"{who}{first['words']}", first["code"]) from cause


def from_first(work: Callable[[], Any]) -> Any:
  """Does something in process 0 alone while the others wait, such as an evaluation.

  Args:
    work: returns what JSON can hold.

  Returns:
    What it returned, in every process.

  Raises:
    AgreedError: if it failed, in every one of several processes.
  """
  if hosts.count() == 1:
    return work()
  key, cause = f"imtrans/first/{next(_turns)}", None
  if hosts.index() == 0:
    try:
      said = {"result": work()}
    except Exception as error:  # Also what a device raises: the others must not wait for it.
      said, cause = _words(error), error
    hosts.store().key_value_set(key, json.dumps(said))
  else:
    said = json.loads(hosts.store().blocking_key_value_get(key, DAY))
  if "words" in said:
    raise AgreedError(said["words"], said["code"]) from cause
  return said["result"]


def check_alike(facts: Mapping[str, Any]) -> None:
  """Raises AgreedError, in every process, if they do not all hold the same.

  Args:
    facts: what must be equal, by name; such as `shared_facts`.
  """
  if hosts.count() == 1:
    return
  said = _exchange(dict(facts))
  differences = [
    f"{name} is {said[0].get(name)} in process 0 and {own.get(name)} in process {process}"
    for process, own in enumerate(said)
    for name in sorted(said[0].keys() | own.keys())
    if said[0].get(name) != own.get(name)
  ]
  if differences:
    more = f"; and {len(differences) - MOST} more" if len(differences) > MOST else ""
    raise AgreedError(
      f"the {hosts.count()} processes disagree: {'; '.join(differences[:MOST])}{more}. Start all "
      "of them with the same command, on the same data and versions."
    )


def shared_facts(config: ConfigDict, dataset: Dataset) -> dict[str, Any]:
  """What processes that train together must agree on.

  Args:
    config: a whole config.
    dataset: the training pictures; their number, kind and names are looked at, not their values.

  Returns:
    {name: value}, of what JSON can hold.
  """
  fields = flat_fields(config)
  facts = {f"config.{name}": value for name, value in fields.items() if name not in OWN}
  # It may lie elsewhere, but what is read by one is waited for by all.
  facts["config.init_from (given)"] = bool(config.init_from)
  for name, domain in (("a", dataset.a), ("b", dataset.b)):
    if domain is not None:
      facts[f"data.{name}"] = (
        f"{len(domain)} pictures (names {_digest(domain.names)}, {domain.spec.dtype} of "
        f"{domain.spec.channels} channels)"
      )
  return {**facts, "imtrans": version("imtrans"), "jax": version("jax")}


def arrays_digest(arrays: Any) -> str:
  """Returns a few letters that name the values of a tree of arrays: other values, other letters."""
  total = hashlib.sha256()
  for leaf in jax.tree.leaves(arrays):
    total.update(np.asarray(leaf).tobytes())
  return total.hexdigest()[:8]


def check_shared(folder: Path) -> None:
  """Raises AgreedError, in every process, unless all of them see the same folder.

  Args:
    folder: an existing one, where all processes write one checkpoint together.
  """
  if hosts.count() == 1:
    return

  def leave_mark() -> str:
    mark = folder / f".hosts-{uuid.uuid4().hex}"
    mark.touch()
    return mark.name

  mark = folder / from_first(leave_mark)

  def look() -> None:
    deadline = time.monotonic() + VISIBLE
    while not mark.exists():
      if time.monotonic() > deadline:
        raise ValueError(
          f"--workdir {folder} is not the folder that process 0 writes in: name one that all "
          "hosts share, such as a network file system."
        )
      time.sleep(0.5)

  try:
    together(look)
  finally:
    if hosts.index() == 0:
      mark.unlink(missing_ok=True)


def stop_vote(mesh: Mesh) -> Callable[[int | None], int | None]:
  """Lets processes stop at the same step, whichever of them is asked to.

  Args:
    mesh: of the run.

  Returns:
    A function to be called once a step, after it was handed to the devices, with the signal that
    this process has received, or None; it returns the signal to stop for. Several processes hear of
    a signal one step later, when the devices have compared their numbers.
  """
  if hosts.count() == 1:
    return lambda signal_number: signal_number
  spread = NamedSharding(mesh, PartitionSpec(mesh.axis_names))
  largest = jax.jit(jnp.max, out_shardings=replicated(mesh))
  votes: list[jax.Array] = []

  def vote(signal_number: int | None) -> int | None:
    own = np.full(1, signal_number or 0, np.int32)
    votes.append(largest(jax.make_array_from_callback((mesh.size,), spread, lambda _: own)))
    return (int(votes.pop(0)) or None) if len(votes) > 1 else None

  return vote


def _exchange(words: Any) -> list[Any]:
  """What every process says, in their order."""
  turn, store = f"imtrans/turn/{next(_turns)}", hosts.store()
  store.key_value_set(f"{turn}/{hosts.index()}", json.dumps(words))
  return [
    json.loads(store.blocking_key_value_get(f"{turn}/{process}", DAY))
    for process in range(hosts.count())
  ]


def _words(error: Exception) -> dict[str, Any]:
  words, code = words_and_code(error)
  return {"words": words, "code": code}


def _digest(names: Sequence[str]) -> str:
  return hashlib.sha256("\n".join(names).encode()).hexdigest()[:8]
