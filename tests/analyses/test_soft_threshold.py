import numpy as np
import pytest

from imtrans.analyses import soft_threshold


def test_search_meets_the_closed_form(papers):
  finding = papers("soft_threshold")
  for row in finding.rows:
    assert row["search"] == pytest.approx(float(row["closed_form"]), abs=5e-4)
  lost = [row for row in finding.rows if row["identity_weight"] >= 4.0 * row["wanted"]]
  assert lost and all(abs(float(row["search"])) < 5e-4 for row in lost)


def test_a_run_shows_the_shifts_that_its_generator_makes(trained):
  finding = soft_threshold.on_run(trained)
  sources, answers = trained.test_pictures("ab", 64)
  made = 0.5 * (trained.generators[0](sources) - sources).mean((1, 2))
  asked = 0.5 * (answers - sources).mean((1, 2))
  assert np.allclose([row["measured"] for row in finding.rows], made.ravel(), atol=1e-6)
  assert np.allclose([row["wanted"] for row in finding.rows], asked.ravel(), atol=1e-6)
