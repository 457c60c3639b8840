"""The rule book on made-up records: each rule speaks when it should, and all are silent else."""

import random

import pytest

from imtrans.training.rule_book import RuleBook
from imtrans.training.rules import RULES, alarms


def _records(every=100, **series):
  """Records of one value per name and step; `__` in a name is a slash."""
  names = {name.replace("__", "/"): values for name, values in series.items()}
  count = max(map(len, names.values()))
  return [
    {"step": every * (i + 1), **{n: values[i] for n, values in names.items() if i < len(values)}}
    for i in range(count)
  ]


BROKEN = {
  "discriminator has won": {"discriminator__accuracy": [0.8, 0.9, *[1.0] * 5]},
  "discriminator has lost": {"discriminator__accuracy": [0.52, 0.46] * 10},
  "generator does not learn": {"diagnostics__generator_gradient": [1.0, 1.0, 1e-5, 1e-5, 1e-5]},
  "players out of balance": {
    "discriminator__accuracy": [0.8] * 9,
    "diagnostics__gradient_ratio": [1.0, 2.0, 3.0, 2.0, 1.0, 2.0, 900.0, 950.0, 990.0],
  },
  "outputs collapsed": {"diagnostics__source_spread": [0.7, 0.01, 0.08, *[0.01] * 3]},
  "noise ignored": {"diagnostics__noise_spread": [0.2, *[0.001] * 5]},
  "updates turn back": {"diagnostics__update_cosine": [0.4, -0.9, -0.8, -0.9]},
  "game goes round": {"discriminator__accuracy": [1.0, 0.3, 0.99, 0.2, 1.0, 0.4, 0.98]},
  "kernels grow": {"diagnostics__spectral_max": [1.0, 2.0, 4.0, 8.0, 16.0]},
}


def test_every_rule_has_a_case():
  assert set(BROKEN) == {rule.name for rule in RULES}


@pytest.mark.parametrize("name", BROKEN)
def test_a_rule_speaks_once_at_the_right_step(name):
  records = _records(**BROKEN[name])
  (alarm,) = alarms(records)
  assert alarm.name == name and alarm.step == records[-1]["step"] and alarm.end is None
  assert "try" in alarm.text or "expect" in alarm.text
  assert "{" not in alarm.text
  # It goes on: nothing is said again.
  again = [{**records[-1], "step": records[-1]["step"] + 100}]
  if name != "game goes round":
    assert alarms(records + again) == [alarm]


@pytest.mark.parametrize("name", BROKEN)
def test_one_record_less_is_not_enough(name):
  assert alarms(_records(**BROKEN[name])[:-1]) == []


def test_the_sentence_has_numbers_and_remedy():
  (alarm,) = alarms(_records(discriminator__accuracy=[1.0] * 5))
  assert alarm.text.startswith("the discriminator has won: accuracy 1.00 for 400 steps, so")
  assert "try discriminator.spectral_norm=True" in alarm.text


def test_domains_are_watched_apart():
  found = alarms(_records(discriminator__accuracy_a=[0.6] * 5, discriminator__accuracy_b=[1.0] * 5))
  assert [alarm.text.split(" has")[0] for alarm in found] == ["the discriminator of domain b"]


def test_an_alarm_ends_and_may_come_back():
  values = [*[1.0] * 5, 0.97, *[1.0] * 6, 0.8, *[1.0] * 6]  # 0.97 does not end it.
  first, second = alarms(_records(discriminator__accuracy=values))
  assert (first.step, first.end) == (500, 1300)
  assert (second.step, second.end) == (1800, None)


def test_a_stretch_of_few_steps_is_not_enough():
  assert alarms(_records(every=1, discriminator__accuracy=[1.0] * 150)) == []
  assert len(alarms(_records(every=1, discriminator__accuracy=[1.0] * 250))) == 1


