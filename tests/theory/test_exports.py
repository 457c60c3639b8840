"""What a reader finds in `imtrans.theory`, and by which words."""

import ast
import re
from pathlib import Path

import pytest

from imtrans import theory

assert theory.__file__ is not None
FILES = sorted(Path(theory.__file__).parent.glob("[a-z]*.py"))
MODULES = {path.stem for path in FILES}
SUBJECTS = (
  *("games", "lipschitz", "noise", "patches", "cycles", "identity", "normalization"),
  *("adaptation", "transport", "divergences"),
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_public_functions_are_exported_by_the_package(path):
  kinds = ast.FunctionDef | ast.ClassDef
  names = {node.name for node in ast.parse(path.read_text()).body if isinstance(node, kinds)}
  public = {name for name in names if not name.startswith("_")}
  assert public - set(theory.__all__) == public & MODULES  # `sinkhorn.sinkhorn` stays in its own.
  for name in public - MODULES:
    assert getattr(theory, name).__module__ == f"imtrans.theory.{path.stem}"


def test_every_subject_is_mapped_to_modules_and_every_module_has_a_subject():
  assert theory.__doc__ is not None
  table = theory.__doc__.split("modules\n", 1)[1]
  # A line begins a subject, or goes on with the one before; remarks are in brackets.
  lines = [line for line in table.splitlines() if line.strip()]
  assert [line.split()[0] for line in lines if line[2] != " "] == list(SUBJECTS)
  listed = re.sub(r"\(.*?\)", "", " ".join(line[18:] for line in lines))
  assert sorted(re.findall(r"\w+", listed)) == sorted(MODULES)
