import functools

import jax
import pytest

from experiments.benchmark import changes
from experiments.benchmark.cases import Case, tiny
from experiments.benchmark.measure import Schedule
from experiments.benchmark.ours import build_method, build_step, make_batch
from imtrans.networks.convolution import convolve, transposed_convolve
from imtrans.training.state import create_state
from tests.experiments.test_benchmark import FakeWorker

# Images, kernel, stride and padding of a convolution that each change of a lowering is about.
CONVOLUTIONS = {
  "gathered products": ((1, 4, 4, 8), (4, 4, 8, 16), 2),
  "scattered narrow convolution": ((1, 9, 9, 20), (4, 4, 20, 1), 1),
  "halving": ((1, 16, 16, 16), (4, 4, 16, 16), 2),
  "own ways": ((1, 128, 128, 16), (3, 3, 16, 16), 2),
  "minimal filtering": ((1, 9, 10, 16), (3, 3, 16, 16), 1),
}
STEPS = ("sums as products", "idle biases", "one pass")  # Seen in a whole step of CycleGAN.


def _program(name):
  """The lowered program in which a change is seen."""
  if name in STEPS:
    case = tiny(Case("cyclegan", 128, 1, "float32", "cpu"))
    method = build_method(case)
    step, optimizers = build_step(case, method)
    state = create_state(method, optimizers, make_batch(case, 0), seed=0, keep_ema=False)
    return jax.jit(step).lower(state, make_batch(case, 0)).as_text()
  if name == "scattered transposed convolution":
    shapes = (1, 4, 4, 16), (4, 4, 16, 16)
    function = functools.partial(transposed_convolve, padding=1)
  else:
    *shapes, stride = CONVOLUTIONS[name]
    function = functools.partial(convolve, stride=stride, padding=1)
  images, kernel = (jax.ShapeDtypeStruct(shape, "float32") for shape in shapes)
  return jax.jit(function).lower(images, kernel).as_text()


@pytest.fixture(scope="module")
def whole_step():
  return _program(STEPS[0])


@pytest.mark.parametrize("name", changes.CHANGES)
def test_a_change_can_be_taken_out(name, whole_step, monkeypatch):
  whole = whole_step if name in STEPS else _program(name)
  for module, attribute, value in changes.CHANGES[name].undo():
    assert hasattr(module, attribute)
    monkeypatch.setattr(module, attribute, value)
  assert _program(name) != whole


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
