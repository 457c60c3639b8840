"""The tables of figures of translations, and of several outputs for one source."""

from typing import Any

from experiments.metrics.cells import NOT_RUN, cells, number, shown, strength, table
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


def _damage(level: dict[str, Any]) -> list[str]:
  return [strength(level), f"{level['decibels']:.1f} dB"]


def _floor(record: dict[str, Any], names: Any) -> list[str]:
  return [number(record["floor"][name][0]) for name in names]
