import pytest


def test_search_meets_the_closed_forms(papers):
  finding = papers("many_answers")
  for row in finding.rows:
    assert row["measured"] == pytest.approx(row["closed_form"], abs=0.04)
  predictions = [row["closed_form"] for row in finding.rows if row["quantity"] == "prediction"]
  # 0.4 * -0.7 + 0.35 * 0.3 + 0.25 * 0.8, Φ⁻¹(0.1 / 0.35) * 0.08 + 0.3, and the heaviest answer.
  assert predictions == pytest.approx([0.025, 0.2547, -0.7], abs=1e-3)
  assert "29% of a wave of 8 pixels" in finding.text
