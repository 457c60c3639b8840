"""Times the translation of one large picture, whole and in tiles, and the memory that each needs.

python -m experiments.benchmark.tiled --side 1024 --tile 256 512
Every way has a process of its own, whose peak memory is its own. The generators have fresh weights
and see pictures of their training size in mode "test". Writes results.json and its section of the
README.
"""

import argparse
import functools
import multiprocessing
import shlex
import statistics
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from experiments.benchmark.cases import METHODS, Case, tiny
from experiments.benchmark.inference import fresh_generator, peak_memory
from experiments.benchmark.machine import describe
from experiments.benchmark.markdown import number, spread, table
from experiments.record import replace_section, store

FOLDER = Path(__file__).parent
TITLES = (
  "method",
  "picture",
  "tiles",
  "overlap",
  "seconds a picture (min – max)",
  "megapixels/s",
  "pixels computed",
  "memory",
  "differs from the whole by",
)


def main(arguments: Sequence[str] | None = None) -> None:
  """Measures, records and writes the table."""
  given = list(sys.argv[1:] if arguments is None else arguments)
  parser = argparse.ArgumentParser(prog="python -m experiments.benchmark.tiled")
  parser.add_argument("--method", nargs="+", choices=METHODS, default=list(METHODS))
  parser.add_argument("--side", type=int, default=1024, help="of the picture, in pixels")
  parser.add_argument("--tile", nargs="+", type=int, default=[256, 512], help="sides, in pixels")
  parser.add_argument("--rounds", type=int, default=3, help="translations that are timed")
  parser.add_argument("--tiny", action="store_true", help="four features; prints alone")
  parsed = parser.parse_args(given)
  records = {}
  for method in parsed.method:
    case = Case(method, 256, 1, "float32", "cpu")
    case = tiny(case) if parsed.tiny else case
    record = {
      "kind": "tiled",
      "command": f"python -m experiments.benchmark.tiled {shlex.join(given)}",
      "case": case.to_dict(),
      "side": parsed.side,
      **describe(),
      "ways": measure_tiled(case, parsed.side, parsed.tile, parsed.rounds),
    }
    key = f"tiled-{case.key}"
    records[key] = record
    if not parsed.tiny:
      stored = store(FOLDER / "results.json", key, record)
      replace_section(FOLDER / "README.md", "tiled", section(stored))
  if parsed.tiny:
    print(section(records))


def measure_tiled(case: Case, side: int, tiles: Sequence[int], rounds: int) -> list[dict[str, Any]]:
  """Times one picture whole and in tiles of each size.

  Args:
    case: whose generator translates.
    side: of the picture, in pixels.
    tiles: sides, in pixels.
    rounds: translations that are timed, after one that compiles.

  Returns:
    For the whole picture, then for each size: {"tile", "overlap", "tiles", "reasons", "seconds",
    "peak_memory", "difference"}; overlap, reasons and difference are of tiles alone.
  """
  run = functools.partial(_measure, case, side, rounds)
  ways = []
  for tile in (None, *tiles):
    # A fresh process each: the most memory that one ever had is of all that it did.
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
      ways.append(process.submit(run, tile).result())
  return ways


def _measure(case: Case, side: int, rounds: int, tile: int | None) -> dict[str, Any]:
  from imtrans.commands.main import prepare_platform

  prepare_platform()  # Before jax is imported.
  import numpy as np

  from imtrans.evaluation.translation.tiles import cut, plan_tiles, translate_tiled

  generator = fresh_generator(case)
  picture = np.random.default_rng(0).uniform(-1.0, 1.0, (side, side, 3)).astype(np.float32)
  facts: dict[str, Any] = {"tile": tile, "tiles": 1}
  translate = functools.partial(generator, picture[None])
  if tile:
    options = {"multiple": generator.size_multiple, "approximate": True}
    tiling = plan_tiles(tile, generator.locality(3), **options)
    translate = functools.partial(translate_tiled, generator, picture, 3, tiling)
    count = len(cut(side, tiling)) ** 2
    facts |= {"tiles": count, "overlap": tiling.overlap, "reasons": list(tiling.reasons)}
  made = translate()
  seconds = []
  for _ in range(rounds):
    start = time.perf_counter()
    translate()
    seconds.append(time.perf_counter() - start)
  facts |= {"seconds": seconds, "peak_memory": peak_memory()}
  if tile:
    facts["difference"] = float(np.mean(np.abs(made - generator(picture[None])[0])))
  return facts


def section(records: dict[str, dict[str, Any]]) -> str:
  """Returns the table of the README.

  Args:
    records: of results.json, of any kind.
  """
  rows, origins = [], []
  for record in records.values():
    if record["kind"] != "tiled":
      continue
    side = record["side"]
    for way in record["ways"]:
      median = statistics.median(way["seconds"])
      tile = way["tile"]
      computed = way["tiles"] * tile**2 / side**2 if tile else 1.0
      rows.append(
        [
          record["case"]["method"],
          f"{side}²",
          f"{way['tiles']} of {tile}²" if tile else "whole",
          f"{way['overlap']} pixels" if tile else "",
          f"{median:.3g} ({spread(way['seconds'])})",
          number(side**2 / 1e6 / median),
          f"{computed:.2f} of the picture",
          f"{way['peak_memory'] / 2**30:.2f} GiB",
          f"{way['difference'] * 127.5:.2f} of 255" if tile else "",
        ]
      )
    versions = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
    origins.append(f"{record['machine']}; {versions}; {record['date']}; by `{record['command']}`.")
  return f"{table(TITLES, rows)}\n\n" + "\n".join(dict.fromkeys(origins)) if rows else ""


if __name__ == "__main__":
  main()
