import itertools

import numpy as np
import pytest

from imtrans.analyses import transport
from imtrans.analyses.domains import mean_colours, read_domains, split
from imtrans.analyses.trained import NotForThisRun


def test_plans_on_grids_meet_the_closed_forms(papers):
  finding = papers("transport")
  tolerances = {"entropic": 0.003, "Sinkhorn": 0.003, "mean": 0.02, "correlation": 0.05}
  for row in finding.rows:
    tolerance = next(t for name, t in tolerances.items() if str(row["quantity"]).startswith(name))
    assert row["simulated"] == pytest.approx(float(row["closed_form"]), abs=tolerance)
  costs = {(row["quantity"], row["at"]): row["closed_form"] for row in finding.rows}
  # E9 of the theory notes.
  assert costs["entropic cost", 1.0] == pytest.approx(1.867677, abs=1e-5)
  assert costs["entropic cost", 4.0] == pytest.approx(2.440154, abs=1e-5)
  assert costs["Sinkhorn divergence", 1.0] == pytest.approx(0.98731, abs=1e-4)
  assert "transport costs 1.00;" in finding.text and "a weight of 0.23" in finding.text
  assert costs["correlation, order kept", np.float32(0.1)] == 0.0
  assert costs["correlation, order turned round", np.float32(0.6)] < -0.7


def test_reduced_pictures_are_means_of_cells():
  random = np.random.default_rng(0)
  images = random.uniform(-1.0, 1.0, (2, 16, 24, 3)).astype(np.float32)
  expected = 0.5 + 0.5 * images.reshape(2, 8, 2, 8, 3, 3).mean((2, 4))
  np.testing.assert_allclose(mean_colours(images, 8), expected, atol=1e-6)
  flat = mean_colours(np.full((1, 20, 20, 1), 0.5, np.float32), 8)
  np.testing.assert_allclose(flat, np.full((1, 8, 8, 1), 0.75))


def _distance(x, y):
  """Best assignment by trying all."""
  x, y = (mean_colours(images, 8).reshape(len(images), -1).astype(float) for images in (x, y))
  costs = [np.mean((x - y[list(order)]) ** 2) for order in itertools.permutations(range(len(y)))]
  return 255.0 * np.sqrt(min(costs))


@pytest.mark.parametrize("name", ["trained", "trained_cyclegan"])
def test_a_run_shows_its_distances(name, request):
  run = request.getfixturevalue(name)
  finding = transport.on_run(run, num_splits=2)
  domains = read_domains(run, 256)
  found = {(row["distance"], row["of"], row["split"]): row["levels"] for row in finding.rows}
  random = np.random.default_rng(0)
  for i in range(2):
    halves = split(domains, random)
    real = domains.targets[halves.targets]
    origins, ends = domains.sources[halves.sources], domains.translated[halves.sources]
    moves = 255.0 * np.sqrt(np.mean((mean_colours(origins, 8) - mean_colours(ends, 8)) ** 2))
    expected = {
      ("to real pictures", "real, other half"): _distance(domains.targets[halves.others], real),
      ("to real pictures", "translated"): _distance(ends, real),
      ("to real pictures", "sources, copied"): _distance(origins, real),
      ("from source to translation", "best partners"): _distance(origins, ends),
      ("from source to translation", "as translated"): moves,
    }
    for key, value in expected.items():
      assert found[*key, str(i)] == pytest.approx(value, rel=1e-3)
    moved = [
      found["from source to translation", kind, str(i)]
      for kind in ("best partners", "as translated")
    ]
    assert moved[0] <= moved[1] + 1e-3


def test_too_few_pictures_are_refused(trained, monkeypatch):
  monkeypatch.setattr(transport, "NUM_PICTURES", 3)
  with pytest.raises(NotForThisRun, match="four test pictures"):
    transport.on_run(trained)
