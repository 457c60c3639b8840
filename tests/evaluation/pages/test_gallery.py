"""The page: what is chosen, what is escaped, that nothing is fetched."""

import json
import re
from html.parser import HTMLParser

import numpy as np

from imtrans.evaluation.figures import picture_figure
from imtrans.evaluation.judges.judge import Score
from imtrans.evaluation.judges.pairs import Result
from imtrans.evaluation.pages.gallery import Card, Section, choose_shown, make_card, write_gallery


def _card(name, l1=None):
  figures = {} if l1 is None else {"l1": l1, "psnr": 20.0, "ssim": 0.5}
  return Card(name, [("source", "data:,"), ("output", "data:,")], figures)


def _scores(**values):
  return [
    Score(picture_figure(name, [value]), of, "ab")
    for of, figures in values.items()
    for name, value in zip(("l1", "psnr", "ssim"), figures, strict=True)
  ]


def _write(tmp_path, **changes):
  arguments = {
    "title": "T",
    "sections": [Section("ab", [_card("one", 0.25)], 1)],
    "scores": _scores(model=(0.05, 20.0, 0.8), baseline=(0.1, 15.0, 0.5)),
    "directions": ["ab"],
    "log": tmp_path / "log.jsonl",
    "config": {"seed": 3, "data": {"source": "folders", "path": ""}},
    "protocol": {"checkpoint": "best/7", "step": 7, "seed": 0},
  }
  path = tmp_path / "index.html"
  write_gallery(path, **(arguments | changes))
  return path.read_text()


class _Balance(HTMLParser):
  """Counts elements that are opened and closed in the wrong order."""

  VOID = ("meta", "img", "input")

  def __init__(self):
    super().__init__()
    self.open, self.wrong = [], []

  def handle_starttag(self, tag, attrs):
    if tag not in self.VOID:
      self.open.append(tag)

  def handle_startendtag(self, tag, attrs):
    pass

  def handle_endtag(self, tag):
    if not self.open or self.open.pop() != tag:
      self.wrong.append(tag)


def _with_log(tmp_path):
  lines = [{"step": s, "generator/l1": 1.0 / s, "eval/l1": 0.1, "d/x": -s} for s in range(1, 40)]
  (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, lines)))


def test_the_page_is_whole_and_fetches_nothing(tmp_path):
  _with_log(tmp_path)
  page = _write(tmp_path)
  parser = _Balance()
  parser.feed(page)
  assert parser.open == [] and parser.wrong == []
  assert not re.search(r'(src|href)="(?!data:|#)', page)
  assert "url(" not in page and "@import" not in page
  assert "prefers-color-scheme: dark" in page and "width=device-width" in page


def test_the_page_shows_model_beside_baseline(tmp_path):
  page = _write(tmp_path)
  assert "0.0500" in page and "0.1000" in page
  assert "50 % below the copied source" in page
  assert "5.00 dB above the copied source" in page
  assert 'class="worse"' not in page
  assert "0.3000 above the copied source" in page


def test_a_model_that_loses_is_not_praised(tmp_path):
  scores = _scores(model=(0.2, 10.0, 0.1), baseline=(0.1, 15.0, 0.5))
  page = _write(tmp_path, scores=scores)
  assert 'class="better"' not in page
  assert "100 % above the copied source" in page


def test_a_spread_is_explained_where_there_is_one(tmp_path):
  several = [Score(picture_figure("l1", [0.1, 0.2]), "model", "ab")]
  page = _write(tmp_path, scores=several)
  assert "0.1500 ± 0.0500" in page and "± standard error over pictures" in page
  assert "±" not in _write(tmp_path, scores=several[:0] + _scores(model=(0.05, 20.0, 0.8)))


def test_hostile_names_are_escaped(tmp_path):
  bad = '"><script>alert(1)</script>'
  page = _write(
    tmp_path,
    title=bad,
    sections=[Section("ab", [_card(bad, 0.1)], 1)],
    config={"data": {"source": bad}},
    notes=[bad],
  )
  assert "<script>alert" not in page


def test_credits_of_the_drawings(tmp_path):
  page = _write(tmp_path, config={"data": {"source": "openmoji"}})
  assert "Drawings: OpenMoji, CC BY-SA 4.0, openmoji.org" in page
  assert "OpenMoji" not in _write(tmp_path)


def test_curves_come_from_the_log(tmp_path):
  assert "Curves" not in _write(tmp_path)
  _with_log(tmp_path)
  page = _write(tmp_path)
  assert "generator/l1 by step" in page and "d/x by step" in page
  assert page.count('<div class="log">') == 2  # Not of what is negative.
  assert page.count('<polyline class="raw"') == 3  # Noisy curves only, not the evaluation.
  assert page.count('class="baseline" x1="52"') == 2


def test_few_cards_are_all_shown_and_of_many_the_extremes():
  figures = [{"l1": abs(index - 500) / 1000} for index in range(1000)]
  assert choose_shown(figures[:30], limit=30) == list(range(30))
  chosen = choose_shown(figures, limit=50)
  assert len(set(chosen)) == 50 and chosen == sorted(chosen)
  assert {498, 499, 500, 501, 502} <= set(chosen)
  assert {0, 1, 2, 998, 999} & set(chosen) >= {0, 1, 999}
  assert len(choose_shown([{}] * 100, limit=10)) == 10


def test_a_card_embeds_what_there_is():
  image = np.zeros((4, 4, 3), np.float32)
  card = make_card(Result("n", image, image, None, {}))
  assert [name for name, _ in card.pictures] == ["source", "output"]
  assert all(uri.startswith("data:image/png") for _, uri in card.pictures)
