"""What a run does when something goes wrong: one sentence, an exit code, nothing lost.

A full disk is that of a process; all else goes wrong in this one. test_resume.py ends processes.
"""

import json
import shutil
import sys

import pytest
from PIL import Image

from imtrans.training.journal import read_log
from tests.command_line import CommandLine

OVERRIDES = ("save_every=2", "eval_every=0", "sample_every=0")


@pytest.fixture(scope="module")
def finished(pictures, tmp_path_factory):
  """A run of six steps with checkpoints at 2, 4 and 6."""
  workdir = tmp_path_factory.mktemp("finished") / "run"
  code, output = CommandLine(pictures).run_here(
    "pix2pix_facades", workdir, "num_steps=6", *OVERRIDES
  )
  assert code == 0, output
  return workdir


@pytest.fixture
def copy(finished, tmp_path):
  return shutil.copytree(finished, tmp_path / "run")


def _check_sentence(output, *parts):
  assert "Traceback" not in output
  last = output.strip().splitlines()[-1]
  assert last.startswith("imtrans: ")
  for part in parts:
    assert part in last, last


def _steps(workdir):
  return sorted(
    int(path.name) for path in (workdir / "checkpoints").iterdir() if path.name.isdigit()
  )


def test_a_corrupt_newest_checkpoint_falls_back_and_says_so(copy, command_line):
  for file in (copy / "checkpoints" / "6" / "state").rglob("*"):
    if file.is_file():
      file.write_bytes(file.read_bytes()[:10])
  code, output = command_line.run_here("pix2pix_facades", copy, "num_steps=8", *OVERRIDES)
  assert code == 0, output
  assert "checkpoints/6 cannot be read" in output and "Going on from step 4" in output
  assert _steps(copy) == [4, 6, 8]
  assert (copy / "checkpoints" / "6.corrupt").is_dir()
  assert [record["step"] for record in read_log(copy / "log.jsonl")] == list(range(1, 9))


def test_checkpoints_that_are_all_corrupt_end_the_run_and_stay(copy, command_line):
  for file in (copy / "checkpoints").rglob("*"):
    if file.is_file():
      file.write_bytes(b"")
  code, output = command_line.run_here("pix2pix_facades", copy, "num_steps=8", *OVERRIDES)
  assert code == 1
  _check_sentence(output, "cannot be read", "move the folder away to start afresh")
  assert _steps(copy) == [2, 4, 6]


def test_a_full_disk_names_the_last_good_checkpoint(copy, command_line):
  # No file of this process may grow beyond 20 kB: writing the state fails as on a full disk, in the
  # background thread that writes it.
  limit = "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); "
  limit += "os.execv(sys.argv[1], sys.argv[1:])"
  code, output = command_line.run(
    "pix2pix_facades", copy, "num_steps=8", *OVERRIDES, prefix=(sys.executable, "-c", limit)
  )
  assert code == 1
  _check_sentence(output, "could not save", "last good one is step 6", "run the same command again")
  assert _steps(copy) == [2, 4, 6]
  code, output = command_line.run_here("pix2pix_facades", copy, "num_steps=8", *OVERRIDES)
  assert code == 0 and "at step 6" in output, output


@pytest.mark.parametrize(
  ("rule", "rate"),
  [
    ("alternating", "1e30"),
    # Here all numbers of the first step are finite, its checkpoint too, and yet it is no good.
    ("simultaneous", "1e38"),
  ],
)
def test_a_loss_that_is_not_finite_stops_the_run(copy, command_line, rule, rate):
  overrides = (*OVERRIDES, f"update_rule={rule}", "save_every=1")
  code, output = command_line.run_here(
    "pix2pix_facades", copy, "num_steps=12", *overrides, f"optimizer.learning_rate={rate}"
  )
  assert code == 1
  _check_sentence(output, " at step ", "the last good checkpoint is", "checkpoints/6")
  assert _steps(copy)[-1] == 6
  text = (copy / "log.jsonl").read_text()
  assert "NaN" not in text and "Infinity" not in text
  # The remedies that the message names work on the very run.
  code, output = command_line.run_here(
    "pix2pix_facades", copy, "num_steps=8", *OVERRIDES, "optimizer.clip_norm=1.0"
  )
  assert code == 0 and "at step 6" in output, output
  assert _steps(copy) == [4, 6, 8]


