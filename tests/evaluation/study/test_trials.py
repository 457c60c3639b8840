"""The plan of a participant."""

from collections import Counter

import numpy as np
import pytest

from imtrans.evaluation.study.trials import (
  CATCH,
  PRACTICE,
  SCORED,
  Settings,
  assign_method,
  breaking_seed,
  check_enough,
  check_settings,
  plan_trials,
)

NAMES = [f"n{i}" for i in range(120)]


def _plan(settings, participant=0, real=NAMES, generated=NAMES):
  return plan_trials(settings, participant, real=real, generated=generated)


def test_the_usual_session():
  plan = _plan(Settings())
  kinds = [trial.kind for trial in plan]
  assert kinds[:10] == [PRACTICE] * 10
  assert Counter(kinds[10:]) == {SCORED: 36, CATCH: 4}
  shown = [name for trial in plan for name in (trial.real, trial.generated)]
  assert len(set(shown)) == 100  # No name twice, neither as real nor as generated.


@pytest.mark.parametrize("participant", range(5))
def test_the_generated_picture_comes_first_in_half_of_each_kind(participant):
  plan = _plan(Settings(trials=41, practice=9), participant)
  for kind, counts in ((PRACTICE, {4, 5}), (SCORED, {18, 19}), (CATCH, {2})):
    first = [trial.generated_first for trial in plan if trial.kind == kind]
    assert sum(first) in counts, kind
    assert {trial.generated_place for trial in plan if trial.generated_first} == {1}


def test_a_plan_depends_on_seed_and_participant_alone():
  settings = Settings(trials=20)
  assert _plan(settings, 3) == _plan(settings, 3, list(reversed(NAMES)), set(NAMES))
  plans = [_plan(settings, 3), _plan(settings, 4), _plan(settings._replace(seed=1), 3)]
  assert len({tuple(plan) for plan in plans}) == 3
  assert breaking_seed(settings, 3, 1) != breaking_seed(settings, 3, 2)


def test_same_pairing_shows_both_pictures_of_a_name():
  plan = _plan(Settings(pairing="same"), generated=NAMES[:60])
  assert all(trial.real == trial.generated for trial in plan)
  assert len({trial.real for trial in plan}) == 50


def test_positions_of_catch_trials_and_names_are_even_over_participants():
  settings = Settings(trials=10, practice=0, catch=0.2)
  positions, made, real = Counter(), Counter(), Counter()
  for participant in range(3000):
    plan = _plan(settings, participant, NAMES[:30], NAMES[:30])
    positions.update(i for i, trial in enumerate(plan) if trial.kind == CATCH)
    made.update(trial.generated for trial in plan)
    real.update(trial.real for trial in plan)
  for counts, expected in ((positions, 600), (made, 1000), (real, 1000)):
    # Five standard deviations of a binomial count.
    assert max(abs(count - expected) for count in counts.values()) < 5 * np.sqrt(expected)
  assert len(positions) == 10 and len(made) == len(real) == 30


def test_what_is_enough_can_be_planned_and_what_is_not_cannot():
  random = np.random.default_rng(0)
  outcomes = Counter()
  for _ in range(300):
    settings = Settings(
      trials=int(random.integers(2, 6)),
      practice=0,
      pairing=str(random.choice(["same", "different"])),
    )
    real, made = (
      [NAMES[i] for i in random.permutation(12)[: random.integers(1, 12)]] for _ in range(2)
    )
    try:
      check_enough(settings, "m", real, made)
      enough = True
    except ValueError:
      enough = False
    # By brute force: the most pairs of different names are min(|R|, |G|, |R ∪ G| / 2).
    most = min(len(real), len(made), len(set(real) | set(made)) // 2)
    if settings.pairing == "same":
      most = len(set(real) & set(made))
    assert enough == (most >= settings.rounds)
    outcomes[settings.pairing, enough] += 1
    if enough:
      plan = _plan(settings, 0, real, made)
      assert {trial.real for trial in plan} <= set(real)
      assert {trial.generated for trial in plan} <= set(made)
      shown = [name for trial in plan for name in {trial.real, trial.generated}]
      assert len(shown) == len(set(shown)) == settings.rounds * (1 + (settings.pairing != "same"))
  assert len(outcomes) == 4


def test_too_few_pictures_say_how_many_are_needed():
  with pytest.raises(ValueError, match="100 different names, but there are 120 real ones and 49"):
    check_enough(Settings(), "ours", NAMES, NAMES[:49])
  with pytest.raises(ValueError, match="50 pairs of pictures, but 20 generated"):
    check_enough(Settings(pairing="same"), "ours", NAMES[:60], NAMES[40:])


def test_methods_are_assigned_evenly():
  methods = ["a", "b", "c"]
  assigned = [assign_method(Settings(seed=7), i, methods) for i in range(300)]
  assert all(set(assigned[i : i + 3]) == set(methods) for i in range(0, 300, 3))
  assert len({tuple(assigned[i : i + 3]) for i in range(0, 300, 3)}) == 6  # In every order.
  assert assign_method(Settings(), 5, ["only"]) == "only"


@pytest.mark.parametrize(
  ("changes", "num_catch"),
  [({}, 4), ({"trials": 30}, 3), ({"trials": 4}, 1), ({"catch": 0.0}, 0), ({"catch": 0.25}, 10)],
)
def test_number_of_catch_trials(changes, num_catch):
  settings = Settings()._replace(**changes)
  check_settings(settings)
  assert settings.num_catch == num_catch
  assert [trial.kind for trial in _plan(settings)].count(CATCH) == num_catch


@pytest.mark.parametrize(
  ("changes", "words"),
  [
    ({"trials": 0}, "--trials must be at least 1, got 0"),
    ({"practice": -1}, "--practice must be at least 0"),
    ({"catch": 1.0}, "--catch must be a share"),
    ({"catch": float("nan")}, "--catch must be a share"),
    ({"trials": 1}, "leaves no trial to be scored"),
    ({"exposure": 0.0}, "--exposure must be 0.01 to 60 seconds, got 0"),
    ({"exposure": float("nan")}, "--exposure"),
    ({"pairing": "random"}, "--pairing must be one of different, same, got 'random'"),
    ({"seed": -1}, "--seed must be at least 0"),
  ],
)
def test_settings_that_make_no_study(changes, words):
  with pytest.raises(ValueError, match=words):
    check_settings(Settings()._replace(**changes))
