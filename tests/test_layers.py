"""The house: imports point downwards, and every public function says what it does."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "imtrans"
ALLOWED = {
  "theory": set(),
  "data": set(),
  "networks": {"theory"},
  "pretrained": set(),
  "objectives": {"theory"},
  "methods": {"theory", "networks", "pretrained", "objectives"},
}
ALLOWED["training"] = {*ALLOWED["methods"], "methods", "data"}
ALLOWED["evaluation"] = {*ALLOWED["training"], "training"}
ALLOWED["interop"] = {*ALLOWED["evaluation"], "evaluation"}
ALLOWED["analyses"] = {*ALLOWED["evaluation"], "evaluation"}
ALLOWED["commands"] = {*ALLOWED["interop"], "interop", "analyses"}
FILES = sorted(PACKAGE.rglob("*.py"))
ACCELERATOR_ONLY = {"jax", "flax", "optax", "numpy"}


def _imports(path):
  """Modules that a file imports anywhere, also inside functions."""
  for node in ast.walk(ast.parse(path.read_text())):
    if isinstance(node, ast.Import):
      yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
      yield node.module


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
  parts = path.relative_to(PACKAGE).parts
  if len(parts) == 1:
    return  # imtrans/__init__.py opens the door to everything, lazily.
  layer = parts[0]
  for module in _imports(path):
    if module.startswith("imtrans."):
      other = module.split(".")[1]
      assert other == layer or other in ALLOWED[layer], f"{layer} imports {module}"


def test_the_benchmark_needs_jax_flax_optax_and_numpy_alone():
  import sys

  standard = set(sys.stdlib_module_names)
  core = [PACKAGE / "training" / name for name in ("step.py", "state.py", "optimization.py")]
  layers = ("theory", "networks", "objectives", "methods")
  core += [p for p in FILES if p.relative_to(PACKAGE).parts[0] in layers]
  for path in core:
    roots = {module.split(".")[0] for module in _imports(path)} - standard - {"imtrans"}
    assert roots <= ACCELERATOR_ONLY, f"{path} imports {roots - ACCELERATOR_ONLY}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_functions_say_what_they_return(path):
  tree = ast.parse(path.read_text())
  assert ast.get_docstring(tree), f"{path} has no module docstring"
  for node in tree.body:
    if not isinstance(node, ast.FunctionDef | ast.ClassDef) or node.name.startswith("_"):
      continue
    text = ast.get_docstring(node)
    assert text, f"{path}: {node.name} has no docstring"
    if isinstance(node, ast.FunctionDef) and len(node.args.args + node.args.kwonlyargs) > 1:
      returns = node.returns
      silent = isinstance(returns, ast.Constant) and returns.value is None
      says = "eturn" in text or "ield" in text or text.startswith("Whether")
      assert silent or says, f"{path}: {node.name}"


def test_configs_are_known_to_the_readme():
  readme = (ROOT / "README.md").read_text()
  for path in sorted((ROOT / "configs").glob("*.py")):
    assert path.name in readme, f"{path.name} is not in the README"


@pytest.mark.parametrize("path", sorted(ROOT.glob("**/README.md")), ids=str)
def test_local_links_of_readmes_lead_somewhere(path):
  if any(part.startswith(".") or part == "runs" for part in path.relative_to(ROOT).parts):
    return
  for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
    assert link.startswith("https://") or (path.parent / link).exists(), link
