"""Timing of translation: tiny runs, and contenders that compute the same function."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmark import __main__ as benchmark
from experiments.benchmark import inference, measure, ours, tables
from experiments.benchmark.cases import OURS, Case
from experiments.benchmark.contender_process import Worker, WorkerError
from experiments.benchmark.machine import describe, has_torch
from experiments.benchmark.measure import Schedule
from experiments.benchmark.work import forward_macs

TINY = {"size": 16, "batch": 2, "device": "cpu", "features": 4, "num_blocks": 1, "num_layers": 1}
METHODS = ["pix2pix", "cyclegan"]


@pytest.mark.parametrize("method", METHODS)
def test_tiny_runs_and_is_traced_once(method, tmp_path):
  variants = ["--variant", *(["eager", "channels_last"] if has_torch() else [])]
  arguments = ["--inference", "--tiny", "--method", method, "--batch", "2", *variants]
  records = benchmark.main([*arguments, "--output", str(tmp_path)])
  assert records == json.loads((tmp_path / "results.json").read_text())
  ((key, record),) = records.items()
  assert key == f"inference-cpu-{method}-16-002-float32"
  assert record["kind"] == "inference" and "--inference" in record["command"]
  timed = record["contenders"][OURS]
  assert min(timed["seconds"]) > 0.0 and timed["peak_memory"] > 0
  case = Case(**record["case"])
  assert record["useful_flops"] == 2 * forward_macs(ours.networks(case)[0], (2, 16, 16, 3))
  if has_torch():
    for name in ("eager", "channels_last"):
      assert len(record["contenders"][name]["ratios"]) == 2
  readme = (tmp_path / "README.md").read_text()
  assert f"| {method} | 16² | 2 | float32 | **imtrans** |" in readme.partition("## Inference")[2]


def test_a_variant_that_fails_is_recorded(monkeypatch):
  class Process(Worker):
    def __init__(self, name, *arguments):
      if name != OURS:
        raise WorkerError(name, "exit code 1: no such thing")
      super().__init__(name, *arguments)

  monkeypatch.setattr(measure, "Worker", Process)
  case = Case("pix2pix", precision="float32", **TINY)
  record = inference.measure_inference(case, ["eager"], Schedule(2, 1, 0.01, cached_start=False))
  assert record["contenders"]["eager"] == {"error": "exit code 1: no such thing"}
  assert len(record["contenders"][OURS]["seconds"]) == 2
  assert (
    "failed: exit code 1"
    in tables.sections(
      {
        "x": {
          "kind": "inference",
          "command": "python",
          "case": case.to_dict(),
          **describe(),
          **record,
        }
      }
    )["inference"]
  )


@pytest.mark.parametrize("method", METHODS)
def test_both_sides_compute_the_same(method):
  torch = pytest.importorskip("torch")

  from experiments.benchmark import peer
  from tests.experiments.test_peer import _channels_first, _copy

  case = Case(method, precision="float32", **TINY)
  batch = ours.make_batch(case, 0)
  built = ours.build_method(case)
  params, extras = jax.jit(built.init)(jax.random.key(0), batch)
  # Weights as large as those of a trained network: otherwise all outputs would be near zero.
  generator = jax.tree.map(lambda leaf: 10 * leaf if leaf.ndim == 4 else leaf, params["generator"])
  images = batch["source" if method == "pix2pix" else "a"]
  mine = built.translate(generator, extras, images, jax.random.key(0), direction="ab", mode="test")
  module = peer.networks(case)["generator"]["ab"].eval()
  _copy(generator["ab"] if method == "cyclegan" else generator, module)
  with torch.no_grad():
    theirs = module(_channels_first(images)).numpy().transpose(0, 2, 3, 1)
  assert np.std(theirs) > 0.01
  np.testing.assert_allclose(mine, theirs, atol=2e-4)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_timed_counts_the_generator_alone(method):
  case = Case(method, precision="float32", **TINY)
  contender = inference.build_ours(case)
  contender.run(2)
  contender.run(1)
  report = contender.report()
  shape = jax.ShapeDtypeStruct((1, 16, 16, 3), jnp.float32)
  variables = jax.eval_shape(
    lambda images: ours.networks(case)[0].init(jax.random.key(0), images, train=False), shape
  )
  assert report["traces"] == 1
  assert report["parameters"] == sum(
    int(np.prod(leaf.shape)) for leaf in jax.tree.leaves(variables["params"])
  )
  if has_torch():
    peer = inference.build_peer(case, "eager")
    peer.run(1)
    assert peer.report()["parameters"] == report["parameters"]
