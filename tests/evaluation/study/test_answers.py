"""The database: nothing is lost, nothing is mixed."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from imtrans.evaluation.study.answers import Answer, create_store, open_store
from imtrans.evaluation.study.trials import Settings, Trial

PLAN = [
  Trial("practice", "r0", "g0", True),
  Trial("catch", "r1", "g1", False),
  Trial("scored", "r2", "g2", True),
]
ANSWER = Answer(2, 1.001, 0.999, 1.25)


def _description(methods=("ours",), **changes):
  settings = Settings()._replace(**changes)._asdict()
  pictures = {"pictures": 3, "digest": "d"}
  return {"settings": settings, "real": pictures, "methods": dict.fromkeys(methods, pictures)}


@pytest.fixture
def store(tmp_path):
  with create_store(tmp_path / "study.sqlite", _description()) as opened:
    yield opened


def _join(store):
  token = store.join(lambda number: ("ours", PLAN))
  return token, store.find(token).number


def test_an_answer_is_on_the_disk_at_once(store):
  token, number = _join(store)
  store.present(number, 0)
  store.answer(number, 0, ANSWER)
  with open_store(store.path) as other:  # While the first is open.
    assert other.find(token) == (0, "ours", 1, 3)
    first, second, _ = other.records()
    assert first.answer == ANSWER and first.trial == PLAN[0] and first.presentations == 1
    assert first.time.endswith("+00:00")
    assert second.answer is None and second.time is None and second.presentations == 0
    assert other.study == store.study and other.description == _description()


def test_answers_survive_a_killed_process(tmp_path):
  path = tmp_path / "study.sqlite"
  program = f"""
import os, signal, sys
sys.path.insert(0, {str(tmp_path)!r})
from pathlib import Path
from imtrans.evaluation.study.answers import Answer, create_store
from imtrans.evaluation.study.trials import Trial
store = create_store(Path({str(path)!r}), {_description()!r})
token = store.join(lambda number: ("ours", [Trial("scored", "r", "g", True)] * 3))
store.answer(0, 0, Answer(1, 1.0, 1.0, 2.0))
store._connection.execute("BEGIN IMMEDIATE")
store._connection.execute("UPDATE trials SET chosen = 2")
os.kill(os.getpid(), signal.SIGKILL)
"""
  done = subprocess.run([sys.executable, "-c", program], check=False)
  assert done.returncode == -9
  with open_store(path) as store:
    assert [record.answer for record in store.records()] == [Answer(1, 1.0, 1.0, 2.0), None, None]


def test_an_answer_is_never_overwritten(store):
  _, number = _join(store)
  store.answer(number, 0, ANSWER)
  store.answer(number, 0, ANSWER._replace(chosen=1))
  store.present(number, 0)
  record = store.trial(number, 0)
  assert record.answer == ANSWER and record.presentations == 0


def test_participants_have_numbers_and_secrets_of_their_own(store):
  with ThreadPoolExecutor(8) as pool:
    joined = list(pool.map(lambda _: _join(store), range(40)))
  tokens, numbers = zip(*joined, strict=True)
  assert len(set(tokens)) == 40 and sorted(numbers) == list(range(40))
  assert store.find("nobody") is None
  assert len(store.records()) == 120


def test_a_plan_that_fails_leaves_no_participant(store):
  def fail(number):
    raise RuntimeError("no plan")

  with pytest.raises(RuntimeError, match="no plan"):
    store.join(fail)
  assert store.records() == []
  assert _join(store)[1] == 0


def test_two_servers_of_one_database_do_not_mix(store):
  with open_store(store.path) as other:
    assert [_join(store)[1], _join(other)[1], _join(store)[1]] == [0, 1, 2]


def test_the_same_settings_go_on_and_others_are_refused(store):
  _join(store)
  with create_store(store.path, _description()) as again:
    assert again.study == store.study and len(again.records()) == 3
  with pytest.raises(ValueError) as caught:
    create_store(store.path, _description(trials=20, exposure=0.5))
  assert "exposure was 1.0, now 0.5; trials was 40, now 20" in str(caught.value)
  assert "another --database" in str(caught.value)
  with pytest.raises(ValueError, match=r"\(ours is missing; theirs is new\)"):
    create_store(store.path, _description(methods=["theirs"]))
  changed = _description()
  changed["real"] = {"pictures": 3, "digest": "e"}
  changed["methods"]["ours"] = {"pictures": 2, "digest": "d"}
  words = "the real pictures are others; the pictures of ours are others"
  with pytest.raises(ValueError, match=words):
    create_store(store.path, changed)


def test_settings_that_nobody_has_seen_bind_nobody(store):
  with create_store(store.path, _description(trials=20)) as again:
    assert again.description["settings"]["trials"] == 20


def _other_database(path):
  connection = sqlite3.connect(path)
  connection.execute("CREATE TABLE notes (text TEXT)")
  connection.commit()
  connection.close()


@pytest.mark.parametrize(
  "make", [lambda path: path.write_text("x" * 5000), _other_database, lambda path: path.mkdir()]
)
def test_other_files_are_refused_and_left_alone(tmp_path, make):
  path = tmp_path / "other.sqlite"
  make(path)
  before = None if path.is_dir() else path.read_bytes()
  for start in (open_store, lambda path: create_store(path, _description())):
    with pytest.raises(ValueError, match=r"other\.sqlite .*another --database"):
      start(path)
  assert before is None or path.read_bytes() == before


def test_a_missing_or_newer_or_damaged_database(tmp_path, store):
  with pytest.raises(ValueError, match="does not exist: name the database"):
    open_store(tmp_path / "absent.sqlite")
  connection = sqlite3.connect(store.path)
  connection.execute("DROP TABLE trials")
  connection.execute("UPDATE study SET version = 9")
  connection.commit()
  connection.close()
  with pytest.raises(ValueError, match="of version 9, this program reads 1"):
    open_store(store.path)
  with pytest.raises(ValueError, match="cannot be read"):
    store.records()
