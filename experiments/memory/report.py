"""The table of experiments/memory/README.md, from results.json."""

import json
import math
from pathlib import Path
from typing import Any

from experiments.memory.cases import BATCH, CASES
from experiments.record import replace_section

README = Path(__file__).parent / "README.md"
CHIPS = (16, 80, 141)  # GB of memory: a TPU v5e, an A100 or H100, an H200.
USABLE = 0.9  # What the runtime leaves for a program.


def write_report(results: Path) -> None:
  """Fills the section "table" of the README.

  Args:
    results: records by "TOPOLOGY CASE SIDE".
  """
  records = json.loads(results.read_text())
  groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
  for key, record in records.items():
    topology, case = key.split(" ", 1)[0], key.split(" ", 1)[1].rpartition(" ")[0]
    groups.setdefault(topology, {}).setdefault(case, []).append(record)
  text = "\n\n".join(_section(topology, cases) for topology, cases in sorted(groups.items()))
  replace_section(README, "table", text)


def _section(topology: str, cases: dict[str, list[dict[str, Any]]]) -> str:
  sides = sorted({record["side"] for records in cases.values() for record in records})
  titles = ["method", "mesh", "", *(f"{side}²" for side in sides), *(f"{gb} GB" for gb in CHIPS)]
  rows = [titles, ["---"] * len(titles)]
  rows += [_row(cases[case.name()], sides) for case in CASES if case.name() in cases]
  newest = max((record for records in cases.values() for record in records), key=_date)
  versions = ", ".join(f"{name} {number}" for name, number in newest["versions"].items())
  where = "XLA:CPU" if topology == "cpu" else f"the TPU compiler, for {topology}"
  caption = (
    f"**By {where}.** GB a device for a batch of {BATCH} on the whole mesh, and the largest square "
    f"image, in pixels, of which a step needs at most {USABLE:.0%} of a chip of 16, 80 or 141 GB."
  )
  origin = f"{newest['machine']}; Python {newest['python']}, {versions}; {newest['date']}."
  return "\n".join([caption, "", *(f"| {' | '.join(row)} |" for row in rows), "", origin])


def _date(record: dict[str, Any]) -> str:
  return record["date"]


def _row(records: list[dict[str, Any]], sides: list[int]) -> list[str]:
  case = records[0]["case"]
  peaks = {record["side"]: record.get("peak_bytes") for record in records}
  known = {side: peak for side, peak in peaks.items() if peak}
  refused = set(peaks) - set(known)
  cells = [
    f"{known[side] / 1e9:.2f}" if side in known else "–" if side in refused else ""
    for side in sides
  ]
  # Parameters are a constant, activations go with the area.
  multiple = (256 if case["method"] == "pix2pix" else 64) * case["mesh"][1]
  largest = [_largest(known, gb * 1e9 * USABLE, multiple) for gb in CHIPS]
  mesh = f"{case['mesh'][0]} × {case['mesh'][1]}"
  return [case["method"], mesh, records[0]["title"], *cells, *largest]


def _largest(peaks: dict[int, float], budget: float, multiple: int) -> str:
  if len(peaks) < 2:
    return ""
  side, other = min(peaks), max(peaks)
  slope = (peaks[other] - peaks[side]) / (other**2 - side**2)
  constant = peaks[side] - slope * side**2
  if budget <= constant:
    return "none"
  return str(int(math.sqrt((budget - constant) / slope)) // multiple * multiple)
