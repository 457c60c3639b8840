"""Naming what could not be used: the first of many, a line each."""

from collections.abc import Sequence

NAMED = 10  # Of thousands a terminal should not show all.


def listed(problems: Sequence[str]) -> str:
  """Lists problems behind the words "... could not be used:".

  Args:
    problems: sentences, at least one.

  Returns:
    A single one after a space; of several the first `NAMED` on lines of their own, and how many
    there are besides.
  """
  if len(problems) == 1:
    return f" {problems[0]}"
  more = len(problems) - NAMED
  lines = [*problems[:NAMED], *([f"and {more} more."] if more > 0 else [])]
  return "".join(f"\n  {line}" for line in lines)
