"""`imtrans study` from its arguments to its files."""

import argparse
import csv
import json
import os
import re
import signal
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from imtrans.commands import study
from imtrans.commands.study_pictures import method_folders
from imtrans.data import read_image, write_image
from imtrans.evaluation.study import StudyServer, open_store
from imtrans.training.config import default_config, save_config
from tests.evaluation.study.parts import play

SHORT = ("--trials", "4", "--practice", "1", "--catch", "0.25")


def run(*words):
  parser = argparse.ArgumentParser()
  study.add_arguments(parser)
  study.run(parser.parse_args([str(word) for word in words]))


def fill(folder, count=12, *, side=16, seed=0):
  folder.mkdir(parents=True, exist_ok=True)
  random = np.random.default_rng(seed)
  for index in range(count):
    picture = random.integers(0, 256, (side, side, 3), np.uint8)
    write_image(folder / f"{index}.png", picture)
  return folder


@pytest.fixture
def folders(tmp_path):
  return fill(tmp_path / "real"), fill(tmp_path / "made", seed=1)


@pytest.fixture
def visited(monkeypatch):
  """Instead of serving, does what `visitor` is set to, and is then interrupted."""
  seen = SimpleNamespace(visitor=lambda sessions: None, url=None)

  def serve_forever(self):
    seen.url = self.url
    seen.visitor(self.sessions)
    raise KeyboardInterrupt

  monkeypatch.setattr(StudyServer, "serve_forever", serve_forever)
  return seen


def _serve(folders, database, *words):
  real, made = folders
  places = ("--real", real, "--generated", made, "--database", database, "--port", 0)
  run("serve", *places, *SHORT, *words)


# A suite that was started in the background ignores interrupts, and passes that on.
INTERRUPTIBLE = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


def test_the_command_line_from_page_to_report(tmp_path, folders):
  real, made = folders
  other = fill(tmp_path / "other" / "images", seed=2)
  database = tmp_path / "new" / "study.sqlite"
  command = [sys.executable, "-c", INTERRUPTIBLE, "-m", "imtrans", "study", "serve"]
  command += [
    "--real",
    real,
    "--generated",
    f"ours={made}",
    other,
    "--database",
    database,
    "--port",
    "0",
    *SHORT,
  ]
  process = subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True)
  try:
    lines = [process.stdout.readline() for _ in range(3)]
    assert lines[0] == "12 real pictures; generated: 12 of ours, 12 of other\n"
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)/", lines[2])[1])
    server = SimpleNamespace(server_port=port)
    with open_store(database) as store:
      for _ in range(3):
        play(server, store, lambda trial, position: trial.generated_place, exposure=1.0)
      play(server, store, lambda trial, position: 3 - trial.generated_place, exposure=1.0)
    assert process.stdout.readline() == "participant 0 has finished\n"
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[0]
    assert process.returncode == 0 and "imtrans study report --database" in rest
  finally:
    process.kill()
    process.communicate()
  done = subprocess.run(
    [sys.executable, "-m", "imtrans", "study", "report", "--database", database],
    capture_output=True,
    text=True,
    check=True,
    env={**os.environ, "COLUMNS": "80"},
  )
  assert "taken for real" in done.stdout and "0.0 %" in done.stdout
  assert "1 failed catch trials" in " ".join(done.stdout.replace("│", " ").split())
  record = json.loads((database.parent / "study_report.json").read_text())
  assert [row["method"] for row in record["methods"]] == ["ours", "other"]
  assert sum(row["participants"] for row in record["methods"]) == 3
  assert {row["fooling_rate"] for row in record["methods"]} == {0.0}
  with (database.parent / "study_answers.csv").open() as file:
    assert len(list(csv.DictReader(file))) == 4 * 5


def test_a_run_compares_its_outputs_with_its_test_pictures(tmp_path, pictures, visited, capsys):
  run_folder = tmp_path / "facades"
  config = default_config()
  config.generator.name = "resnet"
  config.data.update(path=str(pictures), load_size=16, crop_size=16, direction="ba")
  fill(run_folder / "images", 4)
  save_config(config, run_folder / "config.json")
  shown = {}

  def visitor(sessions):
    participant = sessions.join()["participant"]
    for token in sessions.round(participant)["pictures"]:
      (tmp_path / "shown.png").write_bytes(sessions.picture(token))
      shown[token] = read_image(tmp_path / "shown.png")

  visited.visitor = visitor
  words = ("--workdir", run_folder, "--port", 0, "--trials", 2, "--practice", 0, "--catch", 0)
  run("serve", *words)
  assert "4 real pictures; generated: 4 of facades" in capsys.readouterr().out
  with open_store(run_folder / "study.sqlite") as store:
    trial = store.records()[0].trial
  # Direction b to a: the real pictures are those of domain a, resized as in the evaluation.
  real = list(shown.values())[2 - trial.generated_place]
  made = list(shown.values())[trial.generated_place - 1]
  np.testing.assert_array_equal(made, read_image(run_folder / "images" / f"{trial.generated}.png"))
  original = read_image(pictures / "testA" / f"{trial.real}.png")
  assert real.shape == (16, 16, 3)
  assert abs(real.astype(float).mean() - original.mean()) < 5


