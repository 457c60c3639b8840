"""The tables of the README, written from results.json alone."""

import statistics
from collections.abc import Iterable
from typing import Any

from experiments.benchmark.cases import METHODS, OURS, VARIANTS

Records = dict[str, dict[str, Any]]
DEVICES = ("cpu", "gpu")
SPEED = (
  "method",
  "size",
  "batch",
  "precision",
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
  "method",
  "size",
  "batch",
  "precision",
  "contender",
  "images/s",
  "seconds a batch (min – max)",
  "TFLOP/s",
  "memory",
  "ours is faster by",
)
START = ("method", "size", "batch", "precision", "contender", "compile", "first step", "cached")
INPUT = (
  "method",
  "size",
  "batch",
  "source",
  "pictures/s",
  "a core",
  "seconds a step",
  "without data",
  "waiting",
  "memory growth",
)
FILL_GPU = (
  "No GPU run is recorded. On a machine with one:\n\n```sh\n"
  "python -m experiments.benchmark --device gpu --precision float32 bfloat16 \\\n"
  "  --batch 1 4 16 32 --variant eager channels_last compile compile_channels_last compile_graphs\n"
  "```"
)


def sections(records: Records) -> dict[str, str]:
  """Returns the text of every generated section of the README, by marker."""
  texts = {}
  for device in DEVICES:
    ours = _sorted(record for record in records.values() if _is(record, "speed", device))
    empty = FILL_GPU if device == "gpu" else "No run is recorded."
    texts[f"{device} speed"] = _speed(ours) if ours else empty
    texts[f"{device} start"] = _start(ours) if ours else "No run is recorded."
  inputs = _sorted(record for record in records.values() if record["kind"] == "input")
  texts["input"] = _input(inputs) if inputs else "No run is recorded."
  found = [
    _sorted(record for record in records.values() if _is(record, "inference", device))
    for device in DEVICES
  ]
  tables = [_inference(some) for some in found if some]
  texts["inference"] = "\n\n".join(tables) or "No run is recorded."
  return texts


def _is(record: dict[str, Any], kind: str, device: str) -> bool:
  return record["kind"] == kind and record["case"]["device"] == device


