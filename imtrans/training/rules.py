"""The rules: what the records of a run say about its training, in plain words.

Pure Python on the records of log.jsonl, so that the same book is read while a run trains and
afterwards: `alarms(read_log(workdir / LOG))`. What the quantities are is said by
`imtrans.training.diagnostics` and by the methods' metrics. Thresholds compare a run with itself
wherever the scale of a quantity depends on the networks.
"""

import itertools
import math
import statistics
from collections.abc import Callable, Iterable, Mapping

from imtrans.training.rule_book import Alarm, Points, Rule, RuleBook

# Records that a spread is averaged over: no matter of the start, where a fresh generator makes grey
# of everything, nor of one record, since a collapsed generator wanders from picture to picture.
LONG = {"count": 3, "steps": 400}
KNOWS_SOMETHING = 0.55  # Accuracy of a discriminator that can still teach.


def alarms(records: Iterable[Mapping[str, float]]) -> list[Alarm]:
  """Returns all alarms of a run's records (`imtrans.training.journal.read_log`), by their step."""
  book = RuleBook(RULES)
  for record in records:
    book.observe(record)
  return book.said


def _stays(points: Points, holds: Callable[[float], bool], *, count: int, steps: int = 0) -> Points:
  """The newest points for which something holds without a gap; none if too few or too short."""
  stretch: Points = []
  for point in reversed(points):
    if not holds(point[1]):
      break
    stretch.append(point)
  enough = len(stretch) >= count and stretch[0][0] - stretch[-1][0] >= steps
  return stretch[::-1] if enough else []


def _newest(points: Points, *, count: int, steps: int) -> Points:
  """The newest points, so many and over so many steps at least; none if there are fewer."""
  for first in range(len(points) - count, -1, -1):
    if points[-1][0] - points[first][0] >= steps:
      return points[first:]
  return []


