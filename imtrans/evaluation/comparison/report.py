"""The files of a comparison: report.html, report.md and report.csv."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from imtrans.evaluation.comparison.page import MARK, page
from imtrans.evaluation.comparison.pictures import picture_sections
from imtrans.evaluation.comparison.protocols import protocol_sentences
from imtrans.evaluation.comparison.runs import EvaluatedRun, read_runs
from imtrans.evaluation.comparison.table import Table, figure_table
from imtrans.evaluation.comparison.text import comma_separated, markdown
from imtrans.training.files import write_atomically

PAGE, MARKDOWN, CSV = "report.html", "report.md", "report.csv"
TITLE_LENGTH = 70  # Characters; more names than fit are counted.


class Comparison(NamedTuple):
  """What was compared.

  runs: those that could be read.
  table: of their figures.
  sentences: what to know before comparing them.
  problems: (name of the run, or "" where a sentence names the file; what is wrong).
  """

  runs: list[EvaluatedRun]
  table: Table
  sentences: list[str]
  problems: list[tuple[str, str]]


def write_comparison(
  named: Mapping[str, Path], output: Path, *, group_seeds: bool = False, pictures: int = 24
) -> Comparison:
  """Puts evaluated runs side by side.

  Args:
    named: {name: folder of the run}, see `name_runs`.
    output: folder to write into; made if absent.
    group_seeds: adds means over runs that differ in their seed alone.
    pictures: how many test pictures to show of each direction at most; 0 shows none.

  Returns:
    What the files say. Runs that cannot be read are listed in it, and left out.

  Raises:
    ValueError: if no run can be read, or `output` holds files of somebody else.
    OSError: if a file cannot be written.
  """
  _check_free(output)
  runs, failures = read_runs(named)
  problems = list(failures.items())
  if not runs:
    raise ValueError(" ".join(text for _, text in problems))
  table = figure_table(runs, group_seeds=group_seeds)
  sentences = protocol_sentences(runs)
  sections, unreadable = picture_sections(runs, limit=pictures) if pictures else ([], [])
  problems += [("", text) for text in unreadable]
  title = _title(runs)
  texts = {"sentences": sentences, "problems": problems}
  files = {
    PAGE: page(title, runs, table, sections, **texts),
    MARKDOWN: markdown(title, runs, table, **texts),
    CSV: comma_separated(runs, table),
  }
  _make_folder(output)
  for name, text in files.items():
    write_atomically(output / name, text)
  return Comparison(runs, table, sentences, problems)


def _title(runs: Sequence[EvaluatedRun]) -> str:
  """The names of the runs if they fit into a heading."""
  names = [run.name for run in runs]
  joined = f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
  return joined if len(joined) <= TITLE_LENGTH else f"{len(names)} runs side by side"


def _check_free(output: Path) -> None:
  """Files that no report wrote must not be overwritten by one."""
  found = [name for name in (PAGE, MARKDOWN, CSV) if (output / name).exists()]
  if not found:
    return
  beginning = ""
  if PAGE in found:
    with (output / PAGE).open(encoding="utf-8", errors="replace") as file:
      beginning = file.read(1000)
  if f'content="{MARK} ' not in beginning:
    raise ValueError(
      f"{output / found[0]} is there, and no `imtrans report` wrote it: choose another --output."
    )


def _make_folder(output: Path) -> None:
  try:
    output.mkdir(parents=True, exist_ok=True)
  except OSError as error:
    raise ValueError(
      f"--output {output} cannot be made ({error.strerror}): name a folder that can."
    ) from None
