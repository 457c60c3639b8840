import jax
import numpy as np
import pytest
from scipy.stats import norm

from imtrans.analyses import adaptation
from imtrans.analyses.domains import read_domains, split
from imtrans.theory.adaptation import proxy_a_distance


def test_samples_meet_the_closed_forms_and_the_bound_holds(papers):
  finding = papers("adaptation")
  for row in finding.rows:
    assert row["target_error_sampled"] == pytest.approx(float(row["target_error"]), abs=0.03)
    assert row["bound_sampled"] == pytest.approx(float(row["bound"]), abs=0.06)
    assert row["target_error"] <= row["bound"]
    gap = float(row["a_distance_fitted"]) - float(row["a_distance"])
    assert abs(gap) < 4.0 * float(row["standard_error"])
    # Both by hand.
    error = abs(norm.cdf((0.1 - row["shift"]) / 1.2) - norm.cdf(-0.3 * row["shift"] / 1.2))
    assert row["target_error"] == pytest.approx(error, abs=1e-5)
    distance = 2.0 - 4.0 * norm.cdf(-0.5 * row["shift"])
    assert row["a_distance"] == pytest.approx(distance, abs=1e-5)
  first, last = finding.rows[0], finding.rows[-1]
  assert f"from {first['target_error']:.3f} to {last['target_error']:.3f}" in finding.text
  assert f"from {first['bound']:.3f} to {last['bound']:.3f}" in finding.text


def test_features_by_hand():
  images = np.zeros((1, 16, 16, 1), np.float32)
  images[0, ::2] = 1.0  # Rows of 1 and 0.5 in [0, 1].
  found = adaptation.features(images)
  assert found.shape == (1, 66)
  # Cells of 2 x 2 pixels; differences across are zero, down one half.
  np.testing.assert_allclose(found[0, :64], 0.75)
  np.testing.assert_allclose(found[0, 64:], [0.25, 0.5 * np.sqrt(0.5)], rtol=1e-6)


@pytest.mark.parametrize("name", ["trained", "trained_cyclegan"])
def test_a_run_shows_the_distances_of_its_splits(name, request):
  run = request.getfixturevalue(name)
  finding = adaptation.on_run(run, num_splits=2)
  sources, answers = run.test_pictures("ab", 256)
  targets = run.test_pictures("ba", 256)[0] if answers is None else answers
  outputs = run.generators[0](sources)
  fit = jax.jit(proxy_a_distance, static_argnames="num_folds")
  random, expected = np.random.default_rng(0), []
  domains = read_domains(run, 256)
  assert domains.paired == (answers is not None)
  np.testing.assert_allclose(domains.translated, outputs, atol=1e-5)
  for key in jax.random.split(jax.random.key(0), 2):
    halves = split(domains, random)
    assert not set(halves.targets) & set(halves.others)
    assert answers is None or not set(halves.targets) & set(halves.sources)
    real = adaptation.features(targets)[halves.targets]
    for images, chosen in (
      (targets, halves.others),
      (outputs, halves.sources),
      (sources, halves.sources),
    ):
      values = adaptation.features(images)[chosen]
      expected.append(float(fit(values, real, key, num_folds=2).distance))
  found = {(row["compared_with_real"], row["split"]): row for row in finding.rows}
  names = ("real, other half", "translated", "sources, copied")
  measured = [found[name, str(i)]["proxy_a_distance"] for i in range(2) for name in names]
  np.testing.assert_allclose(measured, expected, atol=1e-6)
  assert "to 2 real pictures" in finding.text