def _discriminator_won(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  stretch = _stays(points, lambda value: value >= 0.99, count=5, steps=200)
  if not stretch:
    return None
  return {"accuracy": _mean(stretch), "steps": stretch[-1][0] - stretch[0][0]}


def _discriminator_lost(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  # An accuracy of a proves that real and generated images differ: their total variation distance is
  # at least 2 a - 1. A generator that does well leaves little of it, so a discriminator that is
  # right in 55 of 100 cases for thousands of steps still knows and teaches something (BicycleGAN
  # and CUT improve with such ones). Lost is one whose accuracy is surely below that.
  recent = _newest(points, count=20, steps=1000)
  if not recent:
    return None
  error = statistics.stdev(value for _, value in recent) / math.sqrt(len(recent))
  if _mean(recent) + 2.0 * error > KNOWS_SOMETHING:
    return None
  return {"accuracy": _mean(recent), "steps": recent[-1][0] - recent[0][0]}


def _discriminator_recovered(points: Points) -> bool:
  return _mean(points[-20:]) > KNOWS_SOMETHING


def _generator_starves(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  largest = max(value for _, value in points)
  dead = _stays(points, lambda value: value <= 1e-3 * largest, count=3)
  return {"gradient": points[-1][1], "largest": largest} if dead else None


def _unbalanced(points: Points, history: Mapping[str, Points]) -> dict[str, float] | None:
  if len(points) < 8 or not any(name.startswith("discriminator/accuracy") for name in history):
    return None
  usual = _usual(points)
  if not usual:  # A generator without any gradient has a rule of its own.
    return None
  far = _stays(points, lambda value: not usual / 100 <= value <= 100 * usual, count=3)
  return {"ratio": points[-1][1], "usual": usual} if far else None


def _usual(points: Points) -> float:
  return statistics.median(value for _, value in points[:-3])


def _low(level: float) -> Callable[[Points, Mapping[str, Points]], dict[str, float] | None]:
  def starts(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
    recent = _newest(points, **LONG)
    if not recent or _mean(recent) >= level:
      return None
    return {"value": _mean(recent), "since": recent[0][0]}

  return starts


def _high_again(level: float) -> Callable[[Points], bool]:
  return lambda points: _mean(_newest(points, **LONG)) > level


def _mean(points: Points) -> float:
  return statistics.fmean(value for _, value in points)


def _turns_back(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  stretch = _stays(points, lambda value: value < -0.3, count=3)
  return {"cosine": points[-1][1], "since": stretch[0][0]} if stretch else None


def _swings(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  """Counts how often the accuracy went from winning to about chance and back, lately."""
  recent = points[-50:]
  sides = [value >= 0.9 for _, value in recent if value >= 0.9 or value <= 0.6]
  turns = sum(one != other for one, other in itertools.pairwise(sides))
  return {"turns": turns, "steps": recent[-1][0] - recent[0][0]} if turns >= 6 else None


def _grows(points: Points, _: Mapping[str, Points]) -> dict[str, float] | None:
  if len(points) < 4:
    return None
  first, values = points[0][1], [value for _, value in points[-4:]]
  rising = all(later > earlier for earlier, later in itertools.pairwise(values))
  if not rising or values[-1] < 10.0 * first or values[-1] < 1.2 * values[0]:
    return None
  return {"norm": values[-1], "first": first}


RULES = (
  Rule(
    "discriminator has won",
    "discriminator/accuracy",
    _discriminator_won,
    lambda points: points[-1][1] < 0.95,
    "the discriminator{who} has won: accuracy {accuracy:.2f} for {steps} steps, so it has little "
    "left to teach the generator",
    "try discriminator.spectral_norm=True, a smaller discriminator.features, or a smaller "
    "method.discriminator_weight",
  ),
  Rule(
    "discriminator has lost",
    "discriminator/accuracy",
    _discriminator_lost,
    _discriminator_recovered,
    "the discriminator{who} has lost: accuracy {accuracy:.2f} over {steps} steps, hardly better "
    "than a coin, so it has little to teach the generator",
    "expect no more of this run if the samples are good, else try a larger discriminator.features "
    "or discriminator.num_layers",
  ),
  Rule(
    "generator does not learn",
    "diagnostics/generator_gradient",
    _generator_starves,
    lambda points: points[-1][1] > 1e-2 * max(value for _, value in points),
    "the generator gets no gradient: its norm is {gradient:.2g}, the largest was {largest:.2g}",
    "try method.adversarial=least_squares or hinge, or a lower optimizer.learning_rate",
  ),
  Rule(
    "players out of balance",
    "diagnostics/gradient_ratio",
    _unbalanced,
    lambda points: _usual(points) / 30 < points[-1][1] < 30 * _usual(points),
    "the generator's gradient is {ratio:.2g} times the discriminator's, where {usual:.2g} was "
    "usual in this run",
    "try method.discriminator_weight or the other loss weights, or optimizer.clip_norm",
  ),
  Rule(
    "outputs collapsed",
    "diagnostics/source_spread",
    # Above what the borders of saturated outputs leave, where padding reaches in.
    _low(0.1),
    _high_again(0.2),
    "outputs{who} collapsed: different sources give nearly the same image since step {since}, with "
    "{value:.3f} of the spread of real images",
    "try a larger method.l1_weight or method.cycle_weight, or a lower optimizer.learning_rate, and "
    "look at the samples",
  ),
  Rule(
    "noise ignored",
    "diagnostics/noise_spread",
    _low(0.01),  # Less than one level of an 8-bit picture.
    _high_again(0.02),
    "note: the generator ignores its noise, outputs{who} of one source differ by "
    "{value:.4f} of the spread of real images",
    "expect one answer per source (Isola et al., 2017, Sec. 3.1), or give the noise a loss of its "
    "own",
  ),
  Rule(
    "updates turn back",
    "diagnostics/update_cosine",
    _turns_back,
    lambda points: points[-1][1] > -0.1,
    "successive updates undo each other since step {since}: their cosine is {cosine:.2f}",
    "try a lower optimizer.learning_rate",
  ),
  Rule(
    "game goes round",
    "discriminator/accuracy",
    _swings,
    lambda points: _swings(points, {}) is None,
    "the players go round: the accuracy of the discriminator{who} swung between winning and chance "
    "{turns} times in {steps} steps",
    "try a lower optimizer.learning_rate, a smaller optimizer.b1, or ema_decay=0.999",
  ),
  Rule(
    "kernels grow",
    "diagnostics/spectral_max",
    _grows,
    # A single record below the one before does not end it.
    lambda points: points[-1][1] <= points[-4][1],
    "the discriminator's kernels grow without end: the largest spectral norm is {norm:.2f}, and "
    "was {first:.2f}",
    "try discriminator.spectral_norm=True, or a lower optimizer.learning_rate",
  ),
)
