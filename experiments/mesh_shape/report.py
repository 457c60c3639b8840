"""Tables of the README, from the records alone; the figures are in `figures`."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from experiments.mesh_shape.cases import METHODS, Case, split, strong, weak
from experiments.mesh_shape.figures import draw_scaling
from experiments.record import replace_section

Records = dict[str, dict[str, Any]]
BAR = 0.10  # By how much bytes sent and memory may grow from 16 to 256 chips.
MB, GB, MS = 1e-6, 1e-9, 1e3


def write_report(folder: Path) -> None:
  """Fills the README's sections and draws the figures.

  Args:
    folder: of README.md, of the figures, and of results.json and layers.json where they are.
  """
  readme, records = folder / "README.md", read_records(folder / "results.json")
  if layers := read_records(folder / "layers.json"):
    replace_section(readme, "layers", layers_section(layers))
  for name, text in (
    ("weak", weak_section(records)),
    ("strong", strong_section(records)),
    ("split", split_section(records)),
    ("where", where_section(records)),
    ("changes", changes_section(records)),
    ("others", others_section(records)),
  ):
    replace_section(readme, name, text)
  draw_scaling(found(records, weak()), found(records, strong()), folder)


def read_records(path: Path) -> Records:
  """Returns the records of a file; none without it."""
  return json.loads(path.read_text()) if path.exists() else {}


def found(records: Records, cases: Iterable[Case]) -> list[dict[str, Any]]:
  """The records of cases that were compiled."""
  keys = [case.key() for case in cases]
  return [records[key] for key in keys if key in records and "flops" in records[key]]


def weak_section(records: Records) -> str:
  """Tables of weak scaling by method, and whether the bar is met."""
  by_method = {method: found(records, weak(method)) for method in METHODS}
  parts = []
  for method, rows in by_method.items():
    if rows:
      picture = _picture("weak", rows) if method == "pix2pix" else []
      parts += [_table(rows), "", *picture, verdict(rows), ""]
  every = [row for rows in by_method.values() for row in rows]
  return "\n".join([*parts, origin(every)]) if every else "Not recorded yet."


def verdict(rows: Sequence[dict[str, Any]]) -> str:
  """Says by how much bytes sent and memory grow from 16 to 256 chips, and whether that is little.

  Args:
    rows: records of weak scaling.

  Returns:
    A sentence for each.
  """
  by_chips = {row["chips"]: row for row in rows}
  if 16 not in by_chips or 256 not in by_chips:
    return "The bar needs both 16 and 256 chips: not recorded yet."
  lines = []
  for what, value in (("Bytes sent", _sent), ("Memory", _peak)):
    few, many = (value(by_chips[chips]) * MB for chips in (16, 256))
    growth = many / few - 1.0
    outcome = "met" if growth <= BAR else "missed"
    lines.append(
      f"* {what} a chip: {few:.1f} MB on 16 chips, {many:.1f} MB on 256: {growth:+.1%}. The bar "
      f"(at most {BAR:+.0%}) is {outcome}."
    )
  return "\n".join(lines)


def strong_section(records: Records) -> str:
  """Tables of strong scaling, by size."""
  rows = found(records, strong())
  if not rows:
    return "Not recorded yet."
  parts = []
  for side in sorted({row["case"]["side"] for row in rows}):
    of_side = [row for row in rows if row["case"]["side"] == side]
    first = of_side[0]
    efficiency = [
      first["seconds"]["bound"] * first["chips"] / (row["seconds"]["bound"] * row["chips"])
      for row in of_side
    ]
    batch = first["case"]["batch"]
    parts += [f"**{side}², {batch} images.**", "", _table(of_side, {"efficiency": efficiency}), ""]
  return "\n".join([*parts, *_picture("strong", rows), origin(rows)])


def split_section(records: Records) -> str:
  """Table of the methods on split rows: what a chip sends, and of what it has the whole."""
  rows = found(records, split())
  if not rows:
    return "Not recorded yet."
  lines = [
    "| step | images a chip | memory a chip | MB to neighbours | MB summed | gathered |",
    "|---|---|---|---|---|---|",
  ]
  for row in rows:
    case, sent = row["case"], row["sent_bytes"]
    cells = [
      f"{case['method']} {case['side']}²",
      f"{case['batch'] / row['chips']:g}",
      f"{_peak(row) * GB:.2f} GB",
      f"{sent.get('collective-permute', 0) * MB:.1f}",
      f"{(sent.get('all-reduce', 0) + sent.get('reduce-scatter', 0)) * MB:.1f}",
      ", ".join(f"`{shape}`" for shape in row["gathered"]) or "nothing",
    ]
    lines.append(f"| {' | '.join(cells)} |")
  return "\n".join([*lines, "", origin(rows)])


def where_section(records: Records) -> str:
  """What the compiler reckons with by kind of instruction and by layer, and what padding costs."""
  rows = found(records, weak()[:1])
  if not rows:
    return "Not recorded yet."
  program = rows[0]["program"]
  whole = program["cycles"]
  lines = [
    "| instructions | how many | of the cycles | GB moved | with padding |",
    "|---|---|---|---|---|",
  ]
  for name, group in program["kinds"].items():
    lines.append(_group(name, group, whole))
  lines += [
    "",
    "| layer | instructions | of the cycles | GB moved | with padding |",
    "|---|---|---|---|---|",
  ]
  for name, group in program["layers"].items():
    lines.append(_group(name, group, whole))
  lines += [
    "",
    "| array as it lies | times moved | MB of values | MB with padding |",
    "|---|---|---|---|",
  ]
  for name, group in list(program["padded"].items())[:8]:
    sizes = (f"{group[key] * MB:.1f}" for key in ("bytes", "padded"))
    lines.append(f"| `{name}` | {group['count']} | {' | '.join(sizes)} |")
  said = (
    f"The compiler reckons with {whole * 1e-6:.2f} million cycles; {program['silent']} "
    "instructions, such as asynchronous copies and collectives, have no estimate."
  )
  return "\n".join([*lines, "", said])


def changes_section(records: Records) -> str:
  """The step as it was beside the step as it is, wherever both were compiled."""
  lines = [
    "| step | before | cycles, before → now | GB moved | least ms | memory, GB | MB sent |",
    "|---|---|---|---|---|---|---|",
  ]
  for key, record in records.items():
    case = record["case"]
    after = records.get(key.removesuffix(f" {case['lowering']}"))
    if case["lowering"] == "chosen" or not after or "refused" in after or "refused" in record:
      continue
    pairs = [
      _change(record["program"]["cycles"] * 1e-6, after["program"]["cycles"] * 1e-6, "M"),
      _change(record["moved_bytes"] * GB, after["moved_bytes"] * GB),
      _change(record["seconds"]["bound"] * MS, after["seconds"]["bound"] * MS),
      _change(_peak(record) * GB, _peak(after) * GB),
      _change(_sent(record) * MB, _sent(after) * MB) if _sent(record) else "none",
    ]
    mesh = " × ".join(map(str, case["mesh"]))
    title = f"{case['method']} {case['side']}², {case['topology']}, {mesh}, batch {case['batch']}"
    lines.append(f"| {title} | {case['lowering']} | {' | '.join(pairs)} |")
  return "\n".join(lines) if len(lines) > 2 else "Not recorded yet."


def layers_section(records: Records) -> str:
  """Table of single layers by lowering, the fewest cycles of each layer in bold.

  Args:
    records: of layers.json.

  Returns:
    Markdown, with what the records show of phases.
  """
  lines = [
    "| layer | chip | lowering | thousand cycles | MB moved | GFLOP |",
    "|---|---|---|---|---|---|",
  ]
  layers = sorted({(record["topology"], record["layer"]) for record in records.values()})
  for topology, name in layers:
    rows = [r for r in records.values() if (r["topology"], r["layer"]) == (topology, name)]
    least = min(row["program"]["cycles"] for row in rows)
    for row in rows:
      cycles = row["program"]["cycles"]
      text = f"{cycles * 1e-3:.0f}"
      cells = [name, topology.partition(":")[0], row["way"]]
      cells += [f"**{text}**" if cycles == least else text]
      cells += [f"{row['moved_bytes'] * MB:.0f}", f"{row['flops'] * GB:.1f}"]
      lines.append(f"| {' | '.join(cells)} |")
  return "\n".join([*lines, "", *_seen(records), "", origin(records.values())])


def _seen(records: Records) -> list[str]:
  """What phases cost where they and the one convolution in their place were both compiled."""
  lines = []
  for record in records.values():
    other = records.get(f"{record['topology']} {record['layer']}: dilated")
    if record["way"] != "phased" or other is None:
      continue
    program, chip = record["program"], record["topology"].partition(":")[0]
    share = program["kinds"]["formatting"]["cycles"] / program["cycles"]
    fewer = 1.0 - other["program"]["cycles"] / program["cycles"]
    less = 1.0 - other["moved_bytes"] / record["moved_bytes"]
    lines.append(
      f"* {record['layer']}, {chip}: {share:.0%} of the cycles of phases only move or convert "
      f"numbers; as one dilated convolution the layer takes {fewer:.0%} fewer cycles and moves "
      f"{less:.0%} less."
    )
    for name, group in list(program["padded"].items())[:1]:
      times = group["padded"] / group["bytes"]
      if (group["padded"] - group["bytes"]) * MB > 1.0:
        lines.append(f"  Its array `{name}` takes {times:.0f} times the bytes of its values.")
  return lines


def others_section(records: Records) -> str:
  """Every other case that was asked for."""
  chosen = {case.key() for case in (*weak(), *weak("cyclegan"), *strong(), *split())}
  rows = [
    record
    for key, record in records.items()
    if key not in chosen and record["case"]["lowering"] == "chosen" and "flops" in record
  ]
  refused = [
    f"* {key}: {record['refused']}" for key, record in records.items() if "refused" in record
  ]
  parts = [*([_table(rows), "", origin(rows)] if rows else []), *refused]
  return "\n".join(parts) if parts else "None yet."


def origin(rows: Iterable[dict[str, Any]]) -> str:
  """Says on what machine, by which versions and when cases were compiled."""
  newest = max(rows, key=lambda record: record["date"])
  versions = {**newest["versions"], "libtpu": newest["libtpu"]}
  listed = ", ".join(f"{name} {number}" for name, number in versions.items())
  return f"Compiled on {newest['machine']}; Python {newest['python']}, {listed}; {newest['date']}."


def _picture(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
  return [f"![{name} scaling]({name}.png)", ""] if len(rows) > 1 else []


def _table(rows: Sequence[dict[str, Any]], more: dict[str, Sequence[float]] | None = None) -> str:
  titles = [
    *("step", "slice", "mesh", "images a chip", "TFLOP", "GB moved"),
    *("matrix units", "memory", "links", "least time", "memory a chip", "MB sent", "compiled in"),
    *(more or {}),
  ]
  lines = [f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"]
  for index, row in enumerate(rows):
    case, seconds = row["case"], row["seconds"]
    cells = [
      f"{case['method']} {case['side']}²",
      case["topology"],
      " × ".join(map(str, case["mesh"])),
      f"{case['batch'] / row['chips']:g}",
      f"{row['flops'] * 1e-12:.2f}",
      f"{row['moved_bytes'] * GB:.2f}",
      *(f"{seconds[part] * MS:.2f} ms" for part in ("compute", "memory", "network")),
      f"**{seconds['bound'] * MS:.2f} ms**",
      f"{_peak(row) * GB:.2f} GB",
      ", ".join(f"{kind} {count * MB:.1f}" for kind, count in row["sent_bytes"].items()) or "none",
      f"{row['compile_seconds']:.0f} s",
      *(f"{values[index]:.0%}" for values in (more or {}).values()),
    ]
    lines.append(f"| {' | '.join(cells)} |")
  return "\n".join(lines)


def _group(name: str, group: dict[str, int], whole: int) -> str:
  moved, padded = group["bytes"] * GB, group["padded"] * GB
  share = group["cycles"] / max(whole, 1)
  return f"| {name} | {group['count']} | {share:.1%} | {moved:.3f} | {padded:.3f} |"


def _change(before: float, after: float, unit: str = "") -> str:
  return f"{before:.2f} → {after:.2f}{unit} ({after / before - 1.0:+.1%})"


def _sent(row: dict[str, Any]) -> float:
  return sum(row["sent_bytes"].values())


def _peak(row: dict[str, Any]) -> float:
  return row["memory"]["peak"]
