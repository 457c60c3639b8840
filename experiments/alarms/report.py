"""The study's tables and its figure, from the records alone."""

from pathlib import Path

import numpy as np

from experiments.alarms.cases import CASES
from experiments.alarms.curves import unpack
from experiments.record import origin
from imtrans.analyses.finding import BLACK, BLUE, RED, Finding, in_style, new_figure
from imtrans.training.rules import RULES

Records = dict[str, dict]
# Quantities that are drawn so; zeros stand at the curve's smallest value.
LOGARITHMIC = ("gradient", "ratio", "max", "noise_spread", "source_spread")


def table(records: Records) -> str:
  """Markdown table: for each case when each seed raised its alarms, and what else was said."""
  lines = [
    "| run | what is wrong with it | must say | first at step | says too |",
    "|---|---|---|---|---|",
  ]
  for name, case in CASES.items():
    runs = [record for record in records.values() if record["case"] == name]
    if not runs:
      continue
    steps = [
      ", ".join("**silent**" if (step := _first(run, alarm)) is None else str(step) for run in runs)
      for alarm in case.alarms
    ]
    others = sorted({a["name"] for run in runs for a in run["alarms"]} - set(case.alarms))
    cells = ["; ".join(names) or "nothing" for names in (case.alarms, steps, others)]
    lines.append(f"| {name} | {case.why} | {' | '.join(cells)} |")
  recorded = {record["case"] for record in records.values()}
  if missing := [name for name in CASES if name not in recorded]:
    lines += ["", f"Not recorded yet: {', '.join(missing)}."]
  return "\n".join([*lines, "", origin(records)])


def cost_table(records: Records) -> str:
  """Markdown table of what a diagnosis costs."""
  lines = [
    "| 64 x 64 pixels | a step | a diagnosis | in steps | of the time |",
    "|---|---|---|---|---|",
  ]
  for record in records.values():
    step, diagnosis = (1000.0 * record[f"{kind}_seconds"] for kind in ("step", "diagnosis"))
    share = f"{100.0 * record['share']:.2f} % at every {record['every']}"
    cells = [f"{step:.0f} ms", f"{diagnosis:.0f} ms", f"{record['diagnosis_steps']:.2f}", share]
    lines.append(f"| {record['setting']} | {' | '.join(cells)} |")
  return "\n".join([*lines, "", _origin(records)])


def draw(records: Records, path: Path) -> None:
  """A panel per alarm: what its rule watches, in the run that was made to fail and in healthy ones.

  Args:
    records: of results.json.
    path: of the PNG.
  """
  figured(records).figure.savefig(path)


@in_style
def figured(records: Records) -> Finding:
  """The figure of `draw`."""
  figure, panels = new_figure(columns=3, rows=3, width=3.6, height=2.7)
  healthy = [record for record in records.values() if not record["expected"]]
  for panel, rule in zip(panels.flat, RULES, strict=False):
    for place, record in enumerate(healthy):
      for name, points in record["curves"].items():
        if name in (rule.quantity, f"{rule.quantity}_a", f"{rule.quantity}_b"):
          label = "healthy" if place == 0 else None
          panel.plot(
            *np.transpose(unpack(points)), color=BLUE, linewidth=0.6, alpha=0.6, label=label
          )
    broken = [record for record in records.values() if rule.name in record["expected"]]
    for place, record in enumerate(broken):
      if rule.quantity in record["curves"]:
        steps, values = np.transpose(unpack(record["curves"][rule.quantity]))
        if rule.quantity.endswith(LOGARITHMIC):
          values = np.maximum(values, np.min(values[values > 0.0], initial=np.inf))
        panel.plot(steps, values, color=RED, label=None if place else "made to fail")
      if (step := _first(record, rule.name)) is not None:
        panel.axvline(step, color=BLACK, linestyle=":", label=None if place else "alarm")
    if rule.quantity.endswith(LOGARITHMIC):
      panel.set_yscale("log")
    panel.set(xlabel="step", ylabel=rule.quantity.partition("/")[2].replace("_", " "))
    panel.set_title(rule.name)
  handles, labels = panels.flat[0].get_legend_handles_labels()
  named = dict(zip(labels, handles, strict=True))
  figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=3)
  return Finding(figure, [], "")


def _first(record: dict, alarm: str) -> int | None:
  return next((said["step"] for said in record["alarms"] if said["name"] == alarm), None)


def _origin(records: Records) -> str:
  newest = max(records.values(), key=lambda record: record["date"])
  versions = ", ".join(f"{name} {number}" for name, number in newest["versions"].items())
  return f"{newest['machine']}; Python {newest['python']}, {versions}; {newest['date']}."
