"""Evaluated runs, read back from their folders to be compared; nothing here knows of other runs."""

import csv
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from imtrans.training.config import read_config
from imtrans.training.workdir import CONFIG

METRICS, PICTURES = "metrics.json", "per_image.csv"
KEY = re.compile(r"(eval|baseline|real)(?:_(ab|ba))?/(.+)")
KINDS = {"eval": "model", "baseline": "baseline", "real": "real"}
# What a figure is and whose it is; all else in its record says how it was made.
IDENTITY = ("name", "direction", "of", "value", "spread", "checkpoint")


class Key(NamedTuple):
  """Which figure: of the "model", its "baseline" or "real" pictures; "ab" or "ba"; "l1"."""

  of: str
  direction: str
  name: str


class Score(NamedTuple):
  """A figure of a run.

  value: the number.
  spread: its standard deviation or error as the record says; None if unknown.
  record: how it was made, {"images.real": 500, "resize": ...}; empty in files that do not say.
  """

  value: float
  spread: float | None
  record: dict[str, Any]


class EvaluatedRun(NamedTuple):
  """What an evaluation left of a run.

  name: unique among the runs that are compared.
  path: its folder.
  direction: the one that the run is about.
  scores: its figures.
  pictures: {direction: {name: {"l1": ..., "baseline/l1": ...}}}, in the order of the test set.
  protocol: how all figures were made, {"split": ..., "images.ab": ...}.
  note: why there are no figures, what must be known of them, that pictures were left out; or "".
  """

  name: str
  path: Path
  config: ConfigDict
  direction: str
  scores: dict[Key, Score]
  pictures: dict[str, dict[str, dict[str, float]]]
  protocol: dict[str, Any]
  note: str

  def images(self, direction: str) -> Path:
    """Returns the folder of the pictures that were made in a direction."""
    return self.path / ("images" if direction == self.direction else f"images_{direction}")


def name_runs(arguments: Sequence[str]) -> dict[str, Path]:
  """Gives every run a name.

  Args:
    arguments: folders, or NAME=FOLDER.

  Returns:
    {name: folder} in the given order. A run is named by its folder; where several have one name,
    by the shortest end of its path that tells it from the others.

  Raises:
    ValueError: if a run is there twice, or two would have one name.
  """
  split = [_split(argument) for argument in arguments]
  places = [path.resolve() for _, path in split]
  for place, (_, path) in zip(places, split, strict=True):
    if places.count(place) > 1:
      raise ValueError(f"{path} is named twice: name every run once.")
  # Those with a name of their own need not be told from the others by their path.
  nameless = [place.parts for place, (name, _) in zip(places, split, strict=True) if not name]
  named: dict[str, Path] = {}
  for place, (name, path) in zip(places, split, strict=True):
    name = name or _tail(place.parts, nameless)
    if name in named:
      raise ValueError(f"two runs would be called {name!r}: give one of them as NAME={path}.")
    named[name] = path
  return named


def _split(argument: str) -> tuple[str, Path]:
  name, equals, path = argument.partition("=")
  if not equals or Path(argument).exists():
    return "", Path(argument)
  if not name or not path:
    raise ValueError(f"a run must be a folder, or NAME=FOLDER, got {argument!r}.")
  return name, Path(path)


def _tail(parts: tuple[str, ...], all_parts: Sequence[tuple[str, ...]]) -> str:
  depths = range(1, len(parts) + 1)
  alone = (d for d in depths if sum(other[-d:] == parts[-d:] for other in all_parts) == 1)
  return "/".join(part.strip("/") for part in parts[-next(alone) :]) or "/"


def read_runs(named: Mapping[str, Path]) -> tuple[list[EvaluatedRun], dict[str, str]]:
  """Reads all runs that can be read.

  Args:
    named: of `name_runs`.

  Returns:
    The runs, and for the others {name: what is wrong with it, in one sentence}.
  """
  runs, problems = [], {}
  for name, path in named.items():
    try:
      runs.append(read_run(path, name=name))
    except (ValueError, OSError) as error:
      problems[name] = str(error)
  return runs, problems