def test_a_discriminator_near_chance_has_lost_only_where_that_is_sure():
  # Twenty values over 1,900 steps; mean 0.51, standard deviation 0.02, standard error 0.0046.
  lost = [0.49, 0.53] * 10
  (alarm,) = alarms(_records(discriminator__accuracy=lost))
  assert alarm.step == 2000
  assert "accuracy 0.51 over 1900 steps" in alarm.text
  # The same mean, but a standard error of 0.047: it may be 0.6 as well.
  assert alarms(_records(discriminator__accuracy=[0.3, 0.72] * 10)) == []
  # As sure, but 0.56: what CUT and BicycleGAN have while they improve.
  assert alarms(_records(discriminator__accuracy=[0.54, 0.58] * 50)) == []
  # Too short, though of many records.
  assert alarms(_records(every=10, discriminator__accuracy=lost * 5)) == []
  assert len(alarms(_records(every=10, discriminator__accuracy=lost * 6))) == 1
  # Over once it is better than that on average: 11 of 20 at 0.51, 9 at 0.6 make 0.5505.
  (alarm,) = alarms(_records(discriminator__accuracy=[*lost, *[0.6] * 15]))
  assert (alarm.step, alarm.end) == (2000, 2900)


def test_a_collapsed_generator_may_wander():
  # Five records over 400 steps; single ones above the level of 0.1, their mean 0.09.
  spread = [0.9, 0.05, 0.15, 0.05, 0.15, 0.05]
  (alarm,) = alarms(_records(diagnostics__source_spread=spread))
  assert alarm.step == 600 and "since step 200, with 0.090 of the spread" in alarm.text
  (alarm,) = alarms(_records(diagnostics__source_spread=[*spread, *[0.5] * 2]))
  assert alarm.end == 800  # 0.24 on average; 0.19 was not yet enough.


def test_kernels_that_grow_may_pause():
  norms = [1.0, 2.0, 4.0, 8.0, 16.0, 15.9, 20.0, 19.8, 24.0]
  (alarm,) = alarms(_records(diagnostics__spectral_max=norms))
  assert (alarm.step, alarm.end) == (500, None)
  # Over at 23.9, where they were 24.0 three records before; what wavers there says no more.
  (alarm,) = alarms(
    _records(diagnostics__spectral_max=[*norms, 24.1, 24.2, 23.9, *[24.0, 24.3] * 5])
  )
  assert (alarm.step, alarm.end) == (500, 1200)


def test_healthy_runs_are_silent():
  draw = random.Random(0)
  count = 200

  def noisy(low, high):
    return [draw.uniform(low, high) for _ in range(count)]

  records = _records(
    discriminator__accuracy=noisy(0.62, 0.98),
    diagnostics__generator_gradient=noisy(0.5, 3.0),
    # A game that goes well comes near chance and leaves it again, or stays near it.
    discriminator__accuracy_a=[*noisy(0.45, 0.55)[:15], *noisy(0.61, 0.7)] * 2,
    discriminator__accuracy_b=noisy(0.46, 0.66),
    diagnostics__discriminator_gradient=[1.0 / (1 + i) for i in range(count)],
    diagnostics__gradient_ratio=noisy(0.3, 5.0),
    diagnostics__source_spread=[0.01, 0.02, *noisy(0.6, 1.1)],
    diagnostics__noise_spread=noisy(0.02, 0.05),
    diagnostics__update_cosine=noisy(-0.2, 0.9),
    diagnostics__spectral_max=[1.0 + 0.02 * i for i in range(count)],
  )
  assert alarms(records) == []
  assert alarms([]) == []


def test_other_records_and_a_loss_against_nobody_are_passed_over():
  # Without an adversarial term no accuracy is logged, and the balance of the players is no matter.
  ratios = BROKEN["players out of balance"]["diagnostics__gradient_ratio"]
  assert alarms(_records(diagnostics__gradient_ratio=ratios, eval__l1=[0.1] * 9)) == []


def test_live_and_afterwards_agree():
  records = [record for case in BROKEN.values() for record in _records(**case)]
  records.sort(key=lambda record: record["step"])
  book = RuleBook(RULES)
  live = [alarm for record in records for alarm in book.observe(record)]
  assert [alarm._replace(end=None) for alarm in alarms(records)] == live


def test_a_generator_without_any_gradient_is_said_as_such():
  ratios = {"discriminator__accuracy": [0.8] * 12, "diagnostics__gradient_ratio": [0.0] * 12}
  (alarm,) = alarms(_records(**ratios, diagnostics__generator_gradient=[0.0] * 12))
  assert alarm.text.startswith("the generator gets no gradient: its norm is 0, the largest was 0;")
