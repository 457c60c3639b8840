"""What each figure is sensitive to, in words that are read from results.json, numbers included.

All of it is about damages at one PSNR: whatever differs there is not the pixel error.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from experiments.metrics.damage import DAMAGES, compared

SEEN = 2.0  # Times `_noise` within which a change is not told from none.
SEES, BETTER, BLIND = "seen", "called an improvement", "not told from no damage"
SHORT = {"openmoji": "drawings", "photos": "photographs"}


class Change(NamedTuple):
  """What a damage does to a figure.

  value: of the damaged pictures.
  floor: of undamaged ones.
  worse: how much worse than the floor; negative where the figure calls the damage an improvement.
  seen: whether that stands out of the noise.
  deviations: `worse` in standard deviations of the noise; infinite where that has none.
  """

  value: float
  floor: float
  worse: float
  seen: bool
  deviations: float


Changes = dict[str, dict[str, Change]]  # By figure, then by damage or missing mode.


def changes(record: Mapping[str, Any], titles: Mapping[str, str]) -> Changes:
  """Reads what damages at the compared PSNR, and missing modes, do to the figures of a record.

  Args:
    record: of pictures or outputs, or of sets, whose halvings make a noise floor.
    titles: of the figures that are wanted; "↑" at the end where larger is better.

  Returns:
    Changes by figure and damage; a damage that does not reach the PSNR is not there.
  """
  asked, floors = compared(record["psnrs"]), record.get("floor", {})
  found: Changes = {}
  for name, title in titles.items():
    up = title.endswith("↑")
    floor, spread = floors.get(name, (1.0 if up else 0.0, 0.0))
    values = {
      level["damage"]: level["figures"][name]
      for level in record["levels"]
      if level["asked"] == asked and name in level["figures"]
    }
    modes = record.get("modes", {})
    values |= {mode: figures[name] for mode, figures in modes.items() if name in figures}
    for key, (value, deviation) in values.items():
      noise = _noise(record, spread, deviation)
      worse = floor - value if up else value - floor
      deviations = worse / noise if noise > 0.0 else math.copysign(math.inf, worse)
      one = Change(value, floor, worse, abs(value - floor) > SEEN * noise, deviations)
      found.setdefault(name, {})[key] = one
  return found


def _noise(record: Mapping[str, Any], floor: float, deviation: float) -> float:
  """Returns how uncertain it is that a figure differs from that of undamaged pictures.

  Of sets, the deviation of the noise floor over halvings. Of pictures, the standard error of the
  damaged mean: the same ones are damaged, so that it is that of the differences wherever a picture
  as it is has a fixed figure. Diversity has none; its differences are not recorded one by one.

  Args:
    record: as for `changes`.
    floor: the deviation of the figure's noise floor.
    deviation: of the damaged figure, over halvings or over pictures.
  """
  return floor if "halvings" in record else deviation / math.sqrt(record["pictures"])


def rankings(found: Mapping[str, Changes], titles: Mapping[str, str]) -> list[list[str]]:
  """Lists what each figure is sensitive to, the strongest first.

  Args:
    found: by kind of picture.
    titles: of the figures, in order.

  Returns:
    A row for each figure: its title and, for each kind, damages in order; in brackets those that it
    does not tell from none, with a + those that it calls an improvement; a dash where it has not
    been measured.
  """
  rows = []
  for name, title in titles.items():
    row = [title]
    for kind in found:
      own = {k: c for k, c in found[kind].get(name, {}).items() if k in DAMAGES}
      order = sorted(own, key=lambda key: -own[key].worse)
      seen = [key for key in order if own[key].seen]
      worse = [_short(key) for key in seen if own[key].worse > 0.0]
      better = [f"+{_short(key)}" for key in seen if own[key].worse <= 0.0]
      blind = ", ".join(_short(key) for key in order if not own[key].seen)
      chain = "; ".join(filter(None, (" > ".join(worse), ", ".join(better))))
      row.append(" ".join(filter(None, (chain, f"({blind})" if blind else ""))) or "–")
    rows.append(row)
  return rows


def of_damage(
  key: str,
  pictures: Mapping[str, Changes],
  sets: Mapping[str, Changes],
  titles: Mapping[str, str],
) -> str:
  """Says in words what a damage does.

  Args:
    key: a damage or a missing mode.
    pictures: changes of metrics of one picture, by kind.
    sets: those of figures of sets.
    titles: of all figures.

  Returns:
    A few sentences.
  """
  parts = []
  for words, last in (("the worst", False), ("the mildest", True)):
    ends = [_extreme(name, titles[name], key, pictures, last=last) for name in titles]
    if any(ends):
      parts.append(f"{words} of all for {_joined([text for text in ends if text])}")
  text = f"Picture by picture it is {', and '.join(parts)}. " if parts else ""
  said: dict[str, list[str]] = {}
  for name in titles:
    own = {kind: sets[kind][name][key] for kind in sets if key in sets[kind].get(name, {})}
    for verdict, kinds in _verdicts(own).items():
      where = "" if len(kinds) == len(own) else f" on {SHORT[kinds[0]]} alone"
      numbers = " / ".join(_number(own[kind].value) for kind in kinds)
      title = titles[name][:-2]
      said.setdefault(f"{verdict}{where}", []).append(
        title if verdict == BLIND else f"{title} {numbers}"
      )
  order = sorted(said, key=lambda words: (words.startswith(BLIND), words.startswith(BETTER)))
  sentences = [f"{words} by {_joined(said[words])}" for words in order]
  shown = " / ".join(
    SHORT[kind] for kind, found in sets.items() if any(key in own for own in found.values())
  )
  return f"{text}As sets ({shown}): {'; '.join(sentences)}." if sentences else text.strip()


def of_missing(sets: Mapping[str, Changes], titles: Mapping[str, str], modes: Sequence[str]) -> str:
  """Says which figures see that pictures are missing, and by how much.

  Args:
    sets: changes of figures of sets, by kind of picture.
    titles: of the figures.
    modes: the missing modes; the numbers are those of the first.

  Returns:
    What follows the name of the first mode and a colon.
  """
  said: dict[str, list[str]] = {"by": [], "on one kind of picture alone by": []}
  blind = []
  for name, title in titles.items():
    own = [found[name] for found in sets.values() if name in found]
    first = [found[modes[0]] for found in own]
    seen = [change.seen and change.worse > 0.0 for change in first]
    if any(seen):
      numbers = " / ".join(f"{change.deviations:.1f}" for change in first)
      where = "by" if all(seen) else "on one kind of picture alone by"
      said[where].append(f"{title[:-2]} {numbers}")
    if own and not any(found[mode].seen for found in own for mode in modes):
      blind.append(title[:-2])
  parts = [f"{where} {_joined(names)}" for where, names in said.items() if names]
  shown = " / ".join(SHORT[kind] for kind in sets)
  text = f"seen {', '.join(parts) or 'by none'} (standard deviations of the noise floor, {shown})"
  return text + (f"; none of the missing modes is seen by {_joined(blind)}." if blind else ".")


def _verdicts(own: Mapping[str, Change]) -> dict[str, list[str]]:
  """What a figure says of a damage: kinds of pictures by verdict."""
  found: dict[str, list[str]] = {}
  for kind, change in own.items():
    verdict = BLIND if not change.seen else SEES if change.worse > 0.0 else BETTER
    found.setdefault(verdict, []).append(kind)
  # Where it is seen on one kind, that is said, and that it is not on the other goes without saying.
  return {v: kinds for v, kinds in found.items() if v != BLIND or len(found) == 1}


def _extreme(
  name: str, title: str, key: str, pictures: Mapping[str, Changes], *, last: bool
) -> str:
  """The title of a figure and its values, where a damage is at an end of its ranking."""
  values = {}
  for kind, found in pictures.items():
    own = found.get(name, {})
    if key in own and len(own) > 1:
      end = (min if last else max)(own, key=lambda damage: own[damage].worse)
      if end == key:
        values[kind] = f"{SHORT[kind]} {_number(own[key].value)}"
  return f"{title[:-2]} ({', '.join(values.values())})" if values else ""


def _joined(texts: Sequence[str]) -> str:
  return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def _number(value: float) -> str:
  return f"{value:.0f}" if abs(value) >= 100.0 else f"{value:.3g}"


def _short(key: str) -> str:
  return DAMAGES[key].title.removeprefix("Gaussian ")