def test_a_whole_checkpoint_of_another_shape_is_not_taken_for_a_corrupt_one(copy, command_line):
  config = json.loads((copy / "config.json").read_text())
  config["generator"]["features"] = 8
  (copy / "config.json").write_text(json.dumps(config))
  code, output = command_line.run_here(
    "pix2pix_facades", copy, "num_steps=8", *OVERRIDES, "generator.features=8"
  )
  assert code == 2
  _check_sentence(output, "checkpoints/6 is of another architecture", "has shape")
  assert _steps(copy) == [2, 4, 6]


def test_other_pictures_are_refused_and_nothing_is_overwritten(copy, command_line, tmp_path):
  before = [(copy / name).read_text() for name in ("config.json", "specs.json", "log.jsonl")]
  for name in ("trainA", "trainB", "testA", "testB"):
    (tmp_path / name).mkdir()
    for index in range(4):
      Image.new("L", (20, 20)).save(tmp_path / name / f"{index}.png")
  code, output = command_line.run_here(
    "pix2pix_facades", copy, "num_steps=8", *OVERRIDES, f"data.path={tmp_path}"
  )
  assert code == 2
  _check_sentence(output, "domain a were uint8 of 3 channel", "now uint8 of 1 channel")
  after = [(copy / name).read_text() for name in ("config.json", "specs.json", "log.jsonl")]
  assert before == after and _steps(copy) == [2, 4, 6]


def test_a_changed_architecture_is_refused(copy, command_line):
  before = (copy / "config.json").read_text()
  code, output = command_line.run_here(
    "pix2pix_facades", copy, "num_steps=8", *OVERRIDES, "generator.features=8"
  )
  assert code == 2
  _check_sentence(output, "generator.features was 4, now 8")
  assert (copy / "config.json").read_text() == before
  assert _steps(copy) == [2, 4, 6]


def test_a_finished_run_has_nothing_left_to_do(copy, command_line):
  code, output = command_line.run_here("pix2pix_facades", copy, "num_steps=6", *OVERRIDES)
  assert code == 0, output
  assert "is complete: 6 of 6 steps" in output
  assert _steps(copy) == [2, 4, 6]


@pytest.mark.parametrize(
  ("override", "code", "parts"),
  [
    ("data.path=/nowhere/at/all", 2, ["/nowhere/at/all"]),
    ("optimizer.learning_rat=1", 2, ["learning_rat", "learning_rate"]),
    ("batch_size=many", 2, ["batch_size", "many"]),
    ("batch_size=3", 2, ["batch_size 3 cannot be divided over 4 devices"]),
    ("mesh=(3,1)", 2, ["mesh (3, 1) does not fit 4 device(s)", "Choose one of (4, 1), (2, 2)"]),
    ("data.options.layout=sideways", 2, ["layout"]),
    ("method.adversarial=lsgan", 2, ["lsgan", "least_squares"]),
    ("optimizer.schedule=step", 2, ["unknown schedule 'step'"]),
    ("update_rule=sequential", 2, ["alternating", "simultaneous"]),
  ],
)
def test_wrong_fields_are_named(pictures, tmp_path, override, code, parts):
  got, output = CommandLine(pictures).run_here("pix2pix_facades", tmp_path / "run", override)
  assert got == code, output
  _check_sentence(output, *parts)
  assert not list((tmp_path / "run").glob("checkpoints/*"))


def test_rows_that_devices_cannot_reflect_are_named(pictures, tmp_path):
  run = tmp_path / "run"
  code, output = CommandLine(pictures).run_here("cyclegan_facades", run, "mesh=(1,4)")
  assert code == 2, output
  _check_sentence(output, "4 row(s) in block_0_first, padded by reflecting 1", "mesh to (2, 2)")
  assert not list(run.glob("checkpoints/*"))
