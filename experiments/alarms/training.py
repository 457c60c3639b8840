"""Trains the cases in this process, without evaluation, and reads what the rule book says."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from experiments.alarms.cases import Case
from imtrans.commands.configuration import load_config
from imtrans.training.input import open_data
from imtrans.training.journal import LOG, read_log
from imtrans.training.loop import train
from imtrans.training.rules import alarms

ROOT = Path(__file__).parents[2]


def run_case(case: Case, workdir: Path, *, seed: int, more: tuple[str, ...] = ()) -> list[dict]:
  """Trains one run from its start.

  Args:
    case: what to train.
    workdir: its folder, emptied before.
    seed: of the run.
    more: further changes of the config.

  Returns:
    The records of its log.
  """
  changes = [f"--config.{change}" for change in (f"seed={seed}", *more)]
  config = load_config(f"{ROOT / case.config}:tiny", [*case.overrides, *changes])
  shutil.rmtree(workdir, ignore_errors=True)
  data = open_data(config, "train")
  train(config, workdir, data, evaluate=lambda _: {}, sample=lambda _: np.zeros((1, 1, 3)))
  return read_log(workdir / LOG)


def said(records: list[dict]) -> list[dict[str, Any]]:
  """Alarms of a log: name, first step, step of its end or None, and the sentence."""
  return [
    {"name": alarm.name, "step": alarm.step, "end": alarm.end, "text": alarm.text}
    for alarm in alarms(records)
  ]
