"""Where a reader of `imtrans.theory` finds what."""

import ast
import importlib
import re
from pathlib import Path

import pytest

from imtrans import theory

assert theory.__file__ is not None
FOLDER = Path(theory.__file__).parent
FILES = sorted(FOLDER.glob("*/[a-z]*.py"))
SUBJECTS = (
  *("games", "lipschitz", "noise", "patches", "cycles", "identity", "normalization"),
  *("adaptation", "transport", "divergences"),
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_public_functions_are_exported_by_their_subject(path):
  subject = importlib.import_module(f"imtrans.theory.{path.parent.name}")
  kinds = ast.FunctionDef | ast.ClassDef
  names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, kinds)}
  public = {name for name in names if not name.startswith("_")}
  assert public and public <= set(subject.__all__)
  for name in public:
    assert getattr(subject, name).__module__ == f"imtrans.theory.{path.parent.name}.{path.stem}"


def test_every_subject_and_its_modules_are_in_the_table():
  assert {path.stem for path in FOLDER.glob("[a-z]*")} == set(SUBJECTS)
  assert theory.__doc__ is not None
  table = theory.__doc__.split("package.\n", 1)[1]
  # A line begins a subject, or goes on with the one before; remarks are in brackets.
  table = re.sub(r"\n {18}", " ", re.sub(r"\([^)]*\)", "", table))
  listed = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line.strip()}
  assert tuple(listed) == SUBJECTS
  for path in FILES:
    assert path.stem in re.findall(r"\w+", " ".join(listed[path.parent.name])), path