def test_settings_are_remembered(tmp_path, folders, visited, capsys):
  database = tmp_path / "study.sqlite"
  visited.visitor = lambda sessions: sessions.join()
  _serve(folders, database)
  _serve(folders, database)
  assert f"open {visited.url}" in capsys.readouterr().out
  with pytest.raises(ValueError, match=r"exposure was 1\.0, now 0\.5"):
    _serve(folders, database, "--exposure", 0.5)
  write_image(folders[1] / "0.png", np.zeros((16, 16, 3), np.uint8))
  with pytest.raises(ValueError, match="the pictures of made are others"):
    _serve(folders, database)


def test_unreadable_pictures_are_named_and_left_out(tmp_path, folders, visited, capsys):
  (folders[0] / "3.png").write_bytes(b"no picture")
  _serve(folders, tmp_path / "study.sqlite")
  said = capsys.readouterr()
  assert f"left out: {folders[0] / '3.png'} cannot be read as an image" in said.err
  assert "11 real pictures" in said.out
  for index in range(9):
    (folders[0] / f"{index}.png").write_bytes(b"")
  with pytest.raises(ValueError, match="5 real and 5 generated pictures under 10 different names"):
    _serve(folders, tmp_path / "study.sqlite")


def test_the_page_is_opened_if_asked(tmp_path, folders, visited, monkeypatch):
  opened = []
  monkeypatch.setattr("webbrowser.open", opened.append)
  _serve(folders, tmp_path / "study.sqlite")
  assert opened == []
  _serve(folders, tmp_path / "study.sqlite", "--open")
  assert opened == [visited.url]


def test_bad_input_is_one_sentence(tmp_path, folders, visited):
  real, made = folders
  database = tmp_path / "study.sqlite"
  cases = {
    "name a run by --workdir, or folders": ("serve", "--port", 0),
    "--real goes with --generated": ("serve", "--real", real, "--port", 0),
    "give one of them": ("serve", "--workdir", _run_folder(tmp_path), "--real", real, "--port", 0),
    "holds no run: config.json is missing": ("serve", "--workdir", tmp_path, "--port", 0),
    "is no folder": ("serve", "--real", tmp_path / "x", "--generated", made, "--port", 0),
    "named both by --real and by": ("serve", "--real", real, "--generated", real, "--port", 0),
    "needs a name of its own": ("serve", "--real", real, "--generated", made, made, "--port", 0),
    "under 100 different names": ("serve", "--real", real, "--generated", made, "--port", 0),
    "--trials must be at least 1": ("serve", "--real", real, "--generated", made, "--trials", 0),
    "--seed must be from 0 to": ("serve", "--real", real, "--generated", made, "--seed", -1),
    "0 to 65535, got 70000": ("serve", "--real", real, "--generated", made, "--port", 70000),
    "does not exist: name the database": ("report", "--database", database),
  }
  for words, arguments in cases.items():
    with pytest.raises(ValueError, match=words) as caught:
      run(*arguments)
    assert "\n" not in str(caught.value)
  assert not database.exists()


def _run_folder(tmp_path):
  folder = tmp_path / "run"
  folder.mkdir(exist_ok=True)
  save_config(default_config(), folder / "config.json")
  return folder


def test_a_run_that_was_not_evaluated(tmp_path, pictures):
  config = default_config()
  config.data.update(path=str(pictures))
  folder = _run_folder(tmp_path)
  save_config(config, folder / "config.json")
  with pytest.raises(ValueError, match=r"images does not exist: write it by `imtrans evaluate"):
    run("serve", "--workdir", folder, "--port", 0)


def test_sizes_that_tell_are_refused(tmp_path, folders, visited):
  small = fill(tmp_path / "small", side=8)
  with pytest.raises(ValueError, match="16 x 16 pixels, those of small 8 x 8"):
    _serve((folders[0], small), tmp_path / "study.sqlite")


def test_a_port_in_use_exits_with_two_and_writes_nothing(tmp_path, folders):
  with socket.create_server(("127.0.0.1", 0)) as taken:
    port = taken.getsockname()[1]
    real, made = folders
    command = [sys.executable, "-m", "imtrans", "study", "serve", "--real", real]
    command += ["--generated", made, "--port", port, "--database", tmp_path / "study.sqlite"]
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
  assert done.returncode == 2
  assert done.stderr.startswith(f"imtrans: port {port} cannot be had")
  assert done.stderr.count("\n") == 1 and not (tmp_path / "study.sqlite").exists()


def test_reports_of_studies_without_figures(tmp_path, folders, visited, capsys):
  database = tmp_path / "study.sqlite"
  _serve(folders, database)
  with pytest.raises(ValueError, match="nobody has taken part"):
    run("report", "--database", database)
  visited.visitor = lambda sessions: sessions.join()
  _serve(folders, database)
  run("report", "--database", database, "--output", tmp_path / "out", "--catch-threshold", 0.5)
  record = json.loads((tmp_path / "out" / "study_report.json").read_text())
  assert record["methods"][0]["excluded"] == {"unfinished": 1}
  assert record["methods"][0]["fooling_rate"] is None
  assert "in 50% of the catch trials" in record["protocol"]["participants"]
  with pytest.raises(ValueError, match=r"must be a share of 0 to 1 .* --catch-threshold"):
    run("report", "--database", database, "--catch-threshold", 7)


def test_names_of_methods(tmp_path):
  odd = tmp_path / "a=b"
  odd.mkdir()
  found = method_folders(["x=some/where", "runs/facades/images", "outputs", str(odd)])
  assert list(found) == ["x", "facades", "outputs", "a=b"]
  assert str(found["x"]) == "some/where"
  for words in (["=x"], ["x=a", "x=b"]):
    with pytest.raises(ValueError, match="write NAME=DIR"):
      method_folders(words)
