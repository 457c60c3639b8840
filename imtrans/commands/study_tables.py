"""The tables that `imtrans study report` prints."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

NUM_LISTED = 10  # Pictures of a method that are printed; the file holds all.


def rates_table(record: dict[str, Any]) -> Table:
  """How often each method fools, with intervals and the test against one half.

  Args:
    record: of `summarize_study`.

  Returns:
    The table.
  """
  table = _table("taken for real", "rate", "95 % over participants", "p (50 %)", "95 % over trials")
  for row in record["methods"]:
    table.add_row(
      Text(row["method"]),
      _percent(row["fooling_rate"]),
      _interval(row["interval"]),
      _known(row["p_value"], "{:.3f}"),
      _interval(row["wilson_interval"]),
    )
  return table


def sessions_table(record: dict[str, Any]) -> Table:
  """Who took part in the study of each method, who was left out and why.

  Args:
    record: of `summarize_study`.

  Returns:
    The table.
  """
  table = _table("who answered", "participants", "left out", "trials", "catch right", "median")
  for row in record["methods"]:
    left_out = ", ".join(f"{count} {why}" for why, count in row["excluded"].items())
    table.add_row(
      Text(row["method"]),
      str(row["participants"]),
      left_out or "0",
      str(row["trials"]),
      _percent(row["catch_right"]),
      _known(row["median_response"], "{:.2f} s"),
    )
  return table


def pictures_table(record: dict[str, Any]) -> Table:
  """The generated pictures that fool most, a few of each method; none that never do.

  Args:
    record: of `summarize_study`.

  Returns:
    The table.
  """
  table = _table("pictures that fool most", "picture", "fooled", "shown", "95 % over trials")
  for method in record["methods"]:
    rows = [row for row in record["pictures"] if row["method"] == method["method"]]
    for row in [row for row in rows if row["fooled"]][:NUM_LISTED]:
      table.add_row(
        Text(row["method"]),
        Text(row["name"]),
        str(row["fooled"]),
        str(row["shown"]),
        _interval(row["wilson_interval"]),
      )
  return table


def _table(title: str, *columns: str) -> Table:
  """A table whose lines begin with the name of a method."""
  table = Table(title=title, title_justify="left")
  table.add_column("")
  for column in columns:
    table.add_column(column, justify="right")
  return table


def _known(value: float | None, form: str) -> str:
  return "–" if value is None else form.format(value)


def _percent(value: float | None) -> str:
  return _known(None if value is None else 100.0 * value, "{:.1f} %")


def _interval(value: Sequence[float] | None) -> str:
  return "–" if value is None else f"{100.0 * value[0]:.1f} to {100.0 * value[1]:.1f} %"
