"""The benchmark runs at tiny sizes, counts what it says, and needs little to run."""

import ast
import json
import sys
from pathlib import Path

import jax
import pytest

from experiments.benchmark import __main__ as benchmark
from experiments.benchmark import findings, search, start, tables
from experiments.benchmark import measure as measure_module
from experiments.benchmark.cases import OURS, Case
from experiments.benchmark.contender_process import Worker, WorkerError, reason
from experiments.benchmark.machine import describe, has_torch
from experiments.benchmark.measure import Schedule, measure
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


@pytest.mark.parametrize(
  ("method", "starts"), [("pix2pix", []), ("cyclegan", ["--skip-cached-start"])]
)
def test_tiny_runs_and_is_traced_once(method, starts, tmp_path):
  variants = ["--variant", *(["eager", "autocast_channels_last"] if has_torch() else [])]
  # Tests have four devices, which divide the batch of imtrans train.
  words = ["--tiny", "--method", method, "--batch", "4", "--output", str(tmp_path)]
  records = benchmark.main([*words, *starts, *variants])
  assert records == json.loads((tmp_path / "results.json").read_text())
  (record,) = records.values()
  ours = record["contenders"][OURS]
  assert ours["traces"] == 1
  assert len(ours["seconds"]) == 2 * max(1, len(variants) - 1)
  assert min(ours["seconds"]) > 0.0
  if not starts:
    assert ours["cached_start_seconds"] > 0.0
    assert "command_error" not in ours
    assert min(ours["command_seconds"], ours["cached_command_seconds"]) > 0.0
  assert record["bytes"] > 0.0 and record["bandwidth"] > 0.0 and record["scratch"] > 0
  assert record["peak_flops"] > 0.0 and record["useful_flops"] > 0
  assert "--tiny" in record["command"] and record["versions"]["jax"] == jax.__version__
  if has_torch():
    assert len(record["contenders"]["eager"]["ratios"]) == 2
  readme = (tmp_path / "README.md").read_text()
  assert f"| {method} | 16² | 4 | float32 | **imtrans** |" in readme
  if has_torch():
    assert f"| {method} | 16² | 4 | bfloat16 | PyTorch autocast, channels-last |" in readme


def test_without_torch_imtrans_is_timed_alone(monkeypatch, capsys):
  monkeypatch.setattr(benchmark, "has_torch", lambda: False)
  timed = {}

  def note(case, variants, schedule):
    timed.update(case=case, variants=variants)
    raise WorkerError(OURS, "enough")

  monkeypatch.setattr(benchmark, "measure", note)
  with pytest.raises(WorkerError, match="enough"):
    benchmark.main(["--tiny", "--skip-cached-start"])
  assert timed["variants"] == []
  assert "torch is not installed" in capsys.readouterr().err


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


def test_memory_over_many_steps(tmp_path):
  words = ["--data", "--tiny", "--method", "pix2pix", "--batch", "2", "--output", str(tmp_path)]
  records = benchmark.main([*words, "--steps", "20", "--features", "4"])
  assert list(records) == ["endurance-cpu-pix2pix-16-002-float32"]
  for figures in records["endurance-cpu-pix2pix-16-002-float32"]["sources"].values():
    assert [step for step, _ in figures["memory"]] == list(range(2, 21, 2))
    assert min(size for _, size in figures["memory"]) > 2**24
  assert "| ArrayRecord | 20 |" in (tmp_path / "README.md").read_text()


def test_a_contender_that_fails_says_why(tmp_path):
  case = Case("pix2pix", precision="float16", **TINY | {"size": 20})
  with pytest.raises(WorkerError, match=r"exit code 1: \w+Error: .+") as info:
    Worker(OURS, case, tmp_path)
  assert info.value.contender == OURS


def test_the_line_that_matters():
  text = """Traceback (most recent call last):
  File "x.py", line 1, in f
jaxlib.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory
  allocating 5 bytes
For simplicity, JAX has removed its internal frames from the traceback.
"""
  assert reason(text) == "jaxlib.errors.JaxRuntimeError: RESOURCE_EXHAUSTED: Out of memory"
  assert reason("Killed by\n the system\n\n") == "the system"
  assert reason("") == "no message"