def _sorted(records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
  def order(record: dict[str, Any]) -> tuple:
    case = record["case"]
    size, batch = case["size"], case["batch"]
    return METHODS.index(case["method"]), size, case["precision"], batch, case["steps_per_call"]

  return sorted(records, key=order)


def _closest(record: dict[str, Any]) -> str:
  """The variant of the peer that ours is least ahead of, by paired rounds; "" without one."""
  ratios = {n: f["ratio"] for n, f in record["contenders"].items() if "ratio" in f}
  return min(ratios, key=lambda name: ratios[name], default="")


def _speed(records: list[dict[str, Any]]) -> str:
  rows = []
  for record in records:
    case = record["case"]
    rates = {
      name: 1.0 / statistics.median(figures["seconds"])
      for name, figures in record["contenders"].items()
      if "error" not in figures
    }
    best = _closest(record)
    for name, figures in _contenders(record):
      if name not in rates:
        rows.append([*_labels(case), name, "failed: " + _cell(figures["error"]), *[""] * 6])
        continue
      flops = record["useful_flops"] * rates[name]
      ratio = f"{figures['ratio']:.2f} ({_spread(figures['ratios'])})" if "ratio" in figures else ""
      rows.append(
        [
          *_labels(case),
          _title(name, case),
          _number(rates[name] * case["batch"]),
          _number(rates[name]),
          f"{1 / rates[name]:.4g} ({_spread(figures['seconds'])})",
          _number(flops / 1e12),
          f"{flops / record['peak_flops']:.1%}",
          f"{figures['peak_memory'] / 2**30:.2f} GiB",
          f"**{ratio}**" if name == best else ratio,
        ]
      )
  return f"{_table(SPEED, rows)}\n\n{_peaks(records)}\n\n{_origin(records)}"


def _inference(records: list[dict[str, Any]]) -> str:
  rows = []
  for record in records:
    case, contenders = record["case"], dict(_contenders(record))
    rates = {
      name: 1.0 / statistics.median(figures["seconds"])
      for name, figures in contenders.items()
      if "error" not in figures
    }
    best = _closest(record)
    for name, figures in contenders.items():
      if name not in rates:
        rows.append([*_labels(case), name, "failed: " + _cell(figures["error"]), *[""] * 4])
        continue
      ratio = f"{figures['ratio']:.2f} ({_spread(figures['ratios'])})" if "ratio" in figures else ""
      rows.append(
        [
          *_labels(case),
          _title(name, case),
          _number(rates[name] * case["batch"]),
          f"{1 / rates[name]:.4g} ({_spread(figures['seconds'])})",
          _number(record["useful_flops"] * rates[name] / 1e12),
          f"{figures['peak_memory'] / 2**30:.2f} GiB",
          f"**{ratio}**" if name == best else ratio,
        ]
      )
  return f"{_table(INFERENCE, rows)}\n\n{_origin(records)}"


def _start(records: list[dict[str, Any]]) -> str:
  rows = []
  for record in records:
    for name, figures in _contenders(record):
      if "error" not in figures:
        rows.append(
          [
            *_labels(record["case"]),
            _title(name, record["case"]),
            *(
              _seconds(figures.get(field))
              for field in ("compile_seconds", "start_seconds", "cached_start_seconds")
            ),
          ]
        )
  return _table(START, rows)


def _input(records: list[dict[str, Any]]) -> str:
  rows = []
  for record in records:
    for source, figures in record["sources"].items():
      case = record["case"]
      rows.append(
        [
          case["method"],
          f"{case['size']}²",
          str(case["batch"]),
          {"arrays": "ArrayRecord", "folders": "JPEG folder"}[source],
          _number(figures["pictures_per_second"]),
          _number(figures["pictures_per_core_second"]),
          _number(figures["step_seconds"]),
          _number(figures["step_seconds_without_data"]),
          f"{figures['waiting_share']:.2%}",
          f"{figures['memory_growth'] / 2**20:.1f} MiB in {figures['steps']} steps",
        ]
      )
  return f"{_table(INPUT, rows)}\n\n{_origin(records)}"


def _contenders(record: dict[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
  found = record["contenders"]
  return [(name, found[name]) for name in (OURS, *VARIANTS) if name in found]


def _labels(case: dict[str, Any]) -> list[str]:
  return [case["method"], f"{case['size']}²", str(case["batch"]), case["precision"]]


def _title(name: str, case: dict[str, Any]) -> str:
  if name != OURS:
    return f"PyTorch {name.replace('_', ', ')}".replace("channels, last", "channels-last")
  steps = case["steps_per_call"]
  return f"**imtrans**, {steps} steps a call" if steps > 1 else "**imtrans**"


def _peaks(records: list[dict[str, Any]]) -> str:
  """Returns what "of peak" divides by: the fastest matrix product of each precision's cases."""
  lines = []
  for precision in sorted({record["case"]["precision"] for record in records}):
    found = [
      record["peak_flops"] / 1e12 for record in records if record["case"]["precision"] == precision
    ]
    lines.append(f"{precision} {_number(min(found))} to {_number(max(found))} TFLOP/s")
  return f"Peak, measured with each case by a large matrix product: {'; '.join(lines)}."


def _origin(records: list[dict[str, Any]]) -> str:
  """Returns machine, versions and date of the records that share them, and how busy it was."""
  loads: dict[str, list[float]] = {}
  for record in records:
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    device = record.get("device", "cpu")
    where = record["machine"] if device == "cpu" else f"{device}; {record['machine']}"
    text = f"{where}; Python {record['python']}, {versions}; {record['date']}"
    loads.setdefault(text, []).append(record["load_before"])
  return "\n".join(
    f"{text}; load average before the cases {min(found):.1f} to {max(found):.1f}."
    for text, found in loads.items()
  )


def _table(titles: tuple[str, ...], rows: list[list[str]]) -> str:
  lines = [titles, ["---"] * len(titles), *rows]
  return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spread(values: list[float]) -> str:
  return f"{min(values):.3g} – {max(values):.3g}"


def _number(value: float) -> str:
  return f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def _seconds(value: float | None) -> str:
  return "" if value is None else f"{value:.1f} s"


def _cell(text: str) -> str:
  return text.replace("|", "/").replace("\n", " ")[:120]
