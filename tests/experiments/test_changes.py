import jax
import numpy as np
import pytest

from experiments.benchmark import changes
from experiments.benchmark.cases import METHODS, Case, tiny
from experiments.benchmark.measure import Schedule
from experiments.benchmark.ours import build_method, build_step, make_batch
from imtrans.training.state import create_state
from tests.experiments.test_benchmark import FakeWorker

CYCLEGAN = ("minimal filtering", "idle biases", "one pass")  # They do not apply to pix2pix.


def _metrics(method):
  """Losses of the first two steps at 16 pixels, and the text of the lowered step."""
  case = tiny(Case(method, 128, 1, "float32", "cpu"))
  built = build_method(case)
  step, optimizers = build_step(case, built)
  state = create_state(built, optimizers, make_batch(case, 0), seed=0, keep_ema=False)
  call = jax.jit(step)
  text = call.lower(state, make_batch(case, 0)).as_text()
  for index in range(2):
    state, metrics = call(state, make_batch(case, index))
  return jax.device_get(metrics), text


@pytest.fixture(scope="module")
def expected():
  return {method: _metrics(method) for method in METHODS}


@pytest.mark.parametrize(
  ("method", "name"),
  [("cyclegan" if name in CYCLEGAN else "pix2pix", name) for name in changes.CHANGES],
)
def test_the_step_without_a_change_computes_the_same(name, method, expected, monkeypatch):
  for module, attribute, value in changes.CHANGES[name].undo():
    assert hasattr(module, attribute)
    monkeypatch.setattr(module, attribute, value)
  (got, text), (losses, whole) = _metrics(method), expected[method]
  if name in CYCLEGAN:  # By the text a run tells whether a change applies.
    assert text != whole
  assert got.keys() == losses.keys()
  for metric, value in losses.items():
    np.testing.assert_allclose(got[metric], value, rtol=2e-3, atol=2e-3, err_msg=metric)


def test_changes_are_timed_in_pairs_and_judged(monkeypatch):
  monkeypatch.setattr(changes, "Worker", FakeWorker)
  case = Case("pix2pix", 128, 1, "float32", "cpu")
  *before, measured = changes.measure_changes(case, Schedule(5, 1, 0.1))
  assert [list(some) for some in before] == [
    list(changes.NAMES[: count + 1]) for count in range(len(before))
  ]
  assert measured["idle biases"]["ratios"] == [2.0] * 5
  assert measured["one pass"] == {"applies": False}
  assert measured[changes.NOTHING]["ratios"] == [1.0] * 5
  record = {
    "kind": "changes",
    "case": case.to_dict(),
    "changes": measured,
    "machine": "two cores",
    "versions": {"jax": "1"},
    "date": "2026-01-01",
  }
  text = changes.section({"x": record})
  assert text.count("| 2 s, 2.00 (2.00 – 2.00) | pays |") == 3  # Two changes, and the huge pages.
  assert text.count("| not applicable |  |") == len(changes.CHANGES) - 2
  assert "takes pix2pix 128² 1 s, and the same program in another process 1 – 1 of it" in text


def test_verdicts():
  control = [0.99, 1.01, 1.0, 1.02, 0.98]
  assert changes.verdict([1.1, 1.05, 1.2, 1.03, 1.1], control) == "pays"
  assert changes.verdict([0.9, 0.95, 0.9, 0.97, 0.9], control) == "costs"
  # One pair of five says otherwise: a coin does that in 6 of 32 cases.
  assert changes.verdict([1.1, 1.05, 1.2, 0.99, 1.1], control) == "within the noise"
  # All agree, but two processes that run the same program differ by as much.
  assert changes.verdict([1.01, 1.01, 1.02, 1.01, 1.01], control) == "within the noise"
  # Four pairs cannot convince: a coin does that in 1 of 16 cases.
  assert changes.verdict([1.5, 1.5, 1.5, 1.5], control) == "within the noise"
