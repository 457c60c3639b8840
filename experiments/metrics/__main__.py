"""Measures the metrics, and writes results.json, the tables of the README and the pictures.

python -m experiments.metrics --facades DIR
python -m experiments.metrics --photos DIR --parts pictures sets
python -m experiments.metrics --tiny --output FOLDER
python -m experiments.metrics --facades DIR --parts segmentation --sizes 256 --seeds 0
python -m experiments.metrics --facades DIR --parts pictures sets --damages shift
Without --facades there is no segmentation; without either folder, no photographs are measured.
"""

import argparse
import functools
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.metrics import (
  figures,
  paired,
  references,
  segmentation,
  sets,
  several,
  tables,
  translations,
)
from experiments.metrics.damage import DAMAGES, compared
from experiments.metrics.pictures import KINDS, Pictures, describe, openmoji, photographs
from experiments.record import provenance, replace_section, store

FOLDER = Path(__file__).parent
PARTS = ("files", "references", "pictures", "sets", "translations", "outputs", "segmentation")
SIZES, SEEDS = (64, 128), (0, 1, 2)  # Of the pictures, pixels; of the segmenters.
SHOWN = 2  # Drawings that are shown damaged.


class Plan(NamedTuple):
  """How much is measured: numbers of pictures, sizes in pixels.

  rendered: size at which OpenMoji is rendered.
  reference_count, reference_size: drawings whose features are compared with the references.
  seen_count: of these, how many Inception looks at.
  answer_count: drawings with several right answers.
  psnrs: decibels at which damages are compared, see `damage.compared`.
  sizes: at which segmentation is scored, unless the command names others.
  judging: of the segmentation score, beside the defaults of `imtrans evaluate`.
  """

  rendered: int = 256
  reference_count: int = 600
  reference_size: int = 64
  seen_count: int = 128
  paired_count: int = 20
  paired_size: int = 176
  set_count: int = 192
  set_size: int = 128
  num_halvings: int = 5
  answer_count: int = 20
  psnrs: tuple[float, ...] = (30.0, 25.0, 20.0)
  damages: tuple[str, ...] = tuple(DAMAGES)
  networks: tuple[str, ...] = tuple(sets.NETWORKS)
  perceptual: tuple[str, ...] = tuple(paired.PERCEPTUAL)
  sizes: tuple[int, ...] = SIZES
  judging: tuple[tuple[str, Any], ...] = ()


TINY = Plan(
  rendered=64,
  reference_count=32,
  reference_size=32,
  seen_count=4,
  paired_count=2,
  paired_size=176,
  set_count=16,
  set_size=32,
  num_halvings=2,
  answer_count=2,
  psnrs=(25.0,),
  damages=("blur", "hue"),
  networks=("alexnet",),
  perceptual=("lpips_alex",),
  sizes=(32,),
  judging=(("segmenter_steps", 2),),
)


