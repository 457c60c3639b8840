"""Every notebook is the pair of its script, carries no outputs, and runs from top to bottom."""

import runpy
import subprocess
import sys
from pathlib import Path

import jupytext
import pytest

COLAB = Path(__file__).parent.parent.parent / "colab"
SCRIPTS = sorted(COLAB.glob("*.py"))


def _cells(notebook):
  return [(cell.cell_type, cell.source) for cell in notebook.cells]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_the_notebook_is_that_of_the_script(script):
  notebook = jupytext.read(script.with_suffix(".ipynb"))
  remedy = f"run: jupytext --sync {script.relative_to(COLAB.parent)}"
  assert _cells(notebook) == _cells(jupytext.read(script)), remedy
  assert notebook.cells[1].source.splitlines()[-1].startswith("%pip install")
  for cell in notebook.cells:
    assert not cell.get("outputs") and cell.get("execution_count") is None


def _first_cell():
  """The first cell but for its last line, which is of notebooks alone: as all notebooks have it."""
  (source,) = {jupytext.read(path).cells[1].source for path in COLAB.glob("*.ipynb")}
  code, _, install = source.rpartition("\n")
  assert install == "%pip install --quiet --editable {root}"
  return code


def test_opened_by_itself_a_notebook_clones_the_repository_once(tmp_path, monkeypatch):
  cell, asked = _first_cell(), []

  def clone(command, *, check):
    asked.append((command[:2], command[-2]))
    assert check
    (tmp_path / command[-1] / "imtrans").mkdir(parents=True)
    (tmp_path / command[-1] / "imtrans" / "__init__.py").touch()

  monkeypatch.chdir(tmp_path)
  monkeypatch.setattr(subprocess, "run", clone)
  for _ in range(2):  # The second time as after a restart.
    monkeypatch.setattr(sys, "path", [])
    names = {}
    exec(cell, names)
    assert asked == [(["git", "clone"], names["REPOSITORY"])]
    assert sys.path == [str(tmp_path / names["root"])]


@pytest.mark.parametrize("folder", [COLAB, COLAB.parent], ids=["colab", "root"])
def test_in_a_clone_a_notebook_uses_that(folder, monkeypatch):
  cell, names = _first_cell(), {}
  monkeypatch.chdir(folder)
  monkeypatch.setattr(sys, "path", [])
  monkeypatch.setattr(subprocess, "run", None)
  exec(cell, names)
  assert sys.path == [str(COLAB.parent)] and names["root"].resolve() == COLAB.parent


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs_and_answers_its_exercise(script, capsys, monkeypatch):
  monkeypatch.setenv("IMTRANS_VARIANT", "tiny")  # Of what is trained.
  runpy.run_path(str(script))
  assert "Answer" in capsys.readouterr().out
