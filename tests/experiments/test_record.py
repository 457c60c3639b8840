"""Records of runs say which code was run."""

import shutil
import subprocess

import pytest

from experiments.record import code_version, provenance


def _git(folder, *words):
  identity = ("-c", "user.name=n", "-c", "user.email=e@example.com")
  command = ["git", "-C", str(folder), *identity, *words]
  return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
  """A repository of one commit."""
  if not shutil.which("git"):
    pytest.skip("git is not installed")
  folder = tmp_path / "checkout"
  folder.mkdir()
  (folder / "code.py").write_text("one = 1\n")
  (folder / "README.md").write_text("x\n")
  _git(folder, "init", "--quiet")
  _git(folder, "add", ".")
  _git(folder, "commit", "--quiet", "--no-gpg-sign", "-m", "first")
  return folder


def test_the_commit_and_whether_code_differs_from_it(checkout):
  commit = _git(checkout, "rev-parse", "HEAD")
  assert len(commit) == 40 and code_version(checkout) == commit
  (checkout / "README.md").write_text("what a study wrote\n")
  assert code_version(checkout) == commit
  (checkout / "code.py").write_text("one = 2\n")
  assert code_version(checkout) == f"{commit}+changes"
  _git(checkout, "checkout", "--quiet", "code.py")
  (checkout / "new.py").write_text("")
  assert code_version(checkout) == f"{commit}+changes"


def test_no_commit_outside_a_checkout_of_its_own(checkout, tmp_path, monkeypatch):
  (checkout / "unpacked").mkdir()
  assert code_version(checkout / "unpacked") == ""  # That commit is somebody else's.
  assert code_version(tmp_path) == ""
  monkeypatch.setenv("PATH", str(tmp_path))
  assert code_version(checkout) == "" and "commit" not in provenance()
