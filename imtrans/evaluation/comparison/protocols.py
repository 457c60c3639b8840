"""Which figures of several runs can be compared, and why the others cannot.

A figure depends on the pictures it was measured on and on how; only where all that is equal does
the smaller or larger number say something about the runs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from imtrans.evaluation.comparison.runs import EvaluatedRun, Key
from imtrans.evaluation.quantities import quantity

# Of the runs rather than of the measurement; every picture is translated by itself, so that the
# size of the batch is no part of it either.
UNIMPORTANT = ("checkpoint", "step", "batch_size", "settings.counts", "settings.at_ceiling")
# These move the last digits at most.
MINOR = ("device", "versions.jax", "versions.python")
# Whether dropout is on is a choice of the method that is judged, worth saying but not forbidden.
MODE = "inference"
# Copies of the same pictures score alike on every machine.
OF_DIRECTIONS = ("images.", "sources.")
FINGERPRINTS, TOLERANCE = ("l1", "l2", "psnr", "ssim"), 1e-3


class Difference(NamedTuple):
  """A field that has several values.

  field: "split", "images", ...
  values: one for each run, None where it is not said.
  """

  field: str
  values: tuple[Any, ...]

  @property
  def text(self) -> str:
    """The field, with its values where they are short."""
    texts = [_text(value) for value in self.values if value is not None]
    distinct = list(dict.fromkeys(texts))
    short = distinct and max(map(len, distinct)) <= 24
    return f"{self.field} ({', '.join(distinct)})" if short else self.field


def differences(records: Sequence[Mapping[str, Any]]) -> list[Difference]:
  """Fields to which at least two records give different values; not to know one is no difference.

  Args:
    records: one for each run.

  Returns:
    The fields in the order of their first appearance.
  """
  fields = dict.fromkeys(field for record in records for field in record)
  found = []
  for field in fields:
    values = tuple(record.get(field) for record in records)
    # A field that one record sets to None on purpose differs from a value.
    said = [record[field] for record in records if field in record]
    if any(not _equal(value, said[0]) for value in said):
      found.append(Difference(field, values))
  return found


def shared_differences(runs: Sequence[EvaluatedRun], direction: str) -> list[Difference]:
  """What was different for all figures of a direction: the split, the size, the pictures, ...

  Args:
    runs: those that have figures of the direction.
    direction: "ab" or "ba".

  Returns:
    The fields that make figures incomparable.
  """
  records = [_shared(run, direction) for run in runs]
  ignored = (*MINOR, MODE)
  found = [difference for difference in differences(records) if difference.field not in ignored]
  names = [run.pictures.get(direction, {}).keys() for run in runs]
  unsaid = (None,) * len(runs)
  counted = any(difference.field == "images" for difference in found)
  if not counted and any(other != names[0] for other in names):
    found.append(Difference("the choice of test pictures", unsaid))
  if not found and not (_same_baselines(runs, direction) and _same_sources(runs)):
    found.append(Difference("what the test pictures show", unsaid))
  return found


def own_differences(runs: Sequence[EvaluatedRun], key: Key) -> list[Difference]:
  """What was different for one figure alone: its number of pictures, its features, its seed, ...

  Args:
    runs: those that have the figure.
    key: the figure.

  Returns:
    The fields that make it incomparable.
  """
  records = []
  for run in runs:
    # Files of older versions say what a figure is in the protocol of all.
    stated = {"definition": run.protocol[key.name]} if key.name in run.protocol else {}
    own = run.scores[key].record
    records.append({f: own[f] for f in own if f not in UNIMPORTANT} if own else stated)
  return differences(records)


def protocol_sentences(runs: Sequence[EvaluatedRun]) -> list[str]:
  """Says what a reader must know before comparing the figures.

  Args:
    runs: all of them.

  Returns:
    Sentences; none if all figures can be compared.
  """
  sentences, own = [], {}
  shared: dict[str, Difference] = {}
  keys = dict.fromkeys(key for run in runs for key in run.scores if key.of == "model")
  for direction in dict.fromkeys(key.direction for key in keys):
    scored = [run for run in runs if any(key.direction == direction for key in run.scores)]
    shared |= {d.field: d for d in shared_differences(scored, direction)}
  if shared:
    sentences.append(
      "The runs were not all measured alike, so figures marked ≠ cannot be compared: "
      f"{_listed(shared.values())} {'differs' if len(shared) == 1 else 'differ'}."
    )
  for key in () if shared else keys:
    found = own_differences([run for run in runs if key in run.scores], key)
    if found:
      own.setdefault(_listed(found), []).append(quantity(key.name).title)
  for fields, titles in own.items():
    names = _joined(list(dict.fromkeys(titles)))
    sentences.append(f"{names} cannot be compared from run to run, because of: {fields}.")
  modes, minor = _among(runs, (MODE,)), _among(runs, MINOR)
  if modes:
    sentences.append(
      f"Dropout and normalisation do not act alike in all runs: {_listed(modes)} differs."
    )
  if minor and not shared:
    sentences.append(f"The last digits may differ because of: {_listed(minor)}.")
  return sentences


def _among(runs: Sequence[EvaluatedRun], fields: Sequence[str]) -> list[Difference]:
  """Those fields of the protocol that differ."""
  return differences([{f: run.protocol[f] for f in fields if f in run.protocol} for run in runs])


def _shared(run: EvaluatedRun, direction: str) -> dict[str, Any]:
  """What the protocol of a run says of all figures of a direction."""
  known = {key.name for key in run.scores} | {"l1", "psnr", "ssim"}
  record = {}
  for field, value in run.protocol.items():
    if field == f"images.{direction}":
      record["images"] = value
    elif field == "seed":
      # Of dropout; figures that draw by themselves name their seed in their own record.
      if run.protocol.get(MODE) == "train":
        record[field] = value
    elif field not in UNIMPORTANT and field not in known and not field.startswith(OF_DIRECTIONS):
      record[field] = value
  return record


def _same_baselines(runs: Sequence[EvaluatedRun], direction: str) -> bool:
  """Whether the copied sources score alike: the names alone do not tell whose pictures they are."""
  for key in (Key("baseline", direction, name) for name in FINGERPRINTS):
    values = [run.scores[key].value for run in runs if key in run.scores]
    if any(not math.isclose(value, values[0], rel_tol=TOLERANCE) for value in values):
      return False
  return True


def _same_sources(runs: Sequence[EvaluatedRun]) -> bool:
  """Whether the sources are as bright and as rich in contrast: all that is known without pairs."""
  fields = dict.fromkeys(f for run in runs for f in run.protocol if f.startswith("sources."))
  for field in fields:
    values = [run.protocol[field] for run in runs if field in run.protocol]
    if any(not math.isclose(value, values[0], abs_tol=TOLERANCE) for value in values):
      return False
  return True


def _equal(one: Any, other: Any) -> bool:
  numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other))
  return math.isclose(one, other, rel_tol=1e-6) if numbers else one == other


def _listed(found: Iterable[Difference]) -> str:
  return _joined([difference.text for difference in found])


def _joined(texts: Sequence[str]) -> str:
  return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _text(value: Any) -> str:
  return f"{value:g}" if isinstance(value, float) else str(value)
