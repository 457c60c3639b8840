"""The gallery: one HTML file that shows what a run makes, and can be sent alone.

Pictures are embedded, styles and scripts are inside, nothing is fetched: it opens from a disk, a
mail or a phone. The page is `gallery.html`; here is what goes into it.
"""

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any, NamedTuple

from imtrans.evaluation.judges.judge import Score
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.pages.curves import series_from_log
from imtrans.evaluation.pages.gallery_parts import (
  NAMES,
  alarm_rows,
  curve_groups,
  figure_table,
  figure_tiles,
  setting_groups,
)
from imtrans.evaluation.pages.previews import data_uri, preview
from imtrans.evaluation.pages.style import render_page
from imtrans.evaluation.quantities import Quantity, quantity, rank
from imtrans.training.files import write_atomically

PAGE = Path(__file__).with_name("gallery.html")
CREDITS = {"openmoji": "Drawings: OpenMoji, CC BY-SA 4.0, openmoji.org"}


class Card(NamedTuple):
  """One picture of the gallery: titled `data:` URIs side by side, with their figures."""

  name: str
  pictures: list[tuple[str, str]]
  figures: dict[str, float]


class Section(NamedTuple):
  """The cards of one direction, and how many pictures they were chosen from."""

  direction: str
  cards: list[Card]
  total: int

  @property
  def title(self) -> str:
    """The direction in words."""
    return NAMES[self.direction]

  @property
  def quantities(self) -> list[Quantity]:
    """What the cards have figures of, in the order of tables."""
    names = dict.fromkeys(name for card in self.cards for name in card.figures if "/" not in name)
    return [quantity(name) for name in sorted(names, key=rank)]

  @property
  def caption(self) -> str:
    """Says how many pictures are shown, and which."""
    if len(self.cards) == self.total:
      return f"all {self.total} test pictures" if self.total != 1 else "the one test picture"
    chosen = (
      "the best, the worst and an even choice of the others" if self.quantities else "evenly chosen"
    )
    return f"{len(self.cards)} of {self.total} test pictures: {chosen}; all are saved as files"


def make_card(result: Result, *, source: bool = True) -> Card:
  """Embeds a result's pictures.

  Args:
    result: of `evaluate_pairs`.
    source: whether to show the source.

  Returns:
    Its card: source, output and, where known, target.
  """
  pictures = {"source": result.source, "output": result.output, "target": result.target}
  if not source:
    del pictures["source"]
  uris = [(name, data_uri(preview(im))) for name, im in pictures.items() if im is not None]
  return Card(result.name, uris, result.figures)


def choose_shown(figures: Sequence[Mapping[str, float]], *, limit: int = 120) -> list[int]:
  """Chooses what to show of many pictures, so that the page stays small enough to send.

  Args:
    figures: of all pictures of one direction.
    limit: how many to keep at most.

  Returns:
    Indices in increasing order: all of them if they are few. Otherwise a tenth of the limit with
    the smallest first figure, a tenth with the largest, and the rest evenly spaced.
  """
  if len(figures) <= limit:
    return list(range(len(figures)))
  scored = [index for index, own in enumerate(figures) if own]
  scored.sort(key=lambda index: next(iter(figures[index].values())))
  extreme = limit // 10 if scored else 0
  kept = set(scored[:extreme]) | set(scored[len(scored) - extreme :])
  others = [index for index in range(len(figures)) if index not in kept]
  room = limit - len(kept)
  kept |= {others[index * len(others) // room] for index in range(room)}
  return sorted(kept)


def write_gallery(
  path: Path,
  *,
  title: str,
  sections: Sequence[Section],
  scores: Sequence[Score],
  directions: Sequence[str],
  log: Path,
  config: Mapping[str, Any],
  protocol: Mapping[str, Any],
  notes: Sequence[str] = (),
) -> None:
  """Writes the page.

  Args:
    path: the HTML file.
    title: its heading.
    sections: pictures by direction.
    scores: the figures; none where nothing could be measured.
    directions: "ab" and "ba" in the order of the run.
    log: the run's log.jsonl; a missing one leaves the curves out.
    config: the run's config as nested dicts.
    protocol: how the figures were measured; checkpoint, step and others are shown at the top.
    notes: sentences that a reader must see, such as why there are no figures.
  """
  page = render_page(
    PAGE,
    title=title,
    facts=[
      ("checkpoint", protocol["checkpoint"]),
      ("step", f"{protocol['step']:,}"),
      ("test pictures", " + ".join(str(section.total) for section in sections)),
    ],
    notes=list(notes),
    tiles=figure_tiles(scores, directions),
    table=figure_table(scores, directions),
    sections=[section for section in sections if section.cards],
    alarms=alarm_rows(log),
    groups=curve_groups(series_from_log(log), scores, directions[0]),
    settings=setting_groups(config, protocol),
    credits=[text for source, text in CREDITS.items() if source == config["data"]["source"]],
    version=package_version("imtrans"),
  )
  write_atomically(path, page)


def package_version(name: str) -> str:
  """Returns the installed version of a package, or "unknown" (such as in a source tree)."""
  try:
    return installed_version(name)
  except PackageNotFoundError:
    return "unknown"
