"""The memory study: its cases are configs that compile, and its table says what its records do."""

import json
import math
import types

import jax
import pytest

from experiments.memory import cases, report, run
from experiments.memory.cases import BATCH, CASES, CHANNELS, Case
from imtrans.training.assembly import build_method, build_optimizers
from imtrans.training.checks import check_config
from imtrans.training.input import example_batch
from imtrans.training.state import create_state


@pytest.mark.parametrize("case", CASES, ids=Case.name)
def test_cases_are_configs(case):
  config = case.config(512)
  check_config(config)
  assert config.batch_size == BATCH and config.batch_size % (case.mesh[0] * case.accumulate) == 0
  assert config.accumulate == case.accumulate and config.precision == case.precision


def test_names_are_unique():
  assert len({case.name() for case in CASES}) == len(CASES)


def _tiny(method, monkeypatch):
  module = cases.CONFIGS[method]
  shrunk = types.SimpleNamespace(get_config=lambda: module.get_config("tiny"))
  monkeypatch.setitem(cases.CONFIGS, method, shrunk)


def test_a_case_is_measured(monkeypatch):
  """A device needs the whole state, its image of the batch, and what a step makes of them."""
  _tiny("pix2pix", monkeypatch)
  case = Case("pix2pix", mesh=(4, 1))
  record = json.loads(json.dumps(run.measure(case, 32, jax.devices())))
  config = case.config(32)
  method, optimizers = build_method(config, CHANNELS), build_optimizers(config)
  state = jax.eval_shape(
    lambda batch: create_state(method, optimizers, batch, seed=0, keep_ema=False),
    example_batch(config, CHANNELS),
  )
  whole = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(state))
  parts = record["bytes"]
  assert parts["arguments"] == pytest.approx(whole + 2 * 32 * 32 * 3 * 4, rel=0.01)
  assert parts["shared"] == pytest.approx(whole, rel=0.01)  # The state is donated.
  assert record["peak_bytes"] == (
    parts["arguments"] + parts["results"] - parts["shared"] + parts["temporary"]
  )
  assert parts["temporary"] > 0 and set(record["sent_bytes"]) == {"all-reduce"}


def test_a_mesh_that_cannot_split_a_case_is_told(monkeypatch):
  _tiny("cyclegan", monkeypatch)
  record = run.measure(Case("cyclegan", mesh=(1, 4)), 16, jax.devices())
  assert "an activation of 4 row(s)" in record["refused"] and "peak_bytes" not in record


def _record(case, side, peak):
  provenance = {"machine": "a machine", "python": "3.11", "versions": {"jax": "1"}, "date": "now"}
  return {
    "case": case._asdict(),
    "title": case.title(),
    "side": side,
    "peak_bytes": peak,
    **provenance,
  }


def test_the_largest_image_follows_from_two_sizes(tmp_path, monkeypatch):
  """By hand: 2 GB and 8000 bytes a pixel; 0.9 * 16 GB leave 12.4 GB, for 1245 pixels a side."""
  case, readme = CASES[0], tmp_path / "README.md"
  readme.write_text("<!-- table -->\n<!-- /table -->\n")
  records = {
    f"cpu {case.name()} {side}": _record(case, side, 2e9 + 8000 * side**2) for side in (512, 1024)
  }
  results = tmp_path / "results.json"
  results.write_text(json.dumps(records))
  monkeypatch.setattr(report, "README", readme)
  report.write_report(results)
  assert math.isqrt(int((0.9 * 16e9 - 2e9) / 8000)) == 1244
  row = next(line for line in readme.read_text().splitlines() if line.startswith("| pix2pix"))
  cells = [cell.strip() for cell in row.strip("|").split("|")]
  assert cells[:5] == ["pix2pix", "1 × 1", "float32", "4.10", "10.39"]
  assert cells[5:] == ["1024", "2816", "3840"]  # Multiples of 256 that the U-Net halves.


def test_what_was_refused_has_no_figure(tmp_path, monkeypatch):
  case, readme = CASES[0], tmp_path / "README.md"
  readme.write_text("<!-- table -->\n<!-- /table -->\n")
  record = _record(case, 512, None) | {"refused": "an activation of 2 row(s) ..."}
  (tmp_path / "results.json").write_text(json.dumps({f"cpu {case.name()} 512": record}))
  monkeypatch.setattr(report, "README", readme)
  report.write_report(tmp_path / "results.json")
  assert "| pix2pix | 1 × 1 | float32 | – |  |  |  |" in readme.read_text()
