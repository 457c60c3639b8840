"""The least time that a step can take on a chip, and how far above it the step is.

Operations over the rate of the unit that does them, bytes over the bandwidth: the larger is the
floor. Rates are measured with each case, not a vendor's.
"""

import statistics
from typing import Any

from experiments.benchmark.cases import OURS
from experiments.benchmark.findings import closest, title
from experiments.benchmark.markdown import number, table

TITLES = (
  "method",
  "size",
  "batch",
  "precision",
  "operations, TFLOP",
  "over the peak",
  "bytes, GB",
  "over the bandwidth",
  "floor",
  "gap of ours",
  "gap of the closest peer",
)


def floor_seconds(record: dict[str, Any]) -> tuple[float, float]:
  """Returns the floor of a step by arithmetic and by memory, in seconds; 0.0 where unknown."""
  arithmetic = memory = 0.0
  if record.get("useful_flops") and record.get("peak_flops"):
    arithmetic = record["useful_flops"] / record["peak_flops"]
  if record.get("bytes") and record.get("bandwidth"):
    memory = record["bytes"] / record["bandwidth"]
  return arithmetic, memory


def section(records: list[dict[str, Any]]) -> str:
  """Returns the table of floors and gaps, one line a case."""
  rows = []
  for record in records:
    case, contenders = record["case"], record["contenders"]
    arithmetic, memory = floor_seconds(record)
    floor = max(arithmetic, memory)
    if not floor:
      continue
    peer = closest(record)
    rows.append(
      [
        case["method"],
        f"{case['size']}²",
        str(case["batch"]),
        case["precision"],
        number(record["useful_flops"] / 1e12),
        f"{number(arithmetic)} s",
        number(record["bytes"] / 1e9) if memory else "not measured",
        f"{number(memory)} s" if memory else "",
        f"{number(floor)} s, {'bytes' if memory > arithmetic else 'operations'}",
        _gap(contenders.get(OURS, {}), floor),
        f"{_gap(contenders[peer], floor)} ({title(peer)})" if peer else "",
      ]
    )
  rates = [record["bandwidth"] / 1e9 for record in records if record.get("bandwidth")]
  if not rates:
    return table(TITLES, rows)
  return (
    f"{table(TITLES, rows)}\n\nBandwidth, measured with each case by a large copy: "
    f"{number(min(rates))} to {number(max(rates))} GB/s."
  )


def _gap(figures: dict[str, Any], floor: float) -> str:
  seconds = figures.get("seconds")
  return f"{statistics.median(seconds) / floor:.2f}" if seconds else ""
