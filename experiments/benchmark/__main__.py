"""Times the train step beside PyTorch, and writes results.json and the tables of the README.

python -m experiments.benchmark
python -m experiments.benchmark --method cyclegan --size 128 --batch 1 --rounds 7
python -m experiments.benchmark --batch best
python -m experiments.benchmark --data --size 256 --batch 1
python -m experiments.benchmark --data --size 256 --batch 1 --steps 6000 --features 4
python -m experiments.benchmark --inference --size 256 --batch 1 16
python -m experiments.benchmark --tiny
Without torch, imtrans is timed alone. A case that results.json has already is measured anew.
"""

import argparse
import dataclasses
import json
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.benchmark.cases import METHODS, OURS, PRECISIONS, VARIANTS, Case, supported, tiny
from experiments.benchmark.findings import summary
from experiments.benchmark.inference import measure_inference
from experiments.benchmark.machine import describe, has_gpu_plugin, has_torch
from experiments.benchmark.measure import Schedule, measure
from experiments.benchmark.search import find_best_batch
from experiments.benchmark.start import kept_start, measure_start
from experiments.benchmark.tables import of_kind, sections
from experiments.record import replace_section, store

FOLDER = Path(__file__).parent
BUSY = 0.5  # Load average; a case that follows another one sees what that one left.
DEFAULT_VARIANTS = ("eager", "channels_last", "compile", "compile_channels_last")
DEFAULT_ON_CPU = (*DEFAULT_VARIANTS, "autocast", "autocast_channels_last")


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
  """Runs the benchmark and returns all records of the output folder."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = _parser()
  parsed = parser.parse_args(given)
  for size in parsed.size:
    if size < 16 or size & (size - 1):
      parser.error(f"--size must be powers of two of at least 16 pixels, got {size}.")
  if parsed.data and parsed.inference:
    parser.error("--data and --inference are two measurements: ask for one at a time.")
  if (parsed.steps or parsed.features) and not (parsed.data and parsed.steps and parsed.features):
    parser.error("--steps and --features go together, with --data: a long run of a narrow network.")
  if parsed.merge and not Path(parsed.merge).is_file():
    parser.error(f"--merge: {parsed.merge} is not a file.")
  command = f"python -m experiments.benchmark {shlex.join(given)}"
  output = Path(parsed.output) if parsed.output else FOLDER
  writes = bool(parsed.output) or not parsed.tiny
  if parsed.merge:
    for key, record in json.loads(Path(parsed.merge).read_text()).items():
      store(output / "results.json", key, record)
  if parsed.merge or parsed.table:
    return _write_tables(output)
  if not (has_torch() or parsed.data):
    _say("torch is not installed: imtrans is timed alone (pip install 'imtrans[bench]').")
  records = {}
  for case in _cases(parsed):
    searched = {}
    if case.batch == 0:
      _say(f"{case.method} {case.size}: looking for the best batch")
      case, searched = find_best_batch(case, _schedule(parsed))
    record = _input(case, parsed) if parsed.data else _speed(case, parsed)
    kind = "" if record["kind"] == "speed" else f"{record['kind']}-"
    key = f"{kind}{case.key}"
    records[key] = {"command": command, "case": case.to_dict(), **record}
    if searched:
      records[key]["searched"] = searched
    if parsed.skip_cached_start and writes:
      kept_start(records[key], _stored(output).get(key, {}))
    if writes:
      output.mkdir(parents=True, exist_ok=True)
      store(output / "results.json", key, records[key])
      _write_tables(output)
  for text in sections(records).values() if not writes else ():
    print(text, end="\n\n")
  return _write_tables(output) if writes else records


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.benchmark", description=(__doc__ or "").splitlines()[0]
  )
  parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
  parser.add_argument("--size", nargs="+", type=int, default=[128, 256], help="pixels")
  parser.add_argument(
    "--batch",
    nargs="+",
    type=_batch,
    default=[1, 4, 16],
    help="pairs a step, or best: the power of two with the most images/s",
  )
  parser.add_argument("--precision", nargs="+", choices=PRECISIONS, default=["float32"])
  parser.add_argument(
    "--variant",
    nargs="*",
    choices=VARIANTS,
    help="of the peer; none times imtrans alone; on CPU autocast is among the default ones",
  )
  parser.add_argument("--device", choices=("auto", "cpu", "gpu"), default="auto")
  parser.add_argument("--rounds", type=_positive, default=5, help="pairs per variant")
  parser.add_argument("--seconds", type=float, default=5.0, help="of a round, at least one step")
  parser.add_argument("--warmup", type=int, default=2, help="steps before the rounds")
  parser.add_argument(
    "--skip-cached-start",
    action="store_true",
    help="time no start from the cache and none of imtrans train; keep what was found before",
  )
  parser.add_argument("--data", action="store_true", help="measure the input pipeline instead")
  parser.add_argument("--steps", type=_positive, help="of --data: memory over so many steps")
  parser.add_argument("--features", type=_positive, help="of --data --steps: a narrow network")
  parser.add_argument("--inference", action="store_true", help="measure translation instead")
  parser.add_argument("--tiny", action="store_true", help="16 pixels, four features, two rounds")
  parser.add_argument("--output", default="", help="folder of results.json and README.md")
  parser.add_argument("--merge", default="", help="add the records of this results.json and stop")
  parser.add_argument("--table", action="store_true", help="rewrite the tables and stop")
  return parser


def _positive(text: str) -> int:
  """Reads a number of at least one, for argparse."""
  value = int(text)
  if value < 1:
    raise argparse.ArgumentTypeError(f"must be at least 1, got {value}")
  return value


def _batch(text: str) -> int:
  """Reads a number of at least one, or "best", which is 0."""
  return 0 if text == "best" else _positive(text)


def _cases(parsed: argparse.Namespace) -> list[Case]:
  """Returns the cases asked for; a batch of 0 is still to be found."""
  device = parsed.device
  if device == "auto":
    device = "gpu" if has_gpu_plugin() else "cpu"
  cases = [
    Case(method, size, batch, precision, device)
    for method in parsed.method
    for size in parsed.size
    for precision in parsed.precision
    for batch in parsed.batch
  ]
  if parsed.features:
    cases = [dataclasses.replace(case, features=parsed.features) for case in cases]
  return list(dict.fromkeys(tiny(case) for case in cases)) if parsed.tiny else cases


def _speed(case: Case, parsed: argparse.Namespace) -> dict[str, Any]:
  asked = parsed.variant
  if asked is None:
    asked = DEFAULT_ON_CPU if case.device == "cpu" else DEFAULT_VARIANTS
  variants = [name for name in asked if has_torch() and supported(name, case)]
  schedule = _schedule(parsed)
  _say(f"{case.key}: imtrans and {', '.join(variants) or 'nobody else'}")
  machine = describe()  # Before the measurement: its load is the others'.
  if machine["load_before"] > BUSY:
    _say(
      f"  load average {machine['load_before']}: others are at work, times and ratios will be off"
    )
  measured = (measure_inference if parsed.inference else measure)(case, variants, schedule)
  if not (parsed.inference or parsed.skip_cached_start):
    measured["contenders"][OURS] |= measure_start(case)
  unit = " s a batch" if parsed.inference else " s a step"
  for name, figures in measured["contenders"].items():
    ratio = f", ratio {figures['ratio']:.2f}" if "ratio" in figures else ""
    times = [f"{seconds:.3g}" for seconds in figures.get("seconds", [])]
    _say(f"  {name}: {figures.get('error') or ' '.join(times) + unit}{ratio}")
  return {"kind": "inference" if parsed.inference else "speed", **machine, **measured}


def _schedule(parsed: argparse.Namespace) -> Schedule:
  schedule = Schedule(parsed.rounds, parsed.warmup, parsed.seconds, not parsed.skip_cached_start)
  if not parsed.tiny:
    return schedule
  return schedule._replace(rounds=2, warmup=1, seconds=0.2, matmul_side=256, copy_bytes=2**20)


def _input(case: Case, parsed: argparse.Namespace) -> dict[str, Any]:
  from experiments.benchmark.pipeline import measure_input

  _say(f"{case.key}: input")
  seconds = 0.2 if parsed.tiny else parsed.seconds
  kind = "endurance" if parsed.steps else "input"
  return {"kind": kind, **describe(), "sources": measure_input(case, seconds, parsed.steps or 0)}


def _stored(output: Path) -> dict[str, dict[str, Any]]:
  results = output / "results.json"
  return json.loads(results.read_text()) if results.exists() else {}


def _write_tables(output: Path) -> dict[str, dict[str, Any]]:
  readme = output / "README.md"
  if not readme.exists():
    shutil.copy(FOLDER / "README.md", readme)
  records = _stored(output)
  for name, text in sections(records).items():
    replace_section(readme, name, text)
  if output == FOLDER:
    short = summary(of_kind(records, "speed", "cpu"))
    replace_section(FOLDER.parent.parent / "README.md", "speed", short)
  return records


def _say(message: str) -> None:
  print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
  main()
