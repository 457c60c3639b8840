"""One of two processes: `python -m tests.training.host_process PORT INDEX COUNT FOLDER`.

It does what processes do alike, prints what came of it for test_hosts.py, and ends by a failure of
process 1.
"""

import json
import os
import sys
import time
from pathlib import Path

import grain
import jax
import numpy as np
from jax.sharding import SingleDeviceSharding

from imtrans.networks.enhancer import GLOBAL
from imtrans.training import hosts
from imtrans.training.agreement import (
  arrays_digest,
  check_alike,
  from_first,
  stop_vote,
  together,
)
from imtrans.training.checkpoint_reading import CheckpointError, read_part
from imtrans.training.checkpoints import Checkpoints
from imtrans.training.coarse_to_fine import Learned, with_global
from imtrans.training.mesh import batch_sharding, make_mesh, own_copy, own_mesh, shard_batch
from imtrans.training.parting import joined
from imtrans.training.shares import batch_share
from imtrans.training.state import TrainState


def _refused(work):
  try:
    work()
  except (ValueError, CheckpointError) as error:
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
  return {**found, **_begun(mesh)}


def _begun(mesh):
  """What a run learns from another, its parameters split over all devices; and if it differs."""
  kernel = shard_batch(mesh, {"x": np.zeros((2, 4, 1, 1), np.float32)})["x"]
  params = {"generator": {GLOBAL: {"kernel": kernel}}}
  state = TrainState(
    step=0, params=params, opt_state={}, extras={"generator": {}}, ema={}, key=None
  )
  learned = Learned({"kernel": np.arange(16, dtype=np.float32).reshape(4, 4, 1, 1)}, {})
  begun = with_global(state, learned).params["generator"][GLOBAL]["kernel"]
  own = {"what init_from has learned": arrays_digest(np.full(4, hosts.index()))}
  return {
    "begun": [float(shard.data.sum()) for shard in begun.addressable_shards],
    "begun unlike": _refused(lambda: check_alike(own)),
  }


def _read_apart(folder):
  """All write a checkpoint and read it; then process 1 looks for it where it is not."""
  mesh = make_mesh((4, 1))
  own = np.full((2, 4, 1, 1), 1.0 + hosts.index(), np.float32)
  state = shard_batch(mesh, {"x": own})
  wanted = {"x": jax.ShapeDtypeStruct((4, 4, 1, 1), np.float32, sharding=batch_sharding(mesh))}
  alone = SingleDeviceSharding(jax.local_devices()[0])
  part = {"x": jax.ShapeDtypeStruct((4, 4, 1, 1), np.float32, sharding=alone)}
  data, found = iter(grain.MapDataset.source([1]).to_iter_dataset()), {}
  with Checkpoints(folder, keep=1) as checkpoints:
    checkpoints.save(1, state, data, wait=True)
    restored, _ = checkpoints.restore_newest(wanted, data)
    found["restored"] = [float(shard.data.sum()) for shard in restored["x"].addressable_shards]
    found["part"] = float(read_part(folder / "1", part)["x"].sum())
    other = {"y": wanted["x"]}
    found["other"] = _refused(lambda: checkpoints.restore_newest(other, data))
    checkpoints.folder = folder / "elsewhere" if hosts.index() == 1 else folder
    found["part missing"] = _refused(
      lambda: together(lambda: read_part(checkpoints.folder / "1", part))
    )
    found["missing"] = _refused(lambda: checkpoints.restore_newest(wanted, data))
  return found


def main():
  port, index, count, folder = sys.argv[1:]
  try:
    with joined(
      coordinator=f"localhost:{port}",
      num_processes=int(count),
      process_id=int(index),
      timeout=60,
    ):
      print(json.dumps({**_together(), **_read_apart(Path(folder))}), flush=True)
      _fail("a picture cannot be read.", 1)
      time.sleep(60)
  except ValueError as error:
    print(f"imtrans: {error}", file=sys.stderr, flush=True)
    os._exit(2)


if __name__ == "__main__":
  main()
