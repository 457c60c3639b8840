"""Styles in one place: every page takes them in, and none has its own copy."""

from pathlib import Path

import jinja2
import pytest

from imtrans.evaluation.pages.style import FOLDER, render_page, with_base_style
from imtrans.evaluation.study.server import load_page

STUDY = FOLDER.parent / "study" / "study.html"
PAGES = [FOLDER / "gallery.html", FOLDER.parent / "comparison" / "comparison.html"]


def test_a_page_escapes_what_goes_in_and_takes_in_the_styles(tmp_path):
  (tmp_path / "page.html").write_text('<style>{% include "base.css" %}</style><p>{{ text }}</p>')
  page = render_page(tmp_path / "page.html", text="<b>")
  assert "--page: #f6f6f4" in page and "<p>&lt;b&gt;</p>" in page
  with pytest.raises(jinja2.UndefinedError):
    render_page(tmp_path / "page.html")


def test_the_page_of_the_study_has_the_same_base():
  page, policy = load_page()
  base = (FOLDER / "base.css").read_text().strip()
  assert base in page.decode() and "sha256-" in policy
  with pytest.raises(ValueError, match="one place"):
    with_base_style("<style></style>")


@pytest.mark.parametrize("path", [*PAGES, STUDY], ids=lambda p: p.stem)
def test_no_page_repeats_a_shared_rule(path: Path):
  shared = "".join((FOLDER / name).read_text() for name in ("base.css", "report.css"))
  rules = {line.strip() for line in shared.splitlines() if "{" in line and "}" in line}
  assert len(rules) > 20
  own = {line.strip() for line in path.read_text().splitlines()}
  assert not rules & own
