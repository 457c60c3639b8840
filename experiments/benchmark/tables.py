"""The tables of the README, written from results.json alone; sentences are in findings.py."""

import statistics
from collections.abc import Iterable
from typing import Any

from experiments.benchmark import changes, findings, floors, markdown, tiled
from experiments.benchmark.cases import METHODS, OURS, VARIANTS, narrowed
from experiments.benchmark.markdown import number, spread, table

Records = dict[str, dict[str, Any]]
DEVICES = ("cpu", "gpu")
LABELS = ("method", "size", "batch", "precision")
SPEED = (
  *LABELS,
  "contender",
  "images/s",
  "steps/s",
  "seconds a step (min – max)",
  "TFLOP/s",
  "of peak",
  "memory",
  "ours is faster by",
)
INFERENCE = (
  *LABELS,
  "contender",
  "images/s",
  "seconds a batch (min – max)",
  "TFLOP/s",
  "memory",
  "ours is faster by",
)
START = (
  *LABELS,
  "contender",
  "compile",
  "first step",
  "cached",
  "`imtrans train`",
  "`imtrans train`, cached",
)
STARTS = (
  "compile_seconds",
  "start_seconds",
  "cached_start_seconds",
  "command_seconds",
  "cached_command_seconds",
)
INPUT = (
  *LABELS[:3],
  "source",
  "pictures/s",
  "a core",
  "seconds a step",
  "without data",
  "waiting",
  "memory growth",
)
ENDURANCE = (
  *LABELS[:3],
  "features",
  "source",
  "steps",
  "memory at ten equal steps, MiB",
  "second half over first",
)
SOURCES = {"arrays": "ArrayRecord", "folders": "JPEG folder"}
NONE = "No run is recorded."
FILL_GPU = (
  "No GPU run is recorded. On a machine with one:\n\n```sh\n"
  "pip install -e '.[cuda,bench]'\n"
  "python -m experiments.benchmark --device gpu --precision float32 bfloat16 \\\n"
  "  --batch 1 4 16 best --variant eager channels_last compile compile_channels_last "
  "compile_graphs\n"
  "python -m experiments.benchmark --data --device gpu --size 256 --batch 1\n"
  "python -m experiments.benchmark --inference --device gpu --size 256 --batch 1 16\n"
  "```"
)


def sections(records: Records) -> dict[str, str]:
  """Returns the text of every generated section of the README, by marker."""
  texts = {}
  for device in DEVICES:
    found = of_kind(records, "speed", device)
    texts[f"{device} speed"] = _speed(found) if found else FILL_GPU if device == "gpu" else NONE
    texts[f"{device} floors"] = floors.section(found) if found else NONE
    texts[f"{device} start"] = _start(found) if found else NONE
  inputs = [record for device in DEVICES for record in of_kind(records, "input", device)]
  texts["input"] = _input(inputs) if inputs else NONE
  lasting = [record for device in DEVICES for record in of_kind(records, "endurance", device)]
  texts["endurance"] = _endurance(lasting) if lasting else NONE
  translated = [of_kind(records, "inference", device) for device in DEVICES]
  texts["inference"] = "\n\n".join(_inference(some) for some in translated if some) or NONE
  texts["tiled"] = tiled.section(records) or NONE
  texts["changes"] = changes.section(records)
  cpu = [of_kind(records, kind, "cpu") for kind in ("speed", "inference")]
  return texts | findings.sections(*cpu)


def of_kind(records: Records, kind: str, device: str) -> list[dict[str, Any]]:
  """Returns the records of one kind and device, in the order of the tables."""

  def order(record: dict[str, Any]) -> tuple:
    case = record["case"]
    size, batch = case["size"], case["batch"]
    return METHODS.index(case["method"]), size, case["precision"], batch

  found = (r for r in records.values() if r["kind"] == kind and r["case"]["device"] == device)
  return sorted(found, key=order)


def _speed(records: list[dict[str, Any]]) -> str:
  best = findings.best_batches(records)
  rows = []
  for record in records:
    case, closest = record["case"], findings.closest(record)
    for name, figures in _contenders(record):
      labels = _labels(case, name, is_best=case in best)
      if "error" in figures:
        rows.append([*labels, "failed: " + markdown.cell(figures["error"]), *[""] * 6])
        continue
      rate = 1.0 / statistics.median(figures["seconds"])
      flops, peak = record.get("useful_flops", 0) * rate, record["peak_flops"]
      share = f"{flops / peak:.1%}" if flops and not narrowed(name, case["precision"]) else ""
      rows.append(
        [
          *labels,
          number(rate * case["batch"]),
          number(rate),
          f"{1 / rate:.4g} ({spread(figures['seconds'])})",
          number(flops / 1e12) if flops else "",
          share,
          f"{figures['peak_memory'] / 2**30:.2f} GiB",
          _ratio(figures, bold=name == closest),
        ]
      )
  parts = [table(SPEED, rows), findings.pairs(records), findings.searches(records)]
  return "\n\n".join(part for part in (*parts, _peaks(records), _origin(records)) if part)


