"""The tables of figures of translations, and of several outputs for one source."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.metrics.answers import SHORT
from experiments.metrics.cells import NOT_RUN, cells, number, shown, strength, table
from experiments.metrics.damage import DAMAGES, compared
from experiments.metrics.translations import CONTENT, HONESTY, PAIRS

CONTENT_TITLE = {CONTENT: "content vgg16 ↓"}
OUTPUT_TITLES = {
  "diversity_lpips_alex": "diversity ↑",
  "mode_fraction": "answers found ↑",
  "mode_entropy": "evenness ↑",
  "mode_error": "distance to an answer ↓",
}
HONESTY_TITLES = {
  "reconstruction_error": "error of the way back ↓",
  "quantized_error": "the same from 8 bits ↓",
  "noise_sensitivity": "sensitivity to noise ↓",
}
MISSING = {
  "half": "half of the answers, twice as often",
  "one": "one answer alone",
  "mean": "the mean of the answers alone",
}


def translations(record: dict[str, Any] | None) -> str:
  """Returns the tables of a record of `translations.measure`."""
  if record is None:
    return NOT_RUN
  titles = ("translation", "PSNR", CONTENT_TITLE[CONTENT])
  rows = [["as it is", "–", *_floor(record, (CONTENT,))]]
  rows += [[*_damage(level), *cells(level["figures"], (CONTENT,))] for level in shown(record)]
  parts = [f"Content:\n\n{table(titles, rows)}"]
  for key, pair in PAIRS.items():
    names = [f"{key}/{name}" for name in HONESTY]
    rows = [["as it is", *_floor(record, names)]]
    rows += [[strength(level), *cells(level["figures"], names)] for level in shown(record)]
    heads = ("translation", *(HONESTY_TITLES[name] for name in HONESTY))
    parts.append(f"Honesty of a pair with everything {pair.title}:\n\n{table(heads, rows)}")
  parts.append(
    f"Mean ± standard deviation over {record['pictures']} pictures at {record['size']}². The PSNR "
    "is that of the pictures themselves, so damaged; the pairs' translations are damaged as "
    "strongly."
  )
  return "\n\n".join(parts)


def outputs(record: dict[str, Any] | None) -> str:
  """Returns the table of a record of `several.measure`."""
  if record is None:
    return NOT_RUN
  titles = ("outputs", "PSNR", *OUTPUT_TITLES.values())
  rows = [["**all answers as they are**", "–", *_floor(record, OUTPUT_TITLES)]]
  rows += [[MISSING[m], "–", *cells(f, OUTPUT_TITLES)] for m, f in record["modes"].items()]
  rows += [[*_damage(level), *cells(level["figures"], OUTPUT_TITLES)] for level in shown(record)]
  return (
    f"{table(titles, rows)}\n\nMean ± standard deviation over {record['pictures']} drawings at "
    f"{record['size']}², {record['outputs']} outputs each, of {record['answers']} right answers."
  )


def other_sizes(records: Mapping[str, Any], kinds: Sequence[str]) -> str:
  """Says which rows of the ranking are of pictures of another size, damaged with other strengths.

  Args:
    records: all of them, with pictures of the kinds.
    kinds: of pictures.

  Returns:
    A few sentences; "" where all is measured at one size.
  """
  sentences = []
  for kind in kinds:
    beside, own = records[f"pictures-{kind}"], records.get(f"translations-{kind}")
    if own is not None and own["size"] != beside["size"]:
      there, here = _strengths(beside), _strengths(own)
      others = [
        f"{DAMAGES[key].title} {text} rather than {there[key]}"
        for key, text in here.items()
        if there.get(key, text) != text
      ]
      sentences.append(
        f"Content of {SHORT[kind]} is measured on {own['pictures']} at {own['size']}², the rows "
        f"above it on {beside['pictures']} at {beside['size']}², with strengths chosen at each "
        f"size{': ' if others else ''}{', '.join(others)}."
      )
    several = records.get(f"outputs-{kind}")
    if several is not None and several["size"] != beside["size"]:
      sentences.append(
        f"Several outputs are of {several['pictures']} {SHORT[kind]} at {several['size']}², with "
        "strengths of their own."
      )
  return " ".join(sentences)


def _strengths(record: Mapping[str, Any]) -> dict[str, str]:
  """By damage, how strong it is at the compared PSNR, in words."""
  return {
    level["damage"]: DAMAGES[level["damage"]].unit.format(level["strength"])
    for level in record["levels"]
    if level["asked"] == compared(record["psnrs"])
  }


def _damage(level: dict[str, Any]) -> list[str]:
  return [strength(level), f"{level['decibels']:.1f} dB"]


def _floor(record: dict[str, Any], names: Any) -> list[str]:
  return [number(record["floor"][name][0]) for name in names]
