"""Where a reader of `imtrans.theory` finds what."""

import re
from pathlib import Path

from imtrans import theory

assert theory.__file__ is not None
MODULES = {path.stem for path in Path(theory.__file__).parent.glob("[a-z]*.py")}
SUBJECTS = (
  *("games", "lipschitz", "noise", "patches", "cycles", "identity", "normalization"),
  *("adaptation", "transport", "divergences"),
)


def test_every_subject_is_mapped_to_modules_and_every_module_has_a_subject():
  assert theory.__doc__ is not None
  table = theory.__doc__.split("modules\n", 1)[1]
  # A line begins a subject, or goes on with the one before; remarks are in brackets.
  lines = [line for line in table.splitlines() if line.strip()]
  assert [line.split()[0] for line in lines if line[2] != " "] == list(SUBJECTS)
  listed = re.sub(r"\(.*?\)", "", " ".join(line[18:] for line in lines))
  assert sorted(re.findall(r"\w+", listed)) == sorted(MODULES)
