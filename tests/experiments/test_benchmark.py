"""The benchmark runs at tiny sizes, counts what it says, and needs little to run."""

import ast
import json
import sys
from pathlib import Path

import jax
import pytest

from experiments.benchmark import __main__ as benchmark
from experiments.benchmark import tables
from experiments.benchmark.cases import OURS, Case
from experiments.benchmark.machine import has_torch
from experiments.benchmark.measure import Schedule, Worker, WorkerError, measure
from experiments.benchmark.work import forward_macs, step_flops
from imtrans.networks import PatchDiscriminator, ResNet, UNet

FOLDER = Path(benchmark.__file__).parent
TINY = {"size": 16, "batch": 2, "device": "cpu", "features": 4, "num_blocks": 1, "num_layers": 1}
CORE = {"jax", "flax", "optax", "numpy", "torch"}
OF_OURS = (
  "imtrans.methods",
  "imtrans.networks",
  "imtrans.objectives",
  "imtrans.theory",
  "imtrans.training.optimization",
  "imtrans.training.state",
  "imtrans.training.step",
)


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_tiny_runs_and_is_traced_once(method, tmp_path):
  variants = ["--variant", *(["eager"] if has_torch() else [])]
  records = benchmark.main(
    ["--tiny", "--method", method, "--batch", "2", "--output", str(tmp_path), *variants]
  )
  assert records == json.loads((tmp_path / "results.json").read_text())
  (record,) = records.values()
  ours = record["contenders"][OURS]
  assert ours["traces"] == 1
  assert len(ours["seconds"]) == 2 and min(ours["seconds"]) > 0.0
  assert ours["cached_start_seconds"] > 0.0
  assert record["peak_flops"] > 0.0 and record["useful_flops"] > 0
  assert "--tiny" in record["command"] and record["versions"]["jax"] == jax.__version__
  if has_torch():
    assert len(record["contenders"]["eager"]["ratios"]) == 2
  readme = (tmp_path / "README.md").read_text()
  assert f"| {method} | 16² | 2 | float32 | **imtrans** |" in readme


def test_without_torch_imtrans_is_timed_alone(monkeypatch, capsys):
  monkeypatch.setattr(benchmark, "has_torch", lambda: False)
  timed = {}

  def note(case, variants, schedule):
    timed.update(case=case, variants=variants)
    raise WorkerError("enough")

  monkeypatch.setattr(benchmark, "measure", note)
  with pytest.raises(WorkerError, match="enough"):
    benchmark.main(["--tiny"])
  assert timed["variants"] == []
  assert "torch is not installed" in capsys.readouterr().err


def test_several_steps_in_one_call():
  case = Case("cyclegan", precision="float32", steps_per_call=2, **TINY)
  record = measure(case, [], Schedule(1, 1, 0.01, cached_start=False, matmul_side=64))
  assert record["contenders"][OURS]["traces"] == 1
  assert record["contenders"][OURS]["steps_per_round"] % 2 == 0


@pytest.mark.parametrize("method", ["pix2pix", "cyclegan"])
def test_input(method, tmp_path):
  records = benchmark.main(
    ["--data", "--tiny", "--method", method, "--batch", "2", "--output", str(tmp_path)]
  )
  (record,) = records.values()
  assert record["sources"].keys() == {"arrays", "folders"}
  for figures in record["sources"].values():
    assert figures["pictures_per_second"] > 0.0
    assert 0.0 <= figures["waiting_share"] < 1.0
  assert "JPEG folder" in (tmp_path / "README.md").read_text()


def test_a_contender_that_fails_says_why(tmp_path):
  case = Case("pix2pix", precision="float16", **TINY | {"size": 20})
  with pytest.raises(WorkerError, match=r"exit code 1: .+"):
    Worker(OURS, case, tmp_path)


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (("--size", "100"), "--size must be powers of two of at least 16 pixels, got 100"),
    (("--batch", "0"), "--batch: must be at least 1, got 0"),
    (("--data", "--inference"), "ask for one at a time"),
    (("--merge", "nowhere.json"), "nowhere.json is not a file"),
  ],
)
def test_bad_arguments_are_refused_in_one_sentence(words, message, capsys):
  with pytest.raises(SystemExit) as exit_info:
    benchmark.main(list(words))
  assert exit_info.value.code == 2
  assert message in capsys.readouterr().err


def test_work_at_256_pixels():
  image, pair = (1, 256, 256, 3), (1, 256, 256, 6)
  assert forward_macs(ResNet(), image) == pytest.approx(49.55e9, rel=1e-3)
  assert forward_macs(UNet(), image) == pytest.approx(6.05e9, rel=1e-3)
  assert forward_macs(PatchDiscriminator(), image) == pytest.approx(3.15e9, rel=2e-3)
  assert forward_macs(PatchDiscriminator(), pair) == pytest.approx(3.20e9, rel=2e-3)
  cyclegan = Case("cyclegan", 256, 1, "float32", "cpu")
  assert step_flops(cyclegan, ResNet(), PatchDiscriminator()) == pytest.approx(1.885e12, rel=1e-3)
  pix2pix = Case("pix2pix", 256, 2, "float32", "cpu")
  assert step_flops(pix2pix, UNet(), PatchDiscriminator()) == pytest.approx(2 * 0.0875e12, rel=5e-3)


def test_the_tables_are_those_of_the_records():
  path = FOLDER / "results.json"
  records = json.loads(path.read_text()) if path.exists() else {}
  readme = (FOLDER / "README.md").read_text()
  for name, text in tables.sections(records).items():
    assert f"<!-- {name} -->\n{text.rstrip()}\n<!-- /{name} -->" in readme


def test_the_step_is_timed_with_jax_flax_optax_numpy_and_torch_alone():
  standard = set(sys.stdlib_module_names)
  for path in sorted(FOLDER.glob("*.py")):
    if path.name == "pipeline.py":
      continue
    for node in ast.walk(ast.parse(path.read_text())):
      modules = []
      if isinstance(node, ast.Import):
        modules = [alias.name for alias in node.names]
      elif isinstance(node, ast.ImportFrom):
        modules = [node.module]
      for module in modules:
        root = module.split(".")[0]
        allowed = root in standard | CORE | {"experiments"} or module.startswith(OF_OURS)
        # The flag that `imtrans train` sets, and the version.
        assert allowed or module in ("imtrans", "imtrans.commands.main"), f"{path}: {module}"
