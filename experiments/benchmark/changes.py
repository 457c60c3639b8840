"""What each change of the lowerings is worth on CPU: the step with all of them beside one without.

python -m experiments.benchmark.changes --size 128 --rounds 7
Both live at a time and step in turn, as the contenders of the benchmark do. Writes results.json and
the section of the README.
"""

import argparse
import math
import shlex
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from experiments.benchmark.cases import METHODS, OURS, Case, tiny
from experiments.benchmark.catalogue import CHANGES, NAMES, NOTHING, SMALL_PAGES
from experiments.benchmark.contender_process import Worker
from experiments.benchmark.machine import describe
from experiments.benchmark.markdown import joined, ratio, spread, table
from experiments.benchmark.measure import Schedule, compared, pairs, warm_up
from experiments.record import replace_section, store
from imtrans.commands.main import HUGE_PAGES

FOLDER = Path(__file__).parent
IDLE = "not applicable"
PAGES = (
  f"Memory in huge pages, which the command asks glibc for (`{HUGE_PAGES}`)",
  "a step asks the system for its scratch memory anew, and every page of it is a fault",
  "none was written down",
)


def main(arguments: Sequence[str] | None = None) -> None:
  """Measures, records and writes the table."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = argparse.ArgumentParser(prog="python -m experiments.benchmark.changes")
  parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
  parser.add_argument("--size", type=int, default=128, help="pixels")
  parser.add_argument("--batch", type=int, default=1, help="pairs a step")
  parser.add_argument("--rounds", type=int, default=7, help="pairs per change, five for a verdict")
  parser.add_argument("--seconds", type=float, default=2.0, help="of a round, at least one step")
  parser.add_argument(
    "--change", nargs="+", choices=NAMES[1:], default=NAMES[1:], help="by name; all, unless told"
  )
  parser.add_argument("--tiny", action="store_true", help="16 pixels, four features; prints alone")
  parsed = parser.parse_args(given)
  command = f"python -m experiments.benchmark.changes {shlex.join(given)}"
  schedule = Schedule(parsed.rounds, 2, 0.05 if parsed.tiny else parsed.seconds)
  records = {}
  for method in parsed.method:
    case = Case(method, parsed.size, parsed.batch, "float32", "cpu")
    case = tiny(case) if parsed.tiny else case
    machine = describe()
    key = f"changes-{case.key}"
    record = {"kind": "changes", "command": command, "case": case.to_dict(), **machine}
    names = (NOTHING, *parsed.change)
    for measured in measure_changes(case, schedule, names):  # Stored as it goes: it takes minutes.
      records[key] = {**record, "changes": measured}
      if not parsed.tiny:
        stored = store(FOLDER / "results.json", key, records[key])
        replace_section(FOLDER / "README.md", "changes", section(stored))
  if parsed.tiny:
    print(section(records))


def measure_changes(
  case: Case, schedule: Schedule, names: Sequence[str] = NAMES
) -> Iterator[dict[str, dict[str, Any]]]:
  """Times the step without each change beside the whole step.

  Args:
    case: what to train.
    schedule: how long.
    names: of the changes, some of NAMES.

  Yields:
    After each change, of those so far by NAMES: "seconds" without it and "whole" with it by rounds,
    "ratios" and their median "ratio", without over with; or {"applies": False} where both are the
    same program.
  """
  measured: dict[str, dict[str, Any]] = {}
  with tempfile.TemporaryDirectory() as cache, Worker(OURS, case, Path(cache)) as whole:
    warm_up(whole, schedule)
    for name in names:
      pages = name != SMALL_PAGES
      with Worker(name, case, Path(cache), huge_pages=pages) as without:
        if name in CHANGES and without.first["program"] == whole.first["program"]:
          measured[name] = {"applies": False}
        else:
          warm_up(without, schedule)
          timed = pairs(whole, without, schedule)
          measured[name] = {"whole": [seconds for seconds, _ in timed], **compared(timed)}
      found = measured[name].get("ratio")
      said = f"{found:.3f} of the whole step" if found else IDLE
      print(f"{case.key} without {name}: {said}", file=sys.stderr, flush=True)
      yield dict(measured)


def verdict(ratios: Sequence[float], control: Sequence[float]) -> str:
  """Says whether a change is worth anything, from the pairs alone.

  Args:
    ratios: time without the change over time with it, by pairs.
    control: the same of two processes that run the same program.

  Returns:
    "pays" or "costs" if so many pairs agree that a coin would do so less than once in twenty times,
    and their median lies beyond every pair of the control; "within the noise" otherwise.
  """
  middle = statistics.median(ratios)
  above = sum(ratio > 1.0 for ratio in ratios)
  if _chance(above, len(ratios)) < 0.05 and middle > max(control):
    return "pays"
  if _chance(len(ratios) - above, len(ratios)) < 0.05 and middle < min(control):
    return "costs"
  return "within the noise"


def _chance(heads: int, tosses: int) -> float:
  """The probability of at least so many heads."""
  return sum(math.comb(tosses, count) for count in range(heads, tosses + 1)) / 2**tosses


def section(records: dict[str, dict[str, Any]]) -> str:
  """Returns the Markdown section of the records that are of changes, or what to run first."""
  found = [record for record in records.values() if "changes" in record]
  if not found:
    return "No run is recorded."
  titles = [_title(**record["case"]) for record in found]
  heads = [cell for title in titles for cell in (f"{title} without it", f"{title}: verdict")]
  rows = []
  for name, change in CHANGES.items():
    cells = [cell for record in found for cell in _outcome(record["changes"], name)]
    rows.append([change.what, change.reason, change.prediction, *cells])
  cells = [cell for record in found for cell in _outcome(record["changes"], SMALL_PAGES)]
  rows.append([*PAGES, *cells])
  whole = [
    f"{title} {statistics.median(seconds):.3g} s, and the same program in another process "
    f"{spread(record['changes'][NOTHING]['ratios'])} of it in {len(seconds)} pairs"
    for title, record in zip(titles, found, strict=True)
    if (seconds := record["changes"].get(NOTHING, {}).get("whole"))
  ]
  origins = {f"{r['machine']}; jax {r['versions']['jax']}; {r['date']}" for r in found}
  return (
    f"{table(['change', 'seen before', 'prediction', *heads], rows)}\n\n"
    f"With all of them a step takes {joined(whole)}.\n\n{'; '.join(sorted(origins))}."
  )


def _title(*, method: str, size: int, batch: int, **_: Any) -> str:
  return f"{method} {size}²" + (f" batch {batch}" if batch > 1 else "")


def _outcome(measured: dict[str, dict[str, Any]], name: str) -> list[str]:
  """Two cells: seconds and ratio without a change, and the verdict."""
  figures = measured.get(name)
  if figures is None:
    return ["not measured", ""]
  if not figures.get("applies", True):
    return [IDLE, ""]
  seconds = statistics.median(figures["seconds"])
  cell = f"{seconds:.3g} s, {ratio(figures)}"
  control = measured.get(NOTHING, {}).get("ratios")
  return [cell, verdict(figures["ratios"], control) if control else "no control"]


if __name__ == "__main__":
  main()
