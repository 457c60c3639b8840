"""The tables of the README, written from results.json alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.metrics.answers import SHORT, changes, of_damage, of_missing, rankings
from experiments.metrics.cells import NOT_RUN, cells, number, shown, strength, table
from experiments.metrics.damage import DAMAGES, TOLERANCE, compared
from experiments.metrics.pictures import KINDS
from experiments.metrics.segmentation import BLURS, ITSELF, OTHER, SCORES
from experiments.metrics.sets import SEARCHED
from experiments.metrics.several import SEARCHED as SEARCHED_OUTPUTS
from experiments.metrics.translation_tables import (
  CONTENT_TITLE,
  OUTPUT_TITLES,
  other_sizes,
  outputs,
  translations,
)

Records = dict[str, dict[str, Any]]
EMPTY = {"psnrs": [0.0], "levels": []}  # Of what was not measured.

# How each figure is written, and which way is better.
TITLES = {
  "l1": "L1 ↓",
  "psnr": "PSNR ↑",
  "ssim": "SSIM ↑",
  "ms_ssim": "MS-SSIM ↑",
  "lpips_alex": "LPIPS alex ↓",
  "lpips_vgg": "LPIPS vgg ↓",
  "fd_alexnet": "FD alexnet ↓",
  "fd_vgg16": "FD vgg16 ↓",
  "kd_vgg16": "KD vgg16 ↓",
  "sliced_wasserstein_vgg16": "SW vgg16 ↓",
  "precision_vgg16": "precision ↑",
  "recall_vgg16": "recall ↑",
  "density_vgg16": "density ↑",
  "coverage_vgg16": "coverage ↑",
  "histogram_intersection_L": "L ↑",
  "histogram_intersection_a": "a ↑",
  "histogram_intersection_b": "b ↑",
}
PAIRED = ("l1", "psnr", "ssim", "ms_ssim", "lpips_alex", "lpips_vgg")
HOW = {  # Are pictures damaged.
  "pictures": "one by one",
  "sets": "as sets",
  "translations": "as translations",
  "outputs": "as several outputs",
}
SETS = tuple(name for name in TITLES if name not in PAIRED)
MODES = {
  "half": "a random half of them, each twice",
  "tenth": "a random tenth of them, each ten times",
  "darker": "the darker half of them, each twice",
}


def sections(records: Records) -> dict[str, str]:
  """Returns the text of every generated section of the README, by marker."""
  texts = {"references": _references(records.get("references"))}
  for part, write in (("pictures", _pictures), ("sets", _sets)):
    for kind in KINDS:
      texts[f"{part} {kind}"] = write(records.get(f"{part}-{kind}"))
  for kind in KINDS:
    texts[f"translations {kind}"] = translations(records.get(f"translations-{kind}"))
  texts["outputs openmoji"] = outputs(records.get("outputs-openmoji"))
  texts["files"] = _files(records)
  texts["reached"] = _reached(records)
  texts["rankings"], texts["answers"], texts["missing"] = _answers(records)
  scored = {key: r for key, r in records.items() if key.startswith("segmentation-")}
  ordered = sorted(scored.values(), key=lambda record: record["size"])
  texts["segmentation"] = "\n\n".join(map(_segmentation, ordered)) or NOT_RUN
  texts["origin"] = _origin(records)
  return texts


def _references(record: dict[str, Any] | None) -> str:
  if record is None:
    return NOT_RUN
  rows = [
    [
      row["figure"],
      ", ".join(f"{value:.6g}" for value in row["ours"]),
      ", ".join(f"{value:.6g}" for value in row["theirs"]),
      f"{row['difference']:.1e}",
      f"{row['package']} {row['version']}: {row['reference']}",
    ]
    for row in record["rows"]
  ]
  real, fake, dimension = record["features"]
  text = (
    f"Metrics of one picture: {record['pictures']} OpenMoji drawings at {record['size']}² and the "
    "same ones damaged, each in one of the ways below; the values are means, the difference is the "
    f"largest of any picture. Of sets: {dimension} AlexNet features of {real} drawings and of "
    f"{fake} noisy ones. Inception looks at {record['seen'][0]} drawings of {record['seen'][1]}² "
    "and at as many noisy ones; its weights are made up and read from a file, so that all from the "
    "file to the figures is compared, the resize of clean-fid included. With trained weights these "
    "figures would have other values and the names FID and KID."
  )
  left_out = [
    f"{', '.join(figures)} (`{package}`)" for package, figures in record["left_out"].items()
  ]
  if left_out:
    text += f" Left out, as the reference is not installed: {'; '.join(left_out)}."
  return f"{table(('figure', 'imtrans', 'reference', 'difference', 'by'), rows)}\n\n{text}"


def _pictures(record: dict[str, Any] | None) -> str:
  if record is None:
    return NOT_RUN
  titles = ("damage", "PSNR of the mean error", *(TITLES[name] for name in PAIRED))
  rows = [
    [strength(level), f"{level['decibels']:.1f} dB", *cells(level["figures"], PAIRED)]
    for level in shown(record)
  ]
  return (
    f"{table(titles, rows)}\n\nMean ± standard deviation over {record['pictures']} pictures at "
    f"{record['size']}²."
  )


def _sets(record: dict[str, Any] | None) -> str:
  if record is None:
    return NOT_RUN
  titles = ("second half", "PSNR", *(TITLES[name] for name in SETS))
  rows = [["**as it is: the noise floor**", "–", *cells(record["floor"], SETS)]]
  rows += [[MODES[name], "–", *cells(record["modes"][name], SETS)] for name in MODES]
  rows += [
    [strength(level), f"{level['decibels']:.1f} dB", *cells(level["figures"], SETS)]
    for level in shown(record)
  ]
  return (
    f"{table(titles, rows)}\n\nMean ± standard deviation over {record['halvings']} random "
    f"halvings of the same pictures, {record['pictures']} a half, at {record['size']}². L, a, b: "
    f"intersection of the histograms.{_few(record)}"
  )


def _few(record: dict[str, Any]) -> str:
  """Says which distances are of fewer pictures than features, and how kernel distances are made."""
  count, features, kernel = record["pictures"], record["features"], record["kernel"]
  few = [f"{total} of {name}" for name, total in features.items() if total >= count]
  text = ""
  if few:
    text += (
      f" Fréchet distances (FD) are of {count} pictures a half, fewer than there are features "
      f"({', '.join(few)}): the covariances lack full rank and the distances are too large, as the "
      "noise floor shows. They can be compared with each other, not with those of other numbers of "
      "pictures."
    )
  return text + (
    f" The kernel distance (KD) is the mean over {kernel['num_subsets']} random subsets of "
    f"{kernel['subset_size']} pictures of each half."
  )


def _files(records: Records) -> str:
  """Says which pictures were measured, and what had been done to them before."""
  lines = []
  for part, how in (("pictures", "one by one"), ("sets", "as sets")):
    for kind in KINDS:
      if (record := records.get(f"{part}-{kind}")) is not None:
        count = record["pictures"] * (2 if part == "sets" else 1)
        lines.append(f"{count} {KINDS[kind]} at {record['size']}² {how}")
  text = f"Measured: {'; '.join(lines)}." if lines else NOT_RUN
  found = records.get("files")
  if found is None:
    return text
  own = "--photos" in found["command"]
  whose = "of the reader's folder" if own else "of CMP Facades, domain A,"
  paired, sets = ("; ".join(_counted(found[use]["files"])) for use in ("paired", "sets"))
  return (
    f"{text} The photographs are those {whose} spread evenly over the {found['of']} of the "
    "training split (`results.json` lists them). They are files that were compressed "
    f"before: {paired} among those measured one by one, {sets} among the sets. What that took from "
    "them is counted as undamaged. The test photographs, which the third question needs, are "
    f"{'; '.join(_counted(found['test files']))}."
  )


def _counted(files: dict[str, int]) -> list[str]:
  """Files by format, the qualities of JPEG together."""
  kinds: dict[str, list[tuple[int, int]]] = {}
  for title, count in files.items():
    kind, _, quality = title.partition(", quality ")
    kinds.setdefault(kind, []).append((int(quality or 0), count))
  texts = []
  for kind, found in kinds.items():
    low, high = min(found)[0], max(found)[0]
    words = "" if not high else f" of quality {low}" + (f" to {high}" if high > low else "")
    texts.append(f"{sum(count for _, count in found)} {kind}{words}")
  return texts


def _reached(records: Records) -> str:
  """Says how equal the errors are that were to be equal, and which damages do not cost so much."""
  shown = {
    f"{SHORT[kind]} {how}": records[f"{part}-{kind}"]
    for part, how in HOW.items()
    for kind in KINDS
    if f"{part}-{kind}" in records
  }
  if not shown:
    return NOT_RUN
  asked = compared(next(iter(shown.values()))["psnrs"])
  ranges, absent, widest = [], [], 0.0
  for where, record in shown.items():
    found = [level["decibels"] for level in record["levels"] if level["asked"] == asked]
    ranges.append(f"{where} {min(found):.2f} to {max(found):.2f}")
    widest = max(widest, max(found) - min(found))
    for psnr in record["psnrs"]:
      there = {level["damage"] for level in record["levels"] if level["asked"] == psnr}
      measured = dict.fromkeys(level["damage"] for level in record["levels"])
      missing = [DAMAGES[damage].title for damage in measured if damage not in there]
      absent += [f"{', '.join(missing)} at {psnr:.0f} dB ({where})"] if missing else []
  apart = 100.0 * (10.0 ** (0.1 * widest) - 1.0)
  text = (
    f"Asked for {asked:.0f} dB the damages reached, in dB: {', '.join(ranges)}; so mean squared "
    f"errors of one table differ by up to {apart:.0f} %. Strengths for sets are chosen by every "
    f"{SEARCHED}th picture, those for several outputs by every {SEARCHED_OUTPUTS}th output; a "
    "quality of JPEG is a whole number."
  )
  return text + (
    f" Not there, as no strength comes within {TOLERANCE:g} dB: {'; '.join(absent)}."
    if absent
    else ""
  )


def _answers(records: Records) -> tuple[str, str, str]:
  """Rankings of damages by every figure, every damage in words, and who sees missing pictures."""
  kinds = [k for k in KINDS if f"pictures-{k}" in records and f"sets-{k}" in records]
  if not kinds:
    return NOT_RUN, NOT_RUN, NOT_RUN
  # At equal error L1 and PSNR say little that is not so by construction.
  paired = {name: TITLES[name] for name in PAIRED if name != "psnr"}
  titles = {name: TITLES[name] for name in SETS}
  pictures = {kind: changes(records[f"pictures-{kind}"], paired) for kind in kinds}
  for kind in kinds:
    pictures[kind] |= changes(records.get(f"translations-{kind}", EMPTY), CONTENT_TITLE)
  paired |= CONTENT_TITLE
  sets = {kind: changes(records[f"sets-{kind}"], titles) for kind in kinds}
  several = {kind: changes(records.get(f"outputs-{kind}", EMPTY), OUTPUT_TITLES) for kind in kinds}
  rows = rankings(pictures, paired) + rankings(sets, titles) + rankings(several, OUTPUT_TITLES)
  ranked = table(("figure", *(SHORT[kind] for kind in kinds)), rows)
  ranked = "\n\n".join(filter(None, (ranked, other_sizes(records, kinds))))
  names = {key: spec.title for key, spec in DAMAGES.items()} | MODES
  lines = []
  for key, title in names.items():
    text = of_damage(key, pictures, sets, {**paired, **titles})
    lines.append(f"* **{title[0].upper()}{title[1:]}.** {text}" if text else "")
  modes = list(MODES)
  missing = f"Missing pictures, here {MODES[modes[0]]}: {of_missing(sets, titles, modes)}"
  return ranked, "\n".join(filter(None, lines)), missing


def _segmentation(record: dict[str, Any]) -> str:
  titles = ("shown in the place of the test photographs", *(n.replace("_", " ") for n in SCORES))
  rows = [
    [title, *(number(*_mean(scores[name])) for name in SCORES)]
    for title, scores in record["scores"].items()
  ]
  guess = record["one class"]
  rows.append(["(no segmenter: the most common class)", *(number(guess[name]) for name in SCORES)])
  training, seeds = record["protocol"]["segmenter"], record["seeds"]
  count = record["pictures"]
  several = f"Mean ± standard deviation over {len(seeds)} segmenters (seeds"
  who = several if len(seeds) > 1 else "One segmenter (seed"
  minutes = max(record["processor_seconds"]) / 60.0
  return (
    f"At {record['size']}²:\n\n{table(titles, rows)}\n\n"
    f"{who} {', '.join(map(str, seeds))}), {count['train']} training and "
    f"{count['test']} test pairs at {record['size']}². {training['network']}; "
    f"{training['num_steps']} steps of {training['batch_size']} pictures, {minutes:.0f} minutes "
    f"of processor time for a segmenter. {_scale(record)}"
  )


def _scale(record: dict[str, Any]) -> str:
  """What the ends of the scale are, in words."""
  real, other, blurred = (
    {name: _mean(record["scores"][title][name])[0] for name in SCORES}
    for title in (ITSELF, OTHER, f"blurred, σ = {BLURS[1]:g} px")
  )
  guess = record["one class"]
  unsure = " (one seed, spread unknown)" if len(record["seeds"]) == 1 else ""
  return (
    f"So a pixel accuracy of {number(real['pixel_accuracy'])}, not 1, is what photographs reach "
    f"that fit their labels perfectly, and {number(other['pixel_accuracy'])}, not 0, what "
    f"photographs reach that have nothing to do with them; class IoU goes from "
    f"{number(other['class_iou'])} to {number(real['class_iou'])} between the two{unsure}. A "
    f"generator below {number(blurred['pixel_accuracy'])} is judged worse than real photographs "
    f"blurred by {BLURS[1]:g} pixels{unsure}. To answer the commonest class everywhere gives a "
    f"pixel accuracy of {number(guess['pixel_accuracy'])} and a class IoU of "
    f"{number(guess['class_iou'])}: the latter tells more."
  )


def _origin(records: Records) -> str:
  """Returns the commands, how long they took, machine, versions and date."""
  runs = [(key, run) for key, r in records.items() for run in (r, *r.get("reruns", ()))]
  lines = []
  for command in sorted({run["command"] for _, run in runs}):
    of_it = [(key, run) for key, run in runs if run["command"] == command]
    took = ", ".join(f"{key} {run['seconds']:.0f} s" for key, run in of_it)
    newest = max((run for _, run in of_it), key=lambda run: run["date"])
    versions = ", ".join(f"{name} {found}" for name, found in newest["versions"].items())
    commits = dict.fromkeys(_commit(run["commit"]) for _, run in of_it if "commit" in run)
    code = f"; {' and '.join(commits)}" if commits else ""
    lines.append(
      f"`{command}`: {took}. {newest['machine']}; Python {newest['python']}, {versions}{code}; "
      f"{newest['date']}."
    )
  return "\n\n".join(lines) or NOT_RUN


def _commit(code: str) -> str:
  """Names the code of a run: what `provenance` says of it, in short."""
  commit, _, changes = code.partition("+")
  return f"commit {commit[:12]}{' with changes' if changes else ''}"


def _mean(values: Sequence[float]) -> tuple[float, float | None]:
  return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None
