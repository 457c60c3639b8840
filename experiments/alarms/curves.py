"""Curves of a log as short text: a record has a dozen of a hundred points each."""

from collections.abc import Iterable, Mapping

Points = list[tuple[int, float]]  # Steps, increasing, and values.


def pack(points: Iterable[tuple[int, float]]) -> str:
  """Returns "STEP:VALUE STEP:VALUE ...", values to four digits."""
  return " ".join(f"{step}:{value:.4g}" for step, value in points)


def unpack(text: str) -> Points:
  """Returns the points of `pack`."""
  pairs = (point.split(":") for point in text.split())
  return [(int(step), float(value)) for step, value in pairs]


def as_log(curves: Mapping[str, str]) -> list[dict[str, float]]:
  """Returns the records of a log again, by their steps, from its packed curves by name."""
  log: dict[int, dict[str, float]] = {}
  for name, text in curves.items():
    for step, value in unpack(text):
      log.setdefault(step, {"step": step})[name] = value
  return [log[step] for step in sorted(log)]
