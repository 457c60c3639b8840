"""The analyses: one file per claim, on paper with `imtrans.theory` and on a trained run.

Each module here has `on_paper(...)`, closed form beside simulation, and, where the claim can be
seen in a trained model, `on_run(run)`; both return a `Finding`. `imtrans analyze` writes them.
"""

import importlib
from types import ModuleType

# Names and what each shows, so that a list of them needs no import of jax.
ANALYSES = {
  "soft_threshold": "the identity loss cancels small colour shifts and shortens large ones",
}


def find_analysis(name: str) -> ModuleType:
  """The module of an analysis.

  Args:
    name: one of `ANALYSES`.

  Returns:
    A module with `on_paper` and maybe `on_run`.

  Raises:
    ValueError: for another name, listing the known ones.
  """
  if name not in ANALYSES:
    raise ValueError(f"unknown analysis {name!r}: choose among {', '.join(ANALYSES)}.")
  return importlib.import_module(f"{__name__}.{name}")
