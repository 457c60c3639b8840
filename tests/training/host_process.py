"""One of two processes: `python -m tests.training.host_process PORT INDEX`, for test_hosts.py.

It does what processes do alike, prints what came of it, and ends by a failure of process 1.
"""

import json
import os
import sys
import time

import jax
import numpy as np

from imtrans.training import hosts
from imtrans.training.agreement import check_alike, from_first, stop_vote, together
from imtrans.training.mesh import make_mesh, own_copy, own_mesh, shard_batch
from imtrans.training.parting import AgreedError, joined
from imtrans.training.shares import batch_share


def _refused(work):
  try:
    work()
  except AgreedError as error:
    return str(error)
  return None


def _fail(message, process):
  if hosts.index() == process:
    raise ValueError(message)


def _evaluate():
  raise MemoryError("no room for the features")


def _together():
  found = {"first": from_first(lambda: {"process": hosts.index()})}
  found["one fails"] = _refused(lambda: together(lambda: _fail("no pictures.", 1)))
  found["first fails"] = _refused(lambda: from_first(_evaluate))
  facts = {"config.batch_size": 4 + 4 * hosts.index(), "jax": "1"}
  found["differ"] = _refused(lambda: check_alike(facts))
  found["alike"] = _refused(lambda: check_alike({"jax": "1"}))

  # Two devices in each process: rows of one image lie in both.
  mesh = make_mesh((1, 4))
  image = np.arange(8, dtype=np.float32).reshape(1, 8, 1, 1)
  rows = shard_batch(mesh, {"x": image})["x"]
  found["rows"] = [float(shard.data.sum()) for shard in rows.addressable_shards]
  mesh = make_mesh((4, 1))
  found["shares"] = [list(batch_share(make_mesh((1, 4)))), list(batch_share(mesh))]
  half = image.reshape(2, 4, 1, 1) + 100.0 * hosts.index()
  images = shard_batch(mesh, {"x": half})["x"]
  found["shape"] = list(images.shape)
  copy = own_copy(jax.jit(lambda x: x)(images), mesh)
  found["copy"] = [float(np.asarray(copy).sum()), copy.sharding.mesh == own_mesh(mesh)]
  vote = stop_vote(mesh)
  found["votes"] = [vote(number if hosts.index() else None) for number in (None, 15, None)]
  return found


def main():
  port, index = sys.argv[1:]
  try:
    with joined(
      coordinator=f"localhost:{port}", num_processes=2, process_id=int(index), timeout=60
    ):
      print(json.dumps(_together()), flush=True)
      _fail("a picture cannot be read.", 1)
      time.sleep(60)
  except ValueError as error:
    print(f"imtrans: {error}", file=sys.stderr, flush=True)
    os._exit(2)


if __name__ == "__main__":
  main()
