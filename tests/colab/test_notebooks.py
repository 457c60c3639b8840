"""Every notebook is the pair of its script, carries no outputs, and runs from top to bottom."""

import runpy
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


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_it_runs_and_answers_its_exercise(script, capsys, monkeypatch):
  monkeypatch.setenv("IMTRANS_VARIANT", "tiny")  # Of what is trained.
  runpy.run_path(str(script))
  assert "Answer" in capsys.readouterr().out
