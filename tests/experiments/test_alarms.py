"""The study of the alarms: its cases, a tiny run, tables and figure from records made by hand."""

import json

import pytest

from experiments.alarms import cost, report, run
from experiments.alarms.cases import CASES
from imtrans.commands.configuration import load_config
from imtrans.training.checks import check_config
from imtrans.training.rules import RULES

WON = "discriminator has won"
ORIGIN = {"machine": "m", "python": "3", "versions": {"jax": "1"}, "date": "2026-01-01"}


def test_every_rule_has_a_run_that_is_to_fail_its_way():
  assert {alarm for case in CASES.values() for alarm in case.alarms} == {r.name for r in RULES}
  assert sorted(case.config for case in CASES.values() if not case.alarms) == [
    "configs/cyclegan_openmoji.py",
    "configs/pix2pix_openmoji.py",
  ]


@pytest.mark.parametrize("name", CASES)
def test_its_config_can_be_run(name):
  case = CASES[name]
  check_config(load_config(f"{case.config}:tiny", case.overrides))


def test_a_run_is_recorded_with_the_command_that_repeats_it(tmp_path):
  more = ("num_steps=4", "log_every=2", "diagnose_every=2")
  record = run.trained("healthy_pix2pix", 3, tmp_path / "run", more)
  assert json.loads(json.dumps(record)) == record
  assert record["seed"] == 3 and record["alarms"] == [] and record["expected"] == []
  assert record["the_same_run"].endswith("seed=3 " + " ".join(f"--config.{m}" for m in more))
  assert [step for step, _ in record["curves"]["diagnostics/update_cosine"]] == [2, 4]


def _records():
  def record(expected, *said):
    names = [{"name": name, "step": step, "end": None, "text": "t"} for name, step in said]
    curves = {"discriminator/accuracy": [[20, 0.5], [40, 0.9]]}
    return {"expected": expected, "alarms": names, "curves": curves, **ORIGIN}

  timing = {"step_seconds": 0.2, "diagnosis_seconds": 0.5, "diagnosis_steps": 2.5}
  return {
    "cost pix2pix": {"setting": "pix2pix", **timing, "every": 200, "share": 0.0125, **ORIGIN},
    "run healthy_pix2pix-0": record([]),
    "run won-0": record([WON], (WON, 300), ("kernels grow", 500)),
    "run won-1": record([WON]),
  }


def test_the_tables_say_what_the_records_hold():
  lines = report.table(_records()).splitlines()
  assert lines[2].split(" | ")[2:] == ["nothing", "nothing", "nothing |"]
  assert lines[3].split(" | ")[2:] == [WON, "300, **silent**", "kernels grow |"]
  assert lines[-1] == "m; Python 3, jax 1; 2026-01-01."
  costs = report.cost_table(_records()).splitlines()
  assert costs[2] == "| pix2pix | 200 ms | 500 ms | 2.50 | 1.25 % at every 200 |"


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
