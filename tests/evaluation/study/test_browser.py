"""The page in a browser: what is seen for how long, and what comes back."""

import re
import shutil

import numpy as np
import pytest

from imtrans.evaluation.study.judgement import MISTIMED, UNUSABLE, judge
from imtrans.evaluation.study.trials import PRACTICE, Settings
from tests.evaluation.study.parts import RED, picture_set, served

CHROMIUM = next(
  filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

SETTINGS = Settings(trials=4, practice=2, catch=0.25, exposure=0.05)
# Runs before the page's own callback of each frame: what it sees was on the screen until then.
WATCH = """
window.frames_seen = [];
(function watch(now) {
  const on = ["first", "second"].filter((id) => {
    const image = document.getElementById(id);
    return image && image.offsetParent && getComputedStyle(image).visibility === "visible";
  });
  if (on.length) window.frames_seen.push([now, ...on]);
  requestAnimationFrame(watch);
})(0);
"""


@pytest.fixture(scope="module")
def browser():
  with playwright.sync_playwright() as started:
    launched = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
    yield launched
    launched.close()


@pytest.fixture
def open_page(browser):
  """Opens pages of one visitor, and sees to it that nothing goes wrong in them."""
  contexts, problems = [], []

  def start(server, **options):
    context = browser.new_context(**options)
    context.set_default_timeout(20_000)
    contexts.append(context)
    page = context.new_page()
    page.add_init_script(WATCH)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.goto(server.url)
    return page

  start.problems = problems
  yield start
  for context in contexts:
    context.close()
  assert problems == []


def _asked(page):
  """Waits for the question."""
  page.wait_for_selector("#choose1:enabled")


def _answer(page, choice, number):
  """Answers a round, and goes on to the next one or to the end of practice."""
  _asked(page)
  page.keyboard.press(str(choice))
  if number < SETTINGS.practice:
    page.get_by_role("button", name="Next").click()


def test_a_whole_study_by_keyboard(tmp_path, open_page):
  settings = SETTINGS._replace(exposure=0.2)
  with served(tmp_path / "s.sqlite", settings) as (server, store):
    page = open_page(server)
    page.wait_for_selector("#welcome:visible")
    assert "0.2 seconds" in page.inner_text("#welcome")
    page.keyboard.press("Enter")  # The button has the focus.
    for number, key in enumerate(("1", "ArrowRight", "2", "ArrowLeft", "1", "2")):
      page.wait_for_selector("#round:visible")
      phase = f"Practice {number + 1} of 2" if number < 2 else f"Pair {number - 1} of 4"
      page.locator("#label", has_text=re.compile(f"^{phase}$")).wait_for()
      page.keyboard.press("1")  # Nothing is asked yet.
      _asked(page)
      assert not page.is_visible("#first") and not page.is_visible("#second")
      page.keyboard.press("x")
      page.keyboard.press("Control+1")
      page.wait_for_timeout(60)
      assert len([record for record in store.records() if record.answer]) == number
      page.keyboard.press(key)
      if number < 2:
        trial = store.trial(0, number).trial
        right = trial.generated_place == (1 if key == "1" else 2)
        page.wait_for_selector("#said.right:visible" if right else "#said.wrong:visible")
        assert page.inner_text("#said strong") == ("✓ Right" if right else "✗ Wrong")
        place = ("first", "second")[trial.generated_place - 1]
        assert f"The {place} one was the fake." in page.inner_text("#said")
        page.keyboard.press("Enter")
      if number == 1:
        page.wait_for_selector("#between:visible")
        assert "4 pairs that count" in page.inner_text("#between")
        page.keyboard.press("Enter")
    page.wait_for_selector("#done:visible")
    assert not page.locator("#said").is_visible()
    records = store.records()
    frames = page.evaluate("frames_seen")
  assert [record.answer.chosen for record in records] == [1, 2, 2, 1, 1, 2]
  assert [record.presentations for record in records] == [1] * 6
  assert all(0.05 < record.answer.response < 20 for record in records)
  _check_exposures(frames, records, settings.exposure)
  (session,) = judge(records, settings, threshold=0.0)
  assert session.verdict == "counted" or session.left_out  # On a machine that is very busy.


def _check_exposures(frames, records, exposure):
  """What was recorded is what was on the screen, and that is what was asked for."""
  recorded = [
    seconds for r in records for seconds in (r.answer.first_exposure, r.answer.second_exposure)
  ]
  assert all(len(frame) == 2 for frame in frames)  # Never both pictures at once.
  shown, start = [], 0
  for index in range(1, len(frames) + 1):
    if index == len(frames) or frames[index][1] != frames[start][1]:
      shown.append((frames[start][1], (frames[index - 1][0] - frames[start][0]) / 1000))
      start = index
  assert [name for name, _ in shown] == ["first", "second"] * len(records)
  # The frame in which a picture appears is the one before the first that the watcher sees.
  lags = [seconds - span for seconds, (_, span) in zip(recorded, shown, strict=True)]
  assert min(lags) >= -1e-3 and np.median(lags) < 0.05
  assert min(recorded) > exposure - 0.02
  assert abs(np.median(recorded) - exposure) < 0.02


def test_a_picture_that_stays_too_long_is_noted(tmp_path, open_page):
  stall = """
    (function wait() {
      if (!frames_seen.length) return requestAnimationFrame(wait);
      const end = performance.now() + 300;
      while (performance.now() < end);
    })();
  """
  settings = SETTINGS._replace(practice=0, trials=1, catch=0.0)
  with served(tmp_path / "s.sqlite", settings) as (server, store):
    page = open_page(server)
    page.wait_for_selector("#welcome:visible")
    assert "There is 1 pair." in page.inner_text("#rounds")
    page.evaluate(stall)
    page.click("#start")
    _asked(page)
    page.keyboard.press("1")
    page.wait_for_selector("#done:visible")
    (record,) = store.records()
  assert record.answer.first_exposure > 0.25 > record.answer.second_exposure
  (session,) = judge([record], settings, threshold=0.75)
  assert session.left_out == [MISTIMED] and session.verdict == UNUSABLE


def test_a_reload_goes_on_where_it_was(tmp_path, open_page):
  with served(tmp_path / "s.sqlite", SETTINGS) as (server, store):
    page = open_page(server)
    page.click("#start")
    _answer(page, 1, 0)
    _answer(page, 2, 1)
    page.click("#begin")
    _answer(page, 1, 2)
    _asked(page)
    page.reload()  # The fourth pair has been seen, not answered.
    page.get_by_text("You have answered 3 of 6 pairs.").wait_for()
    other = page.context.new_page()
    page.close()
    other.goto(server.url)
    other.click("#resume")
    for number in (3, 4, 5):
      _answer(other, 1, number)
    other.wait_for_selector("#done:visible")
    other.reload()
    other.wait_for_selector("#done:visible")
    assert [record.presentations for record in store.records()] == [1, 1, 1, 2, 1, 1]
    other.click("#another")
    other.click("#start")
    _asked(other)
    assert {record.participant for record in store.records()} == {0, 1}


def test_another_participant_in_the_same_browser(tmp_path, open_page):
  with served(tmp_path / "s.sqlite", SETTINGS) as (server, store):
    page = open_page(server)
    page.click("#start")
    _answer(page, 1, 0)
    page.reload()
    page.click("#other")
    page.click("#start")
    _asked(page)
    assert page.inner_text("#label") == "Practice 1 of 2"
    assert {record.participant for record in store.records()} == {0, 1}


def test_a_server_that_stops_loses_nothing(tmp_path, open_page):
  path = tmp_path / "s.sqlite"
  with served(path, SETTINGS) as (server, _):
    port = server.server_port
    page = open_page(server)
    page.click("#start")
    _answer(page, 1, 0)
    _asked(page)
  page.keyboard.press("2")  # To nobody.
  page.wait_for_selector("#trouble:visible")
  with served(path, SETTINGS, port=port) as (_, store):
    page.click("#again")
    page.wait_for_selector("#next:visible")
    assert [r.answer.chosen for r in store.records() if r.answer] == [1, 2]
    page.click("#next")
    page.click("#begin")
    for number in range(2, 6):
      _answer(page, 1, number)
    page.wait_for_selector("#done:visible")
    assert all(record.presentations == 1 for record in store.records())
  # The browser told the console that the server was gone; nothing else went wrong.
  assert all(
    "ERR_CONNECTION" in problem or "ERR_EMPTY" in problem for problem in open_page.problems
  )
  open_page.problems.clear()


def test_neither_page_nor_network_tells_which_is_real(tmp_path, open_page):
  with served(tmp_path / "s.sqlite", SETTINGS) as (server, store):
    page = open_page(server)
    replies, requests = [], []
    page.context.on("request", lambda request: requests.append(request.url))
    page.context.on("response", lambda reply: replies.append(reply))
    page.reload()
    page.click("#start")
    bodies, shapes = [], []
    for number in range(6):
      _asked(page)
      shapes.append(
        page.evaluate("['first', 'second'].map((id) => document.getElementById(id).outerHTML)")
      )
      taken = len(replies)
      page.keyboard.press("1")
      if number < 2:
        page.get_by_role("button", name="Next").click()
      if number == 1:
        page.click("#begin")
      page.wait_for_timeout(100)
      bodies += [
        reply.json()
        for reply in replies[taken:]
        if reply.url.endswith("/answer") and store.trial(0, number).trial.kind != PRACTICE
      ]
    page.wait_for_selector("#done:visible")
    assert bodies and all(set(body) == {"answered", "finished"} for body in bodies)
    assert all(url.startswith(server.url) for url in requests if not url.startswith("data:"))
    tokens = [url.rpartition("/")[2] for url in requests if "/picture/" in url]
    assert len(set(tokens)) == 12
    for first, second in shapes:
      plain = [re.sub(r'src="/picture/[\w-]{22}"', "", text) for text in (first, second)]
      assert plain[0].replace('id="first"', "") == plain[1].replace('id="second"', "")
    kept = page.evaluate("JSON.stringify([{...localStorage}, document.cookie])")
    assert re.fullmatch(r'\[\{"imtrans-study-[0-9a-f]{16}":"[\w-]{22}"\},""\]', kept)


@pytest.mark.parametrize("size", [(390, 844), (320, 568), (844, 390), (1280, 800)])
def test_everything_is_in_reach(tmp_path, open_page, size):
  """By touch, in the dark, on every screen: no scrolling in a round, buttons for a thumb."""
  width, height = size
  settings = SETTINGS._replace(practice=1, trials=2, catch=0.5)
  large = {"real": picture_set(6, side=600), "generated": {"ours": picture_set(6, RED, side=600)}}
  with served(tmp_path / "s.sqlite", settings, **large) as (server, store):
    page = open_page(
      server,
      viewport={"width": width, "height": height},
      has_touch=True,
      is_mobile=width < 1000,
      color_scheme="dark",
    )
    page.tap("#start")
    for number in range(3):
      _asked(page)
      scrolled = page.evaluate(
        "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
      )
      assert scrolled[0] <= width and scrolled[1] <= height
      stage, picture = (page.locator(name).bounding_box() for name in ("#stage", "#first"))
      for start, length in (("x", "width"), ("y", "height")):
        assert stage[start] <= picture[start] and picture[length] >= 150
        assert picture[start] + picture[length] <= stage[start] + stage[length]
      for name in ("#choose1", "#choose2"):
        box = page.locator(name).bounding_box()
        assert box["height"] >= 48 and box["y"] + box["height"] <= height
      page.tap("#choose2")
      if number == 0:
        page.tap("#next")
        page.tap("#begin")
    page.wait_for_selector("#done:visible")
    assert [record.answer.chosen for record in store.records()] == [2] * 3
