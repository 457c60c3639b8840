"""What the records of the benchmark say, as sentences for the README: nothing there is typed in."""

import statistics
from collections.abc import Sequence
from typing import Any

from experiments.benchmark.cases import OURS, narrowed
from experiments.benchmark.markdown import joined, ratio, table

Record = dict[str, Any]
RUN_AUTOCAST = (
  "Not timed yet: `python -m experiments.benchmark --batch 1 --variant autocast "
  "autocast_channels_last`."
)


def sections(speed: Sequence[Record], inference: Sequence[Record]) -> dict[str, str]:
  """Returns the generated sentences on the CPU's records, by marker."""
  speed, inference = _float32(speed), _float32(inference)
  return {
    "autocast": _autocast([*speed, *inference]),
    "not ahead": _behind(speed, "Training") + "\n" + _behind(inference, "Translation"),
    "memory": _memory(speed),
  }


def summary(speed: Sequence[Record]) -> str:
  """Returns the short table of the project's README: our step beside the fastest of PyTorch's.

  Args:
    speed: records of train steps on CPU, in the order of the tables.

  Returns:
    Markdown: the median over pairs of the peer's time over that of our float32, for its closest
    variant of the same precision and of autocast to bfloat16.
  """
  rows = []
  for record in _float32(speed):
    cells = [_against(record, closest(record, autocast=autocast)) for autocast in (False, True)]
    rows.append([label(record["case"]), *cells])
  if not rows:
    return "No run is recorded."
  heads = ("train step on CPU", "PyTorch, float32", "PyTorch, autocast to bfloat16")
  origins = {f"{r['machine']}; {r['date']}" for r in speed}
  return f"{table(heads, rows)}\n\n{'; '.join(sorted(origins))}."


def closest(record: Record, *, autocast: bool = False) -> str:
  """The variant that ours is least ahead of, by paired rounds.

  Args:
    record: of speed or inference.
    autocast: among those of lower precision than ours, instead of those of the same.

  Returns:
    Its name; "" if no such variant was timed beside ours.
  """
  precision = record["case"]["precision"]
  ratios = {
    name: figures["ratio"]
    for name, figures in record["contenders"].items()
    if "ratio" in figures and narrowed(name, precision) == autocast
  }
  return min(ratios, key=lambda name: ratios[name], default="")


def best_batches(records: Sequence[Record]) -> list[dict[str, Any]]:
  """Returns the cases whose batch gives ours the most images/s, where several were measured."""
  groups: dict[tuple, list[tuple[float, dict[str, Any]]]] = {}
  for record in records:
    case, seconds = record["case"], record["contenders"].get(OURS, {}).get("seconds")
    if seconds:
      group = tuple(case[name] for name in ("method", "size", "precision"))
      rate = case["batch"] / statistics.median(seconds)
      groups.setdefault(group, []).append((rate, case))
  return [max(found, key=lambda pair: pair[0])[1] for found in groups.values() if len(found) > 1]


def pairs(records: Sequence[Record]) -> str:
  """Returns how many pairs stand behind the ratios."""
  counts: dict[int, list[str]] = {}
  for record in records:
    numbers = {len(f["ratios"]) for f in record["contenders"].values() if "ratios" in f}
    for count in numbers:
      case = record["case"]
      narrow = "" if case["precision"] == "float32" else f" {case['precision']}"
      counts.setdefault(count, []).append(label(case) + narrow)
  if not counts:
    return ""
  if len(counts) == 1:
    return f"Pairs behind each ratio: {next(iter(counts))}."
  listed = "; ".join(f"{count} for {', '.join(counts[count])}" for count in sorted(counts))
  return f"Pairs behind each ratio: {listed}."


def searches(records: Sequence[Record]) -> str:
  """Returns what `--batch best` tried."""
  lines = []
  for record in records:
    if tried := record.get("searched"):
      rates = ", ".join(f"{batch}: {rate:.3g}" for batch, rate in tried.items())
      case = record["case"]
      lines.append(f"{case['method']} {case['size']}² {case['precision']} {rates}")
  return f"Images/s of ours in the search for the best batch: {'; '.join(lines)}." if lines else ""


def growth(points: Sequence[tuple[int, int]]) -> float:
  """Returns by what share y of points (x, y) is larger in their second half than in the first."""
  sizes = [size for _, size in points]
  half = len(sizes) // 2
  return statistics.mean(sizes[-half:]) / statistics.mean(sizes[:half]) - 1.0


def label(case: dict[str, Any]) -> str:
  """Returns method, size and batch in a few words."""
  return f"{case['method']} {case['size']}² batch {case['batch']}"


def title(name: str) -> str:
  """Returns the name of a contender for a table."""
  if name == OURS:
    return "**imtrans**"
  return f"PyTorch {name.replace('channels_last', 'channels-last').replace('_', ', ')}"


def _against(record: Record, name: str) -> str:
  """The ratio to a contender, which is named; "" stands for none that was timed."""
  if not name:
    return "not measured"
  figures = record["contenders"][name]
  variant = title(name).removeprefix("PyTorch ").removeprefix("autocast").removeprefix(", ")
  return ratio(figures) + (f", {variant}" if variant else "")


def _float32(records: Sequence[Record]) -> list[Record]:
  """The cases that ours computes in float32, which is what it takes on CPU by itself."""
  return [record for record in records if record["case"]["precision"] == "float32"]


def _autocast(records: Sequence[Record]) -> str:
  parts = []
  for record in records:
    if name := closest(record, autocast=True):
      figures = record["contenders"][name]
      what = "translation, " if record["kind"] == "inference" else ""
      parts.append(f"{what}{label(record['case'])} {ratio(figures)}")
  if not parts:
    return RUN_AUTOCAST
  return (
    f"Its faster variant's time over that of our float32, median of the pairs: {joined(parts)}."
  )


def _behind(records: Sequence[Record], what: str) -> str:
  """Returns the float32 cases in which ours is not ahead of the same precision in every pair."""
  behind, undecided = [], []
  for record in records:
    if name := closest(record):
      figures = record["contenders"][name]
      text = f"{label(record['case'])} {ratio(figures)}"
      if max(figures["ratios"]) < 1.0:
        behind.append(text)
      elif min(figures["ratios"]) < 1.0:
        undecided.append(text)
  if not records:
    return f"* {what}: no run is recorded."
  return (
    f"* {what}, behind in every pair: {joined(behind) or 'no case'}.\n"
    f"* {what}, pairs on both sides of one: {joined(undecided) or 'no case'}."
  )


def _memory(records: Sequence[Record]) -> str:
  """Returns our memory over that of the leanest variant of the same precision."""
  ratios, scratch = [], []
  for record in records:
    contenders, precision = record["contenders"], record["case"]["precision"]
    sizes = [
      figures["peak_memory"]
      for name, figures in contenders.items()
      if "peak_memory" in figures and name != OURS and not narrowed(name, precision)
    ]
    if sizes and "peak_memory" in contenders[OURS]:
      ratios.append(contenders[OURS]["peak_memory"] / min(sizes))
    if "scratch" in record:
      scratch.append(f"{label(record['case'])} {record['scratch'] / 2**30:.2f} GiB")
  if not ratios:
    return "Not measured yet."
  text = (
    f"In training the process of imtrans takes {min(ratios):.1f} to {max(ratios):.1f} times the "
    "memory of PyTorch's leanest variant"
  )
  return f"{text}; scratch memory of a step: {joined(scratch)}." if scratch else f"{text}."
