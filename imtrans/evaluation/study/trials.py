"""The plan of a study: what each participant is shown, and in which order. Pure.

A session is that of Isola et al., 2017, "Image-to-Image Translation with Conditional Adversarial
Networks", Sec. 4.1, https://arxiv.org/abs/1611.07004: rounds of a real and a generated picture,
each shown for a second; the first ten are practice with feedback, forty without follow. A tenth of
the forty has a broken picture in the place of the generated one, as in Zhang et al., 2016,
"Colorful Image Colorization", Sec. 3.1, https://arxiv.org/abs/1603.08511: who cannot tell those
was not looking. Each participant sees the pictures of one method, and no picture twice.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

PRACTICE, SCORED, CATCH = "practice", "scored", "catch"
PAIRINGS = ("different", "same")
_PLAN, _METHODS, _BROKEN = 0, 1, 2  # Streams of random numbers that have nothing in common.


class Settings(NamedTuple):
  """What a study asks of its participants.

  trials: rounds without feedback, the catch trials among them.
  practice: rounds with feedback before them, which do not count.
  catch: share of `trials` that are catch trials, at least one unless it is 0.
  exposure: how long each picture is shown, seconds.
  pairing: "different": the pictures of a round have different names, and so show different things,
    and neither name comes again, as for the maps and aerial photographs of pix2pix. "same": they
    have the same name, as in colorization, where both come from one input.
  seed: of all draws.
  """

  trials: int = 40
  practice: int = 10
  catch: float = 0.1
  exposure: float = 1.0
  pairing: str = "different"
  seed: int = 0

  @property
  def rounds(self) -> int:
    """All rounds of a participant."""
    return self.practice + self.trials

  @property
  def num_catch(self) -> int:
    """How many of the trials are catch trials."""
    return max(1, math.floor(self.catch * self.trials + 0.5)) if self.catch > 0.0 else 0


class Trial(NamedTuple):
  """One round.

  kind: "practice", "scored" or "catch".
  real: name of the real picture.
  generated: name of the generated one, which a catch trial breaks.
  generated_first: whether the generated one is shown first.
  """

  kind: str
  real: str
  generated: str
  generated_first: bool

  @property
  def generated_place(self) -> int:
    """1 or 2: which of the two pictures is the generated one."""
    return 1 if self.generated_first else 2


def check_settings(settings: Settings) -> None:
  """Raises ValueError, naming the option, if settings make no study."""
  if settings.trials < 1:
    raise ValueError(f"--trials must be at least 1, got {settings.trials}.")
  if settings.practice < 0:
    raise ValueError(f"--practice must be at least 0, got {settings.practice}.")
  if not 0.0 <= settings.catch < 1.0:
    raise ValueError(f"--catch must be a share of at least 0 and below 1, got {settings.catch:g}.")
  if settings.num_catch >= settings.trials:
    raise ValueError(
      f"--trials {settings.trials} with --catch {settings.catch:g} leaves no trial to be scored: "
      "ask for more trials, or for --catch 0."
    )
  if not 0.01 <= settings.exposure <= 60.0:
    raise ValueError(f"--exposure must be 0.01 to 60 seconds, got {settings.exposure:g}.")
  if settings.pairing not in PAIRINGS:
    raise ValueError(f"--pairing must be one of {', '.join(PAIRINGS)}, got {settings.pairing!r}.")
  if settings.seed < 0:
    raise ValueError(f"--seed must be at least 0, got {settings.seed}.")


def check_enough(
  settings: Settings, method: str, real: Iterable[str], generated: Iterable[str]
) -> None:
  """Raises ValueError, with the numbers needed, if a participant would have to see some twice.

  Args:
    settings: of the study.
    method: the name of what generated the pictures.
    real: names of the real pictures.
    generated: names of the generated ones.
  """
  real, generated, rounds = set(real), set(generated), settings.rounds
  common = len(real & generated)
  remedy = "add pictures, or ask for fewer --trials or less --practice."
  if settings.pairing == "same":
    if common < rounds:
      raise ValueError(
        f"a participant sees {rounds} pairs of pictures, but {common} generated picture(s) of "
        f"{method} have a real one of the same name: {remedy}"
      )
  elif min(len(real), len(generated)) < rounds or len(real | generated) < 2 * rounds:
    raise ValueError(
      f"a participant sees {rounds} real and {rounds} generated pictures under {2 * rounds} "
      f"different names, but there are {len(real)} real ones and {len(generated)} of {method}, "
      f"{common} of them under the same names: {remedy}"
    )


def assign_method(settings: Settings, participant: int, methods: Sequence[str]) -> str:
  """Chooses the method whose pictures a participant sees.

  Args:
    settings: of the study.
    participant: 0, 1, 2, ... in the order in which they come.
    methods: names.

  Returns:
    One of them: random, but even among every len(methods) participants in a row.
  """
  block, place = divmod(participant, len(methods))
  order = np.random.default_rng([settings.seed, _METHODS, block]).permutation(len(methods))
  return methods[order[place]]


def plan_trials(
  settings: Settings, participant: int, *, real: Iterable[str], generated: Iterable[str]
) -> list[Trial]:
  """Plans the rounds of a participant.

  In half of the practice, scored and catch trials, each counted alone, the generated picture comes
  first: who always gives the same answer is right in half of the catch trials, never in most.

  Args:
    settings: of the study.
    participant: 0, 1, 2, ...
    real: names of the real pictures, enough for `check_enough`.
    generated: names of the generated pictures of the participant's method.

  Returns:
    Practice first, then scored and catch trials mixed; no name of a picture comes twice, but for
    the two of a round of the pairing "same".
  """
  random = np.random.default_rng([settings.seed, _PLAN, participant])
  pairs = _pairs(settings, set(real), set(generated), random)
  tested = [CATCH] * settings.num_catch + [SCORED] * (settings.trials - settings.num_catch)
  kinds = [PRACTICE] * settings.practice + _shuffled(tested, random)
  first = {kind: iter(_balanced(kinds.count(kind), random)) for kind in (PRACTICE, SCORED, CATCH)}
  return [
    Trial(kind, real_name, generated_name, next(first[kind]))
    for kind, (real_name, generated_name) in zip(kinds, pairs, strict=True)
  ]


def breaking_seed(settings: Settings, participant: int, position: int) -> list[int]:
  """Returns the seed by which the picture of a catch trial is broken, the same each time."""
  return [settings.seed, _BROKEN, participant, position]


def _pairs(
  settings: Settings, real: set[str], generated: set[str], random: np.random.Generator
) -> list[tuple[str, str]]:
  """Draws the (real, generated) names of all rounds."""
  rounds = settings.rounds
  if settings.pairing == "same":
    return [(name, name) for name in _shuffled(sorted(real & generated), random)[:rounds]]
  # A name shown as a generated picture is lost for the real ones: some must be left for them.
  spare = len(real) - rounds
  made: list[str] = []
  for name in _shuffled(sorted(generated), random):
    if name not in real or spare > 0:
      made.append(name)
      spare -= name in real
  made = made[:rounds]
  return list(zip(_shuffled(sorted(real - set(made)), random)[:rounds], made, strict=True))


def _balanced(count: int, random: np.random.Generator) -> list[bool]:
  """Returns as many True as False, in random order; a coin decides what the odd one is."""
  half = [True] * (count // 2) + [False] * (count // 2)
  return _shuffled(half + [bool(random.integers(2))] * (count % 2), random)


def _shuffled(items: Sequence, random: np.random.Generator) -> list:
  return [items[index] for index in random.permutation(len(items))]
