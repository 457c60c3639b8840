"""A book of rules, read beside the records of a run: which apply, from when and until when."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

Points = list[tuple[int, float]]  # Steps, increasing, and values.
History = dict[str, Points]


class Rule(NamedTuple):
  """When to say what.

  name: of the alarm.
  quantity: logged name that is watched; followed by "_a" or "_b" for a domain of its own.
  starts: (points of the quantity, all points by name) -> numbers for the sentence, or None.
  ends: (points of the quantity) -> whether an alarm that started is over.
  sentence: with the numbers in braces; {who} is the domain, such as " of domain a", or nothing.
  remedy: what to try.
  """

  name: str
  quantity: str
  starts: Callable[[Points, Mapping[str, Points]], dict[str, float] | None]
  ends: Callable[[Points], bool]
  sentence: str
  remedy: str


class Alarm(NamedTuple):
  """A rule that applies from a step on; `end` is the step where it no longer did, None at last."""

  step: int
  name: str
  text: str
  end: int | None = None


class RuleBook:
  """Reads a run's records as they come, and says each alarm once."""

  def __init__(self, rules: Iterable[Rule]) -> None:
    """Opens a book of some rules."""
    self._rules = tuple(rules)
    self._history: History = {}
    self._active: dict[tuple[str, str], int] = {}  # Positions in `said`.
    self.said: list[Alarm] = []

  def observe(self, record: Mapping[str, float]) -> list[Alarm]:
    """Takes in the next record.

    Args:
      record: "step" and logged scalars; steps never decrease.

    Returns:
      Alarms that start here.
    """
    step, started = int(record["step"]), []
    for name, value in record.items():
      if name != "step" and isinstance(value, int | float):
        self._history.setdefault(name, []).append((step, float(value)))
    for rule in self._rules:
      for suffix in ("", "_a", "_b"):
        name = rule.quantity + suffix
        if name in record:
          started += self._check(rule, name, step)
    return started

  def _check(self, rule: Rule, name: str, step: int) -> list[Alarm]:
    points, key = self._history[name], (rule.name, name)
    if key in self._active:
      if rule.ends(points):
        place = self._active.pop(key)
        self.said[place] = self.said[place]._replace(end=step)
      return []
    numbers = rule.starts(points, self._history)
    if numbers is None:
      return []
    domain = name.removeprefix(rule.quantity).lstrip("_")
    who = f" of domain {domain}" if domain else ""
    text = f"{rule.sentence.format(who=who, **numbers)}; {rule.remedy}."
    self._active[key] = len(self.said)
    self.said.append(Alarm(step, rule.name, text))
    return [self.said[-1]]
