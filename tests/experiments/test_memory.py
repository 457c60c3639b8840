"""The memory study: its cases are configs that compile, and its table says what its records do."""

import json
import math

import pytest

from experiments.memory import report
from experiments.memory.cases import BATCH, CASES, Case
from imtrans.training.checks import check_config


@pytest.mark.parametrize("case", CASES, ids=Case.name)
def test_cases_are_configs(case):
  config = case.config(512)
  check_config(config)
  assert config.batch_size == BATCH and config.batch_size % (case.mesh[0] * case.accumulate) == 0
  assert config.accumulate == case.accumulate and config.precision == case.precision


def test_names_are_unique():
  assert len({case.name() for case in CASES}) == len(CASES)


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
  assert "| pix2pix | 1 × 1 | float32 |  |  |  |  |" in readme.read_text()
