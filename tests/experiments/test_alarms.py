"""The study of the alarms: its cases, a tiny run, tables and figure from records made by hand."""

import json
from pathlib import Path

import pytest

from experiments.alarms import cost, report, run
from experiments.alarms.cases import CASES
from experiments.alarms.curves import as_log, pack, unpack
from imtrans.commands.configuration import load_config
from imtrans.training.checks import check_config
from imtrans.training.rules import RULES
from tests.experiments.conftest import recorded

FOLDER = Path(run.__file__).parent
WON = "discriminator has won"
ORIGIN = {"machine": "m", "python": "3", "versions": {"jax": "1"}, "date": "2026-01-01"}


def test_every_rule_has_a_run_that_is_to_fail_its_way():
  assert {alarm for case in CASES.values() for alarm in case.alarms} == {r.name for r in RULES}
  healthy = [name for name, case in CASES.items() if not case.alarms]
  assert healthy == [f"healthy_{m}" for m in ("pix2pix", "cyclegan", "cut", "bicyclegan")]


@pytest.mark.parametrize("name", CASES)
def test_its_config_can_be_run(name):
  case = CASES[name]
  check_config(load_config(f"{case.config}:tiny", [f"--config.{c}" for c in case.changes]))


@pytest.mark.usefixtures("train_here")
def test_tiny_runs_from_end_to_end(tmp_path):
  arguments = ["--tiny", "--cases", "healthy_pix2pix", "--seeds", "3", "--output", str(tmp_path)]
  records = run.main([*arguments, "--workdir", str(tmp_path / "runs")])
  assert records == json.loads((tmp_path / "results.json").read_text())
  record = records["healthy_pix2pix-3"]
  assert record["seed"] == 3 and record["alarms"] == [] and record["expected"] == []
  assert record["commands"][0].endswith(
    "seed=3 " + " ".join(f"--config.{change}" for change in run.TINY)
  )
  assert [step for step, _ in unpack(record["curves"]["diagnostics/update_cosine"])] == [2, 4]
  assert (tmp_path / "alarms.png").stat().st_size > 0
  assert f"\n{report.table(records)}\n" in (tmp_path / "README.md").read_text()


def _records():
  def record(case, expected, *said):
    names = [{"name": name, "step": step, "end": None, "text": "t"} for name, step in said]
    curves = {"discriminator/accuracy": "20:0.5 40:0.9"}
    facts = {"case": case, "expected": expected, "alarms": names, "train_seconds": 60.0}
    return {**facts, "curves": curves, **ORIGIN}

  return {
    "healthy_pix2pix-0": record("healthy_pix2pix", []),
    "won-0": record("won", [WON], (WON, 300), ("kernels grow", 500)),
    "won-1": record("won", [WON]),
  }


def test_the_tables_say_what_the_records_hold():
  lines = report.table(_records()).splitlines()
  assert lines[2].split(" | ")[2:] == ["nothing", "nothing", "nothing |"]
  assert lines[3].split(" | ")[2:] == [WON, "300, **silent**", "kernels grow |"]
  assert lines[-1] == "1.0 min a run (median, beside other work); m; Python 3, jax 1; 2026-01-01."
  assert lines[-3].startswith("Not recorded yet: healthy_cyclegan, healthy_cut, ")
  timing = {"step_seconds": 0.2, "diagnosis_seconds": 0.5, "diagnosis_steps": 2.5}
  timing |= {"setting": "pix2pix", "every": 200, "share": 0.0125}
  costs = report.cost_table({"pix2pix": {**timing, **ORIGIN}}).splitlines()
  assert costs[2] == "| pix2pix | 200 ms | 500 ms | 2.50 | 1.25 % at every 200 |"
  assert costs[-1] == "m; Python 3, jax 1; 2026-01-01."


def test_the_rules_still_say_what_is_recorded():
  for key, record in recorded(FOLDER).items():
    assert run.said(as_log(record["curves"])) == record["alarms"], key
    assert set(record["expected"]) <= {alarm["name"] for alarm in record["alarms"]}, key
    assert record["expected"] or not record["alarms"], key


@pytest.mark.parametrize(
  ("name", "section", "table"),
  [("results.json", "results", report.table), ("cost.json", "cost", report.cost_table)],
)
def test_the_tables_are_those_of_the_records(name, section, table):
  text = table(recorded(FOLDER, name))
  assert f"<!-- {section} -->\n{text}\n<!-- /{section} -->" in (FOLDER / "README.md").read_text()


def test_the_log_can_be_asked_again():
  log = [{"step": 20, "discriminator/accuracy": 0.5}, {"step": 40, "discriminator/accuracy": 0.9}]
  log[1]["diagnostics/update_cosine"] = -1.234e-06
  curves = {
    "discriminator/accuracy": pack((r["step"], r["discriminator/accuracy"]) for r in log),
    "diagnostics/update_cosine": pack([(40, -1.23401e-06)]),
  }
  assert curves["discriminator/accuracy"] == "20:0.5 40:0.9"
  assert as_log(curves) == log


def test_the_figure_has_a_panel_per_rule(tmp_path):
  report.draw(_records(), tmp_path / "alarms.png")
  panels = report.figured(_records()).figure.axes
  assert [panel.get_title() for panel in panels[: len(RULES)]] == [rule.name for rule in RULES]
  assert len(panels[0].lines) == 4  # Healthy, both that fail, and the alarm of one.


def test_the_cost_is_a_ratio_of_medians(monkeypatch):
  seconds = iter([1.0, 1.0, 4.0, 2.0, 1.0, 3.0, 1.0, 8.0])  # Three steps and a diagnosis, twice.
  monkeypatch.setattr(cost, "_seconds", lambda _: next(seconds))
  for name in ("build_method", "build_optimizers", "make_train_step"):
    monkeypatch.setattr(cost, name, lambda *_, **__: lambda *_: 0.0)
  monkeypatch.setattr(cost, "create_state", lambda *_, **__: 0.0)
  monkeypatch.setattr(cost, "make_diagnosis", lambda *_, **__: lambda *_: {})
  measured = cost.measure("pix2pix_openmoji", 2, variant="tiny", rounds=2)
  assert measured["step_seconds"] == 1.0 and measured["diagnosis_seconds"] == 5.0
  assert measured["diagnosis_steps"] == 5.0 and measured["share"] == 5.0 / 200