def _inference(records: list[dict[str, Any]]) -> str:
  rows = []
  for record in records:
    case, closest = record["case"], findings.closest(record)
    for name, figures in _contenders(record):
      labels = _labels(case, name)
      if "error" in figures:
        rows.append([*labels, "failed: " + markdown.cell(figures["error"]), *[""] * 4])
        continue
      rate = 1.0 / statistics.median(figures["seconds"])
      flops = record.get("useful_flops", 0) * rate
      rows.append(
        [
          *labels,
          number(rate * case["batch"]),
          f"{1 / rate:.4g} ({spread(figures['seconds'])})",
          number(flops / 1e12) if flops else "",
          f"{figures['peak_memory'] / 2**30:.2f} GiB",
          _ratio(figures, bold=name == closest),
        ]
      )
  return f"{table(INFERENCE, rows)}\n\n{findings.pairs(records)}\n\n{_origin(records)}"


def _start(records: list[dict[str, Any]]) -> str:
  rows = [
    [*_labels(record["case"], name), *(_seconds(figures, field) for field in STARTS)]
    for record in records
    for name, figures in _contenders(record)
    if "error" not in figures
  ]
  kept = sorted({record["cached_from"] for record in records if "cached_from" in record})
  note = f"\n\nCached starts were kept from earlier runs: {'; '.join(kept)}." if kept else ""
  return table(START, rows) + note


def _seconds(figures: dict[str, Any], field: str) -> str:
  """Returns a time of the start; why there is none where imtrans train failed."""
  if field == "command_seconds" and "command_error" in figures:
    return "failed: " + markdown.cell(figures["command_error"])
  return markdown.seconds(figures.get(field))


def _input(records: list[dict[str, Any]]) -> str:
  rows = [
    [
      *_labels(record["case"])[:3],
      SOURCES[source],
      number(figures["pictures_per_second"]),
      number(figures["pictures_per_core_second"]),
      number(figures["step_seconds"]),
      number(figures["step_seconds_without_data"]),
      f"{figures['waiting_share']:.2%}",
      f"{figures['memory_growth'] / 2**20:.1f} MiB in {figures['steps']} steps",
    ]
    for record in records
    for source, figures in record["sources"].items()
  ]
  return f"{table(INPUT, rows)}\n\n{_origin(records)}"


def _endurance(records: list[dict[str, Any]]) -> str:
  rows = [
    [
      *_labels(record["case"])[:3],
      str(record["case"]["features"]),
      SOURCES[source],
      str(figures["steps"]),
      " ".join(f"{size / 2**20:.0f}" for _, size in figures["memory"]),
      f"{findings.growth(figures['memory']):+.1%}",
    ]
    for record in records
    for source, figures in record["sources"].items()
  ]
  return f"{table(ENDURANCE, rows)}\n\n{_origin(records)}"


def _contenders(record: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
  found = record["contenders"]
  return [(name, found[name]) for name in (OURS, *VARIANTS) if name in found]


def _labels(case: dict[str, Any], name: str = "", *, is_best: bool = False) -> list[str]:
  """Method, size, batch and precision of a row, and the contender unless it has none."""
  batch = f"{case['batch']} (best)" if is_best else str(case["batch"])
  precision = "bfloat16" if narrowed(name, case["precision"]) else case["precision"]
  labels = [case["method"], f"{case['size']}²", batch, precision]
  return [*labels, findings.title(name)] if name else labels


def _ratio(figures: dict[str, Any], *, bold: bool) -> str:
  if "ratio" not in figures:
    return ""
  text = markdown.ratio(figures)
  return f"**{text}**" if bold else text


def _peaks(records: list[dict[str, Any]]) -> str:
  """Returns what "of peak" divides by: the fastest matrix product of each precision's cases."""
  lines = []
  for precision in sorted({record["case"]["precision"] for record in records}):
    found = [
      record["peak_flops"] / 1e12
      for record in records
      if record["case"]["precision"] == precision and record["peak_flops"]
    ]
    if found:
      lines.append(f"{precision} {number(min(found))} to {number(max(found))} TFLOP/s")
  return f"Peak, measured with each case by a large matrix product: {'; '.join(lines)}."


def _origin(records: list[dict[str, Any]]) -> str:
  """Returns machine, versions and date of the records that share them, and how busy it was."""
  loads: dict[str, list[float]] = {}
  for record in records:
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    device = record.get("device", "cpu")
    where = record["machine"] if device == "cpu" else f"{device}; {record['machine']}"
    text = f"{where}; Python {record['python']}, {versions}; {record['date']}"
    loads.setdefault(text, []).append(record["load_before"])
  lines = [
    f"{text}; load average before the cases {min(found):.1f} to {max(found):.1f}."
    for text, found in loads.items()
  ]
  commands = ", ".join(sorted({f"`{record['command']}`" for record in records}))
  return "\n".join([*lines, f"By {commands}."])
