import pytest


def test_trained_and_turned_cycles_meet_the_closed_forms(papers):
  finding = papers("cycles")
  for row in finding.rows:
    assert row["measured"] == pytest.approx(row["closed_form"], rel=0.06, abs=5e-3)
  least = [row["closed_form"] for row in finding.rows if row["quantity"] == "least cycle loss"]
  assert least == pytest.approx([0.7, 0.2, 0.0], abs=1e-5)
  moved = [row for row in finding.rows if row["quantity"] == "translation error"]
  assert moved[2]["argument"] == 180.0
  assert moved[2]["closed_form"] == pytest.approx(6.4, rel=1e-4)
  unseen = [row["closed_form"] for row in finding.rows if row["quantity"] == "cycle loss"]
  assert unseen == pytest.approx([0.2] * 5, rel=1e-3)