class FakeWorker:
  """A contender of 2 s a step, ours of 1 s, which may die when asked for steps."""

  dies: str = ""
  largest: int = 4

  def __init__(self, name, case, cache, module="", *, huge_pages=True):
    self.name, self.case, self.steps, self.start_seconds = name, case, 1, 1.0
    self.asked = 0
    if case.batch > self.largest:
      raise WorkerError(name, "exit code 1: out of memory")
    # What does not apply is the same program.
    program = "changed" if name in ("halving", "idle biases") else "whole"
    self.first = {"parameters": 1, "first_step_seconds": 1.0, "program": program}

  def ask(self, steps=0, matmul=0, copy=0, report=False):
    self.asked += bool(steps)
    if self.dies == self.name and self.asked > 3:
      raise WorkerError(self.name, "ended by SIGKILL")
    if steps:
      # The larger a batch, the less it gains.
      slow = 2.0 if self.name not in (OURS, "nothing") else 1.0
      return {"seconds": steps * slow * (1 + self.case.batch) / 2}
    if matmul or copy:
      return {"flops": 1e9, "bytes": 1e9}
    return {"peak_memory": 2**30, "traces": 1, "useful_flops": 5, "device": "cpu", "parameters": 1}

  def __enter__(self):
    return self

  def __exit__(self, *_):
    pass


def test_pairs_and_a_contender_that_dies(monkeypatch):
  monkeypatch.setattr(measure_module, "Worker", FakeWorker)
  case = Case("pix2pix", precision="float32", **TINY | {"batch": 1})
  schedule = Schedule(2, 1, 0.1, cached_start=False)
  record = measure(case, ["eager", "compile"], schedule)
  assert record["contenders"]["eager"]["ratios"] == [2.0, 2.0]
  assert record["contenders"][OURS]["seconds"] == [1.0] * 4
  assert record["bandwidth"] == 1e9 and record["peak_flops"] == 1e9

  monkeypatch.setattr(FakeWorker, "dies", "eager")
  found = measure(case, ["eager", "compile"], schedule)["contenders"]
  assert found["eager"] == {"error": "ended by SIGKILL"}
  assert found["compile"]["ratio"] == 2.0 and found[OURS]["seconds"] == [1.0, 1.0]

  monkeypatch.setattr(FakeWorker, "dies", OURS)
  record = measure(case, ["eager", "compile"], schedule)
  found = record["contenders"]
  assert found[OURS] == {"error": "ended by SIGKILL"}
  for name in ("eager", "compile"):  # Timed alone: there is nothing to compare with.
    assert found[name]["seconds"] == [2.0, 2.0] and "ratio" not in found[name]
  record = {"kind": "speed", "command": "python", "case": case.to_dict(), **describe(), **record}
  text = tables.sections({"x": record})["cpu speed"]
  assert "**imtrans** | failed: ended by SIGKILL" in text
  assert "| PyTorch eager | 0.5 | 0.5 |" in text


def test_the_best_batch(monkeypatch):
  monkeypatch.setattr(search, "Worker", FakeWorker)
  case = Case("pix2pix", precision="float32", **TINY)
  found, rates = search.find_best_batch(case, Schedule(1, 1, 0.1))
  assert found.batch == 4  # 8 does not fit.
  assert rates == {"1": 1.0, "2": pytest.approx(4 / 3), "4": pytest.approx(1.6)}

  monkeypatch.setattr(FakeWorker, "largest", 0)
  with pytest.raises(WorkerError, match="out of memory"):
    search.find_best_batch(case, Schedule(1, 1, 0.1))


def test_starts_are_kept():
  old = {
    "contenders": {OURS: {"cached_start_seconds": 4.0, "command_seconds": 9.0, "seconds": [1]}},
    "command": "python",
    "date": "2026-01-01",
  }
  record = {"contenders": {OURS: {"seconds": [2]}}}
  start.kept_start(record, old)
  assert record["contenders"][OURS] == {
    "seconds": [2],
    "cached_start_seconds": 4.0,
    "command_seconds": 9.0,
  }
  assert record["cached_from"] == "`python`, 2026-01-01"
  alone = {"contenders": {OURS: {"seconds": [2]}}}
  start.kept_start(alone, {})
  assert alone == {"contenders": {OURS: {"seconds": [2]}}}