def main(arguments: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
  """Runs the parts that are asked for and returns all records of the output folder."""
  parser = _parser()
  parsed = parser.parse_args(arguments)
  if parsed.tiny and not parsed.output:
    parser.error("--tiny would overwrite what is recorded: give --output FOLDER")
  for seed in parsed.seeds:
    if not 0 <= seed < 2**32:
      parser.error(f"--seeds must be from 0 to {2**32 - 1}, got {seed}")
  plan = TINY if parsed.tiny else Plan()
  plan = plan._replace(damages=tuple(parsed.damages or plan.damages))
  output = Path(parsed.output) if parsed.output else FOLDER
  output.mkdir(parents=True, exist_ok=True)
  if not (output / "README.md").exists():
    shutil.copy(FOLDER / "README.md", output)
  for key, measure in _work(parsed, plan).items():
    print(f"{key} ...", file=sys.stderr, flush=True)
    start = time.perf_counter()
    record = measure()
    seconds = round(time.perf_counter() - start, 1)
    origin = {"command": _command(parsed), "seconds": seconds, **provenance()}
    results = output / "results.json"
    old = json.loads(results.read_text()).get(key) if results.exists() else None
    if parsed.damages and old is not None and "levels" in old:
      try:
        store(results, key, _remeasured(old, record, origin))
      except ValueError as error:
        sys.exit(f"{key} is left as it was: {error}")
    else:
      store(results, key, {**origin, **record})
    print(f"{key}: {seconds:.0f} s", file=sys.stderr, flush=True)
    _write_tables(output)
  records = _write_tables(output)
  shown = openmoji(plan.set_count, plan.paired_size, rendered=plan.rendered)
  chosen = [index * plan.set_count // SHOWN + 5 for index in range(SHOWN)]
  sample = Pictures("openmoji", [shown.names[i] for i in chosen], shown.images[chosen])
  figures.draw_all(records, sample, compared(plan.psnrs), output)
  return records


def _remeasured(old: dict[str, Any], new: dict[str, Any], origin: dict[str, Any]) -> dict[str, Any]:
  """A record in which some damages were measured anew.

  Args:
    old: the record.
    new: the same measurement of those damages alone.
    origin: of the new one; it is kept among the "reruns".

  Returns:
    The old record with the new levels in the place of its own.

  Raises:
    ValueError: if something else was measured, or in another way: undamaged pictures tell.
  """
  said = old.keys() & new.keys() & {"size", "psnrs", "pictures", "halvings", "seed", "features"}
  others = sorted(name for name in said if old[name] != new[name])
  floors = old.get("floor", {}), new.get("floor", {})
  others += [
    f"the noise floor of {name}"
    for name in sorted(floors[0].keys() | floors[1].keys())
    if not _same_floor(*(floor.get(name) for floor in floors))
  ]
  if others:
    raise ValueError(
      f"what was measured anew does not belong to it, as {', '.join(others)} differ: measure all "
      "damages, without --damages."
    )
  damages = {level["damage"] for level in new["levels"]}
  levels = [level for level in old["levels"] if level["damage"] not in damages] + new["levels"]
  order = list(DAMAGES)
  levels.sort(key=lambda level: order.index(level["damage"]))
  reruns = [*old.get("reruns", ()), {"damages": sorted(damages), **origin}]
  return {**new, **old, "levels": levels, "reruns": reruns}


def _same_floor(old: list[float] | None, new: list[float] | None) -> bool:
  """Whether two means over the same halvings agree, but for the last digits of another machine."""
  if old is None or new is None:
    return False
  return abs(new[0] - old[0]) <= 0.1 * old[1] + 1e-9 and abs(new[1] - old[1]) <= 0.1 * old[1] + 1e-9


def _work(parsed: argparse.Namespace, plan: Plan) -> dict[str, Callable[[], dict[str, Any]]]:
  """Returns what is to be measured, by the key of its record."""
  opened: dict[str, Callable[[int, int], Pictures]] = {
    "openmoji": lambda count, size: openmoji(count, size, rendered=plan.rendered)
  }
  path = parsed.photos or parsed.facades
  if path:
    opened["photos"] = lambda count, size: photographs(path, count, size)

  def compare() -> dict[str, Any]:
    few = opened["openmoji"](plan.paired_count, plan.paired_size)
    many = opened["openmoji"](plan.reference_count, plan.reference_size)
    return references.compare(references.gather(few, many, num_seen=plan.seen_count))

  def of_pictures(kind: str) -> dict[str, Any]:
    pictures = opened[kind](plan.paired_count, plan.paired_size)
    options = {"damages": plan.damages, "perceptual": plan.perceptual}
    return paired.measure(pictures, plan.psnrs, **options)

  def of_sets(kind: str) -> dict[str, Any]:
    pictures = opened[kind](plan.set_count, plan.set_size)
    options = {"damages": plan.damages, "networks": plan.networks}
    return sets.measure(pictures, plan.psnrs, num_halvings=plan.num_halvings, **options)

  def of_translations(kind: str) -> dict[str, Any]:
    pictures = opened[kind](plan.paired_count, plan.set_size)
    return translations.measure(pictures, [compared(plan.psnrs)], damages=plan.damages)

  def of_outputs() -> dict[str, Any]:
    answers = several.openmoji_answers(plan.answer_count, plan.set_size, rendered=plan.rendered)
    return several.measure(answers, [compared(plan.psnrs)], damages=plan.damages)

  def of_segmentation(size: int) -> dict[str, Any]:
    return segmentation.measure(parsed.facades, size, parsed.seeds, **dict(plan.judging))

  work: dict[str, Callable[[], dict[str, Any]]] = {}
  if "files" in parsed.parts and path:
    work["files"] = functools.partial(describe, path, plan.paired_count, plan.set_count)
  if "references" in parsed.parts:
    work["references"] = compare
  measured = {"pictures": of_pictures, "sets": of_sets, "translations": of_translations}
  for part, measure in measured.items():
    if part in parsed.parts:
      kinds = [kind for kind in opened if kind in parsed.kinds]
      work |= {f"{part}-{kind}": functools.partial(measure, kind) for kind in kinds}
  if "outputs" in parsed.parts and "openmoji" in parsed.kinds:
    work["outputs-openmoji"] = of_outputs
  if "segmentation" in parsed.parts and parsed.facades:
    for size in parsed.sizes or plan.sizes:
      work[f"segmentation-{size}"] = functools.partial(of_segmentation, size)
  return work


def _parser() -> argparse.ArgumentParser:
  parser = argparse.ArgumentParser(
    prog="python -m experiments.metrics", description=(__doc__ or "").splitlines()[0]
  )
  parser.add_argument("--facades", default="", help="CMP Facades as trainA, trainB, testA, testB")
  parser.add_argument("--photos", default="", help="photographs; by default those of --facades")
  parser.add_argument("--parts", nargs="*", choices=PARTS, default=list(PARTS))
  parser.add_argument(
    "--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS), help="of pictures"
  )
  parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS), help="of segmenters")
  parser.add_argument(
    "--sizes", nargs="+", type=int, help="at which segmentation is scored; default: 64 128"
  )
  parser.add_argument(
    "--damages", nargs="+", choices=tuple(DAMAGES), help="measured anew; the others are kept"
  )
  parser.add_argument("--tiny", action="store_true", help="a few pictures: does it run?")
  parser.add_argument("--output", default="", help="folder of results.json, README.md, pictures")
  return parser


def _command(parsed: argparse.Namespace) -> str:
  """The command without the reader's folders."""
  words = ["python -m experiments.metrics"]
  words += [f"--{name} DIR" for name in ("facades", "photos") if getattr(parsed, name)]
  if list(parsed.parts) != list(PARTS):
    words.append("--parts " + " ".join(parsed.parts))
  if list(parsed.kinds) != list(KINDS):
    words.append("--kinds " + " ".join(parsed.kinds))
  words += [f"--sizes {' '.join(map(str, parsed.sizes))}"] if parsed.sizes else []
  if tuple(parsed.seeds) != SEEDS:
    words.append("--seeds " + " ".join(map(str, parsed.seeds)))
  words += [f"--damages {' '.join(parsed.damages)}"] if parsed.damages else []
  words += ["--tiny"] if parsed.tiny else []
  return " ".join(words)


def _write_tables(output: Path) -> dict[str, dict[str, Any]]:
  results = output / "results.json"
  records = json.loads(results.read_text()) if results.exists() else {}
  for name, text in tables.sections(records).items():
    replace_section(output / "README.md", name, text)
  return records


if __name__ == "__main__":
  main()
