"""Every panel can be read by itself: what its axes are, what its lines and its marks are."""

import re

import pytest

from imtrans.analyses import ANALYSES

# How marks come about.
WORDS = re.compile(
  r"marks:|simulated|search|drawn|trained|fitted|quadrature|gradient|exact norm|iteration|the layer"
  r"|plans on grids"
)


def _named(label, ticks):
  """Whether an axis says what it shows, by its label or by words at its ticks."""
  words = [tick.get_text() for tick in ticks if "$" not in tick.get_text()]
  return bool(label) or any(character.isalpha() for word in words for character in word)


def _is_marks(line):
  return line.get_marker() not in ("None", "", None)


def _is_line(line):
  return line.get_linestyle() not in ("None", "", None)


@pytest.mark.parametrize("name", ANALYSES)
def test_axes_and_legends_of_a_paper_figure(name, papers):
  panels = papers(name).figure.axes
  both = 0
  for panel in panels:
    assert panel.get_title()
    assert _named(panel.get_xlabel(), panel.get_xticklabels()), panel.get_title()
    assert _named(panel.get_ylabel(), panel.get_yticklabels()), panel.get_title()

    drawn = [line for line in panel.lines if len(line.get_xdata()) > 1]
    marks = any(_is_marks(line) and not _is_line(line) for line in drawn)
    lines = any(_is_line(line) and not _is_marks(line) for line in drawn)
    if not (marks and lines):
      continue
    both += 1
    legend = panel.get_legend()
    assert legend is not None, panel.get_title()
    handles, texts = panel.get_legend_handles_labels()
    # That of an error bar is a container: its line comes first.
    handles = [handle[0] if isinstance(handle, tuple) else handle for handle in handles]
    handles = [handle for handle in handles if hasattr(handle, "get_marker")]
    title = legend.get_title().get_text()  # It may say so for all of them.
    assert "marks:" in title or any(map(_is_marks, handles)), panel.get_title()
    assert any(map(_is_line, handles)), panel.get_title()
    assert WORDS.search("; ".join([title, *texts])), panel.get_title()
  assert both  # Closed form and simulation, side by side in at least one of them.