def read_run(path: Path, *, name: str) -> EvaluatedRun:
  """Reads a run's config and the files of its evaluation.

  Args:
    path: the run's folder.
    name: what to call it.

  Returns:
    The run.

  Raises:
    ValueError: if it is no run, was not evaluated yet, or a file is damaged; with the remedy.
  """
  config = read_config(path / CONFIG)
  evaluate = f"`imtrans evaluate --workdir {shlex.quote(str(path))}`"
  if not (path / METRICS).exists():
    raise ValueError(f"{path} has not been evaluated yet: run {evaluate}.")
  reading = path / METRICS
  try:
    stored = json.loads(reading.read_text(encoding="utf-8"))
    protocol = flattened(stored.get("protocol", {}))
    images = [field[-2:] for field in protocol if field in ("images.ab", "images.ba")]
    direction = images[0] if images else str(config.data.direction)
    scores = _scores(stored, direction)
    reading = path / PICTURES
    pictures = _pictures(reading)
    for translated in images:
      expected, found = protocol[f"images.{translated}"], len(pictures.get(translated, ()))
      if expected != found:
        raise ValueError(f"{found} of {expected} pictures are listed")
  except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError) as error:
    reason = str(error) if isinstance(error, ValueError | OSError) else type(error).__name__
    raise ValueError(
      f"{reading} is missing or damaged ({reason}): write it again with {evaluate}."
    ) from None
  notes = [str(stored.get("note", "")), *map(str, stored.get("remarks", ()))]
  if left_out := stored.get("problems", ()):
    notes.append(f"{len(left_out)} test picture(s) could not be used, see {METRICS}.")
  note = " ".join(filter(None, notes))
  return EvaluatedRun(name, path, config, direction, scores, pictures, protocol, note)


def flattened(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
  """Nested dicts as one.

  Args:
    tree: {"a": {"b": 1}}.
    prefix: put before every name.

  Returns:
    {"a.b": 1}.
  """
  flat = {}
  for name, value in tree.items():
    if isinstance(value, Mapping):
      flat |= flattened(value, f"{prefix}{name}.")
    else:
      flat[prefix + name] = value
  return flat


def _scores(stored: Mapping[str, Any], direction: str) -> dict[Key, Score]:
  """The flat figures, and those of the list "figures", which say more and count where both are."""
  scores = {}
  for name, value in stored.items():
    match = KEY.fullmatch(name)
    if match:
      key = Key(KINDS[match[1]], match[2] or direction, match[3])
      scores[key] = Score(float(value), None, {})
  for entry in stored.get("figures", ()):
    if entry["value"] is None:
      continue  # Asked for, but it could not be made.
    key = Key(str(entry.get("of", "model")), str(entry.get("direction", direction)), entry["name"])
    record = flattened({field: value for field, value in entry.items() if field not in IDENTITY})
    spread = entry.get("spread")
    scores[key] = Score(float(entry["value"]), None if spread is None else float(spread), record)
  return scores


def _pictures(path: Path) -> dict[str, dict[str, dict[str, float]]]:
  """Reads per_image.csv; figures that are not known are left out."""
  pictures: dict[str, dict[str, dict[str, float]]] = {}
  with path.open(newline="", encoding="utf-8") as file:
    try:
      for row in csv.DictReader(file, strict=True):
        if None in row or None in row.values():
          raise ValueError(f"picture {row.get('name')} has too many or too few columns")
        name, direction = row.pop("name"), row.pop("direction")
        figures = {title: float(value) for title, value in row.items() if value}
        pictures.setdefault(direction, {})[name] = figures
    except csv.Error as error:
      raise ValueError(str(error)) from None
  return pictures
