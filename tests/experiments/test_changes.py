import jax
import numpy as np
import pytest

from experiments.benchmark import changes
from experiments.benchmark.cases import METHODS, Case, tiny
from experiments.benchmark.ours import build_method, build_step, make_batch
from imtrans.training.state import create_state


def _metrics(method):
  """Losses of the first two steps at 16 pixels."""
  case = tiny(Case(method, 128, 1, "float32", "cpu"))
  built = build_method(case)
  step, optimizers = build_step(case, built)
  state = create_state(built, optimizers, make_batch(case, 0), seed=0, keep_ema=False)
  for index in range(2):
    state, metrics = jax.jit(step)(state, make_batch(case, index))
  return jax.device_get(metrics)


@pytest.fixture(scope="module")
def expected():
  return {method: _metrics(method) for method in METHODS}


@pytest.mark.parametrize("name", changes.CHANGES)
@pytest.mark.parametrize("method", METHODS)
def test_the_step_without_a_change_computes_the_same(name, method, expected, monkeypatch):
  for module, attribute, value in changes.CHANGES[name].undo():
    assert hasattr(module, attribute)
    monkeypatch.setattr(module, attribute, value)
  got = _metrics(method)
  assert got.keys() == expected[method].keys()
  for metric, value in expected[method].items():
    np.testing.assert_allclose(got[metric], value, rtol=2e-3, atol=2e-3, err_msg=metric)


def test_the_table_names_every_change_and_both_figures():
  seconds = {name: [1.5] for name in (*changes.CHANGES, changes.SMALL_PAGES)}
  record = {
    "case": {"method": "pix2pix", "size": 128},
    "seconds": {**seconds, changes.ALL: [0.9, 1.1]},
    "machine": "two cores",
    "versions": {"jax": "1"},
    "date": "2026-01-01",
  }
  text = changes.table({"changes": record})
  assert text.count("1.5 s (+50%)") == len(changes.CHANGES)
  assert "takes pix2pix 128² 1 s (0.9 and 1.1 s, first and last)" in text