def _record(batch, **ratios):
  case = Case("pix2pix", 256, batch, "float32", "cpu").to_dict()
  contenders = {OURS: {"seconds": [1.0], "peak_memory": 3 * 2**30}}
  for name, ratio in ratios.items():
    contenders[name] = {"seconds": [ratio], "ratios": [ratio], "ratio": ratio, "peak_memory": 2**31}
  found = {"useful_flops": 2e9, "peak_flops": 4e9, "bytes": 3e9, "bandwidth": 4e9}
  return {
    "kind": "speed",
    "command": "python",
    "case": case,
    **describe(),
    **found,
    "contenders": contenders,
  }


def test_sentences_of_the_records():
  records = [_record(1, eager=1.5, channels_last=1.2, autocast=0.8), _record(4, eager=0.9)]
  assert findings.closest(records[0]) == "channels_last"
  assert findings.closest(records[0], autocast=True) == "autocast"
  assert [case["batch"] for case in findings.best_batches(records)] == [4]
  texts = tables.sections({"x": records[0], "y": records[1]})
  behind = "* Training, behind in every pair: pix2pix 256² batch 4 0.90 (0.90 – 0.90)."
  assert behind in texts["not ahead"]
  assert "* Training, pairs on both sides of one: no case." in texts["not ahead"]
  narrow = _record(1, eager=0.7)
  narrow["case"]["precision"] = "bfloat16"  # Not what ours takes on CPU by itself.
  assert findings.summary([*records, narrow]) == findings.summary(records)
  mixed = _record(4, eager=0.9)
  mixed["contenders"]["eager"]["ratios"] = [0.8, 0.9, 1.2]
  texts_of_mixed = tables.sections({"x": mixed})["not ahead"]
  assert "both sides of one: pix2pix 256² batch 4 0.90 (0.80 – 1.20)." in texts_of_mixed
  assert "pix2pix 256² batch 1 0.80" in texts["autocast"]
  assert "1.5 to 1.5 times the memory" in texts["memory"]
  assert "| 4 (best) |" in texts["cpu speed"] and "| **1.20 (1.20 – 1.20)** |" in texts["cpu speed"]
  assert "| 0.80 (0.80 – 0.80) |" in texts["cpu speed"]
  # 2 GFLOP at 4 GFLOP/s and 3 GB at 4 GB/s: the bytes are the floor, and 1 s is 4/3 of it.
  assert "| 0.75 s, bytes | 1.33 | 1.60 (PyTorch channels-last) |" in texts["cpu floors"]
  assert "1 | 1.20 (1.20 – 1.20), channels-last | 0.80 (0.80 – 0.80) |" in findings.summary(records)
  assert "4 | 0.90 (0.90 – 0.90), eager | not measured |" in findings.summary(records)
  assert findings.growth([(0, 10), (10, 10), (20, 11), (30, 11)]) == pytest.approx(0.1)


@pytest.mark.parametrize(
  ("words", "message"),
  [
    (("--size", "100"), "--size must be powers of two of at least 16 pixels, got 100"),
    (("--batch", "0"), "--batch: must be at least 1, got 0"),
    (("--data", "--inference"), "ask for one at a time"),
    (("--steps", "6000"), "--steps and --features go together, with --data"),
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
  short = findings.summary(tables.of_kind(records, "speed", "cpu"))
  top = (FOLDER.parent.parent / "README.md").read_text()
  assert f"<!-- speed -->\n{short.rstrip()}\n<!-- /speed -->" in top


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
        allowed |= module in ("imtrans", "imtrans.commands.main")
        # Translation is what `imtrans translate` calls.
        translates = module.startswith("imtrans.evaluation.translation.")
        allowed |= path.name in ("inference.py", "tiled.py") and translates
        assert allowed, f"{path}: {module}"
